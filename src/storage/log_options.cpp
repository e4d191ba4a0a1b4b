// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/storage/log_options.hpp>

namespace cairn::storage {

namespace {

std::int64_t ms(std::chrono::milliseconds time) { return time.count(); }

std::optional<record::Codec> stored_codec(config::CompressionType type) {
  switch (type) {
    case config::CompressionType::producer:
      return std::nullopt;
    case config::CompressionType::uncompressed:
      return record::Codec::none;
    case config::CompressionType::gzip:
      return record::Codec::gzip;
    case config::CompressionType::snappy:
      return record::Codec::snappy;
    case config::CompressionType::lz4:
      return record::Codec::lz4;
    case config::CompressionType::zstd:
      return record::Codec::zstd;
  }
  return std::nullopt;
}

int level_of(const config::TopicConfig& topic) {
  switch (topic.compression) {
    case config::CompressionType::gzip:
      return topic.gzip_level;
    case config::CompressionType::lz4:
      return topic.lz4_level;
    case config::CompressionType::zstd:
      return topic.zstd_level;
    default:
      return record::default_level;
  }
}

}  // namespace

LogOptions log_options(const config::TopicConfig& topic,
                       std::chrono::milliseconds producer_id_expiration) {
  LogOptions options;
  options.roll.segment_bytes = topic.segment_bytes;
  options.roll.segment_ms = ms(topic.segment_age);
  if (topic.cleanup_compact && topic.max_compaction_lag.count() > 0) {
    // Only what is not active can be cleaned (Kafka's maxSegmentMs).
    options.roll.segment_ms = std::min(options.roll.segment_ms, ms(topic.max_compaction_lag));
  }
  options.roll.segment_jitter_ms = ms(topic.segment_jitter);
  options.roll.segment_index_bytes = static_cast<std::size_t>(topic.segment_index_bytes);
  options.retention.retention_ms = topic.retention ? ms(*topic.retention) : -1;
  options.retention.retention_bytes = topic.retention_bytes.value_or(-1);
  options.flush.flush_messages = topic.flush_messages;
  options.flush.flush_ms = ms(topic.flush_interval);
  options.cleaning.compact = topic.cleanup_compact;
  options.cleaning.min_dirty_ratio = topic.min_cleanable_dirty_ratio;
  options.cleaning.min_lag_ms = ms(topic.min_compaction_lag);
  options.cleaning.max_lag_ms = ms(topic.max_compaction_lag);
  options.cleaning.delete_retention_ms = ms(topic.delete_retention);
  options.producers.expiration_ms = ms(producer_id_expiration);
  options.deletes_by_policy = topic.cleanup_delete;
  options.preallocate = topic.preallocate;
  options.index_interval_bytes = static_cast<std::uint32_t>(topic.index_interval_bytes);
  options.file_delete_delay = topic.file_delete_delay;
  options.rules.max_message_bytes = static_cast<std::size_t>(topic.max_message_bytes);
  options.rules.segment_bytes = static_cast<std::size_t>(topic.segment_bytes);
  options.rules.compacted = topic.cleanup_compact;
  options.rules.timestamp_type = topic.timestamp_type == config::TimestampType::log_append_time
                                     ? record::TimestampType::log_append_time
                                     : record::TimestampType::create_time;
  options.rules.timestamp_before_max_ms = ms(topic.timestamp_before_max);
  options.rules.timestamp_after_max_ms = ms(topic.timestamp_after_max);
  options.rules.stored_codec = stored_codec(topic.compression);
  options.compression_level = level_of(topic);
  return options;
}

}  // namespace cairn::storage
