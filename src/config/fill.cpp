// SPDX-License-Identifier: Apache-2.0
// The typed fields of ServerConfig, from the values in force.
#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

void fill_quorum(const Values& values, ServerConfig& server) {
  auto& quorum = server.quorum;
  quorum.auto_join = values.flag("controller.quorum.auto.join.enable");
  quorum.election_timeout = values.ms("controller.quorum.election.timeout.ms");
  quorum.election_backoff_max = values.ms("controller.quorum.election.backoff.max.ms");
  quorum.fetch_timeout = values.ms("controller.quorum.fetch.timeout.ms");
  quorum.request_timeout = values.ms("controller.quorum.request.timeout.ms");
  quorum.retry_backoff = values.ms("controller.quorum.retry.backoff.ms");
  quorum.append_linger = values.ms("controller.quorum.append.linger.ms");
  quorum.fetch_max_bytes = values.int32("controller.quorum.fetch.max.bytes");
  quorum.fetch_snapshot_max_bytes = values.int32("controller.quorum.fetch.snapshot.max.bytes");

  auto& log = server.metadata_log;
  log.segment_bytes = values.int32("metadata.log.segment.bytes");
  log.segment_age = values.ms("metadata.log.segment.ms");
  log.retention = values.ms("metadata.max.retention.ms");
  log.retention_bytes = values.int64("metadata.max.retention.bytes");
  log.max_snapshot_interval = values.ms("metadata.log.max.snapshot.interval.ms");
  log.max_idle_interval = values.ms("metadata.max.idle.interval.ms");
  log.max_record_bytes_between_snapshots =
      values.int64("metadata.log.max.record.bytes.between.snapshots");
}

void fill_controller(const Values& values, ServerConfig& server) {
  server.controller = {
      .broker_session_timeout = values.ms("broker.session.timeout.ms"),
      .auto_leader_rebalance = values.flag("auto.leader.rebalance.enable"),
      .leader_imbalance_check_interval =
          std::chrono::seconds(values.int64("leader.imbalance.check.interval.seconds")),
      .unclean_leader_election_interval = values.ms("unclean.leader.election.interval.ms"),
      .default_replication_factor = values.int32("default.replication.factor"),
      .num_partitions = values.int32("num.partitions"),
      .delete_topic = values.flag("delete.topic.enable"),
  };
  server.broker = {
      .heartbeat_interval = values.ms("broker.heartbeat.interval.ms"),
      .initial_registration_timeout = values.ms("initial.broker.registration.timeout.ms"),
      .controlled_shutdown = values.flag("controlled.shutdown.enable"),
  };
  server.auto_create_topics = values.flag("auto.create.topics.enable");
}

void fill_socket(const Values& values, ServerConfig& server) {
  auto& socket = server.socket;
  socket.send_buffer_bytes = values.int32("socket.send.buffer.bytes");
  socket.receive_buffer_bytes = values.int32("socket.receive.buffer.bytes");
  socket.request_max_bytes = values.int32("socket.request.max.bytes");
  socket.listen_backlog_size = values.int32("socket.listen.backlog.size");
  socket.max_connections = values.int32("max.connections");
  socket.max_connections_per_ip = values.int32("max.connections.per.ip");
  socket.max_connection_creation_rate = values.int32("max.connection.creation.rate");
  socket.connections_max_idle = values.ms("connections.max.idle.ms");
  socket.request_timeout = values.ms("request.timeout.ms");
  socket.setup_timeout = values.ms("socket.connection.setup.timeout.ms");
  socket.setup_timeout_max = values.ms("socket.connection.setup.timeout.max.ms");
  socket.failed_authentication_delay = values.ms("connection.failed.authentication.delay.ms");
  socket.queued_max_request_bytes = values.int64("queued.max.request.bytes");
  socket.queued_max_requests = values.int32("queued.max.requests");
  socket.max_connections_per_ip_overrides.clear();
  for (const auto& entry : values.list("max.connections.per.ip.overrides")) {
    const auto colon = entry.rfind(':');
    if (colon == entry.npos) continue;
    const auto count = text::parse_integer(std::string_view(entry).substr(colon + 1));
    if (count) {
      socket.max_connections_per_ip_overrides[entry.substr(0, colon)] =
          static_cast<std::int32_t>(*count);
    }
  }
  socket.listener_max_connections.clear();
  for (const auto& listener : server.listeners) {
    const auto key = "listener.name." + text::lower(listener.name) + ".max.connections";
    if (values.find(key)) socket.listener_max_connections[listener.name] = values.int32(key);
  }
}

