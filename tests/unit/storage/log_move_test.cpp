// SPDX-License-Identifier: Apache-2.0
// Moves between log directories: while others append and read, with power lost at any step, given
// up, and on disks that fail.
#include "directories_stage.hpp"

namespace cairn::storage::testing {
namespace {

using namespace std::chrono_literals;

/// All batches from the log start on, as they are on the disk.
Bytes content_of(Stage& stage, const std::shared_ptr<PartitionLog>& log) {
  Bytes all;
  Offset at = log->log_start();
  while (at < log->log_end()) {
    const auto slice = stage.run(log->read({.offset = at, .bound = ReadBound::log_end}));
    EXPECT_TRUE(slice);
    if (!slice || slice->records.empty()) break;
    append(all, slice->records.view());
    at = slice->next_offset;
  }
  EXPECT_EQ(at, log->log_end());
  return all;
}

int entries(Directories& node, const std::string& directory, std::string_view name) {
  int count = 0;
  const auto all = node.stage.run(node.stage.process().disk().list(directory));
  for (const auto& entry : all.value_or(std::vector<runtime::DirectoryEntry>{})) {
    count += entry.name.find(name) != std::string::npos ? 1 : 0;
  }
  return count;
}

/// A node with two directories, and one log in /a that has `batches` flushed batches.
struct Moving {
  explicit Moving(int batches = 6) : node({"/a", "/b"}) {
    EXPECT_TRUE(node.start());
    log = node.create();
    for (int i = 0; i < batches; ++i) node.append(log);
    EXPECT_TRUE(node.stage.run(log->flush()));
    EXPECT_TRUE(log->directory().starts_with("/a/"));
  }
  bool is_in(std::string_view path) const { return log->directory() == path; }
  /// Starts the next life and waits for what it takes up again.
  void start_again() {
    ASSERT_TRUE(node.start());
    log = node->find(key);
    ASSERT_NE(log, nullptr);
    node.stage.world().run_for(5s);
  }

