// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "testing.hpp"

namespace cairn::config {
namespace samples_test {

ServerConfig sample(const std::string& name) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const auto path = root.parent_path() / "config" / name;
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