void fill_log(const Values& values, ServerConfig& server) {
  auto& log = server.log;
  log.dirs = values.list(values.find("log.dirs") ? "log.dirs" : "log.dir");
  log.recovery_threads_per_dir = values.int32("num.recovery.threads.per.data.dir");
  log.retention_check_interval = values.ms("log.retention.check.interval.ms");
  log.flush_scheduler_interval = values.ms("log.flush.scheduler.interval.ms");
  log.flush_offset_checkpoint_interval = values.ms("log.flush.offset.checkpoint.interval.ms");
  log.flush_start_offset_checkpoint_interval =
      values.ms("log.flush.start.offset.checkpoint.interval.ms");
  log.high_watermark_checkpoint_interval =
      values.ms("replica.high.watermark.checkpoint.interval.ms");
  log.initial_task_delay = values.ms("log.initial.task.delay.ms");
  log.dir_failure_timeout = values.ms("log.dir.failure.timeout.ms");
  log.producer_id_expiration = values.ms("producer.id.expiration.ms");
  log.producer_id_expiration_check_interval = values.ms("producer.id.expiration.check.interval.ms");
  log.move_bytes_per_second = values.int64("replica.alter.log.dirs.io.max.bytes.per.second");
  const auto metadata_dir = values.find("metadata.log.dir");
  server.metadata_log.dir = metadata_dir ? *metadata_dir : log.dirs.empty() ? "" : log.dirs.front();

  server.cleaner = {
      .enable = values.flag("log.cleaner.enable"),
      .threads = values.int32("log.cleaner.threads"),
      .io_buffer_size = values.int32("log.cleaner.io.buffer.size"),
      .dedupe_buffer_size = values.int64("log.cleaner.dedupe.buffer.size"),
      .io_buffer_load_factor = values.float64("log.cleaner.io.buffer.load.factor"),
      .io_max_bytes_per_second = values.float64("log.cleaner.io.max.bytes.per.second"),
      .backoff = values.ms("log.cleaner.backoff.ms"),
  };
}

void fill_replica(const Values& values, ServerConfig& server) {
  server.fetch = {
      .max_bytes = values.int32("fetch.max.bytes"),
      .max_session_slots = values.int32("max.incremental.fetch.session.cache.slots"),
      .max_request_partitions = values.int32("max.request.partition.size.limit"),
  };
  server.replica = {
      .lag_time_max = values.ms("replica.lag.time.max.ms"),
      .fetch_wait_max = values.ms("replica.fetch.wait.max.ms"),
      .fetch_backoff = values.ms("replica.fetch.backoff.ms"),
      .socket_timeout = values.ms("replica.socket.timeout.ms"),
      .fetch_min_bytes = values.int32("replica.fetch.min.bytes"),
      .fetch_max_bytes = values.int32("replica.fetch.max.bytes"),
      .fetch_response_max_bytes = values.int32("replica.fetch.response.max.bytes"),
      .fetchers = values.int32("num.replica.fetchers"),
      .socket_receive_buffer_bytes = values.int32("replica.socket.receive.buffer.bytes"),
      .leader_throttled_rate = values.int64("leader.replication.throttled.rate"),
      .follower_throttled_rate = values.int64("follower.replication.throttled.rate"),
  };
}

