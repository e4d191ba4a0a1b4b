// SPDX-License-Identifier: Apache-2.0
// The rules of compaction (L33, I26), each shown by a log of a few batches; where a guard can be
// switched off, the same log shows that it is missed.
#include <gtest/gtest.h>

#include <cairn/base/mutant.hpp>
#include <cairn/log/cleaning.hpp>
#include <cairn/log/cleaning_filter.hpp>
#include <cairn/log/producer_state.hpp>
#include <cairn/record/builder.hpp>

namespace cairn::log {
namespace cleaning_testing {

using record::BatchBuilder;
using record::BatchIterator;
using record::BatchOptions;
using record::BatchView;
using record::ControlType;

constexpr std::int64_t retention = 1'000;
constexpr ProducerId pid{7};
constexpr ProducerEpoch first_epoch{0};

struct Entry {
  std::string_view key;
  std::optional<std::string_view> value;
};
constexpr std::nullopt_t gone = std::nullopt;

/// A log as bytes, with offsets that go on.
struct Log {
  Bytes bytes;
  Offset end{0};
  std::vector<AbortedTransaction> aborted;

  void add(std::initializer_list<Entry> entries, BatchOptions options = {}) {
    options.base_offset = end;
    BatchBuilder builder(options);
    for (const Entry& entry : entries) {
      std::optional<BytesView> key, value;
      if (!entry.key.empty()) key = as_bytes(entry.key);
      if (entry.value) value = as_bytes(*entry.value);
      builder.append(100 + builder.next_offset().value(), key, value);
    }
    append(bytes, builder.build());
    end = builder.next_offset();
  }
  void add_transactional(std::initializer_list<Entry> entries, ProducerId producer = pid,
                         std::int32_t sequence = 0) {
    add(entries, {.producer_id = producer,
                  .producer_epoch = first_epoch,
                  .base_sequence = sequence,
                  .transactional = true});
  }
  void add_idempotent(std::initializer_list<Entry> entries, std::int32_t sequence,
                      ProducerId producer = pid) {
    add(entries,
        {.producer_id = producer, .producer_epoch = first_epoch, .base_sequence = sequence});
  }
  void end_transaction(ControlType type, Offset first, ProducerId producer = pid) {
    append(bytes, record::build_marker_batch({type, 0}, producer, first_epoch, 100, end));
    if (type == ControlType::abort) aborted.push_back({producer, first, end, end + 1});
    end += 1;
  }

