// SPDX-License-Identifier: Apache-2.0
// The effective configuration of one topic, typed: the topic's overrides over the broker's
// defaults. A value; made anew when the overrides or the broker's configuration change. Times that
// mean "without end" are `forever`; retention limits that are off are nullopt.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <cairn/config/option.hpp>

namespace cairn::config {

struct ServerConfig;

enum class CompressionType : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };
enum class TimestampType : std::uint8_t { create_time, log_append_time };

inline constexpr std::chrono::milliseconds forever = std::chrono::milliseconds::max();
inline constexpr std::int64_t without_limit = INT64_MAX;

/// leader. or follower.replication.throttled.replicas.
struct ThrottledReplicas {
  bool all = false;
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;  // partition, broker

  bool contains(std::int32_t partition, std::int32_t broker) const;
  bool operator==(const ThrottledReplicas&) const = default;
};

struct TopicConfig {
  // What is deleted, and when.
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  std::optional<std::chrono::milliseconds> retention = std::chrono::hours(168);
  std::optional<std::int64_t> retention_bytes;
  std::chrono::milliseconds file_delete_delay{60'000};

  // Segments and their indexes.
  std::int32_t segment_bytes = 1 << 30;
  std::chrono::milliseconds segment_age = std::chrono::hours(168);  // segment.ms
  std::chrono::milliseconds segment_jitter{0};
  std::int32_t segment_index_bytes = 10 << 20;
  std::int32_t index_interval_bytes = 4096;
  bool preallocate = false;

  // Durability. flush_messages 1: the high watermark counts only what replicas have flushed.
  std::int64_t flush_messages = 1;
  std::chrono::milliseconds flush_interval = forever;  // flush.ms
  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election = false;

  // Replicas whose catching up is held to the brokers' throttled rates.
  ThrottledReplicas throttled_leaders, throttled_followers;

  // What is accepted.
  std::int32_t max_message_bytes = 1'048'588;
  CompressionType compression = CompressionType::producer;
  int gzip_level = -1;
  int lz4_level = 9;
  int zstd_level = 3;
  TimestampType timestamp_type = TimestampType::create_time;
  std::chrono::milliseconds timestamp_before_max = forever;
  std::chrono::milliseconds timestamp_after_max{3'600'000};

  // Compaction.
  double min_cleanable_dirty_ratio = 0.5;
  std::chrono::milliseconds min_compaction_lag{0};
  std::chrono::milliseconds max_compaction_lag = forever;
  std::chrono::milliseconds delete_retention{86'400'000};

  bool operator==(const TopicConfig&) const = default;

  bool flush_before_ack() const { return flush_messages == 1; }
};

/// The topic's values: override, else the broker's (dynamic and static, by synonym), else default.
/// Values in `overrides` that do not parse (older software wrote them) fall back to the default.
TopicConfig topic_config(const ServerConfig& server, const Overrides& overrides);

/// The effective configuration of one group (KIP-848 and later kinds of groups).
struct GroupConfig {
  std::chrono::milliseconds consumer_session_timeout{45'000};
  std::chrono::milliseconds consumer_heartbeat_interval{5'000};
  std::chrono::milliseconds consumer_assignment_interval{1'000};

  bool operator==(const GroupConfig&) const = default;
};

GroupConfig group_config(const ServerConfig& server, const Overrides& overrides);

}  // namespace cairn::config
