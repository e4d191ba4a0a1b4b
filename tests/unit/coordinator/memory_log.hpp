// SPDX-License-Identifier: Apache-2.0
// A coordinator's log in memory, whose high watermark, slowness and refusals a test decides, and a
// shard on a clock that the test moves. Owned by one test.
#pragma once

#include <gtest/gtest.h>

#include <cairn/coordinator/coordinator_log.hpp>
#include <cairn/record/batch.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::coordinator::testing {

class TestClock : public runtime::Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return from_timestamp(1'700'000'000'000) +
           std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch());
  }
  void advance(Duration by) {
    now_ += by;
    fire(now_);
  }

 private:
  Instant now_{};
};

/// What stands in the log; outlives the actor that writes it, as a disk does.
struct MemoryLogState {
  Bytes batches;
  Offset end{0};
  Offset batches_end{0};  // the cleaner may have taken what lies behind
  Offset high_watermark{0};
  bool commits_at_once = true;
  bool refuses = false;
  bool holds_reads = false;
  bool holds_appends = false;
  runtime::Event changed;
  int appends = 0;

  /// Puts a batch behind what is there.
  void put(Bytes batch) {
    const auto count = record::BatchIterator(batch).next()->last_offset_delta() + 1;
    record::stamp_base_offset(batch, end);
    append(batches, batch);
    end += count;
    batches_end = high_watermark = end;
  }
  void commit_all() {
    high_watermark = end;
    changed.set();
  }
};

class MemoryLog : public CoordinatorLog {
 public:
  MemoryLog(MemoryLogState& state, runtime::Clock& clock) : state_(state), clock_(clock) {}

  Offset start() const override { return Offset(0); }
  Offset end() const override { return state_.end; }

  runtime::Task<Result<LogPart>> read(Offset from, std::size_t) override {
    while (state_.holds_reads && co_await state_.changed.wait()) {
    }
    if (from >= state_.batches_end) co_return LogPart{{}, from};
    co_return LogPart{protocol::Records(state_.batches), state_.batches_end};
  }

  runtime::Task<Result<Offset>> append(MutableBytes batch) override {
    while (state_.holds_appends && co_await state_.changed.wait()) {
    }
    ++state_.appends;
    if (state_.refuses) co_return fail(ErrorCode::kafka_storage_error, "refused");
    const Offset first = state_.end;
    const Offset watermark = state_.high_watermark;
    state_.put(to_bytes(batch));
    if (!state_.commits_at_once) state_.high_watermark = watermark;
    co_return first;
  }

  bool is_committed(Offset last) const override { return last < state_.high_watermark; }

  runtime::Task<Result<>> wait_committed(Offset last, Instant deadline) override {
    while (!is_committed(last)) {
      if (clock_.now() >= deadline) co_return fail(ErrorCode::request_timed_out, "late");
      co_await state_.changed.wait_until(clock_, deadline);
      if (co_await runtime::cancelled()) co_return fail(ErrorCode::not_leader_or_follower, "");
    }
    co_return Result<>{};
  }

 private:
  MemoryLogState& state_;
  runtime::Clock& clock_;
};

}  // namespace cairn::coordinator::testing
