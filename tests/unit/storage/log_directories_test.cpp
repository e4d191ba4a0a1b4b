// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include <cairn/log/checkpoint.hpp>

#include "directories_stage.hpp"

namespace cairn::storage::testing {
namespace {

TEST(LogDirectories, formats_what_is_new_and_finds_itself_again) {
  Directories node({"/a", "/b"});
  ASSERT_TRUE(node.start());
  const auto ids = node->directory_ids();
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(node.text("/b/meta.properties").find("cluster.id=cluster\n"), std::string::npos);
  node.stop();
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->directory_ids(), ids);
  EXPECT_EQ(node->found()->node_id, BrokerId(1));
}

TEST(LogDirectories, refuses_a_directory_in_use) {
  Directories node;
  ASSERT_TRUE(node.start());
  Directories* first = &node;
  LogDirectories second(first->stage.environment(), first->stage.process().shard(),
                        {.paths = {"/a"}, .metadata_path = "/a", .config = log_config()});
  const auto locked = first->stage.run(second.lock());
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error(), "log.dirs: /a is in use by another process; stop it or choose another");
}

TEST(LogDirectories, refuses_directories_of_others) {
  Directories node;
  ASSERT_TRUE(node.start());
  node.stop();
  node.make();
  ASSERT_TRUE(node.stage.run(node->lock()));
  const auto other_node = node.stage.run(node->format("cluster", BrokerId(2)));
  ASSERT_FALSE(other_node);
  EXPECT_NE(other_node.error().find("node.id is 2"), std::string::npos);
  const auto other_cluster = node.stage.run(node->format("else", BrokerId(1)));
  ASSERT_FALSE(other_cluster);
  EXPECT_NE(other_cluster.error().find("cluster else"), std::string::npos);
}

TEST(LogDirectories, refuses_a_directory_with_foreign_files) {
  Directories node;
  ASSERT_TRUE(node.stage.run(node.stage.process().disk().create_directory("/a/holiday")));
  const auto started = node.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("never formatted"), std::string::npos);
}

TEST(LogDirectories, loads_what_it_created_and_believes_a_clean_marker_once_L29) {
  Directories node;
  ASSERT_TRUE(node.start());
  auto log = node.create();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(node.append(log), i);
  log.reset();
  node.stop(BrokerEpoch(42));
  EXPECT_EQ(node.text("/a/.kafka_cleanshutdown"), "{\"version\":0,\"brokerEpoch\":42}");
  EXPECT_EQ(node.text("/a/recovery-point-offset-checkpoint"), "0\n1\ntopic 0 3\n");
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->previous_broker_epoch(), BrokerEpoch(42));
  EXPECT_EQ(node.text("/a/.kafka_cleanshutdown"), "(missing)");
  EXPECT_EQ(node->find(key)->log_end(), Offset(3));
  node.kill();
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->previous_broker_epoch(), no_broker_epoch);
  EXPECT_EQ(node->find(key)->log_end(), Offset(3));
}

TEST(LogDirectories, leaves_no_clean_marker_after_a_failed_start_L29) {
  Directories node;
  ASSERT_TRUE(node.start());
  node.append(node.create());
  node.stop();
  ASSERT_TRUE(node.stage.run(node.stage.process().disk().create_directory("/a/not a partition")));
  ASSERT_FALSE(node.start());
  node.stop();
  EXPECT_EQ(node.text("/a/.kafka_cleanshutdown"), "(missing)");
}

TEST(LogDirectories, checkpoints_in_the_background) {
  Directories node;
  ASSERT_TRUE(node.start());
  auto log = node.create();
  node.append(log);
  EXPECT_TRUE(node.stage.run(log->flush()));
  log->set_high_watermark(Offset(1));
  node.stage.world().run_for(std::chrono::minutes(2));
  EXPECT_EQ(node.text("/a/recovery-point-offset-checkpoint"), "0\n1\ntopic 0 1\n");
  EXPECT_EQ(node.text("/a/replication-offset-checkpoint"), "0\n1\ntopic 0 1\n");
}

