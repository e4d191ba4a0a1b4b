// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cairn/config/server_config.hpp>

#include "testing.hpp"

namespace cairn::config {
namespace server_config_test {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::problems_of;
using testing::server;

const testing::Pairs cluster = {
    {"node.id", "1"},
    {"process.roles", "broker,controller"},
    {"controller.quorum.voters", "1@a:9093,2@b:9093,3@c:9093"},
    {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
};

testing::Pairs cluster_with(testing::Pairs more) {
  auto all = cluster;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace server_config_test

using namespace server_config_test;

TEST(ServerConfig, of_nothing_is_a_whole_node_on_loopback) {
  const auto node = server();
  EXPECT_EQ(node.node_id, BrokerId(1));
  EXPECT_TRUE(node.broker_role);
  EXPECT_TRUE(node.controller_role);
  EXPECT_EQ(node.listeners, (std::vector<ListenerConfig>{
                                {.name = "PLAINTEXT", .host = "127.0.0.1", .port = 9092},
                                {.name = "CONTROLLER", .host = "127.0.0.1", .port = 9093}}));
  EXPECT_THAT(node.advertised_listeners, ElementsAre(node.listeners[0]));
  EXPECT_TRUE(node.is_controller_listener("CONTROLLER"));
  EXPECT_EQ(node.inter_broker_listener_name, "PLAINTEXT");
  EXPECT_TRUE(node.quorum.standalone);
  EXPECT_THAT(node.log.dirs, ElementsAre("/data"));
  EXPECT_EQ(node.metadata_log.dir, "/data");
  EXPECT_THAT(node.notices(), IsEmpty());
}

TEST(ServerConfig, of_a_single_node_keeps_internal_topics_in_one_replica) {
  const auto node = server({{"num.partitions", "4"}});
  EXPECT_EQ(node.offsets.topic_replication_factor, 1);
  EXPECT_EQ(node.transaction.topic_replication_factor, 1);
  EXPECT_EQ(node.transaction.topic_min_isr, 1);
  const auto chosen = server({{"offsets.topic.replication.factor", "3"}});
  EXPECT_EQ(chosen.offsets.topic_replication_factor, 3);
}

TEST(ServerConfig, of_a_cluster_keeps_internal_topics_in_three_replicas) {
  const auto node = server(cluster);
  EXPECT_FALSE(node.quorum.standalone);
  EXPECT_EQ(node.offsets.topic_replication_factor, 3);
  EXPECT_EQ(node.quorum.voters[1], (VoterConfig{BrokerId(2), "b", 9093}));
}

TEST(ServerConfig, has_the_defaults_of_kafka) {
  const auto node = server();
  EXPECT_EQ(node.socket.request_max_bytes, 104'857'600);
  EXPECT_EQ(node.socket.connections_max_idle, std::chrono::minutes(10));
  EXPECT_EQ(node.offsets.retention, std::chrono::hours(168));
  EXPECT_EQ(node.offsets.topic_num_partitions, 50);
  EXPECT_EQ(node.quorum.election_timeout, std::chrono::seconds(1));
  EXPECT_EQ(node.log.producer_id_expiration, std::chrono::hours(24));
  EXPECT_EQ(node.group.initial_rebalance_delay, std::chrono::seconds(3));
  EXPECT_EQ(node.fetch.max_bytes, 57'671'680);
  EXPECT_EQ(node.topic_defaults, TopicConfig{});
}

TEST(ServerConfig, takes_an_older_file_that_names_the_broker_id) {
  EXPECT_EQ(server({{"broker.id", "5"}}).node_id, BrokerId(5));
  EXPECT_THAT(problems_of({{"broker.id", "5"}, {"node.id", "6"}}),
              ElementsAre(HasSubstr("must equal node.id (6)")));
}

TEST(ServerConfig, in_a_cluster_needs_id_and_roles) {
  EXPECT_THAT(problems_of({{"controller.quorum.voters", "1@a:9093"}}),
              Contains(HasSubstr("node.id is missing")));
  EXPECT_THAT(problems_of({{"controller.quorum.voters", "1@a:9093"}}),
              Contains(HasSubstr("process.roles is missing")));
}

TEST(ServerConfig, wants_its_controller_among_the_voters) {
  auto pairs = cluster;
  pairs[0].second = "4";
  EXPECT_THAT(problems_of(pairs), ElementsAre(HasSubstr("must name this controller, node.id 4")));
}

TEST(ServerConfig, of_a_broker_alone_needs_controllers_elsewhere) {
  EXPECT_THAT(problems_of({{"process.roles", "broker"}}),
              Contains(HasSubstr("say where the controllers are")));
  const auto node = server({{"process.roles", "broker"},
                            {"node.id", "9"},
                            {"controller.quorum.bootstrap.servers", "a:9093"}});
  EXPECT_FALSE(node.controller_role);
  EXPECT_EQ(node.quorum.bootstrap_servers[0], (HostPort{"a", 9093}));
  EXPECT_EQ(node.listeners.size(), 1u);
}

TEST(ServerConfig, keeps_client_and_controller_listeners_apart) {
  EXPECT_THAT(problems_of({{"listeners", "PLAINTEXT://127.0.0.1:9092"}}),
              ElementsAre(HasSubstr("has none of controller.listener.names (CONTROLLER)")));
}

TEST(ServerConfig, advertises_controllers_too) {
  const auto node =
      server(cluster_with({{"advertised.listeners",
                            "PLAINTEXT://127.0.0.1:9092,CONTROLLER://controller.example:19093"}}));
  EXPECT_EQ(node.advertised_listeners[1].host, "controller.example");
  EXPECT_EQ(node.advertised_listeners[1].port, 19093);
}

TEST(ServerConfig, advertises_a_controller_listener_of_a_controller_beside_the_clients) {
  const auto advertise = [](const std::string& listeners) {
    return cluster_with({{"advertised.listeners", listeners}});
  };
  EXPECT_THAT(problems_of(advertise("PLAINTEXT://a:9092,CONTROLLER://a:9093")), IsEmpty());
  EXPECT_THAT(problems_of(advertise("CONTROLLER://a:9093")),
              Contains(HasSubstr("has no listener for clients")));
  EXPECT_THAT(problems_of({{"process.roles", "broker"},
                           {"node.id", "9"},
                           {"controller.quorum.voters", "1@a:9093"},
                           {"advertised.listeners", "PLAINTEXT://a:9092,CONTROLLER://a:9093"}}),
              Contains(HasSubstr("this node is no controller")));
}

TEST(ServerConfig, takes_the_id_of_its_cluster_from_whoever_knows_it) {
  EXPECT_EQ(server().quorum.cluster_id, "");
  const std::string id = "4L6g3nShT-eMCtK--X86sw";
  EXPECT_EQ(server({{"cairn.cluster.id", id}}).quorum.cluster_id, id);
  EXPECT_THAT(problems_of({{"cairn.cluster.id", "a b"}}), ElementsAre(HasSubstr("letters")));
}

TEST(ServerConfig, reads_ipv6_and_empty_hosts) {
  const auto node = server({{"listeners", "PLAINTEXT://[::1]:0,CONTROLLER://:9093"}});
  EXPECT_EQ(node.listeners[0].host, "::1");
  EXPECT_EQ(node.listeners[0].port, 0);
  EXPECT_EQ(node.listeners[1].host, "");
}

TEST(ServerConfig, says_how_a_listener_is_written) {
  EXPECT_THAT(problems_of({{"listeners", "127.0.0.1:9092"}}),
              Contains("cairn.yaml:1: listeners: \"127.0.0.1:9092\": write NAME://host:port, for "
                       "example PLAINTEXT://127.0.0.1:9092"));
  EXPECT_THAT(problems_of({{"listeners", "OUTSIDE://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"}}),
              Contains(HasSubstr("add OUTSIDE:PLAINTEXT")));
}

TEST(ServerConfig, does_not_advertise_the_address_of_all_interfaces) {
  EXPECT_THAT(problems_of({{"listeners", "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"}}),
              ElementsAre(HasSubstr("set advertised.listeners to PLAINTEXT://")));
}

TEST(ServerConfig, refuses_protection_it_does_not_give) {
  EXPECT_THAT(problems_of({{"listeners", "SSL://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
                           {"inter.broker.listener.name", "SSL"}}),
              ElementsAre(HasSubstr("SSL uses SSL, which this version does not serve")));
  EXPECT_THAT(problems_of({{"authorizer.class.name", "some.Authorizer"}}),
              ElementsAre(HasSubstr("this version has no authorizer")));
}

TEST(ServerConfig, warns_of_a_listener_open_to_the_network) {
  const auto node =
      server({{"listeners", "PLAINTEXT://10.0.0.1:9092,CONTROLLER://127.0.0.1:9093"}});
  EXPECT_THAT(node.notices(), ElementsAre(HasSubstr("PLAINTEXT://10.0.0.1:9092 is open")));
}

TEST(ServerConfig, reports_keys_without_effect_in_one_line) {
  const auto node = server({{"num.io.threads", "4"}, {"background.threads", "4"}});
  EXPECT_THAT(node.notices(), ElementsAre("these keys are accepted and have no effect: "
                                          "background.threads, num.io.threads"));
}

TEST(ServerConfig, reads_log_directories_of_either_key) {
  EXPECT_THAT(server({{"log.dir", "/x"}}).log.dirs, ElementsAre("/x"));
  const auto node = server({{"log.dirs", "/a, /b"}, {"metadata.log.dir", "/m"}});
  EXPECT_THAT(node.log.dirs, ElementsAre("/a", "/b"));
  EXPECT_EQ(node.metadata_log.dir, "/m");
}

TEST(ServerConfig, limits_connections_by_listener_and_address) {
  const auto node = server({{"max.connections", "100"},
                            {"listener.name.plaintext.max.connections", "7"},
                            {"max.connections.per.ip.overrides", "127.0.0.1:5,::1:6"}});
  EXPECT_EQ(node.socket.listener_max_connections.at("PLAINTEXT"), 7);
  EXPECT_EQ(node.socket.listener_max_connections.at("CONTROLLER"), 100);
  EXPECT_EQ(node.socket.max_connections_per_ip_overrides.at("127.0.0.1"), 5);
  EXPECT_EQ(node.socket.max_connections_per_ip_overrides.at("::1"), 6);
  EXPECT_THAT(problems_of({{"max.connections.per.ip.overrides", "foo"}}),
              ElementsAre(HasSubstr("write address:count")));
}

TEST(ServerConfig, checks_rules_between_keys) {
  EXPECT_THAT(problems_of({{"log.retention.hours", "0"}}),
              Contains(HasSubstr("must be -1 (for ever) or at least 1")));
  EXPECT_THAT(problems_of({{"replica.fetch.wait.max.ms", "40000"}}), Not(IsEmpty()));
  EXPECT_THAT(problems_of({{"group.consumer.session.timeout.ms", "1000"}}), Not(IsEmpty()));
  EXPECT_THAT(problems_of({{"listeners", "A://:1,B://:1"}}), Not(IsEmpty()));
}

TEST(ServerConfig, serves_http_on_loopback_until_told_otherwise) {
  EXPECT_TRUE(server().http.enabled);
  EXPECT_FALSE(server().http.configured);
  EXPECT_EQ(server({{"cairn.http.listener", "127.0.0.1:0"}}).http.port, 0);
  EXPECT_FALSE(server({{"cairn.http.listener", ""}}).http.enabled);
  EXPECT_THAT(problems_of({{"cairn.http.listener", "nine"}}), ElementsAre(HasSubstr("host:port")));
}

TEST(DynamicConfig, prefers_the_broker_then_all_brokers_then_the_file) {
  const auto node = server({{"log.retention.hours", "2"}});
  EXPECT_EQ(node.topic_defaults.retention, std::chrono::hours(2));
  const auto all = with_dynamic(node, {}, {{"log.retention.ms", "5000"}});
  EXPECT_EQ(all.topic_defaults.retention, std::chrono::seconds(5));
  const auto own =
      with_dynamic(node, {{"log.retention.ms", "6000"}}, {{"log.retention.ms", "5000"}});
  EXPECT_EQ(own.topic_defaults.retention, std::chrono::seconds(6));
  EXPECT_EQ(with_dynamic(own, {}, {}).topic_defaults, node.topic_defaults);
}

TEST(DynamicConfig, passes_over_what_cannot_change_at_run_time) {
  const auto node = with_dynamic(server(), {{"node.id", "7"}, {"nonsense", "1"}},
                                 {{"message.max.bytes", "not a number"}});
  EXPECT_EQ(node.node_id, BrokerId(1));
  EXPECT_EQ(node.topic_defaults.max_message_bytes, 1'048'588);
}

TEST(PrintConfig, shows_value_and_origin) {
  const auto text = print_config(server({{"num.partitions", "4"}}), PrintFormat::text);
  EXPECT_THAT(text, HasSubstr("\nnum.partitions = 4  # file cairn.yaml:1\n"));
  EXPECT_THAT(text, HasSubstr("\nnode.id = 1  # derived single node\n"));
  EXPECT_THAT(text, HasSubstr("\nlog.segment.bytes = 1073741824  # default\n"));
  EXPECT_THAT(text, HasSubstr("\nbackground.threads = 10  # default, no effect\n"));
}

TEST(PrintConfig, hides_secrets) {
  const auto node = server({{"ssl.keystore.password", "hunter2"},
                            {"listener.name.plaintext.ssl.key.password", "hunter2"}});
  for (const auto format : {PrintFormat::text, PrintFormat::json}) {
    EXPECT_THAT(print_config(node, format), Not(HasSubstr("hunter2")));
    EXPECT_THAT(print_config(node, format), HasSubstr("listener.name.plaintext.ssl.key.password"));
  }
}

TEST(PrintConfig, is_readable_by_machines) {
  const auto text = print_config(server({{"broker.rack", "a\"b"}}), PrintFormat::json);
  EXPECT_THAT(text, HasSubstr(R"({"key":"broker.rack","value":"a\"b","origin":"file",)"
                              R"("where":"cairn.yaml:1","effect":true})"));
}

}  // namespace cairn::config
