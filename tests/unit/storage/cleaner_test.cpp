// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/mutant.hpp>
#include <cairn/storage/log_directories.hpp>

#include "cleaning_model.hpp"

namespace cairn::storage::testing {
namespace {

struct WithoutGuard {
#ifdef CAIRN_MUTANTS
  explicit WithoutGuard(std::string_view guard) { choose_mutant(guard); }
  ~WithoutGuard() { choose_mutant(""); }
#else
  explicit WithoutGuard(std::string_view) {}
#endif
};

/// What the first of these seeds' runs finds wrong; nothing if all are sound.
std::string first_fault(std::uint64_t seeds, int steps) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CleaningModel model(seed);
    for (int i = 0; i < steps; ++i) {
      const std::string wrong = model.step();
      if (!wrong.empty()) {
        return fmt::format("seed {} step {}: {}\n{}", seed, i, wrong, model.trace());
      }
    }
  }
  return "";
}

TEST(Cleaner, keeps_its_promises_through_any_lives_I26) { EXPECT_EQ(first_fault(40, 60), ""); }

#ifdef CAIRN_MUTANTS
class CleanerGuard : public ::testing::TestWithParam<const char*> {};

TEST_P(CleanerGuard, is_missed_when_it_is_removed_L33) {
  const WithoutGuard removed(GetParam());
  EXPECT_NE(first_fault(600, 60), "") << GetParam();
}

INSTANTIATE_TEST_SUITE_P(L33, CleanerGuard,
                         ::testing::Values("L33-last-stable", "L33-sequence", "L33-tombstone",
                                           "L33-aborted-keys", "L33-flushed", "L33-roll"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });
#endif

// ---- one log ----

Bytes keyed_batch(std::initializer_list<std::pair<std::string_view, std::string_view>> records) {
  record::BatchBuilder builder;
  for (const auto& [key, value] : records) builder.append(1'000, as_bytes(key), as_bytes(value));
  return builder.build();
}

LogOptions compacted() {
  LogOptions options;
  options.cleaning.compact = true;
  options.deletes_by_policy = false;
  return options;
}

runtime::Task<Result<CleaningReport>> clean_now(Environment& environment,
                                                std::shared_ptr<PartitionLog> log,
                                                CleanerOptions options = {}) {
  IoThrottle throttle(environment.clock, options.max_bytes_per_second);
  co_return co_await clean_log(environment, log, options, throttle);
}

runtime::Task<Result<Appended>> append_keyed(std::shared_ptr<PartitionLog> log, Bytes batch) {
  LeaderAppend append{.batches = batch, .leader_epoch = Epoch(1)};
  co_return co_await log->append_as_leader(append);
}

/// Three segments and an active one; all below the high watermark.
void fill(Stage& stage, const std::shared_ptr<PartitionLog>& log) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stage.run(append_keyed(log, keyed_batch({{"a", "1"}, {"b", "2"}}))));
    ASSERT_TRUE(stage.run(log->roll()));
  }
  ASSERT_TRUE(stage.run(log->flush()));
  log->set_high_watermark(log->log_end());
}

TEST(Cleaner, makes_one_segment_of_small_ones) {
  Stage stage;
  stage.options = compacted();
  ASSERT_TRUE(stage.open());
  fill(stage, stage.log());
  const auto report = stage.run(clean_now(stage.environment(), stage.log()));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->segments_before, 3);
  EXPECT_EQ(report->segments_after, 1);
  EXPECT_EQ(report->counts.records_kept, 2);
  EXPECT_EQ(stage.log()->segment_bases(), (std::vector<Offset>{Offset(0), Offset(6)}));
  EXPECT_EQ(stage.log()->clean_point(), Offset(6));
  EXPECT_EQ(stage.log()->log_end(), Offset(6));
  EXPECT_FALSE(stage.exists("00000000000000000000.log.cleaned"));
  EXPECT_FALSE(stage.exists("00000000000000000002.log"));
  EXPECT_FALSE(stage.exists("00000000000000000002.log.deleted"));
}