TEST(LogDirectories, keeps_a_topic_made_anew_apart_from_its_namesake_L37) {
  Directories node;
  ASSERT_TRUE(node.start());
  auto old_log = node.create();
  node.append(old_log);
  ASSERT_TRUE(node.stage.run(node->remove(key)));
  EXPECT_EQ(node.append(old_log), -1);
  EXPECT_TRUE(old_log->health().online());
  const LogKey anew{{5, 2'000}, PartitionIndex(0)};
  auto log = node->create(anew, partition, {});
  ASSERT_TRUE(log);
  EXPECT_EQ((*log)->log_end(), Offset(0));
  EXPECT_EQ(node.append(*log), 0);
  EXPECT_EQ(node->find(key), nullptr);
  EXPECT_TRUE(node.has_entry("/a", "-delete"));
  node.stage.world().run_for(std::chrono::minutes(2));
  EXPECT_FALSE(node.has_entry("/a", "-delete"));
  EXPECT_TRUE(node.has_entry("/a", "topic-0"));
}

TEST(LogDirectories, sets_aside_what_the_metadata_does_not_know) {
  Directories node;
  ASSERT_TRUE(node.start());
  node.append(node.create());
  node.stop();
  node.known = [](const TopicPartition&, const TopicId&) { return std::nullopt; };
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->find(key), nullptr);
  EXPECT_TRUE(node.has_entry("/a", "-stray"));
}

TEST(LogDirectories, a_failed_directory_leaves_the_others_serving) {
  Directories node({"/a", "/b"});
  node.metadata_path = "/b";
  ASSERT_TRUE(node.start());
  auto log = node.create();  // the first, in /a
  ASSERT_TRUE(log->directory().starts_with("/a/"));
  node.stage.machine().faults().fails = [](std::string_view, const std::string& path) {
    return path.starts_with("/a");
  };
  EXPECT_EQ(node.append(log), -1);
  node.stage.world().run_ready();
  EXPECT_EQ(node->online_count(), 1u);
  EXPECT_TRUE(node->metadata_directory_online());
  const LogKey other{{5, 2'000}, PartitionIndex(0)};
  auto second = node->create(other, {"other", PartitionIndex(0)}, {});
  ASSERT_TRUE(second);
  EXPECT_TRUE((*second)->directory().starts_with("/b/"));
  const auto reports = node.stage.run(node->describe());
  EXPECT_FALSE(reports[0].online);
  EXPECT_TRUE(reports[1].online);
}

LogKey key_of(int partition) { return {key.topic, PartitionIndex(partition)}; }

/// A node with six logs of many batches that died.
void die_with_six_logs(Directories& node) {
  ASSERT_TRUE(node.start());
  for (int i = 0; i < 6; ++i) {
    auto log = node->create(key_of(i), {"topic", PartitionIndex(i)}, {});
    ASSERT_TRUE(log);
    for (int batch = 0; batch < 40; ++batch) node.append(*log);
    EXPECT_TRUE(node.stage.run((*log)->flush()));
    (*log)->set_high_watermark(Offset(30 + i));
  }
  EXPECT_TRUE(node.stage.run(node->find(key_of(5))->advance_log_start(Offset(7))));
  node.stage.run(node->write_checkpoints());
  node.kill();
}

TEST(LogDirectories, each_log_of_a_crash_is_there_as_soon_as_it_is_ready) {
  Directories node;
  die_with_six_logs(node);
  std::vector<std::size_t> left;
  ASSERT_TRUE(node.begin([&] {
    node->on_recovered([&](const LogKey& ready) {
      EXPECT_NE(node->find(ready), nullptr);
      left.push_back(node->recovering_count());
    });
  }));
  EXPECT_GT(node->recovering_count(), 0u) << "load() does not wait for them";
  ASSERT_TRUE(node->recovering(key_of(5)));
  const auto early = node->create(key_of(5), {"topic", PartitionIndex(5)}, {});
  EXPECT_EQ(code_of(early), ErrorCode::not_leader_or_follower);
  EXPECT_TRUE(node.stage.run(node->wait_recovered()));
  EXPECT_EQ(left.size(), 6u);
  EXPECT_TRUE(std::ranges::is_sorted(left, std::greater()));
  for (int i = 0; i < 6; ++i) {
    ASSERT_NE(node->find(key_of(i)), nullptr);
    EXPECT_EQ(node->find(key_of(i))->log_end(), Offset(40));
    EXPECT_EQ(node->find(key_of(i))->high_watermark(), Offset(30 + i));
  }
  EXPECT_EQ(node->find(key_of(5))->log_start(), Offset(7));
}

TEST(LogDirectories, a_stop_while_logs_recover_keeps_what_the_checkpoints_said) {
  Directories node;
  die_with_six_logs(node);
  const std::string recovery_points = node.text("/a/recovery-point-offset-checkpoint");
  ASSERT_TRUE(node.begin());
  ASSERT_GT(node->recovering_count(), 0u);
  node.stop();
  EXPECT_EQ(node.text("/a/.kafka_cleanshutdown"), "(missing)");
  const auto sorted_lines = [](std::string text) {
    std::ranges::sort(text);
    return text;
  };
  EXPECT_EQ(sorted_lines(node.text("/a/recovery-point-offset-checkpoint")),
            sorted_lines(recovery_points));
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->find(key_of(5))->log_start(), Offset(7));
  EXPECT_EQ(node->find(key_of(3))->high_watermark(), Offset(33));
  node.stop();
  EXPECT_NE(node.text("/a/.kafka_cleanshutdown"), "(missing)");
}

TEST(LogDirectories, a_log_that_recovers_can_be_removed) {
  Directories node;
  die_with_six_logs(node);
  ASSERT_TRUE(node.begin());
  ASSERT_TRUE(node->recovering(key_of(5)));
  ASSERT_TRUE(node.stage.run(node->remove(key_of(5))));
  ASSERT_TRUE(node.stage.run(node->remove(key_of(0))));
  EXPECT_TRUE(node.stage.run(node->wait_recovered()));
  EXPECT_EQ(node->find(key_of(5)), nullptr);
  EXPECT_EQ(node->find(key_of(0)), nullptr);
  EXPECT_NE(node->find(key_of(4)), nullptr);
  EXPECT_TRUE(node.has_entry("/a", "-delete"));
  auto anew = node->create(LogKey{{5, 2'000}, PartitionIndex(5)}, {"topic", PartitionIndex(5)}, {});
  ASSERT_TRUE(anew);
  EXPECT_EQ((*anew)->log_end(), Offset(0));
  anew = fail(ErrorCode::none, "");
  node.stop();
  EXPECT_NE(node.text("/a/.kafka_cleanshutdown"), "(missing)");
}

TEST(LogDirectories, a_log_that_cannot_be_opened_is_not_made_anew) {
  Directories node({"/a", "/b"});
  node.metadata_path = "/b";
  ASSERT_TRUE(node.start());
  node.append(node.create());
  node.kill();
  node.stage.machine().faults().fails = [](std::string_view operation, const std::string& path) {
    return path.starts_with("/a/topic-0/0") && operation == "read";
  };
  ASSERT_TRUE(node.start());
  EXPECT_EQ(node->find(key), nullptr);
  EXPECT_EQ(node->online_count(), 1u);
  const auto made = node->create(key, partition, {});
  EXPECT_EQ(code_of(made), ErrorCode::kafka_storage_error);
}

TEST(LogDirectories, refuses_a_metadata_log_where_it_does_not_belong) {
  Directories node({"/a", "/b"});
  ASSERT_TRUE(node.start());
  node.stop();
  ASSERT_TRUE(
      node.stage.run(node.stage.process().disk().create_directory("/b/__cluster_metadata-0")));
  const auto started = node.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().find("metadata.log.dir"), std::string::npos);
}

// A first life made the directory and its meta.properties, and was killed before it flushed the
// directory's own name. What later lives acknowledge must not go with that name.
TEST(LogDirectories, flushes_the_names_of_its_directories_though_an_earlier_life_made_them) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Directories node({"/new/a"}, seed);
    node.metadata_path = "/new/a";
    node.make();
    ASSERT_TRUE(node.stage.run(node->lock()));
    node.stage.start(node->format("cluster", BrokerId(1)));
    ASSERT_TRUE(node.stage.world().run_until(
        [&] { return node.stage.machine().content("/new/a/meta.properties").has_value(); }));
    node.kill();
    ASSERT_TRUE(node.start());
    auto log = node.create();
    node.append(log);
    ASSERT_TRUE(node.stage.run(log->flush()));
    log.reset();
    node.crash();
    ASSERT_TRUE(node.start());
    ASSERT_NE(node->find(key), nullptr) << "seed " << seed;
    EXPECT_EQ(node->find(key)->log_end(), Offset(1)) << "seed " << seed;
  }
}

TEST(LogDirectories, keeps_what_was_flushed_through_power_loss_at_any_moment) {
  for (std::uint64_t life = 1; life <= 15; ++life) {
    Directories node;
    ASSERT_TRUE(node.start());
    auto log = node.create();
    for (int i = 0; i < 5; ++i) node.append(log);
    EXPECT_TRUE(node.stage.run(log->flush()));
    node.append(log);
    node.stage.start(log->flush());
    node.stage.world().run_for(std::chrono::microseconds(300 * life));
    const Offset flushed = log->flushed();
    log.reset();
    node.kill();
    ASSERT_TRUE(node.start());
    ASSERT_NE(node->find(key), nullptr);
    EXPECT_GE(node->find(key)->log_end(), flushed);
  }
}

}  // namespace
}  // namespace cairn::storage::testing