  std::vector<BatchView> batches() const {
    std::vector<BatchView> all;
    BatchIterator it(bytes, BatchIterator::Check::crc);
    while (const auto batch = it.next()) all.push_back(*batch);
    EXPECT_TRUE(it.status());
    return all;
  }
  /// "0 a=1|2 b=null|C5|E6": records, control batches with records, batches without.
  std::string text() const {
    std::string text;
    const auto line = [&](std::string more) { text += (text.empty() ? "" : "|") + more; };
    for (const BatchView& batch : batches()) {
      if (batch.record_count() == 0) {
        line(fmt::format("E{}", batch.last_offset()));
      } else if (batch.is_control()) {
        line(fmt::format("C{}", batch.base_offset()));
      } else {
        const auto read = record::for_each_record(batch, {}, [&](const record::RecordView& r) {
          line(fmt::format("{} {}={}", r.offset, r.key ? as_text(*r.key) : "null",
                           r.value ? as_text(*r.value) : "null"));
          EXPECT_EQ(r.timestamp, 100 + r.offset.value());
        });
        EXPECT_TRUE(read);
      }
    }
    return text;
  }
};

struct Round {
  std::int64_t now = 10'000;
  Offset from{0};
  std::size_t map_bytes = 4'096;
  LastOfProducers producers = {};
  std::optional<Offset> upper = {};  // the log's end if not given, with one behind it
};

/// One cleaning of all of a log; the clean point goes to `end`.
Log clean(const Log& log, Round round = {}, Offset* end = nullptr) {
  OffsetMap map(round.map_bytes, 0.9, {1, 2});
  KeyCollector keys(map, round.from, log.aborted);
  for (const BatchView& batch : log.batches()) {
    if (!keys.take(batch).value()) break;
  }
  CleanedTransactions transactions;
  transactions.add_aborted(log.aborted);
  BatchFilter filter(map,
                     {.clean_end = keys.end(),
                      .first_uncleanable = round.upper.value_or(log.end + 1),
                      .now_ms = round.now,
                      .delete_retention_ms = retention},
                     transactions);
  filter.set_producers(round.producers);
  Log cleaned;
  for (const BatchView& batch : log.batches()) {
    EXPECT_TRUE(filter.clean(batch, cleaned.bytes));
  }
  cleaned.end = log.end;
  cleaned.aborted = transactions.take_kept();
  if (end != nullptr) *end = keys.end();
  return cleaned;
}

struct Without {
#ifdef CAIRN_MUTANTS
  explicit Without(std::string_view guard) { choose_mutant(guard); }
  ~Without() { choose_mutant(""); }
  static constexpr bool possible = true;
#else
  explicit Without(std::string_view) {}
  static constexpr bool possible = false;
#endif
};

/// The scenario gives `expected`, and something else once the guard is removed.
template <class F>
void expect_guarded(std::string_view guard, const std::string& expected, F scenario) {
  EXPECT_EQ(scenario(), expected);
  if (!Without::possible) return;
  const Without removed(guard);
  EXPECT_NE(scenario(), expected) << guard << " guards nothing";
}

// ---- the map ----

TEST(OffsetMap, knows_the_greatest_offset_of_a_key) {
  OffsetMap map(4'096, 0.9, {1, 2});
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(map.put(as_bytes(fmt::format("key-{}", i % 50)), Offset(i)));
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(map.find(as_bytes(fmt::format("key-{}", i))), Offset(i + 50));
  }
  EXPECT_EQ(map.find(as_bytes("another")), no_offset);
  EXPECT_EQ(map.size(), 50);
}

TEST(OffsetMap, refuses_new_keys_when_full_and_takes_those_it_has) {
  OffsetMap map(10 * OffsetMap::slot_size, 0.5, {1, 2});
  EXPECT_EQ(map.capacity(), 5);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(map.put(as_bytes(std::to_string(i)), Offset(i)));
  EXPECT_FALSE(map.put(as_bytes("5"), Offset(5)));
  EXPECT_TRUE(map.put(as_bytes("3"), Offset(9)));
  EXPECT_EQ(map.find(as_bytes("3")), Offset(9));
  EXPECT_EQ(map.find(as_bytes("5")), no_offset);
  EXPECT_DOUBLE_EQ(map.utilization(), 0.5);
}

// ---- what is due ----

const std::vector<CleanableSegment> four = {{Offset(0), 100, 10, 5},
                                            {Offset(10), 100, 20, 12},
                                            {Offset(20), 100, 30, 22},
                                            {Offset(30), 100, 40, 32}};

CleaningInput standing(std::optional<Offset> checkpoint = {}) {
  return {.segments = four,
          .checkpoint = checkpoint,
          .log_start = Offset(0),
          .log_end = Offset(40),
          .high_watermark = Offset(40),
          .flushed = Offset(40),
          .last_stable = Offset(40)};
}

std::string range_text(const CleaningInput& log, CleaningPolicy policy = {},
                       std::int64_t now = 50) {
  const CleaningRange range = cleaning_range(log, policy, now);
  return fmt::format("{}-{} {}+{}", range.first_dirty, range.first_uncleanable, range.clean_bytes,
                     range.cleanable_bytes);
}

TEST(Cleaning, never_touches_the_active_segment) {
  EXPECT_EQ(range_text(standing()), "0-30 0+300");
}

TEST(Cleaning, begins_where_the_last_one_ended) {
  EXPECT_EQ(range_text(standing(Offset(10))), "10-30 100+200");
  EXPECT_EQ(range_text(standing(Offset(15))), "15-30 100+200");
  EXPECT_EQ(range_text(standing(Offset(30))), "30-30 300+0");
}

TEST(Cleaning, stays_below_the_high_watermark_L33) {
  expect_guarded("L33-high-watermark", "0-20 0+200", [] {
    CleaningInput log = standing();
    log.high_watermark = Offset(29);
    return range_text(log);
  });
}

TEST(Cleaning, stays_below_what_a_crash_may_take_L33) {
  expect_guarded("L33-flushed", "0-20 0+200", [] {
    CleaningInput log = standing();
    log.flushed = Offset(29);
    return range_text(log);
  });
}

TEST(Cleaning, stays_below_the_last_stable_offset_L33) {
  expect_guarded("L33-last-stable", "0-10 0+100", [] {
    CleaningInput log = standing();
    log.last_stable = Offset(10);
    return range_text(log);
  });
}

TEST(Cleaning, leaves_young_segments_alone_I26) {
  expect_guarded("L33-lag", "0-10 0+100",
                 [] { return range_text(standing(), {.compact = true, .min_lag_ms = 35}, 50); });
}

TEST(Cleaning, starts_over_when_the_checkpoint_lies_outside_the_log) {
  CleaningInput log = standing(Offset(41));
  EXPECT_TRUE(cleaning_range(log, {}, 50).checkpoint_void);
  EXPECT_EQ(range_text(log), "0-30 0+300");
  log = standing(Offset(5));
  log.log_start = Offset(12);
  EXPECT_EQ(range_text(log), "12-30 100+200");
}

TEST(Cleaning, is_due_above_the_dirty_ratio) {
  const CleaningRange range = cleaning_range(standing(Offset(10)), {}, 50);  // two thirds
  EXPECT_TRUE(range.is_due({.compact = true, .min_dirty_ratio = 0.5}));
  EXPECT_FALSE(range.is_due({.compact = true, .min_dirty_ratio = 0.7}));
  EXPECT_FALSE(range.is_due({.compact = false, .min_dirty_ratio = 0.5}));
}

TEST(Cleaning, is_due_when_a_record_waits_longer_than_the_max_lag) {
  const CleaningPolicy policy{.compact = true, .min_dirty_ratio = 0.9, .max_lag_ms = 100};
  const auto at = [&](std::int64_t now) {
    return cleaning_range(standing(Offset(10)), policy, now).is_due(policy);
  };
  EXPECT_FALSE(at(112));
  EXPECT_TRUE(at(113));
}

TEST(Cleaning, joins_as_many_segments_as_fit_one) {
  const std::span<const CleanableSegment> three(four.data(), 3);
  EXPECT_EQ(group_segments(three, Offset(30), {.segment_bytes = 200}),
            (std::vector<std::size_t>{2, 1}));
  EXPECT_EQ(group_segments(three, Offset(30), {.segment_bytes = 50}),
            (std::vector<std::size_t>{1, 1, 1}));
  EXPECT_EQ(group_segments(three, Offset(30), {.segment_bytes = 1'000, .segment_index_bytes = 24}),
            (std::vector<std::size_t>{2, 1}));
}

TEST(Cleaning, joins_no_more_offsets_than_one_base_can_express) {
  const std::int64_t wide = std::numeric_limits<std::int32_t>::max();
  const std::vector<CleanableSegment> segments = {{Offset(0), 1}, {Offset(10), 1}, {Offset(20), 1}};
  EXPECT_EQ(group_segments(segments, Offset(wide + 1), {}), (std::vector<std::size_t>{3}));
  EXPECT_EQ(group_segments(segments, Offset(wide + 2), {}), (std::vector<std::size_t>{2, 1}));
}

// ---- what stays ----

TEST(Cleaning, keeps_the_latest_value_of_each_key_where_it_was_I26) {
  Log log;
  log.add({{"a", "1"}, {"b", "1"}});
  log.add({{"a", "2"}, {"c", "1"}, {"b", "2"}});
  log.add({{"b", "3"}});
  EXPECT_EQ(clean(log).text(), "2 a=2|3 c=1|5 b=3");
}

TEST(Cleaning, keeps_batch_boundaries_offsets_and_sequences_L33) {
  Log log;
  log.add_idempotent({{"a", "1"}, {"b", "1"}, {"c", "1"}}, 5);
  log.add_idempotent({{"a", "2"}, {"c", "2"}}, 8);
  const Log cleaned = clean(log);
  ASSERT_EQ(cleaned.batches().size(), 2);
  const BatchView first = cleaned.batches()[0];
  EXPECT_EQ(first.record_count(), 1);
  EXPECT_EQ(first.base_offset(), Offset(0));
  EXPECT_EQ(first.last_offset(), Offset(2));
  EXPECT_EQ(first.base_sequence(), 5);
  EXPECT_EQ(first.last_sequence(), 7);
  EXPECT_EQ(first.max_timestamp(), 101);
}

TEST(Cleaning, keeps_the_codec_of_a_batch) {
  for (const auto codec : {record::Codec::gzip, record::Codec::snappy, record::Codec::lz4,
                           record::Codec::zstd, record::Codec::none}) {
    Log log;
    log.add({{"a", "1"}, {"b", "a value"}, {"c", gone}}, {.codec = codec});
    log.add({{"a", "2"}}, {.codec = codec});
    const Log cleaned = clean(log);
    EXPECT_EQ(cleaned.text(), "1 b=a value|2 c=null|3 a=2");
    EXPECT_EQ(cleaned.batches()[0].codec(), codec);
  }
}

TEST(Cleaning, leaves_alone_what_lies_behind_the_clean_point) {
  Log log;
  log.add({{"a", "1"}, {"b", "1"}});
  log.add({{"c", "1"}, {"a", "2"}, {"b", "2"}});
  Offset end;
  const Log cleaned = clean(log, {.map_bytes = 3 * OffsetMap::slot_size}, &end);
  EXPECT_EQ(end, Offset(2));  // two keys fit
  EXPECT_EQ(cleaned.text(), "0 a=1|1 b=1|2 c=1|3 a=2|4 b=2");
  const Log again = clean(cleaned, {.from = end, .map_bytes = 5 * OffsetMap::slot_size}, &end);
  EXPECT_EQ(end, Offset(5));
  EXPECT_EQ(again.text(), "2 c=1|3 a=2|4 b=2");
}

TEST(Cleaning, drops_records_without_a_key) {
  Log log;
  log.add({{"", "lost"}, {"a", "1"}});
  EXPECT_EQ(clean(log).text(), "1 a=1");
}

TEST(Cleaning, keeps_a_tombstone_until_its_horizon_L33) {
  expect_guarded("L33-tombstone", "1 a=null / 1 a=null / ", [] {
    Log log;
    log.add({{"a", "1"}, {"a", gone}});
    const Log first = clean(log, {.now = 10'000});
    const Log second = clean(first, {.now = 10'999, .from = log.end});
    const Log third = clean(second, {.now = 11'000, .from = log.end});
    return first.text() + " / " + second.text() + " / " + third.text();
  });
}

TEST(Cleaning, writes_the_horizon_into_the_batch_once) {
  Log log;
  log.add({{"b", "1"}, {"a", gone}});
  const Log first = clean(log, {.now = 10'000});
  const Log second = clean(first, {.now = 10'500, .from = log.end});
  EXPECT_EQ(second.batches()[0].delete_horizon(), 11'000);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(second.batches()[0].max_timestamp(), 101);
}

TEST(Cleaning, starts_no_clock_for_a_batch_it_covers_in_part) {
  Log log;
  log.add({{"a", "1"}, {"b", "1"}, {"c", gone}});
  const Log cleaned = clean(log, {.map_bytes = 3 * OffsetMap::slot_size});
  EXPECT_EQ(cleaned.bytes, log.bytes);
}

TEST(Cleaning, keeps_the_last_batch_of_a_producer_as_an_empty_one_L33) {
  expect_guarded("L33-sequence", "E1|2 a=2|3 b=2 last 5", [] {
    Log log;
    log.add_idempotent({{"a", "1"}, {"b", "1"}}, 4);
    log.add({{"a", "2"}, {"b", "2"}});
    const Log cleaned =
        clean(log, {.producers = {{pid, {.last_data_offset = Offset(1), .epoch = first_epoch}}}});
    ProducerState state;
    for (const BatchView& batch : cleaned.batches()) state.apply(batch);
    const auto entry = state.entry(pid);
    return cleaned.text() + fmt::format(" last {}", entry ? entry->last_sequence() : -1);
  });
}

TEST(Cleaning, keeps_the_marker_that_holds_a_producers_epoch_L33) {
  Log log;
  log.end_transaction(ControlType::commit, Offset(0));
  const LastOfProducers producers = {{pid, {.epoch = first_epoch}}};
  const Log first = clean(log, {.now = 10'000, .producers = producers});
  EXPECT_EQ(clean(first, {.now = 20'000, .producers = producers}).text(), "E0");
  EXPECT_EQ(clean(first, {.now = 20'000}).text(), "");
}

TEST(Cleaning, keeps_the_last_batch_so_that_the_log_end_stays_L33) {
  expect_guarded("L33-last-batch", "0 a=1|E1", [] {
    Log log;
    log.add({{"a", "1"}});
    log.add({{"", "no key"}});
    return clean(log, {.upper = log.end}).text();
  });
}

TEST(Cleaning, drops_the_data_of_aborted_transactions) {
  Log log;
  log.add({{"a", "1"}});
  log.add_transactional({{"a", "2"}, {"b", "2"}});
  log.end_transaction(ControlType::abort, Offset(1));
  EXPECT_EQ(clean(log).text(), "0 a=1|C3");
}

TEST(Cleaning, does_not_let_aborted_data_supersede_what_came_before_L33) {
  expect_guarded("L33-aborted-keys", "0 a=1|C2", [] {
    Log log;
    log.add({{"a", "1"}});
    log.add_transactional({{"a", "2"}});
    log.end_transaction(ControlType::abort, Offset(1));
    return clean(log).text();
  });
}

TEST(Cleaning, does_not_take_control_records_for_data_L33) {
  expect_guarded("L33-control-keys", "4", [] {
    Log log;
    log.end_transaction(ControlType::commit, Offset(0), ProducerId(1));
    log.end_transaction(ControlType::commit, Offset(0), ProducerId(2));
    log.add({{"a", "1"}, {"b", "1"}});
    Offset end;
    clean(log, {.map_bytes = 3 * OffsetMap::slot_size}, &end);  // two keys fit
    return fmt::format("{}", end);
  });
}

TEST(Cleaning, keeps_a_marker_longer_than_the_data_it_decides_L33) {
  expect_guarded("L33-marker", "C1 with 1 / C1 with 0, horizon 13000 / C1 / ", [] {
    Log log;
    log.add_transactional({{"a", "1"}});
    log.end_transaction(ControlType::abort, Offset(0));
    const Log first = clean(log, {.now = 11'000});     // the data goes
    const Log second = clean(first, {.now = 12'000});  // the marker's clock starts
    const Log third = clean(second, {.now = 12'999});
    const Log fourth = clean(third, {.now = 13'000});
    const auto horizon = second.bytes.empty() ? 0 : second.batches()[0].delete_horizon();
    return fmt::format("{} with {} / {} with {}, horizon {} / {} / {}", first.text(),
                       first.aborted.size(), second.text(), second.aborted.size(),
                       horizon.value_or(0), third.text(), fourth.text());
  });
}

TEST(Cleaning, keeps_a_marker_until_its_horizon_L33) {
  expect_guarded("L33-marker-horizon", "1 a=2|C2", [] {
    Log log;
    log.add({{"a", "1"}});
    log.add({{"a", "2"}});
    log.end_transaction(ControlType::commit, Offset(0));
    return clean(log).text();
  });
}

TEST(Cleaning, keeps_a_commit_marker_while_a_record_of_its_transaction_stays) {
  Log log;
  log.add_transactional({{"a", "1"}});
  log.end_transaction(ControlType::commit, Offset(0));
  Log cleaned = log;
  for (int i = 1; i < 5; ++i) cleaned = clean(cleaned, {.now = i * 100'000});
  EXPECT_EQ(cleaned.text(), "0 a=1|C1");
}

TEST(Cleaning, tells_transactions_of_one_producer_apart) {
  Log log;
  log.add_transactional({{"a", "1"}});
  log.end_transaction(ControlType::commit, Offset(0));
  log.add_transactional({{"a", "2"}, {"b", "2"}}, pid, 1);
  log.end_transaction(ControlType::abort, Offset(2));
  log.add_transactional({{"c", "3"}}, pid, 3);
  log.end_transaction(ControlType::commit, Offset(5));
  const Log cleaned = clean(log);
  EXPECT_EQ(cleaned.text(), "0 a=1|C1|C4|5 c=3|C6");
  EXPECT_EQ(cleaned.aborted, log.aborted);
}

TEST(Cleaning, orders_transactional_records_by_their_offsets_L23) {
  Log log;
  log.add_transactional({{"a", "late commit"}}, ProducerId(1));
  log.add_transactional({{"a", "early commit"}}, ProducerId(2));
  log.end_transaction(ControlType::commit, Offset(1), ProducerId(2));
  log.end_transaction(ControlType::commit, Offset(0), ProducerId(1));
  EXPECT_EQ(clean(log).text(), "1 a=early commit|C2|C3");
}

TEST(Cleaning, leaves_damaged_batches_to_the_caller) {
  Log log;
  log.add({{"a", "1"}, {"b", "1"}}, {.codec = record::Codec::zstd});
  log.bytes[record::batch_header_size + 4] ^= std::byte{0xff};
  OffsetMap map(4'096, 0.9, {1, 2});
  KeyCollector keys(map, Offset(0), {});
  const auto batch = BatchView::parse(log.bytes);
  ASSERT_TRUE(batch);
  EXPECT_FALSE(keys.take(*batch));
}

}  // namespace cleaning_testing
}  // namespace cairn::log
