// SPDX-License-Identifier: Apache-2.0
#include "storage_operations.hpp"

#include <charconv>

#include <cairn/record/builder.hpp>
#include <cairn/runtime/disk.hpp>

namespace cairn::simulation {
namespace {

Bytes encode(std::uint64_t id, const Attempt& attempt) {
  record::BatchOptions options;
  options.producer_id = attempt.producer;
  options.producer_epoch = attempt.producer == no_producer ? no_producer_epoch : ProducerEpoch(0);
  options.base_sequence = attempt.sequence;
  record::BatchBuilder builder(options);
  const std::string value = fmt::format("{}:", id) + std::string(attempt.padding, 'x');
  for (int i = 0; i < attempt.records; ++i) {
    builder.append(attempt.timestamp, BytesView(), as_bytes(value));
  }
  return builder.build();
}

Result<Found> decode(const record::BatchView& batch) {
  Found found{.base = batch.base_offset(),
              .last = batch.last_offset(),
              .epoch = batch.leader_epoch(),
              .producer = batch.producer_id()};
  if (batch.producer_id() != no_producer) {
    found.last_sequence = batch.base_sequence() + batch.last_offset_delta();
  }
  TRY(record::for_each_record(batch, {}, [&](const record::RecordView& record) {
    const std::string_view text = as_text(*record.value);
    std::from_chars(text.data(), text.data() + text.size(), found.id);
    found.timestamp = record.timestamp;
  }));
  return found;
}

/// Notes a failure that says the disk is broken. Afterwards nothing may succeed (L27, L31).
void note(Round& round, const storage::PartitionLog& log, const Error& error) {
  if (!log.healthy()) round.io_failed = true;
  if (log.healthy() && error.code == ErrorCode::corrupt_message) round.wrong = error.why;
}

void succeeded(Round& round, bool was_healthy, std::string_view what) {
  if (!was_healthy) round.wrong = fmt::format("L27: {} succeeded on a broken log", what);
}

}  // namespace

runtime::Task<> append_batch(RoundPointer round, LogPointer log, std::uint64_t id,
                             record::Origin origin) {
  const bool healthy = log->healthy();
  Bytes bytes = encode(id, round->attempts[id - 1]);
  storage::LeaderAppend append{
      .batches = bytes, .leader_epoch = round->attempts[id - 1].epoch, .origin = origin};
  const auto appended = co_await log->append_as_leader(append);
  Attempt& attempt = round->attempts[id - 1];
  if (appended) {
    succeeded(*round, healthy, "an append");
    attempt.fate = Fate::done;
    attempt.first = appended->first_offset;
    attempt.duplicate = appended->duplicate;
  } else {
    attempt.fate = Fate::refused;
    note(*round, *log, appended.error());
  }
  --round->running;
}

runtime::Task<> flush_log(RoundPointer round, LogPointer log) {
  const bool healthy = log->healthy();
  const Offset target = log->log_end();
  const bool behind = log->flushed() < target;
  const auto flushed = co_await log->flush();
  if (flushed) {
    if (behind) succeeded(*round, healthy, "a flush");
    if (log->log_end() >= target) round->asked.flushed = std::max(round->asked.flushed, target);
  } else {
    note(*round, *log, flushed.error());
  }
  --round->running;
}

runtime::Task<> roll_log(RoundPointer round, LogPointer log) {
  const auto rolled = co_await log->roll();
  if (!rolled) note(*round, *log, rolled.error());
  --round->running;
}

runtime::Task<> truncate_log(RoundPointer round, LogPointer log, Offset to) {
  ++round->cuts;
  round->asked.cut = std::min(round->asked.cut, to);
  const auto cut = co_await log->truncate_to(to);
  if (cut) {
    ++round->cuts_done;
    round->asked.cut_done = round->cuts == round->cuts_done;
  } else {
    note(*round, *log, cut.error());
  }
  --round->running;
}

runtime::Task<> advance_start(RoundPointer round, LogPointer log, Offset to,
                              storage::LogDirectories* directories) {
  Asked& asked = round->asked;
  asked.start_wanted = std::max(asked.start_wanted, to);
  const auto moved = co_await log->advance_log_start(to);
  if (moved) {
    asked.start_done = std::max(asked.start_done, to);
    co_await directories->write_log_starts();
    if (log->healthy() && round->spacious) asked.start_saved = std::max(asked.start_saved, to);
  } else {
    note(*round, *log, moved.error());
  }
  --round->running;
}

runtime::Task<> retain(RoundPointer round, LogPointer log) {
  const auto deleted = co_await log->delete_old_segments();
  if (!deleted) note(*round, *log, deleted.error());
  --round->running;
}

runtime::Task<> spill(RoundPointer round, LogPointer log) {
  const auto spilled = co_await log->spill_indexes();
  if (!spilled) note(*round, *log, spilled.error());
  --round->running;
}

runtime::Task<> read_some(RoundPointer round, LogPointer log, Offset from) {
  const auto slice = co_await log->read({.offset = from, .max_bytes = 2'000});
  if (slice) {
    record::BatchIterator batches(slice->records.view(), record::BatchIterator::Check::crc);
    while (batches.next()) {
    }
    if (!batches.status()) round->wrong = "L32: a read beside writes got a damaged batch";
  } else {
    note(*round, *log, slice.error());
  }
  --round->running;
}

runtime::Task<Result<Content>> read_all_of(LogPointer log, std::size_t piece) {
  Content content{.start = log->log_start(),
                  .end = log->log_end(),
                  .flushed = log->flushed(),
                  .bytes = log->size()};
  Offset offset = content.start;
  while (offset < content.end) {
    const storage::LogRead read{
        .offset = offset, .max_bytes = piece, .bound = storage::ReadBound::log_end};
    const auto read_slice = co_await log->read(read);
    if (!read_slice && log->log_start() > content.start) {  // retention was quicker: once more
      offset = content.start = log->log_start();
      content.batches.clear();
      continue;
    }
    CO_TRY(const storage::LogSlice slice, read_slice);
    if (slice.next_offset <= offset) {
      co_return fail(ErrorCode::corrupt_message, "nothing to read below the log end");
    }
    record::BatchIterator batches(slice.records.view(), record::BatchIterator::Check::crc);
    while (const auto batch = batches.next()) {
      CO_TRY(const Found found, decode(*batch));
      content.batches.push_back(found);
    }
    CO_TRY(batches.status());
    offset = slice.next_offset;
    if (log->log_start() > content.start) {  // retention, beside the read: once more
      offset = content.start = log->log_start();
      content.batches.clear();
    }
  }
  content.bytes = log->size();
  co_return content;
}

namespace {

std::string probe_state(const storage::PartitionLog& log, const std::vector<Found>& batches,
                        Offset deleted) {
  std::map<ProducerId, std::int32_t> sequences;
  for (const Found& batch : batches) {
    if (batch.producer != no_producer) sequences[batch.producer] = batch.last_sequence;
    const auto epoch = log.epochs().epoch_of(std::max(batch.base, log.log_start()));
    const bool forgotten = !epoch && batch.base < deleted;
    if (batch.last >= log.log_start() && epoch != batch.epoch && !forgotten) {
      return fmt::format("I24: the epoch cache says {} at {}; the batch says {}",
                         epoch.value_or(no_epoch), batch.base, batch.epoch);
    }
  }
  for (const auto& [producer, sequence] : sequences) {
    const auto entry = log.producers().entry(producer);
    if (!entry || entry->last_sequence() != sequence) {
      return fmt::format("I24: producer {} stands at sequence {}, its last batch at {}", producer,
                         entry ? entry->last_sequence() : -1, sequence);
    }
  }
  return "";
}

}  // namespace

runtime::Task<std::string> probe(LogPointer log, std::vector<Found> batches, Offset at,
                                 std::int64_t timestamp, Offset deleted) {
  std::string wrong = probe_state(*log, batches, deleted);
  if (!wrong.empty()) co_return wrong;
  const Offset start = log->log_start();  // retention may move it meanwhile
  at = std::max(at, start);
  if (at >= log->log_end()) co_return "";
  const storage::LogRead read{.offset = at, .max_bytes = 300, .bound = storage::ReadBound::log_end};
  const auto slice = co_await log->read(read);
  if (log->log_start() != start) co_return "";
  if (!slice) co_return fmt::format("I24: no read at {}: {}", at, slice.error().why);
  record::BatchIterator first(slice->records.view(), record::BatchIterator::Check::crc);
  const auto batch = first.next();
  if (!batch || batch->base_offset() > at || batch->last_offset() < at) {
    co_return fmt::format("L30: a read at {} begins at {}", at,
                          batch ? batch->base_offset() : no_offset);
  }
  const auto hit = co_await log->offset_for_timestamp(timestamp, storage::ReadBound::log_end);
  if (!hit) co_return fmt::format("I24: no look-up of a time: {}", hit.error().why);
  if (log->log_start() != start) co_return "";
  Offset expected = no_offset;
  for (const Found& found : batches) {
    if (found.timestamp < timestamp || found.last < log->log_start()) continue;
    expected = std::max(found.base, log->log_start());
    break;
  }
  const Offset got = *hit ? (*hit)->offset : no_offset;
  if (got != expected) {
    co_return fmt::format("L30: time {} is at {}, and the index finds {}", timestamp, expected,
                          got);
  }
  co_return "";
}

}  // namespace cairn::simulation
