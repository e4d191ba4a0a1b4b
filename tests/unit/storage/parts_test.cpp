// SPDX-License-Identifier: Apache-2.0
#include <cairn/storage/meta_properties.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {
namespace {

TEST(BufferPool, lends_the_same_memory_again) {
  auto pool = std::make_shared<BufferPool>(std::size_t{1} << 20);
  const std::byte* first = nullptr;
  {
    const auto lent = pool->lend(5'000);
    EXPECT_EQ(lent.bytes.size(), 5'000u);
    first = lent.bytes.data();
  }
  EXPECT_EQ(pool->lend(8'000).bytes.data(), first);
}

TEST(BufferPool, keeps_no_more_idle_memory_than_it_may) {
  auto pool = std::make_shared<BufferPool>(20'000);
  {
    const auto one = pool->lend(16'000);
    const auto two = pool->lend(16'000);
  }
  const auto three = pool->lend(1);
  EXPECT_LE(pool->idle_bytes(), 20'000u);
}

TEST(BufferPool, outlives_its_owner_while_a_buffer_is_out) {
  auto pool = std::make_shared<BufferPool>(20'000);
  const auto lent = pool->lend(100);
  pool.reset();
  lent.bytes[99] = std::byte{1};
}

TEST(OpenFiles, closes_the_file_that_was_used_least_recently) {
  Stage stage;
  OpenFiles files(2);
  FileSlot slots[3];
  const auto open = [&](int i) {
    return stage.run(files.open(slots[i], stage.process().disk(), "/data/" + std::to_string(i),
                                runtime::OpenMode::create));
  };
  auto held = open(0);
  ASSERT_TRUE(held && open(1));
  EXPECT_NE(files.find(slots[0]), nullptr);
  ASSERT_TRUE(open(2));
  EXPECT_TRUE(slots[0].is_open());
  EXPECT_FALSE(slots[1].is_open());
  EXPECT_EQ(files.size(), 2u);
  slots[0].close();
  EXPECT_EQ(files.size(), 1u);
  EXPECT_EQ(*stage.run((*held)->size()), 0u);  // its user goes on
}

TEST(OpenFiles, many_logs_share_few_files) {
  Stage stage;
  stage.environment().open_files.set_capacity(3);
  std::vector<std::shared_ptr<PartitionLog>> logs;
  for (int i = 0; i < 10; ++i) {
    OpenLog request = stage.request();
    request.directory = "/data/many-" + std::to_string(i);
    auto log = stage.run(PartitionLog::open(stage.environment(), stage.health(), request));
    ASSERT_TRUE(log);
    logs.push_back(*log);
  }
  for (int round = 0; round < 3; ++round) {
    for (const auto& log : logs) {
      ASSERT_TRUE(
          stage.run(Stage::append_owned(log, make_batch({}), Epoch(0), record::Origin::client)));
    }
  }
  EXPECT_LE(stage.environment().open_files.size(), 3u);
  for (const auto& log : logs) EXPECT_EQ(log->log_end(), Offset(3));
}

TEST(MetaProperties, reads_what_kafka_writes) {
  const auto meta = decode_meta_properties(
      as_bytes("#\n#Mon Nov 23 00:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\n"
               "directory.id=Tx2xYyO4Hpyb5mUaGvLsgA\nnode.id=3\nversion=1\n"));
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->cluster_id, "MkU3OEVBNTcwNTJENDM2Qg");
  EXPECT_EQ(meta->node_id, BrokerId(3));
  EXPECT_EQ(meta->directory_id->text(), "Tx2xYyO4Hpyb5mUaGvLsgA");
  EXPECT_EQ(decode_meta_properties(encode_meta_properties(*meta)), *meta);
}

TEST(MetaProperties, takes_over_version_0) {
  const auto meta = decode_meta_properties(as_bytes("version=0\nbroker.id=2\ncluster.id=x\n"));
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->version, 1);
  EXPECT_EQ(meta->node_id, BrokerId(2));
  EXPECT_FALSE(meta->directory_id);
}

TEST(MetaProperties, what_others_wrote_is_kept_whatever_it_is) {
  const auto meta = decode_meta_properties(
      as_bytes("version=1\nnode.id=1\ncluster.id=c\nodd\\=\\:\\ key = a\\=b\\ \\\\ \nempty=\n"));
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->others.at("odd=: key"), "a=b \\");
  EXPECT_EQ(meta->others.at("empty"), "");
  EXPECT_EQ(decode_meta_properties(encode_meta_properties(*meta)), *meta);
}

TEST(MetaProperties, refuses_what_it_cannot_understand) {
  for (const char* text : {"", "version=2\nnode.id=1\ncluster.id=x\n", "version=1\nnode.id=1\n",
                           "version=0\nbroker.id=1\n", "version=0\nnode.id=1\ncluster.id=x\n",
                           "version=1\nnode.id=x\ncluster.id=x\n", "version=1\nno separator",
                           "version=1\nnode.id=1\ncluster.id=x\ndirectory.id=short\n"}) {
    EXPECT_FALSE(decode_meta_properties(as_bytes(text))) << text;
  }
}

TEST(DelayedDeletes, removes_in_order_of_time) {
  Stage stage;
  const auto touch = [&](const std::string& path) {
    EXPECT_TRUE(stage.run(stage.process().disk().open(path, runtime::OpenMode::create)));
  };
  touch("/data/soon");
  touch("/data/late");
  auto& deletes = stage.environment().deletes;
  stage.process().shard().tasks().spawn(deletes.run());
  deletes.add("/data/late", std::chrono::seconds(60));
  stage.world().run_for(std::chrono::seconds(1));
  deletes.add("/data/soon", std::chrono::seconds(5));
  stage.world().run_for(std::chrono::seconds(10));
  EXPECT_FALSE(stage.machine().content("/data/soon"));
  EXPECT_TRUE(stage.machine().content("/data/late"));
  stage.world().run_for(std::chrono::seconds(60));
  EXPECT_FALSE(stage.machine().content("/data/late"));
  stage.process().shard().tasks().cancel();
  stage.world().run_ready();
}

}  // namespace
}  // namespace cairn::storage::testing
