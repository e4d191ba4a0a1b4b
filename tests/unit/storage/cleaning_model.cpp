// SPDX-License-Identifier: Apache-2.0
#include "cleaning_model.hpp"

namespace cairn::storage::testing {

using record::ControlType;

namespace {

constexpr int keys = 6;
constexpr ProducerId idempotent[] = {ProducerId(1), ProducerId(2)};
constexpr ProducerId transactional[] = {ProducerId(11), ProducerId(12)};

}  // namespace

// ---- what happens ----

std::string CleaningModel::step() {
  const std::uint64_t chosen = random_.below(16);
  const PartitionLog& log = *stage_.log();
  trace_ += fmt::format("{} start {} hw {} flushed {} end {}\n", chosen, log.log_start(),
                        log.high_watermark(), log.flushed(), log.log_end());
  switch (chosen) {
    case 0:
    case 1:
      append_transactional();
      break;
    case 2:
    case 3:
      end_transaction();
      break;
    case 4:
    case 5:
      append_idempotent();
      break;
    case 6:
    case 7:
      flush();
      break;
    case 8:
      clean();
      break;
    case 9:
      clean_while_others_write_and_read();
      break;
    case 10:
      die_while_cleaning();
      break;
    case 11:
      restart();
      break;
    case 12:
      stage_.world().run_for(std::chrono::milliseconds(random_.below(2'000)));
      break;
    case 13:
      if (random_.chance(0.2)) cut_prefix();
      break;
    default:
      append_plain();
  }
  return met_.empty() ? check() : met_;
}

std::vector<KeyedRecord> CleaningModel::some_records() {
  std::vector<KeyedRecord> records(1 + random_.below(3));
  for (KeyedRecord& record : records) {
    record.key = fmt::format("key-{}", random_.below(keys));
    if (random_.chance(0.75)) {
      record.value = fmt::format("{}-{}", random_(), std::string(random_.below(120), 'x'));
    }
  }
  return records;
}

Bytes CleaningModel::encode(const Written& batch) {
  if (batch.marker) {
    return record::build_marker_batch({*batch.marker, 0}, batch.producer, ProducerEpoch(0),
                                      stage_.environment().now_ms());
  }
  record::BatchOptions options;
  options.codec = static_cast<record::Codec>(random_.below(5));
  if (batch.producer != no_producer) {
    options.producer_id = batch.producer;
    options.producer_epoch = ProducerEpoch(0);
    options.base_sequence = batch.sequence;
    options.transactional = batch.transactional;
  }
  record::BatchBuilder builder(options);
  for (const KeyedRecord& record : batch.records) {
    builder.append(stage_.environment().now_ms(), as_bytes(record.key),
                   record.value ? record::OptionalBytes(as_bytes(*record.value)) : std::nullopt);
  }
  return builder.build();
}

void CleaningModel::append(Written batch) {
  const auto origin = batch.marker ? record::Origin::coordinator : record::Origin::client;
  const auto appended = stage_.append(encode(batch), Epoch(1), origin);
  ASSERT_TRUE(appended) << appended.error().why;
  batch.base = appended->first_offset;
  batch.last = appended->last_offset;
  history_.push_back(std::move(batch));
}

void CleaningModel::append_plain() { append({.records = some_records()}); }

void CleaningModel::append_idempotent() {
  const ProducerId producer = idempotent[random_.below(2)];
  append({.records = some_records(), .producer = producer, .sequence = next_sequence(producer)});
}

void CleaningModel::append_transactional() {
  const ProducerId producer = transactional[random_.below(2)];
  append({.records = some_records(),
          .producer = producer,
          .sequence = next_sequence(producer),
          .transactional = true});
}

void CleaningModel::end_transaction() {
  const ProducerId producer = transactional[random_.below(2)];
  if (!in_transaction(producer)) return;
  append({.producer = producer,
          .transactional = true,
          .marker = random_.chance(0.5) ? ControlType::abort : ControlType::commit});
}

bool CleaningModel::in_transaction(ProducerId producer) const {
  for (auto batch = history_.rbegin(); batch != history_.rend(); ++batch) {
    if (batch->producer == producer) return !batch->marker;
  }
  return false;
}

std::int32_t CleaningModel::next_sequence(ProducerId producer) const {
  for (auto batch = history_.rbegin(); batch != history_.rend(); ++batch) {
    if (batch->producer == producer && !batch->marker) {
      return batch->sequence + static_cast<std::int32_t>(batch->records.size());
    }
  }
  return 0;
}

void CleaningModel::flush() {
  if (random_.chance(0.2)) {  // as where acknowledgements do not wait for the disk
    stage_.log()->set_high_watermark(stage_.log()->log_end());
    return;
  }
  ASSERT_TRUE(stage_.run(stage_.log()->flush()));
  stage_.log()->set_high_watermark(stage_.log()->flushed());
}

runtime::Task<Result<CleaningReport>> CleaningModel::clean_owned(Environment& environment,
                                                                 std::shared_ptr<PartitionLog> log,
                                                                 CleanerOptions options) {
  IoThrottle throttle(environment.clock, options.max_bytes_per_second);
  co_return co_await clean_log(environment, log, options, throttle);
}

runtime::Task<Result<CleaningReport>> CleaningModel::cleaning() {
  PartitionLog& log = *stage_.log();
  const Offset bound = std::min(
      {log.high_watermark(), log.flushed(), log.last_stable(), log.segment_bases().back()});
  cleaned_below_ = std::max(cleaned_below_, bound);
  cleanings_.emplace(bound, stage_.environment().now_ms());
  CleanerOptions options;
  if (random_.chance(0.3)) {  // a map for a few keys only
    options.dedupe_buffer_size = (2 + random_.below(6)) * log::OffsetMap::slot_size;
  }
  return clean_owned(stage_.environment(), stage_.log(), options);
}

void CleaningModel::clean() {
  const auto report = stage_.run(cleaning());
  ASSERT_TRUE(report) << report.error().why;
}

void CleaningModel::clean_while_others_write_and_read() {
  const auto report = stage_.start(cleaning());
  while (!*report && !::testing::Test::HasFailure()) {
    const std::uint64_t longest = random_.chance(0.5) ? 4'000 : 300;
    stage_.world().run_for(std::chrono::microseconds(random_.below(longest)));
    if (random_.chance(0.5)) append_plain();
    if (random_.chance(0.2)) flush();
    if (random_.chance(0.5)) {
      met_ = check();
      if (!met_.empty()) break;
    }
  }
  if (met_.empty()) {
    ASSERT_TRUE(*report && **report);
  }
  stage_.world().run_until([&] { return report->has_value(); });
}

void CleaningModel::die_while_cleaning() {
  if (random_.chance(0.6)) {  // so that there is something to do
    for (int i = 0; i < 8; ++i) append_plain();
    ASSERT_TRUE(stage_.run(stage_.log()->flush()));
    stage_.log()->set_high_watermark(stage_.log()->flushed());
  }
  const auto report = stage_.start(cleaning());
  const std::uint64_t longest = random_.chance(0.5) ? 200'000 : 30'000;
  stage_.world().run_for(std::chrono::microseconds(random_.below(longest)));
  const Offset flushed = stage_.log()->flushed();
  const Offset start = stage_.log()->log_start();
  const std::optional<Offset> clean_point = stage_.log()->clean_point();
  if (random_.chance(0.7)) {
    stage_.crash();
  } else {
    stage_.kill();
  }
  stage_.boot();
  const auto opened = stage_.open(random_.chance(0.5) ? flushed : Offset(0), start);
  ASSERT_TRUE(opened) << opened.error().why;
  if (clean_point && random_.chance(0.5)) stage_.log()->set_clean_point(*clean_point);
  if (stage_.log()->log_end() < flushed) met_ = "what was flushed is gone";
  forget_behind(stage_.log()->log_end());
}

void CleaningModel::forget_behind(Offset end) {
  while (!history_.empty() && history_.back().base >= end) history_.pop_back();
}

void CleaningModel::restart() {
  const auto clean_point = stage_.log()->clean_point();
  const Offset high_watermark = stage_.log()->high_watermark();
  const Offset start = stage_.log()->log_start();
  ASSERT_TRUE(stage_.run(stage_.log()->close()));
  if (random_.chance(0.3)) lose_snapshots();
  ASSERT_TRUE(stage_.open(Offset(0), start, true));
  if (clean_point) stage_.log()->set_clean_point(*clean_point);
  stage_.log()->set_high_watermark(high_watermark);
}

/// As by damage, or by hand; the log is closed.
void CleaningModel::lose_snapshots() {
  trace_ += "snapshots are lost\n";
  snapshots_lost_ = true;
  runtime::Disk& disk = stage_.process().disk();
  const auto entries = stage_.run(disk.list(stage_.log()->directory()));
  ASSERT_TRUE(entries);
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".snapshot")) continue;
    ASSERT_TRUE(stage_.run(disk.remove(stage_.log()->directory() + "/" + entry.name)));
  }
}

void CleaningModel::cut_prefix() {
  PartitionLog& log = *stage_.log();
  if (log.last_stable() <= log.log_start()) return;
  const auto span = static_cast<std::uint64_t>(log.last_stable() - log.log_start());
  const Offset to = log.log_start() + static_cast<std::int64_t>(random_.below(span + 1));
  ASSERT_TRUE(stage_.run(log.advance_log_start(to)));
  ASSERT_TRUE(stage_.run(log.delete_old_segments()));
}

// ---- what must hold ----

std::string CleaningModel::check() {
  if (::testing::Test::HasFailure()) return "failed before";
  const Offset end = history_.empty() ? Offset(0) : history_.back().last + 1;
  if (stage_.log()->log_end() != end) {
    return fmt::format("the log ends at {}, not at {}", stage_.log()->log_end(), end);
  }
  if (std::string wrong = compare_producers(); !wrong.empty()) return wrong;
  const Seen seen = read_all();
  return seen.wrong.empty() ? compare(seen) : seen.wrong;
}

CleaningModel::Seen CleaningModel::read_all() {
  Seen seen;
  Offset offset = stage_.log()->log_start();
  std::set<ProducerId> aborting;
  Offset last = no_offset;
  while (offset < stage_.log()->log_end() && seen.wrong.empty()) {
    const auto slice = stage_.read(offset, ReadBound::log_end, 1 + random_.below(2'000));
    if (!slice) {
      seen.wrong = fmt::format("read at {}: {}", offset, slice.error().why);
      break;
    }
    if (slice->next_offset <= offset) break;  // the log ends in a gap
    auto aborted = stage_.run(stage_.log()->aborted_transactions(offset, slice->next_offset));
    if (!aborted) {
      seen.wrong = aborted.error().why;
      break;
    }
    record::BatchIterator batches(slice->records.view(), record::BatchIterator::Check::crc);
    while (const auto batch = batches.next()) {
      if (batch->base_offset() <= last) seen.wrong = "offsets do not rise";
      last = batch->last_offset();
      if (seen.wrong.empty()) seen.wrong = take_batch(*batch, seen, *aborted, aborting);
    }
    if (!batches.status()) seen.wrong = batches.status().error().why;
    offset = slice->next_offset;
  }
  return seen;
}

/// As the Java consumer filters aborted transactions.
std::string CleaningModel::take_batch(const record::BatchView& batch, Seen& seen,
                                      std::vector<log::AbortedTransaction>& aborted,
                                      std::set<ProducerId>& aborting) {
  std::erase_if(aborted, [&](const log::AbortedTransaction& transaction) {
    if (transaction.first_offset > batch.last_offset()) return false;
    if (transaction.last_offset >= batch.base_offset()) aborting.insert(transaction.producer_id);
    return true;
  });
  if (batch.is_control()) {
    const auto marker = record::parse_marker_batch(batch);
    if (marker && marker->type == ControlType::abort) aborting.erase(batch.producer_id());
    return "";
  }
  const bool hidden = batch.is_transactional() && aborting.contains(batch.producer_id());
  const auto read = record::for_each_record(batch, {}, [&](const record::RecordView& view) {
    KeyedRecord record{std::string(as_text(*view.key)), {}};
    if (view.value) record.value = std::string(as_text(*view.value));
    if (view.offset < stage_.log()->log_start()) return;
    seen.data[view.offset] = record;
    if (!hidden) seen.committed[view.offset] = record;
  });
  return read ? "" : read.error().why;
}

void CleaningModel::split(Records& committed, Records& others) const {
  std::map<ProducerId, Records> open;
  for (const Written& batch : history_) {
    if (batch.marker) {
      const bool kept = *batch.marker == ControlType::commit;
      (kept ? committed : others).merge(open[batch.producer]);
      open.erase(batch.producer);
    }
    Records& records = batch.transactional ? open[batch.producer] : committed;
    Offset offset = batch.base;
    for (const KeyedRecord& record : batch.records) {
      records[offset] = record;
      ++offset;
    }
  }
  for (auto& [producer, records] : open) others.merge(records);
}

std::string CleaningModel::compare(const Seen& seen) const {
  Records committed, others;
  split(committed, others);
  for (const auto& [offset, record] : seen.data) {
    const Records& written = committed.contains(offset) ? committed : others;
    const auto known = written.find(offset);
    if (known == written.end() || known->second != record) {
      return fmt::format("offset {} holds what was never written there", offset);
    }
  }
  const Offset stable = const_cast<CleaningModel*>(this)->stage_.log()->last_stable();
  for (const auto& [offset, record] : seen.committed) {
    if (offset < stable && !committed.contains(offset)) {
      return fmt::format("aborted data at {} looks committed", offset);
    }
  }
  const Offset start = const_cast<CleaningModel*>(this)->stage_.log()->log_start();
  for (const Records* written : {&committed, &others}) {
    for (const auto& [offset, record] : *written) {
      if (offset >= cleaned_below_ && offset >= start && !seen.data.contains(offset)) {
        return fmt::format("offset {} is gone and was not to be cleaned", offset);
      }
    }
  }
  return compare_keys(seen, committed);
}

std::string CleaningModel::compare_keys(const Seen& seen, const Records& committed) const {
  CleaningModel& self = *const_cast<CleaningModel*>(this);
  const Offset start = self.stage_.log()->log_start();
  std::map<std::string, Offset> latest;
  for (const auto& [offset, record] : committed) latest[record.key] = offset;
  for (const auto& [key, offset] : latest) {
    if (offset < start || seen.committed.contains(offset)) continue;
    if (committed.at(offset).value) return fmt::format("{}'s value at {} is lost", key, offset);
    const auto cleaned = cleanings_.upper_bound(offset);
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    for (auto each = cleaned; each != cleanings_.end(); ++each) {
      first = std::min(first, each->second);
    }
    if (first > self.stage_.environment().now_ms() - delete_retention) {
      return fmt::format("the tombstone at {} went too early", offset);
    }
    for (const auto& [older, record] : seen.committed) {
      if (record.key == key && older < offset) {
        return fmt::format("{} came back at {}: its tombstone at {} is gone", key, older, offset);
      }
    }
  }
  return "";
}

std::string CleaningModel::compare_producers() const {
  for (const ProducerId producer :
       {idempotent[0], idempotent[1], transactional[0], transactional[1]}) {
    if (std::string wrong = compare_producer(producer); !wrong.empty()) return wrong;
  }
  return "";
}

std::string CleaningModel::compare_producer(ProducerId producer) const {
  const PartitionLog& log = *const_cast<CleaningModel*>(this)->stage_.log();
  const auto entry = log.producers().entry(producer);
  std::map<Offset, const Written*> batches;  // by last offset
  for (const Written& batch : history_) {
    if (batch.producer == producer && !batch.marker) batches[batch.last] = &batch;
  }
  const std::int32_t expected = next_sequence(producer) - 1;
  const std::int32_t found = entry ? entry->last_sequence() : -1;
  // Without snapshots nobody knows what went with the log's start.
  const bool gone =
      snapshots_lost_ && !batches.empty() && batches.rbegin()->second->base < log.log_start();
  if (found != expected && !(gone && found == -1)) {
    return fmt::format("producer {} is at sequence {}, not {}", producer, found, expected);
  }
  std::span<const log::ProducerBatch> kept;
  if (entry) kept = entry->kept();
  for (const log::ProducerBatch& known : kept) {
    const auto batch = batches.find(known.last_offset);
    if (batch == batches.end() || batch->second->base != known.first_offset() ||
        batch->second->sequence != known.first_sequence()) {
      return fmt::format("producer {}: no such batch was written: {}-{}", producer,
                         known.first_offset(), known.last_offset);
    }
  }
  const bool open = entry && entry->transaction_first_offset;
  const bool can_be = std::ranges::find(transactional, producer) != std::end(transactional);
  if (open != (can_be && in_transaction(producer))) {
    return fmt::format("producer {}: transaction open {}", producer, open);
  }
  return "";
}

}  // namespace cairn::storage::testing
