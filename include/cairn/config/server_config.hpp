// SPDX-License-Identifier: Apache-2.0
// All that a node takes from its configuration, typed and cross-checked, in groups by who uses it.
// Fields bear the names of Kafka's keys (times without their unit). A value: `with_dynamic` makes
// the one that holds after AlterConfigs. Without any setting it describes a whole single node on
// loopback.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/config/settings.hpp>
#include <cairn/config/topic_config.hpp>

namespace cairn::config {

/// The values are those of registration records.
enum class SecurityProtocol : std::int16_t {
  plaintext = 0,
  ssl = 1,
  sasl_plaintext = 2,
  sasl_ssl = 3
};
std::string_view to_string(SecurityProtocol protocol);

struct ListenerConfig {
  std::string name;
  std::string host;        // empty: all interfaces
  std::uint16_t port = 0;  // 0: a free one
  SecurityProtocol protocol = SecurityProtocol::plaintext;

  bool operator==(const ListenerConfig&) const = default;
};

struct VoterConfig {
  BrokerId id;
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const VoterConfig&) const = default;
};

struct HostPort {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const HostPort&) const = default;
};

using Milliseconds = std::chrono::milliseconds;

struct QuorumConfig {
  /// No voters and no bootstrap servers are configured: this node forms a quorum of its own.
  bool standalone = true;
  std::vector<VoterConfig> voters;
  std::vector<HostPort> bootstrap_servers;
  std::string cluster_id;  // cairn.cluster.id; empty: any
  bool auto_join = false;
  Milliseconds election_timeout, election_backoff_max, fetch_timeout, request_timeout,
      retry_backoff, append_linger;
  std::int32_t fetch_max_bytes, fetch_snapshot_max_bytes;
};

struct MetadataLogConfig {
  std::string dir;
  std::int32_t segment_bytes;
  Milliseconds segment_age, retention, max_snapshot_interval, max_idle_interval;
  std::int64_t retention_bytes, max_record_bytes_between_snapshots;
};

struct ControllerConfig {
  Milliseconds broker_session_timeout;
  bool auto_leader_rebalance;
  std::chrono::seconds leader_imbalance_check_interval;
  Milliseconds unclean_leader_election_interval;
  std::int32_t default_replication_factor, num_partitions;
  bool delete_topic;
};

struct BrokerLifeConfig {
  Milliseconds heartbeat_interval, initial_registration_timeout;
  bool controlled_shutdown;
};

struct SocketConfig {
  std::int32_t send_buffer_bytes, receive_buffer_bytes;  // -1: the system's
  std::int32_t request_max_bytes, listen_backlog_size;
  std::int32_t max_connections, max_connections_per_ip, max_connection_creation_rate;
  std::map<std::string, std::int32_t> max_connections_per_ip_overrides;
  Milliseconds connections_max_idle, request_timeout, setup_timeout, setup_timeout_max,
      failed_authentication_delay;
  std::int64_t queued_max_request_bytes;  // -1: without limit
  std::int32_t queued_max_requests;

  /// listener.name.<name>.max.connections, or max.connections.
  std::map<std::string, std::int32_t> listener_max_connections;
};

struct LogConfig {
  std::vector<std::string> dirs;
  std::int32_t recovery_threads_per_dir;
  Milliseconds retention_check_interval, flush_scheduler_interval, flush_offset_checkpoint_interval,
      flush_start_offset_checkpoint_interval, high_watermark_checkpoint_interval,
      initial_task_delay, dir_failure_timeout;
  Milliseconds producer_id_expiration, producer_id_expiration_check_interval;
  std::int64_t move_bytes_per_second;  // between directories
};

struct CleanerConfig {
  bool enable;
  std::int32_t threads, io_buffer_size;
  std::int64_t dedupe_buffer_size;
  double io_buffer_load_factor, io_max_bytes_per_second;
  Milliseconds backoff;
};

struct FetchConfig {
  std::int32_t max_bytes, max_session_slots, max_request_partitions;
};