void fill_group(const Values& values, ServerConfig& server) {
  server.offsets = {
      .topic_num_partitions = values.int32("offsets.topic.num.partitions"),
      .topic_segment_bytes = values.int32("offsets.topic.segment.bytes"),
      .metadata_max_bytes = values.int32("offset.metadata.max.bytes"),
      .load_buffer_size = values.int32("offsets.load.buffer.size"),
      .topic_replication_factor = values.int16("offsets.topic.replication.factor"),
      .retention = std::chrono::minutes(values.int64("offsets.retention.minutes")),
      .retention_check_interval = values.ms("offsets.retention.check.interval.ms"),
      .commit_timeout = values.ms("offsets.commit.timeout.ms"),
  };
  auto& group = server.group;
  group.min_session_timeout = values.ms("group.min.session.timeout.ms");
  group.max_session_timeout = values.ms("group.max.session.timeout.ms");
  group.initial_rebalance_delay = values.ms("group.initial.rebalance.delay.ms");
  group.max_size = values.int32("group.max.size");
  group.rebalance_protocols = values.list("group.coordinator.rebalance.protocols");
  group.consumer_assignors = values.list("group.consumer.assignors");
  group.consumer_max_size = values.int32("group.consumer.max.size");
  group.consumer_min_session_timeout = values.ms("group.consumer.min.session.timeout.ms");
  group.consumer_max_session_timeout = values.ms("group.consumer.max.session.timeout.ms");
  group.consumer_min_heartbeat_interval = values.ms("group.consumer.min.heartbeat.interval.ms");
  group.consumer_max_heartbeat_interval = values.ms("group.consumer.max.heartbeat.interval.ms");
  group.consumer_regex_refresh_interval = values.ms("group.consumer.regex.refresh.interval.ms");
  group.consumer_migration_policy = text::lower(values.text("group.consumer.migration.policy"));
  group.defaults = {
      .consumer_session_timeout = values.ms("group.consumer.session.timeout.ms"),
      .consumer_heartbeat_interval = values.ms("group.consumer.heartbeat.interval.ms"),
      .consumer_assignment_interval = values.ms("group.consumer.assignment.interval.ms"),
  };
}

void fill_transaction(const Values& values, ServerConfig& server) {
  server.transaction = {
      .topic_num_partitions = values.int32("transaction.state.log.num.partitions"),
      .topic_segment_bytes = values.int32("transaction.state.log.segment.bytes"),
      .load_buffer_size = values.int32("transaction.state.log.load.buffer.size"),
      .topic_replication_factor = values.int16("transaction.state.log.replication.factor"),
      .topic_min_isr = values.int16("transaction.state.log.min.isr"),
      .max_timeout = values.ms("transaction.max.timeout.ms"),
      .id_expiration = values.ms("transactional.id.expiration.ms"),
      .abort_timed_out_interval =
          values.ms("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
      .remove_expired_interval =
          values.ms("transaction.remove.expired.transaction.cleanup.interval.ms"),
      .partition_verification = values.flag("transaction.partition.verification.enable"),
  };
}

}  // namespace

void fill(ServerConfig& server) {
  const Values values(server);
  server.node_id = BrokerId(values.int32("node.id"));
  server.rack = values.find("broker.rack");
  fill_quorum(values, server);
  fill_controller(values, server);
  fill_socket(values, server);
  fill_log(values, server);
  fill_replica(values, server);
  fill_group(values, server);
  fill_transaction(values, server);
  server.topic_defaults = topic_config(server, {});
}

ServerConfig with_dynamic(const ServerConfig& server, const Overrides& broker,
                          const Overrides& cluster) {
  const auto usable = [](const Overrides& overrides) {
    Overrides kept;
    for (const auto& [key, value] : overrides) {
      const auto* option = find(Scope::broker, key);
      if (option != nullptr && option->update != UpdateMode::read_only &&
          check_value(*option, value)) {
        kept.emplace(key, value);
      }
    }
    return kept;
  };
  ServerConfig changed = server;
  changed.dynamic_broker = usable(broker);
  changed.dynamic_cluster = usable(cluster);
  fill(changed);
  return changed;
}

}  // namespace cairn::config
