// SPDX-License-Identifier: Apache-2.0
// Each refusal is the text and the code that Apache Kafka 4.3.1 gave to the same request, where a
// comment does not say otherwise.
#include <gmock/gmock.h>

#include <cairn/config/describe.hpp>

#include "testing.hpp"

namespace cairn::config {
namespace validate_test {

std::string message(const Validation& validation) {
  return validation ? "OK" : to_string(validation.error().code) + ": " + validation.error().message;
}

std::string topic(Overrides overrides) {
  return message(validate_topic(testing::server(), overrides));
}

std::string group(Overrides overrides) {
  return message(validate_group(testing::server(), overrides));
}

std::string metrics(Overrides overrides) {
  return message(validate_client_metrics("c", overrides));
}

std::string broker(BrokerTarget target, const std::string& key, const std::string& value) {
  return message(validate_broker(testing::server(), target, {{key, value}}, {key}));
}

std::string broker(const std::string& key, const std::string& value) {
  return broker(BrokerTarget::one_broker, key, value);
}

std::string all_brokers(const std::string& key, const std::string& value) {
  return broker(BrokerTarget::all_brokers, key, value);
}

Overrides altered(Overrides before, const std::vector<Alteration>& alterations) {
  auto after = apply_alterations(ResourceType::topic, std::move(before), alterations);
  EXPECT_TRUE(after) << after.error().message;
  return after.value_or(Overrides{});
}

}  // namespace validate_test

using namespace validate_test;

TEST(ValidateTopic, refuses_unknown_names) {
  EXPECT_EQ(topic({{"retention.mss", "5"}}),
            "INVALID_CONFIG: Unknown topic config name: retention.mss");
}

TEST(ValidateTopic, refuses_wrong_types) {
  const std::string prefix = "INVALID_CONFIG: Invalid value ";
  EXPECT_EQ(topic({{"retention.ms", "abc"}}),
            prefix + "abc for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(topic({{"retention.ms", ""}}),
            prefix + " for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(topic({{"segment.bytes", "99999999999"}}),
            prefix + "99999999999 for configuration segment.bytes: Not a number of type INT");
  EXPECT_EQ(topic({{"max.message.bytes", "0x10"}}),
            prefix + "0x10 for configuration max.message.bytes: Not a number of type INT");
  EXPECT_EQ(topic({{"min.cleanable.dirty.ratio", "x"}}),
            prefix + "x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE");
  EXPECT_EQ(
      topic({{"preallocate", "maybe"}}),
      prefix + "maybe for configuration preallocate: Expected value to be either true or false");
}

TEST(ValidateTopic, refuses_values_out_of_bounds) {
  const std::string prefix = "INVALID_CONFIG: Invalid value ";
  EXPECT_EQ(topic({{"retention.ms", "-5"}}),
            prefix + "-5 for configuration retention.ms: Value must be at least -1");
  EXPECT_EQ(topic({{"segment.bytes", "100"}}),
            prefix + "100 for configuration segment.bytes: Value must be at least 1048576");
  EXPECT_EQ(topic({{"compression.lz4.level", "99"}}),
            prefix + "99 for configuration compression.lz4.level: Value must be no more than 17");
  EXPECT_EQ(
      topic({{"min.cleanable.dirty.ratio", "2"}}),
      prefix + "2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1");
  EXPECT_EQ(topic({{"compression.gzip.level", "0"}}),
            prefix +
                "0 for configuration compression.gzip.level: Value must be between 1 and 9 or "
                "equal to -1");
}

TEST(ValidateTopic, refuses_words_it_does_not_know) {
  const std::string prefix = "INVALID_CONFIG: Invalid value ";
  EXPECT_EQ(topic({{"compression.type", "foo"}}),
            prefix +
                "foo for configuration compression.type: String must be one of: uncompressed, "
                "zstd, lz4, snappy, gzip, producer");
  EXPECT_EQ(
      topic({{"cleanup.policy", "foo"}}),
      prefix + "foo for configuration cleanup.policy: String must be one of: compact, delete");
  EXPECT_EQ(topic({{"leader.replication.throttled.replicas", "foo"}}),
            prefix +
                "[foo] for configuration leader.replication.throttled.replicas: "
                "leader.replication.throttled.replicas must be the literal '*' or a list of "
                "replicas in the following format: "
                "[partitionId]:[brokerId],[partitionId]:[brokerId],...");
}

TEST(ValidateTopic, refuses_what_contradicts_itself) {
  EXPECT_EQ(topic({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}}),
            "INVALID_CONFIG: conflict topic config setting min.compaction.lag.ms (10) > "
            "max.compaction.lag.ms (5)");
}

