// SPDX-License-Identifier: Apache-2.0
#include <cairn/config/topic_config.hpp>

#include "testing.hpp"

namespace cairn::config {

TEST(TopicConfig, takes_the_override_over_the_brokers_value) {
  const auto node =
      testing::server({{"log.retention.ms", "1000"}, {"log.segment.bytes", "2000000"}});
  const auto topic = topic_config(node, {{"retention.ms", "500"}});
  EXPECT_EQ(topic.retention, std::chrono::milliseconds(500));
  EXPECT_EQ(topic.segment_bytes, 2'000'000);
}

TEST(TopicConfig, reads_retention_in_the_finest_unit_that_is_set) {
  const auto retention = [](const testing::Pairs& pairs) {
    return topic_config(testing::server(pairs), {}).retention;
  };
  EXPECT_EQ(retention({{"log.retention.hours", "3"}}), std::chrono::hours(3));
  EXPECT_EQ(retention({{"log.retention.hours", "3"}, {"log.retention.minutes", "2"}}),
            std::chrono::minutes(2));
  EXPECT_EQ(retention({{"log.retention.hours", "3"}, {"log.retention.ms", "9"}}),
            std::chrono::milliseconds(9));
  EXPECT_EQ(retention({{"log.retention.hours", "-1"}}), std::nullopt);
}

TEST(TopicConfig, without_limit_has_no_retention) {
  const auto topic =
      topic_config(testing::server(), {{"retention.ms", "-1"}, {"retention.bytes", "-1"}});
  EXPECT_EQ(topic.retention, std::nullopt);
  EXPECT_EQ(topic.retention_bytes, std::nullopt);
}

TEST(TopicConfig, may_delete_compact_do_both_or_neither) {
  const auto node = testing::server();
  const auto both = topic_config(node, {{"cleanup.policy", "compact, delete"}});
  EXPECT_TRUE(both.cleanup_compact && both.cleanup_delete);
  const auto compact = topic_config(node, {{"cleanup.policy", "compact"}});
  EXPECT_TRUE(compact.cleanup_compact && !compact.cleanup_delete);
  const auto neither = topic_config(node, {{"cleanup.policy", ""}});
  EXPECT_FALSE(neither.cleanup_compact || neither.cleanup_delete);
}

TEST(TopicConfig, flushes_before_the_ack_unless_told_otherwise) {
  const auto node = testing::server();
  EXPECT_TRUE(topic_config(node, {}).flush_before_ack());
  EXPECT_FALSE(topic_config(node, {{"flush.messages", "9223372036854775807"}}).flush_before_ack());
  const auto as_kafka = testing::server({{"log.flush.interval.messages", "9223372036854775807"}});
  EXPECT_FALSE(topic_config(as_kafka, {}).flush_before_ack());
}

TEST(TopicConfig, flushes_by_time_as_the_scheduler_key_says) {
  EXPECT_EQ(topic_config(testing::server(), {}).flush_interval, forever);
  const auto node = testing::server({{"log.flush.scheduler.interval.ms", "1000"}});
  EXPECT_EQ(topic_config(node, {}).flush_interval, std::chrono::seconds(1));
}

TEST(TopicConfig, reads_every_word_of_its_choices) {
  const auto node = testing::server();
  for (const auto& [word, type] : std::initializer_list<std::pair<const char*, CompressionType>>{
           {"producer", CompressionType::producer},
           {"uncompressed", CompressionType::uncompressed},
           {"gzip", CompressionType::gzip},
           {"snappy", CompressionType::snappy},
           {"lz4", CompressionType::lz4},
           {"zstd", CompressionType::zstd}}) {
    EXPECT_EQ(topic_config(node, {{"compression.type", word}}).compression, type);
  }
  EXPECT_EQ(topic_config(node, {{"message.timestamp.type", "LogAppendTime"}}).timestamp_type,
            TimestampType::log_append_time);
}

TEST(TopicConfig, passes_over_an_override_that_does_not_parse) {
  const auto topic = topic_config(testing::server(), {{"retention.ms", "soon"}, {"gone.key", "1"}});
  EXPECT_EQ(topic, TopicConfig{});
}

TEST(GroupConfig, takes_the_override_over_the_brokers_value) {
  const auto node = testing::server({{"group.consumer.session.timeout.ms", "50000"}});
  EXPECT_EQ(group_config(node, {}).consumer_session_timeout, std::chrono::seconds(50));
  EXPECT_EQ(group_config(node, {{"consumer.session.timeout.ms", "46000"}}).consumer_session_timeout,
            std::chrono::seconds(46));
}

}  // namespace cairn::config
