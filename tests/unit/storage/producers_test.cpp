// SPDX-License-Identifier: Apache-2.0
// What a log remembers of producers over restarts, clean and unclean (I6): the last five batches of
// each, though a snapshot holds one; and snapshots that say what batches no longer do.
#include <cairn/base/mutant.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {
namespace {

class Producers : public ::testing::Test {
 protected:
  Producers() { EXPECT_TRUE(stage_.open()); }

  BatchShape shape(std::int32_t sequence, ProducerId producer = ProducerId(5)) {
    return {.records = 2,
            .value_size = value_size_,
            .timestamp = stage_.environment().now_ms(),
            .producer = producer,
            .epoch = ProducerEpoch(0),
            .sequence = 2 * sequence};
  }
  void write(std::int32_t sequence, ProducerId producer = ProducerId(5)) {
    const auto appended = stage_.append(make_batch(shape(sequence, producer)));
    ASSERT_TRUE(appended) << appended.error().why;
    ASSERT_FALSE(appended->duplicate);
    written_[{producer, sequence}] = appended->first_offset;
  }
  /// As a client whose answer was lost: it must get the offset that the batch has.
  std::string repeat(std::int32_t sequence, ProducerId producer = ProducerId(5)) {
    const auto appended = stage_.append(make_batch(shape(sequence, producer)));
    if (!appended) return std::string(to_string(appended.error().code));
    if (!appended->duplicate) return "written twice";
    return appended->first_offset == written_.at({producer, sequence}) ? "known" : "wrong offset";
  }
  void expect_five_known(std::int32_t last, ProducerId producer = ProducerId(5)) {
    for (std::int32_t sequence = last - 4; sequence <= last; ++sequence) {
      EXPECT_EQ(repeat(sequence, producer), "known") << sequence;
    }
    EXPECT_EQ(repeat(last - 5, producer), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  }
  void roll() { ASSERT_TRUE(stage_.run(stage_.log()->roll())); }
  void die(Offset recovery_point, bool power_loss = false) {
    const Offset start = stage_.log()->log_start();
    power_loss ? stage_.crash() : stage_.kill();
    stage_.boot();
    ASSERT_TRUE(stage_.open(recovery_point, start));
  }

  Stage stage_;
  std::size_t value_size_ = 20;
  std::map<std::pair<ProducerId, std::int32_t>, Offset> written_;
};

TEST_F(Producers, repeat_any_of_five_batches_after_a_clean_restart_I6) {
  for (int i = 0; i < 9; ++i) write(i);
  stage_.reopen();
  expect_five_known(8);
  write(9);
  expect_five_known(9);
}

#ifdef CAIRN_MUTANTS
TEST_F(Producers, are_forgotten_but_for_one_batch_without_the_recall_I6) {
  for (int i = 0; i < 9; ++i) write(i);
  choose_mutant("I6-recall");
  stage_.reopen();
  choose_mutant("");
  EXPECT_EQ(repeat(8), "known");
  EXPECT_EQ(repeat(7), "OUT_OF_ORDER_SEQUENCE_NUMBER");
}
#endif

TEST_F(Producers, are_looked_for_across_segments) {
  for (int i = 0; i < 9; ++i) {
    write(i);
    if (i % 3 == 1) roll();
  }
  roll();
  stage_.reopen();
  expect_five_known(8);
}

TEST_F(Producers, are_found_behind_large_batches_of_others) {
  for (int i = 0; i < 6; ++i) write(i);
  value_size_ = 300'000;
  for (int i = 0; i < 20; ++i) write(i, ProducerId(6));
  value_size_ = 20;
  stage_.reopen();
  expect_five_known(5);
  value_size_ = 300'000;
  expect_five_known(19, ProducerId(6));
}

TEST_F(Producers, are_told_apart) {
  for (int i = 0; i < 40; ++i) {
    for (int producer = 0; producer < 20; ++producer) write(i, ProducerId(100 + producer));
  }
  stage_.reopen();
  for (int producer = 0; producer < 20; ++producer)
    expect_five_known(39, ProducerId(100 + producer));
}

TEST_F(Producers, cost_a_restart_a_bounded_look_back) {
  write(0);
  write(1);
  value_size_ = 5'000;
  for (int i = 0; i < 2'000; ++i) write(i, ProducerId(6));  // ten megabytes
  std::size_t reads = 0;
  ASSERT_TRUE(stage_.run(stage_.log()->close()));
  stage_.machine().faults().fails = [&](std::string_view operation, const std::string& path) {
    reads += operation == "read" && path.ends_with(".log") ? 1 : 0;
    return false;
  };
  ASSERT_TRUE(stage_.open(Offset(0), Offset(0), true));
  EXPECT_LT(reads, 600);
  value_size_ = 20;
  EXPECT_EQ(repeat(1), "known");  // the snapshot knows this one
}

TEST_F(Producers, are_recalled_where_an_unclean_start_begins_its_scan_I6) {
  for (int i = 0; i < 7; ++i) write(i);
  roll();
  ASSERT_TRUE(stage_.run(stage_.log()->flush()));
  const Offset point = stage_.log()->flushed();
  write(7);
  die(point);
  expect_five_known(7);
}

TEST_F(Producers, are_recalled_after_a_truncation) {
  for (int i = 0; i < 7; ++i) write(i);
  roll();
  write(7);
  ASSERT_TRUE(stage_.run(stage_.log()->truncate_to(Offset(14))));
  expect_five_known(6);
}

// ---- what batches no longer tell ----

/// A producer whose only batch retention has taken, after a power loss.
class OutlivedBatch : public Producers {
 protected:
  std::string repeat_after_power_loss(std::uint64_t seed) {
    Stage stage(seed);
    stage.options.deletes_by_policy = false;
    const Bytes batch = make_batch(shape(0));
    EXPECT_TRUE(stage.open() && stage.append(batch) && stage.run(stage.log()->roll()) &&
                stage.append(make_batch({})) && stage.run(stage.log()->flush()));
    stage.log()->set_high_watermark(Offset(3));
    EXPECT_TRUE(stage.run(stage.log()->advance_log_start(Offset(2))));
    EXPECT_EQ(stage.run(stage.log()->delete_old_segments()).value(), 1);
    stage.crash();
    stage.boot();
    EXPECT_TRUE(stage.open(Offset(0), Offset(2)));
    const auto again = stage.append(batch);
    return again && again->duplicate ? "known" : "forgotten";
  }
  std::string repeat_after_any_power_loss() {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      if (const std::string answer = repeat_after_power_loss(seed); answer != "known")
        return answer;
    }
    return "known";
  }

  /// One whose batch a cleaning took, as Kafka's may, after a start that scans the whole log.
  std::string repeat_after_cleaning() {
    Stage stage;
    stage.options.cleaning.compact = true;
    EXPECT_TRUE(stage.open());
    const Bytes other = make_batch({.timestamp = stage.environment().now_ms()});
    EXPECT_TRUE(stage.append(other) && stage.append(make_batch(shape(0))) &&
                stage.run(stage.log()->roll()) && stage.append(other) &&
                stage.run(stage.log()->flush()));
    stage.kill();
    stage.boot();
    auto file = stage.run(stage.process().disk().open("/data/topic-0/00000000000000000000.log",
                                                      runtime::OpenMode::write));
    EXPECT_TRUE(file && stage.run((*file)->truncate(other.size())));
    EXPECT_TRUE(stage.open());
    EXPECT_EQ(stage.log()->log_end(), Offset(4));
    const auto again = stage.append(make_batch(shape(0)));
    return again && again->duplicate ? "known" : "forgotten";
  }
};

TEST_F(OutlivedBatch, is_known_through_a_power_loss_I6) {
  EXPECT_EQ(repeat_after_any_power_loss(), "known");
}

TEST_F(OutlivedBatch, is_known_by_the_snapshot_that_a_scan_passes_L33) {
  EXPECT_EQ(repeat_after_cleaning(), "known");
}

#ifdef CAIRN_MUTANTS
TEST_F(OutlivedBatch, is_forgotten_without_the_guards_L33) {
  choose_mutant("L33-snapshot-sync");
  EXPECT_EQ(repeat_after_any_power_loss(), "forgotten");
  choose_mutant("L33-snapshot");
  EXPECT_EQ(repeat_after_cleaning(), "forgotten");
  choose_mutant("");
}
#endif

// ---- any lives ----

/// Random appends, rolls, flushes and deaths; what is remembered is what a scan of all batches
/// says.
class Lives {
 public:
  explicit Lives(std::uint64_t seed) : random_(seed * 3'571), stage_(seed) {
    stage_.options.roll.segment_bytes = 3'000;
    stage_.options.index_interval_bytes = 300;
    EXPECT_TRUE(stage_.open());
    append();  // where the log begins is sure
    EXPECT_TRUE(stage_.run(stage_.log()->flush()));
  }