TEST(Cleaner, leaves_a_clean_log_alone) {
  Stage stage;
  stage.options = compacted();
  ASSERT_TRUE(stage.open());
  fill(stage, stage.log());
  ASSERT_TRUE(stage.run(clean_now(stage.environment(), stage.log())));
  const auto again = stage.run(clean_now(stage.environment(), stage.log()));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts.bytes_read, 0);
}

TEST(Cleaner, stops_when_the_log_is_truncated_under_it) {
  Stage stage;
  stage.options = compacted();
  ASSERT_TRUE(stage.open());
  fill(stage, stage.log());
  const auto report = stage.start(clean_now(stage.environment(), stage.log()));
  stage.world().run_for(std::chrono::microseconds(100));
  ASSERT_FALSE(report->has_value());
  ASSERT_TRUE(stage.run(stage.log()->truncate_to(Offset(3))));
  stage.world().run_for(std::chrono::seconds(5));
  ASSERT_TRUE(report->has_value());
  ASSERT_FALSE(**report);
  EXPECT_TRUE(is_cleaning_interrupted((*report)->error()));
  EXPECT_FALSE(stage.exists("00000000000000000000.log.cleaned"));
  EXPECT_EQ(stage.log()->log_end(), Offset(2));
}

TEST(Cleaner, keeps_to_its_rate) {
  Stage stage;
  stage.options = compacted();
  ASSERT_TRUE(stage.open());
  fill(stage, stage.log());
  CleanerOptions slow;
  slow.max_bytes_per_second = 100;
  const auto report = stage.run(clean_now(stage.environment(), stage.log(), slow));
  ASSERT_TRUE(report);
  const std::uint64_t bytes = report->bytes_mapped + report->counts.bytes_read;
  EXPECT_GE(report->took, std::chrono::milliseconds(10 * bytes));
}

TEST(Cleaner, puts_a_log_off_when_there_is_no_space) {
  Stage stage;
  stage.options = compacted();
  ASSERT_TRUE(stage.open());
  fill(stage, stage.log());
  stage.machine().faults().fails = [](std::string_view, const std::string&) { return false; };
  stage.machine().faults().space = 1;
  const auto report = stage.run(clean_now(stage.environment(), stage.log()));
  ASSERT_FALSE(report);
  EXPECT_TRUE(runtime::is_no_space(report.error()));
  EXPECT_TRUE(stage.log()->healthy());
  EXPECT_FALSE(stage.exists("00000000000000000000.log.cleaned"));
}

// ---- all logs ----

/// Log directories with a few compacted partitions.
class Cluster {
 public:
  Cluster() {
    options_.paths = {"/data"};
    options_.metadata_path = "/data";
    options_.config.recovery_threads_per_dir = 1;
    options_.config.initial_task_delay = options_.config.retention_check_interval =
        options_.config.flush_offset_checkpoint_interval =
            options_.config.flush_start_offset_checkpoint_interval =
                options_.config.high_watermark_checkpoint_interval =
                    options_.config.producer_id_expiration_check_interval = std::chrono::hours(1);
    options_.cleaner.enabled = false;  // the test says when
    start();
  }
  ~Cluster() { stop(); }

  void start() {
    directories_ =
        std::make_unique<LogDirectories>(stage.environment(), stage.process().shard(), options_);
    EXPECT_TRUE(stage.run(directories_->lock()));
    EXPECT_TRUE(stage.run(directories_->format("cluster", BrokerId(1))));
    const KnownLogs known = [](const TopicPartition&, const TopicId&) {
      return KnownLog{compacted()};
    };
    EXPECT_TRUE(stage.run(directories_->load(known)));
  }
  void stop() {
    stage.run(directories_->stop(BrokerEpoch(1)));
    directories_.reset();
  }
  std::shared_ptr<PartitionLog> log(std::string topic, LogOptions options = compacted()) {
    const LogKey key{TopicId{1, std::hash<std::string>{}(topic)}, PartitionIndex(0)};
    auto made = directories_->create(key, {topic, PartitionIndex(0)}, options);
    EXPECT_TRUE(made);
    return *made;
  }
  Cleaner& cleaner() { return directories_->cleaner(); }
  bool clean_one() { return stage.run(cleaner().clean_one()); }
  std::string checkpoint() {
    const auto content = stage.machine().content("/data/cleaner-offset-checkpoint");
    return content ? std::string(as_text(*content)) : "";
  }
  double metric(std::string_view name) {
    for (const Sample& sample : stage.process().shard().metrics().samples()) {
      if (sample.name == name) return sample.value;
    }
    return -1;
  }

