// SPDX-License-Identifier: Apache-2.0
// The expectations are what Apache Kafka 4.3.1 answered to the same settings, but for our own
// default of flush.messages.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cairn/config/describe.hpp>

#include "testing.hpp"

namespace cairn::config {
namespace describe_test {

std::string_view name_of(ConfigSource source) {
  switch (source) {
    case ConfigSource::dynamic_topic:
      return "DYNAMIC_TOPIC_CONFIG";
    case ConfigSource::dynamic_broker:
      return "DYNAMIC_BROKER_CONFIG";
    case ConfigSource::dynamic_default_broker:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case ConfigSource::static_broker:
      return "STATIC_BROKER_CONFIG";
    case ConfigSource::default_value:
      return "DEFAULT_CONFIG";
    case ConfigSource::client_metrics:
      return "DYNAMIC_CLIENT_METRICS_CONFIG";
    case ConfigSource::group:
      return "DYNAMIC_GROUP_CONFIG";
    default:
      return "UNKNOWN";
  }
}

/// As Kafka's configuration tool prints an entry.
std::string line_of(const std::vector<Entry>& entries, std::string_view name) {
  const auto entry = std::ranges::find(entries, name, &Entry::name);
  if (entry == entries.end()) return "(not there)";
  std::vector<std::string> synonyms;
  for (const auto& synonym : entry->synonyms) {
    synonyms.push_back(fmt::format("{}:{}={}", name_of(synonym.source), synonym.name,
                                   synonym.value.value_or("null")));
  }
  return fmt::format("{} sensitive={} synonyms={{{}}}", entry->value.value_or("null"),
                     entry->sensitive, fmt::join(synonyms, ", "));
}

}  // namespace describe_test

using describe_test::line_of;
using testing::server;

TEST(DescribeTopic, names_the_brokers_default_behind_each_key) {
  const auto entries = describe_topic(server(), {{"retention.ms", "1000"}});
  EXPECT_EQ(line_of(entries, "cleanup.policy"),
            "delete sensitive=false synonyms={DEFAULT_CONFIG:log.cleanup.policy=delete}");
  EXPECT_EQ(line_of(entries, "retention.ms"),
            "1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000}");
  EXPECT_EQ(line_of(entries, "segment.ms"), "604800000 sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "flush.ms"), "9223372036854775807 sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "remote.storage.enable"), "false sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "leader.replication.throttled.replicas"),
            " sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "max.message.bytes"),
            "1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}");
  EXPECT_EQ(entries.size(), 33u);
}

TEST(DescribeTopic, shows_the_chain_below_an_override) {
  const auto node =
      with_dynamic(server(), {{"log.retention.ms", "5000000"}, {"log.roll.ms", "100"}}, {});
  const auto entries = describe_topic(node, {{"retention.ms", "1000"}});
  EXPECT_EQ(
      line_of(entries, "retention.ms"),
      "1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000, "
      "DYNAMIC_BROKER_CONFIG:log.retention.ms=5000000, DEFAULT_CONFIG:log.retention.hours=168}");
  EXPECT_EQ(line_of(entries, "segment.ms"),
            "100 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:log.roll.ms=100, "
            "DEFAULT_CONFIG:log.roll.hours=168}");
}

