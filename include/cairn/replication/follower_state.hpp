// SPDX-License-Identifier: Apache-2.0
// A follower of one partition during one leader epoch: what it asks for, and what an answer means.
// Invariants: a log is cut by epoch and end offset alone, never on the word of a high watermark
// (L1); again and again until both logs agree (L2); what came with a divergence is not taken (L4);
// and what the leader counts is on disk (design: an acknowledgement means disk).
//
//   fetching --diverging epoch--> cut --> fetching
//   fetching --out of range--> asking the leader's end and start --> cut or restarted --> fetching
//   fetching --error--> waiting (longer each time) --> fetching
//
// Owner: a fetcher, one a partition; a new leader epoch makes a new one.
#pragma once

#include <optional>
#include <variant>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>
#include <cairn/log/epoch_cache.hpp>
#include <cairn/replication/fetcher_session.hpp>

namespace cairn::replication {

/// The follower's log at one moment.
struct FollowerLog {
  Offset log_start;
  Offset log_end;
  Offset flushed;
  Offset high_watermark;
  const log::EpochCache& epochs;
};

/// A partition of a Fetch response.
struct FetchedPartition {
  ErrorCode error = ErrorCode::none;
  log::EpochEnd diverging{};
  Offset high_watermark = no_offset;
  Offset log_start = no_offset;
  bool has_records = false;
};

// What an answer asks the follower to do.
struct Take {};  // append what there is, then take high watermark and log start
struct Cut {
  Offset to;
};
struct AskRange {};  // the offset lies outside the leader's log
struct Wait {};      // ask again at retry_at()
struct AskAnew {};   // the log is not where it was when this was asked
struct RestartAt {
  Offset offset;
};
using FollowerStep = std::variant<Take, Cut, AskRange, Wait, AskAnew>;
using RangeStep = std::variant<Cut, RestartAt, AskAnew>;

struct Backoff {
  Duration first = std::chrono::milliseconds(10);
  Duration limit = std::chrono::seconds(1);  // replica.fetch.backoff.ms
};

class FollowerState {
 public:
  FollowerState(Epoch leader_epoch, Backoff backoff)
      : leader_epoch_(leader_epoch), backoff_(backoff) {}

  Epoch leader_epoch() const { return leader_epoch_; }
  bool may_ask(Instant now) const { return now >= retry_at_; }
  Instant retry_at() const { return retry_at_; }
  /// Whether the last answer was good and the log had all that was committed.
  bool caught_up() const { return caught_up_; }
  /// Of the last answer in this epoch; no_offset before the first.
  Offset leader_high_watermark() const { return leader_high_watermark_; }
  std::int64_t lag(Offset log_end) const;

  /// Where to cut before the first fetch: nowhere.
  std::optional<Offset> cut_at_start(const FollowerLog& log) const;
  FetchWish wish(const FollowerLog& log, std::int32_t max_bytes) const;
  /// Whether what was appended must be flushed before its end may be told to the leader: not while
  /// it lies below what the leader has committed anyway.
  bool must_flush(const FollowerLog& log) const;

  FollowerStep on_answer(const FetchWish& asked, const FetchedPartition& answer,
                         const FollowerLog& log, Instant now);
  /// After AskRange: the leader's first and end offset.
  RangeStep on_range(Offset leader_start, Offset leader_end, const FollowerLog& log);
  /// What was received has been appended.
  void on_taken(Offset leader_high_watermark, Offset log_end);
  void on_cut() { cut_ = true; }
  /// A request or the disk failed: later.
  void on_failure(Instant now);

 private:
  Epoch leader_epoch_;
  Backoff backoff_;
  Duration wait_{0};
  Instant retry_at_{};
  Offset leader_high_watermark_ = no_offset;
  bool caught_up_ = false;
  bool cut_ = false;
};

/// Where a follower cuts its log when the leader says that it diverges: at the end of the largest
/// epoch that both may share.
Offset truncation_point(const log::EpochCache& own, Offset own_end, log::EpochEnd diverging);

}  // namespace cairn::replication