TEST(ValidateTopic, refuses_remote_storage_without_one) {
  EXPECT_EQ(
      topic({{"remote.storage.enable", "true"}}),
      "INVALID_CONFIG: Tiered Storage functionality is disabled in the broker. Topic cannot be "
      "configured with remote log storage.");
}

TEST(ValidateTopic, accepts_what_kafka_accepts) {
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"retention.ms", " 77 "},
           {"cleanup.policy", "compact,compact"},
           {"cleanup.policy", ""},
           {"cleanup.policy", "compact, delete"},
           {"preallocate", "TRUE"},
           {"leader.replication.throttled.replicas", "*"},
           {"leader.replication.throttled.replicas", "0:1,1:2"},
           {"leader.replication.throttled.replicas", ""},
           {"local.retention.ms", "999999999999"},
           {"remote.log.copy.disable", "true"},
           {"internal.segment.bytes", "1000"},
           {"max.message.bytes", "+5"},
           {"min.insync.replicas", "3"},
           {"retention.bytes", "-7"}}) {
    EXPECT_EQ(topic({{key, value}}), "OK") << key << "=" << value;
  }
}

TEST(ValidateBroker, refuses_what_is_fixed_at_start) {
  EXPECT_EQ(broker("node.id", "2"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [node.id]");
  EXPECT_EQ(broker("log.cleaner.enable", "false"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [log.cleaner.enable]");
  EXPECT_EQ(broker("advertised.listeners", "PLAINTEXT://127.0.0.1:1"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [advertised.listeners]");
  EXPECT_EQ(broker("listeners", "PLAINTEXT://:1"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [listeners]");
}

TEST(ValidateBroker, refuses_for_all_brokers_what_is_one_brokers) {
  EXPECT_EQ(
      all_brokers("sasl.enabled.mechanisms", "PLAIN"),
      "INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must be "
      "specified: [sasl.enabled.mechanisms]");
  EXPECT_EQ(all_brokers("ssl.keystore.location", "2"),
            "INVALID_REQUEST: These security configs can be dynamically updated only per-listener "
            "using the listener prefix: [ssl.keystore.location]");
}

TEST(ValidateBroker, refuses_bad_values) {
  EXPECT_EQ(
      broker("log.retention.ms", "abc"),
      "INVALID_REQUEST: Invalid value abc for configuration log.retention.ms: Not a number of "
      "type LONG");
  EXPECT_EQ(all_brokers("max.connections", "-5"),
            "INVALID_REQUEST: Invalid value -5 for configuration max.connections: Value must be at "
            "least 0");
  EXPECT_EQ(
      broker("log.retention.ms", "0"),
      "INVALID_REQUEST: requirement failed: log.retention.ms must be unlimited (-1) or, greater "
      "than or equal to 1");
  EXPECT_EQ(
      broker("cordoned.log.dirs", "/x"),
      "INVALID_REQUEST: requirement failed: All entries in cordoned.log.dirs must be present in "
      "log.dirs or log.dir. Missing entries : /x");
}

TEST(ValidateBroker, accepts_dynamic_keys) {
  EXPECT_EQ(broker("log.retention.ms", "-1"), "OK");
  EXPECT_EQ(broker("leader.replication.throttled.rate", "1000"), "OK");
  EXPECT_EQ(broker("listener.name.plaintext.max.connections", "55"), "OK");
  EXPECT_EQ(broker("listener.name.plaintext.ssl.keystore.location", "/k"), "OK");
  EXPECT_EQ(all_brokers("max.connections", "5000"), "OK");
}

TEST(ValidateBroker, refuses_unknown_names) {  // Kafka keeps them for its plugins
  EXPECT_EQ(broker("nosuch.key", "1"), "INVALID_CONFIG: Unknown broker config name: nosuch.key");
}

TEST(ValidateGroup, holds_groups_to_the_brokers_bounds) {
  EXPECT_EQ(group({{"consumer.session.timeout.ms", "1"}}),
            "INVALID_CONFIG: consumer.session.timeout.ms must be greater than or equal to "
            "group.consumer.min.session.timeout.ms");
  EXPECT_EQ(group({{"consumer.session.timeout.ms", "100000"}}),
            "INVALID_CONFIG: consumer.session.timeout.ms must be less than or equal to "
            "group.consumer.max.session.timeout.ms");
  EXPECT_EQ(group({{"streams.num.standby.replicas", "99"}}),
            "INVALID_CONFIG: streams.num.standby.replicas must be less than or equal to "
            "group.streams.max.standby.replicas");
  EXPECT_EQ(group({{"consumer.session.timeout.ms", "46000"}}), "OK");
}

TEST(ValidateGroup, refuses_unknown_names_and_bad_values) {
  EXPECT_EQ(group({{"nosuch", "1"}}), "INVALID_CONFIG: Unknown group config name: nosuch");
  EXPECT_EQ(
      group({{"consumer.session.timeout.ms", "abc"}}),
      "INVALID_CONFIG: Invalid value abc for configuration consumer.session.timeout.ms: Not a "
      "number of type INT");
  EXPECT_EQ(
      group({{"share.isolation.level", "foo"}}),
      "INVALID_CONFIG: Invalid value foo for configuration share.isolation.level: String must "
      "be one of: read_committed, read_uncommitted");
}

TEST(ValidateGroup, reads_durations_of_offset_reset) {
  EXPECT_EQ(group({{"share.auto.offset.reset", "by_duration:PT1H"}}), "OK");
  EXPECT_EQ(group({{"share.auto.offset.reset", "by_duration:P1DT2H3M4.5S"}}), "OK");
  EXPECT_EQ(
      group({{"share.auto.offset.reset", "by_duration:xx"}}),
      "INVALID_CONFIG: Invalid value by_duration:xx for configuration share.auto.offset.reset: "
      "Invalid value `by_duration:xx` for configuration share.auto.offset.reset. The value must "
      "be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.");
}

TEST(ValidateClientMetrics, answers_as_kafka) {
  EXPECT_EQ(metrics({{"interval.ms", "5"}}),
            "INVALID_REQUEST: Invalid value 5 for interval.ms, interval must be between 100 and "
            "3600000 (1 hour)");
  EXPECT_EQ(metrics({{"match", "foo=bar"}}),
            "INVALID_CONFIG: Illegal client matching pattern: foo=bar");
  EXPECT_EQ(metrics({{"match", "client_id=["}}),
            "INVALID_CONFIG: Illegal client matching pattern: client_id=[");
  EXPECT_EQ(metrics({{"match", "client_id=a.*"}}), "OK");
  EXPECT_EQ(metrics({{"nosuch", "1"}}),
            "INVALID_REQUEST: Unknown client metrics configuration: nosuch");
  EXPECT_EQ(message(validate_client_metrics("", {})),
            "INVALID_REQUEST: Subscription name can't be empty");
}

TEST(ApplyAlterations, sets_removes_appends_and_subtracts) {
  using enum AlterOperation;
  EXPECT_EQ(altered({}, {{"retention.ms", set, "5"}}), (Overrides{{"retention.ms", "5"}}));
  EXPECT_EQ(altered({{"retention.ms", "5"}}, {{"retention.ms", remove, std::nullopt}}),
            Overrides{});
  EXPECT_EQ(altered({}, {{"cleanup.policy", append, "compact"}}),
            (Overrides{{"cleanup.policy", "delete,compact"}}));
  EXPECT_EQ(
      altered({{"cleanup.policy", "compact,delete"}}, {{"cleanup.policy", subtract, "delete"}}),
      (Overrides{{"cleanup.policy", "compact"}}));
}

TEST(ApplyAlterations, refuses_lists_operations_on_other_types_and_null) {
  const auto refused = [](const Alteration& alteration) {
    return apply_alterations(ResourceType::topic, {}, {alteration}).error().message;
  };
  EXPECT_EQ(refused({"retention.ms", AlterOperation::append, "1"}),
            "Can't APPEND to key retention.ms because its type is not LIST.");
  EXPECT_EQ(refused({"retention.ms", AlterOperation::set, std::nullopt}),
            "Null value not supported for : retention.ms");
}

}  // namespace cairn::config