  Directories node;
  std::shared_ptr<PartitionLog> log;
};

TEST(LogMove, swaps_under_appends_and_readers) {
  Moving moving;
  Stage& stage = moving.node.stage;
  auto moved = stage.start(moving.node->move(key, "/b"));
  std::int64_t next = 6;
  for (int i = 0; i < 1'000 && !moving.is_in("/b/topic-0"); ++i) {
    stage.world().run_for(100us);  // neither of the two below takes any time
    EXPECT_EQ(moving.node.append(moving.log), next++);
    const auto slice = stage.run(moving.log->read({.offset = Offset(0)}));
    EXPECT_TRUE(slice);
  }
  ASSERT_TRUE(moved->has_value() && **moved);
  EXPECT_TRUE(moving.is_in("/b/topic-0"));
  EXPECT_EQ(moving.node->find(key), moving.log);
  EXPECT_EQ(moving.node.append(moving.log), next++);
  EXPECT_TRUE(stage.run(moving.log->flush()));
  const Bytes before = content_of(stage, moving.log);
  EXPECT_EQ(moving.log->log_end(), Offset(next));
  EXPECT_EQ(entries(moving.node, "/a", "-delete"), 1);
  EXPECT_EQ(entries(moving.node, "/b", "-future"), 0);
  moving.log.reset();
  moving.node.stop();
  moving.start_again();
  EXPECT_TRUE(moving.is_in("/b/topic-0"));
  EXPECT_EQ(content_of(stage, moving.log), before);
}

TEST(IoThrottle, is_shared_and_a_higher_rate_helps_whoever_waits) {
  Stage stage;
  IoThrottle throttle(stage.process().clock(), 1'000);
  const auto one = stage.start(throttle.take(5'000));
  const auto two = stage.start(throttle.take(5'000));
  stage.world().run_for(9s);
  EXPECT_FALSE(two->has_value());
  stage.world().run_for(2s);
  EXPECT_TRUE(one->has_value() && two->has_value());
  const auto three = stage.start(throttle.take(10'000'000));
  stage.world().run_for(1s);
  EXPECT_FALSE(three->has_value());
  throttle.set_rate(10'000'000);
  stage.world().run_for(2s);
  ASSERT_TRUE(three->has_value());
  EXPECT_TRUE(**three);
}

TEST(LogMove, keeps_what_was_flushed_through_power_loss_at_any_step) {
  int finished_before = 0, went_on = 0;
  for (int step = 0; step < 120; ++step) {
    SCOPED_TRACE(step);
    Moving moving;
    Stage& stage = moving.node.stage;
    stage.start(moving.node->move(key, "/b"));
    stage.world().run_for(500us * step);
    moving.node.append(moving.log);
    stage.start(moving.log->flush());
    stage.world().run_for(200us * (step % 7));
    const Offset flushed = moving.log->flushed();
    const bool was_there = moving.is_in("/b/topic-0");
    const Bytes before = content_of(stage, moving.log);
    moving.log.reset();
    moving.node.crash();
    ASSERT_NO_FATAL_FAILURE(moving.start_again());
    EXPECT_GE(moving.log->log_end(), flushed);
    const Bytes after = content_of(stage, moving.log);
    ASSERT_LE(after.size(), before.size());
    EXPECT_TRUE(std::equal(after.begin(), after.end(), before.begin()));
    // One live directory is left, and no copy.
    EXPECT_EQ(entries(moving.node, "/a", "-future") + entries(moving.node, "/b", "-future"), 0);
    const bool in_b = moving.is_in("/b/topic-0");
    EXPECT_EQ(moving.node.text("/a/topic-0/partition.metadata") == "(missing)", in_b);
    EXPECT_EQ(moving.node.text("/b/topic-0/partition.metadata") == "(missing)", !in_b);
    finished_before += was_there ? 1 : 0;
    went_on += !was_there && in_b ? 1 : 0;
    EXPECT_EQ(moving.node.append(moving.log), moving.log->log_end().value() - 1);
  }
  EXPECT_GT(finished_before, 0);
  EXPECT_GT(went_on, 0);
}

TEST(LogMove, goes_on_after_a_clean_stop) {
  Moving moving(40);
  Stage& stage = moving.node.stage;
  const Bytes before = content_of(stage, moving.log);
  stage.start(moving.node->move(key, "/b"));
  stage.world().run_until([&] { return entries(moving.node, "/b", "-future") == 1; });
  moving.log.reset();
  moving.node.stop();
  moving.start_again();
  EXPECT_TRUE(moving.is_in("/b/topic-0"));
  EXPECT_EQ(content_of(stage, moving.log), before);
}

TEST(LogMove, is_given_up_for_another_directory_or_its_own) {
  Directories node({"/a", "/b", "/c"});
  ASSERT_TRUE(node.start());
  auto log = node.create();
  for (int i = 0; i < 40; ++i) node.append(log);
  EXPECT_TRUE(node.stage.run(node->move(key, "/b")));
  EXPECT_TRUE(node.stage.run(node->move(key, "/a")));  // where it is: no move
  node.stage.world().run_for(1s);
  EXPECT_EQ(log->directory(), "/a/topic-0");
  EXPECT_EQ(entries(node, "/b", "-future"), 0);
  EXPECT_TRUE(node.stage.run(node->move(key, "/b")));
  EXPECT_TRUE(node.stage.run(node->move(key, "/c")));
  node.stage.world().run_for(1s);
  EXPECT_EQ(log->directory(), "/c/topic-0");
  EXPECT_EQ(log->log_end(), Offset(40));
  EXPECT_EQ(entries(node, "/b", "-future"), 0);
  node.stage.world().run_for(2min);
  EXPECT_EQ(entries(node, "/a", "topic-0") + entries(node, "/b", "topic-0"), 0);
}

TEST(LogMove, costs_a_log_that_was_never_written_to_nothing) {
  Directories node({"/a", "/b"});
  ASSERT_TRUE(node.start());
  auto log = node.create();
  EXPECT_TRUE(node.stage.run(node->move(key, "/b")));
  EXPECT_EQ(log->directory(), "/b/topic-0");
  EXPECT_EQ(node.append(log), 0);
  EXPECT_NE(node.text("/b/topic-0/partition.metadata"), "(missing)");
}

TEST(LogMove, tells_what_cannot_be) {
  Moving moving;
  Stage& stage = moving.node.stage;
  const auto nowhere = stage.run(moving.node->move(key, "/elsewhere"));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::log_dir_not_found);
  const auto nobody = stage.run(moving.node->move({{1, 2'000}, PartitionIndex(0)}, "/b"));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::not_leader_or_follower);
}

TEST(LogMove, ends_with_its_partition) {
  Moving moving(40);
  Stage& stage = moving.node.stage;
  EXPECT_TRUE(stage.run(moving.node->move(key, "/b")));
  EXPECT_TRUE(stage.run(moving.node->remove(key)));
  stage.world().run_for(2min);
  EXPECT_EQ(entries(moving.node, "/a", "topic-0") + entries(moving.node, "/b", "topic-0"), 0);
}

TEST(LogMove, to_a_disk_that_fails_leaves_the_log_serving_where_it_is) {
  for (int step = 0; step < 40; ++step) {
    Moving moving;
    Stage& stage = moving.node.stage;
    stage.start(moving.node->move(key, "/b"));
    stage.world().run_for(1ms * step);
    if (moving.is_in("/b/topic-0")) break;
    stage.machine().faults().fails = [](std::string_view, const std::string& path) {
      return path.starts_with("/b");
    };
    stage.world().run_for(1s);
    if (moving.is_in("/b/topic-0")) break;  // the last step was under way
    EXPECT_TRUE(moving.log->healthy());
    EXPECT_TRUE(moving.is_in("/a/topic-0"));
    EXPECT_EQ(moving.node.append(moving.log), 6);
    EXPECT_TRUE(stage.run(moving.log->flush()));
    stage.machine().faults().fails = nullptr;
  }
}

TEST(LogMove, follows_what_is_cut_off) {
  Moving moving(30);
  Stage& stage = moving.node.stage;
  auto moved = stage.start(moving.node->move(key, "/b"));
  stage.world().run_until([&] { return entries(moving.node, "/b", "-future") == 1; });
  EXPECT_TRUE(stage.run(moving.log->truncate_to(Offset(3))));
  EXPECT_TRUE(stage.run(moving.log->assign_epoch(Epoch(4))));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(stage.run(
        Stage::append_owned(moving.log, make_batch({}, 'w'), Epoch(4), record::Origin::client)));
  }
  stage.world().run_for(2s);
  EXPECT_TRUE(moving.is_in("/b/topic-0"));
  EXPECT_EQ(moving.log->log_end(), Offset(8));
  EXPECT_EQ(moving.log->epochs().epoch_of(Offset(3)), Epoch(4));
  EXPECT_EQ(content_of(stage, moving.log).size(), 8 * make_batch({}).size());
}

TEST(LogMove, keeps_the_log_start_through_power_loss_I27) {
  Moving moving;
  Stage& stage = moving.node.stage;
  moving.log->set_high_watermark(Offset(6));
  EXPECT_TRUE(stage.run(moving.log->advance_log_start(Offset(4))));
  stage.run(moving.node->write_log_starts());
  EXPECT_TRUE(stage.run(moving.node->move(key, "/b")));
  stage.world().run_until([&] { return moving.is_in("/b/topic-0"); });
  moving.log.reset();
  moving.node.crash();
  moving.start_again();  // in one directory or the other
  EXPECT_EQ(moving.log->log_start(), Offset(4));
}

TEST(LogMove, reports_where_a_log_is) {
  Moving moving;
  Stage& stage = moving.node.stage;
  EXPECT_TRUE(moving.node->take_misplaced(10).empty());
  EXPECT_TRUE(stage.run(moving.node->move(key, "/b")));
  stage.world().run_for(1s);
  const auto places = moving.node->take_misplaced(10);
  ASSERT_EQ(places.size(), 1u);
  EXPECT_EQ(places[0].directory, moving.node->directory_ids()[1]);
  EXPECT_FALSE(moving.node->any_misplaced());
}

TEST(LogDirectories, does_not_begin_a_partition_anew_whose_directory_is_offline) {
  Moving moving;
  Stage& stage = moving.node.stage;
  const DirectoryId own = moving.node->directory_ids()[0];
  moving.log.reset();
  moving.node.stop();
  moving.node.metadata_path = "/b";
  stage.machine().faults().fails = [](std::string_view, const std::string& path) {
    return path.starts_with("/a");
  };
  ASSERT_TRUE(moving.node.start());
  EXPECT_EQ(moving.node->online_count(), 1u);
  const auto made = moving.node->create(key, partition, {}, own);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(moving.node->create({{9, 9'000}, PartitionIndex(0)}, {"new", PartitionIndex(0)}, {}));
}

TEST(LogDirectories, makes_no_files_for_what_was_never_written_to) {
  Directories node;
  ASSERT_TRUE(node.start());
  auto log = node.create();
  EXPECT_TRUE(node.stage.run(log->assign_epoch(Epoch(0))));
  node.stage.world().run_for(10min);
  EXPECT_EQ(entries(node, "/a", "topic-0"), 0);
  EXPECT_EQ(node.append(log), 0);
  EXPECT_TRUE(node.stage.run(log->flush()));
  EXPECT_NE(node.text("/a/topic-0/partition.metadata"), "(missing)");
  log.reset();
  node.crash();
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->find(key)->log_end(), Offset(1));
  EXPECT_EQ(node->find(key)->epochs().epoch_of(Offset(0)), Epoch(0));
}

TEST(LogDirectories, refuses_the_first_append_without_space_and_goes_on) {
  Directories node;
  ASSERT_TRUE(node.start());
  auto log = node.create();
  node.stage.machine().faults().space = 0;
  EXPECT_EQ(node.append(log), -1);
  EXPECT_TRUE(log->healthy());
  node.stage.machine().faults().space.reset();
  EXPECT_EQ(node.append(log), 0);
}

}  // namespace
}  // namespace cairn::storage::testing