  std::string run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      if (std::string wrong = compare(); !wrong.empty())
        return fmt::format("step {}: {}", i, wrong);
    }
    return "";
  }

 private:
  void step() {
    switch (random_.below(12)) {
      case 0:
        EXPECT_TRUE(stage_.run(stage_.log()->flush()));
        return;
      case 1:
        EXPECT_TRUE(stage_.run(stage_.log()->roll()));
        return;
      case 2:
        return stage_.reopen();
      case 3:
        return die();
      default:
        return append();
    }
  }
  void append() {
    const ProducerId producer(static_cast<std::int64_t>(1 + random_.below(3)));
    const auto entry = stage_.log()->producers().entry(producer);
    const BatchShape shape{.records = static_cast<int>(1 + random_.below(3)),
                           .value_size = random_.below(200),
                           .timestamp = stage_.environment().now_ms(),
                           .producer = producer,
                           .epoch = ProducerEpoch(0),
                           .sequence = entry ? entry->last_sequence() + 1 : 0};
    const auto appended = stage_.append(make_batch(shape));
    EXPECT_TRUE(appended && !appended->duplicate);
  }
  void die() {
    const auto roll = stage_.start(stage_.log()->roll());
    stage_.world().run_for(std::chrono::microseconds(random_.below(4'000)));
    const Offset point = random_.chance(0.5) ? stage_.log()->flushed() : Offset(0);
    random_.chance(0.7) ? stage_.crash() : stage_.kill();
    stage_.boot();
    EXPECT_TRUE(stage_.open(point, Offset(0)));
  }

  std::string compare() {
    log::ProducerState scanned;
    for (Offset at{0}; at < stage_.log()->log_end();) {
      const auto slice = stage_.read(at);
      if (!slice || slice->next_offset <= at) return "the log cannot be read";
      record::BatchIterator batches(slice->records.view());
      while (const auto batch = batches.next()) scanned.apply(*batch);
      at = slice->next_offset;
    }
    if (scanned.size() != stage_.log()->producers().size()) return "other producers are known";
    for (const log::ProducerEntry& entry : scanned.entries()) {
      const auto known = stage_.log()->producers().entry(entry.id);
      if (!known || !std::ranges::equal(known->kept(), entry.kept())) {
        return fmt::format("producer {}: {} batches, {} in the log, last sequence {}, {}", entry.id,
                           known ? known->batch_count : 0, entry.batch_count,
                           known ? known->last_sequence() : -1, entry.last_sequence());
      }
    }
    return "";
  }

  Random random_;
  Stage stage_;
};

TEST(ProducersOfALog, are_those_of_its_batches_after_any_life_I24) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    ASSERT_EQ(Lives(seed).run(60), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace cairn::storage::testing
