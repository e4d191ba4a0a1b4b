// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>

#include <cairn/config/topic_config.hpp>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

/// Reads a key of topics or groups: the override, else the broker's value by synonym, else the
/// default.
class ScopedValues {
 public:
  ScopedValues(Scope scope, const ServerConfig& server, const Overrides& overrides)
      : scope_(scope), broker_(server), overrides_(overrides) {}

  std::string text(std::string_view key) const {
    const auto* option = find(scope_, key);
    const auto found = overrides_.find(key);
    if (found != overrides_.end() && check_value(*option, found->second)) {
      return canonical(*option, found->second);
    }
    if (!option->synonyms.empty()) {
      // The first synonym of a topic's key stands for the broker's whole chain.
      if (auto value = broker_.find(synonyms_of(*option).front().name)) return *value;
    }
    return option->default_value != nullptr ? option->default_value : "";
  }
  std::int64_t int64(std::string_view key) const {
    return text::parse_integer(text(key)).value_or(0);
  }
  std::int32_t int32(std::string_view key) const { return static_cast<std::int32_t>(int64(key)); }
  double float64(std::string_view key) const { return text::parse_double(text(key)).value_or(0); }
  bool flag(std::string_view key) const { return text(key) == "true"; }
  Milliseconds ms(std::string_view key) const { return Milliseconds(int64(key)); }

 private:
  Scope scope_;
  Values broker_;
  const Overrides& overrides_;
};

CompressionType compression_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, CompressionType>, 5> names = {
      {{"uncompressed", CompressionType::uncompressed},
       {"gzip", CompressionType::gzip},
       {"snappy", CompressionType::snappy},
       {"lz4", CompressionType::lz4},
       {"zstd", CompressionType::zstd}}};
  for (const auto& [word, type] : names) {
    if (word == name) return type;
  }
  return CompressionType::producer;
}

/// "*" or "partition:broker,...".
ThrottledReplicas throttled_of(std::string_view value) {
  ThrottledReplicas replicas;
  for (const std::string& element : split_list(value)) {
    if (element == "*") {
      replicas.all = true;
      continue;
    }
    std::pair<std::int32_t, std::int32_t> pair;
    const char* const end = element.data() + element.size();
    const auto partition = std::from_chars(element.data(), end, pair.first);
    if (partition.ec != std::errc() || partition.ptr == end || *partition.ptr != ':') continue;
    const auto broker = std::from_chars(partition.ptr + 1, end, pair.second);
    if (broker.ec == std::errc() && broker.ptr == end) replicas.pairs.push_back(pair);
  }
  return replicas;
}

}  // namespace

bool ThrottledReplicas::contains(std::int32_t partition, std::int32_t broker) const {
  return all || std::ranges::find(pairs, std::pair(partition, broker)) != pairs.end();
}

TopicConfig topic_config(const ServerConfig& server, const Overrides& overrides) {
  const ScopedValues values(Scope::topic, server, overrides);
  TopicConfig topic;
  const auto policy = split_list(values.text("cleanup.policy"));
  topic.cleanup_delete = std::ranges::find(policy, "delete") != policy.end();
  topic.cleanup_compact = std::ranges::find(policy, "compact") != policy.end();
  const auto retention = values.ms("retention.ms");
  topic.retention = retention.count() < 0 ? std::nullopt : std::optional(retention);
  const auto retention_bytes = values.int64("retention.bytes");
  topic.retention_bytes = retention_bytes < 0 ? std::nullopt : std::optional(retention_bytes);
  topic.file_delete_delay = values.ms("file.delete.delay.ms");

  topic.segment_bytes = values.int32("segment.bytes");
  const auto internal_segment_bytes = values.int32("internal.segment.bytes");
  if (internal_segment_bytes > 0) topic.segment_bytes = internal_segment_bytes;
  topic.segment_age = values.ms("segment.ms");
  topic.segment_jitter = values.ms("segment.jitter.ms");
  topic.segment_index_bytes = values.int32("segment.index.bytes");
  topic.index_interval_bytes = values.int32("index.interval.bytes");
  topic.preallocate = values.flag("preallocate");

  topic.flush_messages = values.int64("flush.messages");
  topic.flush_interval = values.ms("flush.ms");
  topic.min_insync_replicas = values.int32("min.insync.replicas");
  topic.unclean_leader_election = values.flag("unclean.leader.election.enable");
  topic.throttled_leaders = throttled_of(values.text("leader.replication.throttled.replicas"));
  topic.throttled_followers = throttled_of(values.text("follower.replication.throttled.replicas"));

  topic.max_message_bytes = values.int32("max.message.bytes");
  topic.compression = compression_of(values.text("compression.type"));
  topic.gzip_level = values.int32("compression.gzip.level");
  topic.lz4_level = values.int32("compression.lz4.level");
  topic.zstd_level = values.int32("compression.zstd.level");
  topic.timestamp_type = values.text("message.timestamp.type") == "LogAppendTime"
                             ? TimestampType::log_append_time
                             : TimestampType::create_time;
  topic.timestamp_before_max = values.ms("message.timestamp.before.max.ms");
  topic.timestamp_after_max = values.ms("message.timestamp.after.max.ms");

  topic.min_cleanable_dirty_ratio = values.float64("min.cleanable.dirty.ratio");
  topic.min_compaction_lag = values.ms("min.compaction.lag.ms");
  topic.max_compaction_lag = values.ms("max.compaction.lag.ms");
  topic.delete_retention = values.ms("delete.retention.ms");
  return topic;
}

GroupConfig group_config(const ServerConfig& server, const Overrides& overrides) {
  const ScopedValues values(Scope::group, server, overrides);
  return {
      .consumer_session_timeout = values.ms("consumer.session.timeout.ms"),
      .consumer_heartbeat_interval = values.ms("consumer.heartbeat.interval.ms"),
      .consumer_assignment_interval = values.ms("consumer.assignment.interval.ms"),
  };
}

}  // namespace cairn::config