  Stage stage;

 private:
  LogDirectoriesOptions options_;
  std::unique_ptr<LogDirectories> directories_;
};

TEST(Cleaner, cleans_what_is_due_and_writes_its_checkpoint) {
  Cluster cluster;
  fill(cluster.stage, cluster.log("one"));
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_FALSE(cluster.clean_one());
  EXPECT_EQ(cluster.checkpoint(), "0\n1\none 0 6\n");
  cluster.stop();
  cluster.start();
  EXPECT_EQ(cluster.log("one")->clean_point(), Offset(6));
  EXPECT_FALSE(cluster.clean_one());
}

TEST(Cleaner, takes_the_dirtiest_log_first) {
  Cluster cluster;
  const auto first = cluster.log("first"), second = cluster.log("second");
  fill(cluster.stage, first);
  EXPECT_TRUE(cluster.clean_one());
  fill(cluster.stage, first);  // half of it is dirty, more than half since the first half shrank
  fill(cluster.stage, second);
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_EQ(second->clean_point(), Offset(6));
  EXPECT_EQ(first->clean_point(), Offset(6));
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_EQ(first->clean_point(), Offset(12));
}

TEST(Cleaner, follows_the_cleanup_policy_at_run_time) {
  Cluster cluster;
  LogOptions options = compacted();
  options.cleaning.compact = false;
  const auto log = cluster.log("one", options);
  fill(cluster.stage, log);
  EXPECT_FALSE(cluster.clean_one());
  log->configure(compacted());
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_EQ(log->segment_count(), 2);
}

TEST(Cleaner, deletes_by_age_what_it_has_compacted) {
  Cluster cluster;
  LogOptions options = compacted();
  options.deletes_by_policy = true;
  options.retention.retention_ms = 1'000;
  const auto log = cluster.log("one", options);
  fill(cluster.stage, log);
  EXPECT_TRUE(cluster.clean_one());
  ASSERT_TRUE(cluster.stage.run(log->delete_old_segments()));
  EXPECT_EQ(log->log_start(), Offset(6));
  EXPECT_FALSE(cluster.clean_one());
}

TEST(Cleaner, sets_a_damaged_log_aside_and_goes_on_with_others_L33) {
  Cluster cluster;
  const auto bad = cluster.log("bad"), good = cluster.log("good");
  fill(cluster.stage, bad);
  fill(cluster.stage, good);
  auto file = cluster.stage.run(cluster.stage.process().disk().open(
      "/data/bad-0/00000000000000000002.log", runtime::OpenMode::write));
  ASSERT_TRUE(file);
  const Bytes damage(1, std::byte('!'));
  const BytesView parts[] = {damage};
  ASSERT_TRUE(cluster.stage.run((*file)->write_at(70, parts)));
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_TRUE(cluster.clean_one());
  EXPECT_FALSE(cluster.clean_one());
  EXPECT_EQ(good->clean_point(), Offset(6));
  EXPECT_EQ(bad->clean_point(), std::nullopt);
  EXPECT_TRUE(bad->healthy());
  EXPECT_EQ(bad->segment_count(), 4);
  EXPECT_EQ(cluster.cleaner().uncleanable_count(), 1);
  EXPECT_EQ(cluster.metric("kafka_log_logcleanermanager_uncleanable_partitions_count"), 1);
}

}  // namespace
}  // namespace cairn::storage::testing