TEST(DescribeTopic, computes_from_minutes_and_hours_without_naming_them) {
  const auto node = server({{"log.retention.minutes", "77"}, {"log.roll.hours", "100"}});
  const auto entries = describe_topic(node, {});
  EXPECT_EQ(line_of(entries, "retention.ms"), "4620000 sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "segment.ms"), "360000000 sensitive=false synonyms={}");
}

TEST(DescribeTopic, shows_an_internal_key_only_if_it_is_set) {
  EXPECT_EQ(line_of(describe_topic(server(), {}), "internal.segment.bytes"), "(not there)");
  EXPECT_EQ(line_of(describe_topic(server(), {{"internal.segment.bytes", "1000"}}),
                    "internal.segment.bytes"),
            "1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:internal.segment.bytes=1000}");
}

TEST(DescribeTopic, prints_values_as_parsed) {
  const auto entries =
      describe_topic(server(), {{"max.message.bytes", "+5"}, {"preallocate", "TRUE"}});
  EXPECT_EQ(line_of(entries, "max.message.bytes"),
            "5 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=5, "
            "DEFAULT_CONFIG:message.max.bytes=1048588}");
  EXPECT_EQ(line_of(entries, "preallocate"),
            "true sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:preallocate=true, "
            "DEFAULT_CONFIG:log.preallocate=false}");
}

TEST(DescribeBroker, lists_every_key_that_is_not_internal) {
  const auto entries = describe_broker(server());
  EXPECT_EQ(entries.size(), 340u);
  EXPECT_TRUE(std::ranges::is_sorted(entries, {}, &Entry::name));
  EXPECT_EQ(line_of(entries, "log.initial.task.delay.ms"), "(not there)");
  EXPECT_EQ(line_of(entries, "cairn.http.listener"), "(not there)");
}

TEST(DescribeBroker, shows_units_of_time_as_they_were_set) {
  const auto entries = describe_broker(server({{"log.retention.minutes", "77"}}));
  EXPECT_EQ(line_of(entries, "log.retention.ms"), "null sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "log.retention.minutes"),
            "77 sensitive=false synonyms={STATIC_BROKER_CONFIG:log.retention.minutes=77, "
            "DEFAULT_CONFIG:log.retention.hours=168}");
  EXPECT_EQ(line_of(entries, "log.retention.hours"),
            "168 sensitive=false synonyms={DEFAULT_CONFIG:log.retention.hours=168}");
  EXPECT_EQ(line_of(describe_broker(server()), "log.retention.minutes"),
            "null sensitive=false synonyms={}");
}

TEST(DescribeBroker, shows_all_tiers_of_a_value) {
  const auto node = with_dynamic(server({{"min.insync.replicas", "1"}}), {},
                                 {{"min.insync.replicas", "2"}, {"max.connections", "5000"}});
  const auto entries = describe_broker(node);
  EXPECT_EQ(line_of(entries, "min.insync.replicas"),
            "2 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=2, "
            "STATIC_BROKER_CONFIG:min.insync.replicas=1, DEFAULT_CONFIG:min.insync.replicas=1}");
  EXPECT_EQ(line_of(entries, "broker.id"),
            "1 sensitive=false synonyms={STATIC_BROKER_CONFIG:broker.id=1, "
            "DEFAULT_CONFIG:broker.id=-1}");
}

TEST(DescribeBroker, shows_what_stands_behind_a_listeners_prefix) {
  const auto node = with_dynamic(server(), {{"listener.name.plaintext.max.connections", "55"}},
                                 {{"max.connections", "5000"}});
  EXPECT_EQ(line_of(describe_broker(node), "listener.name.plaintext.max.connections"),
            "55 sensitive=false synonyms={"
            "DYNAMIC_BROKER_CONFIG:listener.name.plaintext.max.connections=55, "
            "DYNAMIC_DEFAULT_BROKER_CONFIG:max.connections=5000, "
            "DEFAULT_CONFIG:max.connections=2147483647}");
}

TEST(DescribeBroker, shows_a_key_that_is_only_dynamic_once_it_is_set) {
  EXPECT_EQ(line_of(describe_broker(server()), "leader.replication.throttled.rate"), "(not there)");
  const auto node = with_dynamic(server(), {{"leader.replication.throttled.rate", "1000"}}, {});
  EXPECT_THAT(line_of(describe_broker(node), "leader.replication.throttled.rate"),
              ::testing::StartsWith("1000 sensitive=false"));
}

TEST(DescribeBroker, keeps_secrets) {
  const auto entries = describe_broker(server({{"ssl.keystore.password", "hunter2"}}));
  EXPECT_EQ(line_of(entries, "ssl.keystore.password"),
            "null sensitive=true synonyms={STATIC_BROKER_CONFIG:ssl.keystore.password=null}");
}

TEST(DescribeBroker, marks_what_can_change_at_run_time) {
  const auto entries = describe_broker(server());
  const auto read_only = [&](std::string_view name) {
    return std::ranges::find(entries, name, &Entry::name)->read_only;
  };
  EXPECT_TRUE(read_only("node.id"));
  EXPECT_TRUE(read_only("log.retention.hours"));
  EXPECT_FALSE(read_only("log.retention.ms"));
  EXPECT_TRUE(read_only("listeners")) << "Kafka can change them at run time, this version not";
}

TEST(DescribeClusterDefault, shows_only_what_is_set) {
  const auto entries = describe_cluster_default({{"log.cleaner.threads", "2"}});
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(line_of(entries, "log.cleaner.threads"),
            "2 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.threads=2}");
}

TEST(DescribeGroup, names_the_brokers_default_behind_each_key) {
  const auto entries = describe_group(server(), {{"consumer.session.timeout.ms", "46000"}});
  EXPECT_EQ(
      line_of(entries, "consumer.heartbeat.interval.ms"),
      "5000 sensitive=false synonyms={DEFAULT_CONFIG:group.consumer.heartbeat.interval.ms=5000}");
  EXPECT_EQ(line_of(entries, "share.auto.offset.reset"),
            "latest sensitive=false synonyms={DEFAULT_CONFIG:share.auto.offset.reset=latest}");
  EXPECT_EQ(
      line_of(entries, "consumer.session.timeout.ms"),
      "46000 sensitive=false synonyms={DYNAMIC_GROUP_CONFIG:consumer.session.timeout.ms=46000, "
      "DEFAULT_CONFIG:group.consumer.session.timeout.ms=45000}");
  EXPECT_EQ(entries.size(), 17u);
}

TEST(DescribeClientMetrics, has_no_synonyms_for_defaults) {
  const auto entries = describe_client_metrics({});
  EXPECT_EQ(line_of(entries, "interval.ms"), "300000 sensitive=false synonyms={}");
  EXPECT_EQ(line_of(entries, "match"), " sensitive=false synonyms={}");
  EXPECT_EQ(entries.size(), 3u);
}

}  // namespace cairn::config