struct ReplicaConfig {
  Milliseconds lag_time_max, fetch_wait_max, fetch_backoff, socket_timeout;
  std::int32_t fetch_min_bytes, fetch_max_bytes, fetch_response_max_bytes, fetchers,
      socket_receive_buffer_bytes;
  std::int64_t leader_throttled_rate, follower_throttled_rate;  // bytes a second
};

struct OffsetsConfig {
  std::int32_t topic_num_partitions, topic_segment_bytes, metadata_max_bytes, load_buffer_size;
  std::int16_t topic_replication_factor;
  Milliseconds retention, retention_check_interval, commit_timeout;
};

struct GroupCoordinatorConfig {
  Milliseconds min_session_timeout, max_session_timeout, initial_rebalance_delay;
  std::int32_t max_size;
  std::vector<std::string> rebalance_protocols;  // classic, consumer, streams, share

  std::vector<std::string> consumer_assignors;
  std::int32_t consumer_max_size;
  Milliseconds consumer_min_session_timeout, consumer_max_session_timeout,
      consumer_min_heartbeat_interval, consumer_max_heartbeat_interval,
      consumer_regex_refresh_interval;
  std::string consumer_migration_policy;  // lower case
  GroupConfig defaults;
};

struct TransactionConfig {
  std::int32_t topic_num_partitions, topic_segment_bytes, load_buffer_size;
  std::int16_t topic_replication_factor, topic_min_isr;
  Milliseconds max_timeout, id_expiration, abort_timed_out_interval, remove_expired_interval;
  bool partition_verification;
};

/// cairn.http.listener: metrics and health.
struct HttpConfig {
  bool enabled = true;
  bool configured = false;  // if not, a taken port is a warning and not an error
  std::string host = "127.0.0.1";
  std::uint16_t port = 9404;
};

struct ServerConfig {
  BrokerId node_id;
  bool broker_role = true;
  bool controller_role = true;
  std::optional<std::string> rack;

  std::vector<ListenerConfig> listeners;             // all, in the order they were given
  std::vector<ListenerConfig> advertised_listeners;  // of the broker; port 0 until it is bound
  std::vector<std::string> controller_listener_names;
  std::string inter_broker_listener_name;

  QuorumConfig quorum;
  MetadataLogConfig metadata_log;
  ControllerConfig controller;
  BrokerLifeConfig broker;
  SocketConfig socket;
  LogConfig log;
  CleanerConfig cleaner;
  FetchConfig fetch;
  ReplicaConfig replica;
  OffsetsConfig offsets;
  GroupCoordinatorConfig group;
  TransactionConfig transaction;
  HttpConfig http;
  bool auto_create_topics;
  TopicConfig topic_defaults;

  /// What the typed fields were read from; describe_* needs it.
  StaticConfig settings;
  Overrides dynamic_broker;   // of this broker, as applied by with_dynamic
  Overrides dynamic_cluster;  // of all brokers

  bool is_controller_listener(std::string_view name) const;
  /// Lines that start-up prints: listeners open to the world, keys without effect.
  std::vector<std::string> notices() const;
};

/// Types and cross-checks the settings. `default_data_dir` is used if neither log.dirs nor log.dir
/// is set. Fails with all that is wrong.
std::expected<ServerConfig, Problems> make_server_config(StaticConfig settings,
                                                         std::string default_data_dir);

/// The configuration that holds with these dynamic overrides: the broker's own, then those of all
/// brokers, then the static ones. Keys that cannot change at run time are passed over.
ServerConfig with_dynamic(const ServerConfig& server, const Overrides& broker,
                          const Overrides& cluster);

/// The value in force for a broker key, after dynamic, static and default; nullopt is Kafka's null.
std::optional<std::string> value_of(const ServerConfig& server, std::string_view key);

enum class PrintFormat { text, json };
/// `--print-config`: every broker key with value and origin; secrets are hidden.
std::string print_config(const ServerConfig& server, PrintFormat format);

}  // namespace cairn::config
