// SPDX-License-Identifier: Apache-2.0
// What a log takes from its topic's configuration. A value: replaced whole when the topic's or the
// broker's configuration changes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <cairn/config/topic_config.hpp>
#include <cairn/log/cleaning.hpp>
#include <cairn/log/producer_state.hpp>
#include <cairn/log/rules.hpp>
#include <cairn/record/validation.hpp>

namespace cairn::storage {

struct LogOptions {
  log::RollLimits roll;
  log::RetentionLimits retention;
  log::FlushLimits flush;
  log::CleaningPolicy cleaning;
  log::ProducerStateOptions producers;
  bool deletes_by_policy = true;  // cleanup.policy has "delete"
  bool preallocate = false;       // Kafka's key: whole segments at once
  std::uint32_t index_interval_bytes = 4096;
  std::chrono::milliseconds file_delete_delay{60'000};

  // What validate_produced asks of a client's batch; version, origin and time are the append's.
  record::ProduceRules rules;
  int compression_level = record::default_level;  // when rules.stored_codec is set

  /// Acknowledgement of acks=all, and the high watermark, wait for the flush.
  bool flush_before_ack() const { return log::acks_need_flush(flush); }
};

/// Logs of one configuration share it. Made from a value where it is given.
class SharedLogOptions {
 public:
  SharedLogOptions() : SharedLogOptions(LogOptions()) {}
  SharedLogOptions(LogOptions options)  // NOLINT(google-explicit-constructor)
      : options_(std::make_shared<const LogOptions>(std::move(options))) {}

  const LogOptions& operator*() const { return *options_; }
  const LogOptions* operator->() const { return options_.get(); }

 private:
  std::shared_ptr<const LogOptions> options_;
};

LogOptions log_options(const config::TopicConfig& topic,
                       std::chrono::milliseconds producer_id_expiration);

}  // namespace cairn::storage
