// SPDX-License-Identifier: Apache-2.0
#include "src/cli/reassignment_file.hpp"

#include <gtest/gtest.h>

#include "src/cli/local_cluster.hpp"

namespace cairn::cli {
namespace {

TEST(ReassignmentFile, reads_what_kafka_writes) {
  const auto plan = read_reassignment(
      R"({"version":1,"partitions":[{"topic":"b","partition":0,"replicas":[3,1],"log_dirs":["any","any"]},
          {"topic":"a","partition":2,"replicas":[2]}]})");
  ASSERT_TRUE(plan) << plan.error();
  const Plan expected = {{{"a", PartitionIndex(2)}, {BrokerId(2)}},
                         {{"b", PartitionIndex(0)}, {BrokerId(3), BrokerId(1)}}};
  EXPECT_EQ(*plan, expected);
  EXPECT_EQ(*read_reassignment(write_reassignment(*plan)), *plan);
}

TEST(ReassignmentFile, refuses_what_cannot_be_meant) {
  const auto why = [](const char* text) {
    const auto plan = read_reassignment(text);
    return plan ? std::string() : plan.error();
  };
  EXPECT_NE(why("no json").find("line 1"), std::string::npos);
  EXPECT_NE(why(R"({"version":2,"partitions":[]})").find("version"), std::string::npos);
  EXPECT_NE(why(R"({"partitions":[]})"), "");
  EXPECT_NE(why(R"({"topics":[]})"), "");
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","replicas":[1]}]})"), "");
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":-1,"replicas":[1]}]})"), "");
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":0,"replicas":[]}]})"), "");
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":0,"replicas":["1"]}]})"), "");
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":0,"replicas":[1,1]}]})").find("twice"),
            std::string::npos);
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":0,"replicas":[1]},
                                  {"topic":"a","partition":0,"replicas":[2]}]})")
                .find("a-0"),
            std::string::npos);
  EXPECT_NE(why(R"({"partitions":[{"topic":"a","partition":0,"replicas":[1],"log_dirs":["/x"]}]})")
                .find("log_dirs"),
            std::string::npos);
}

TEST(BrokerIds, are_numbers_each_once) {
  EXPECT_EQ(read_broker_ids("1,20,3"),
            (std::vector<BrokerId>{BrokerId(1), BrokerId(20), BrokerId(3)}));
  for (const char* text : {"", "1,", ",1", "1,1", "a", "-1", "1 ,2", "99999999999"}) {
    EXPECT_FALSE(read_broker_ids(text)) << text;
  }
}

TEST(LocalCluster, gives_each_node_ports_of_its_own) {
  const LocalCluster cluster{.directory = "/d", .brokers = 3, .port = 9092};
  EXPECT_EQ(cluster.bootstrap(), "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094");
  EXPECT_EQ(cluster.controller_port(1), 9095);
  EXPECT_EQ(cluster.metrics_port(3), cluster.last_port());
  const std::string text = cluster.configuration(2);
  EXPECT_NE(text.find("node.id: 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1@127.0.0.1:9095,2@127.0.0.1:9096,3@127.0.0.1:9097\n"), std::string::npos);
  EXPECT_NE(text.find("min.insync.replicas: 2\n"), std::string::npos);
  EXPECT_NE((LocalCluster{.directory = "/d", .brokers = 1})
                .configuration(1)
                .find("default.replication.factor: 1\n"),
            std::string::npos);
}

TEST(LocalCluster, is_read_as_it_was_written) {
  const LocalCluster cluster{.directory = "/d", .brokers = 5, .port = 20000};
  const auto read = LocalCluster::parse("/d", cluster.description());
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->brokers, 5);
  EXPECT_EQ(read->port, 20000);
  for (const char* text : {"", "{}", R"({"brokers":0,"port":1})", R"({"brokers":3,"port":65530})",
                           R"({"brokers":99,"port":9092})", R"({"brokers":"3","port":9092})"}) {
    EXPECT_FALSE(LocalCluster::parse("/d", text)) << text;
  }
}

TEST(LocalCluster, lies_in_the_users_data_folder) {
  EXPECT_EQ(usual_local_directory("/x", "/home/u"), "/x/cairn-local");
  EXPECT_EQ(usual_local_directory("", "/home/u"), "/home/u/.local/share/cairn-local");
}

}  // namespace
}  // namespace cairn::cli
