// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "testing.hpp"

namespace cairn::config {
namespace samples_test {

std::filesystem::path folder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() /
         "config";
}

ServerConfig sample(const std::string& name) {
  const auto path = folder() / name;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  Problems problems;
  StaticConfig settings;
  settings.add(parse_file(text.str(), name, problems), problems);
  EXPECT_THAT(problems, ::testing::IsEmpty());
  auto server = make_server_config(std::move(settings), "/data");
  if (!server) {
    for (const auto& line : server.error()) ADD_FAILURE() << line;
    return testing::server();
  }
  return std::move(*server);
}

}  // namespace samples_test

TEST(SampleOfOneNode, is_what_a_node_without_configuration_is) {
  const auto node = samples_test::sample("cairn.yaml");
  const auto bare = testing::server();
  EXPECT_EQ(node.listeners, bare.listeners);
  EXPECT_EQ(node.topic_defaults, bare.topic_defaults);
  EXPECT_EQ(node.log.dirs, bare.log.dirs);
  EXPECT_THAT(node.notices(), ::testing::IsEmpty());
}

TEST(Samples, say_nothing_that_a_start_would_warn_of) {
  int found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(samples_test::folder())) {
    if (!entry.is_regular_file()) continue;
    ++found;
    const auto name = std::filesystem::relative(entry.path(), samples_test::folder()).string();
    EXPECT_THAT(samples_test::sample(name).notices(), ::testing::IsEmpty()) << name;
  }
  EXPECT_GE(found, 10);
}

TEST(SampleOfControllersApart, has_controllers_without_topics_and_brokers_without_votes) {
  const auto first = samples_test::sample("cluster/separate/controller-1.yaml");
  for (int n = 1; n <= 3; ++n) {
    const auto number = std::to_string(n);
    const auto controller = samples_test::sample("cluster/separate/controller-" + number + ".yaml");
    EXPECT_TRUE(controller.controller_role && !controller.broker_role);
    EXPECT_EQ(controller.quorum.voters[static_cast<std::size_t>(n - 1)],
              (VoterConfig{controller.node_id, "127.0.0.1", controller.listeners[0].port}));
    const auto broker = samples_test::sample("cluster/separate/broker-1" + number + ".yaml");
    EXPECT_TRUE(broker.broker_role && !broker.controller_role);
    EXPECT_EQ(broker.node_id, BrokerId(10 + n));
    EXPECT_EQ(broker.quorum.voters, first.quorum.voters);
    EXPECT_EQ(broker.topic_defaults.min_insync_replicas, 2);
  }
}

TEST(SampleOfThreeNodes, gives_each_its_id_ports_and_place_among_the_voters) {
  for (int id = 1; id <= 3; ++id) {
    const auto node = samples_test::sample("cluster/broker-" + std::to_string(id) + ".yaml");
    EXPECT_EQ(node.node_id, BrokerId(id));
    ASSERT_EQ(node.quorum.voters.size(), 3u);
    const auto& voter = node.quorum.voters[static_cast<std::size_t>(id - 1)];
    EXPECT_EQ(voter.id, node.node_id);
    EXPECT_EQ(voter.port, node.listeners[1].port);
    EXPECT_EQ(node.topic_defaults.min_insync_replicas, 2);
    EXPECT_EQ(node.http.port, 9403 + id);
  }
}

}  // namespace cairn::config
