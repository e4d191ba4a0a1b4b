// SPDX-License-Identifier: Apache-2.0
#include "core.hpp"

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

namespace cairn::controller {

Controller::Core::Core(runtime::Shard& on, runtime::Disk& on_disk, runtime::Network& on_network,
                       const config::ServerConfig& server, Identity who)
    : shard(on),
      disk(on_disk),
      network(on_network),
      config(server),
      identity(std::move(who)),
      environment(on_disk, on.clock(), on.random().fork()),
      health(identity.metadata_directory),
      log(environment, health, identity.metadata_directory, server.metadata_log),
      publisher(on),
      heartbeats(server.controller.broker_session_timeout),
      peers(on, on_network, server),
      link(on, peers,
           [this](QuorumAnswer answer) {
             inbox.push_back(std::move(answer));
             work.set();
           }),
      tasks(on.context()) {
  if (config.controller_role) elections.emplace(shard.metrics());
}

metadata::BrokerContext Controller::Core::broker_context() const {
  return {config, identity.cluster_id, next_offset, now(), node->kraft_version()};
}

/// What holds for all brokers, as far as the controller knows: the static values and those set for
/// all brokers at run time.
config::ServerConfig Controller::Core::effective_config() const {
  const auto all = latest().overrides(metadata::ResourceType::broker, "");
  return config::with_dynamic(config, {}, *all);
}

runtime::Task<Result<>> Controller::Core::room_in_outbox() {
  while (active() && outbox.size() > max_outbox_bytes) {
    if (!co_await progress.wait()) break;
  }
  if (failed.is_set()) {
    co_return fail(ErrorCode::kafka_storage_error, "the metadata log is broken");
  }
  if (stopping || !active()) co_return fail(ErrorCode::not_controller, "not the active controller");
  co_return Result<>{};
}

Offset Controller::Core::enqueue(std::vector<metadata::Record> records) {
  if (elections) elections->note(latest(), records);
  if (metadata::supports_metadata_transactions(latest().metadata_version()) &&
      needs_transaction(records)) {
    records = metadata::in_transaction("Large change", std::move(records));
  }
  const std::int64_t timestamp = environment.now_ms();
  const Epoch epoch = node->epoch();
  std::size_t at = 0;
  for (EncodedBatch& batch : encode_batches(records, next_offset, epoch, timestamp)) {
    const auto part = std::span(records).subspan(at, batch.records);
    const Result<> applied = appended.apply(part, batch.last_offset, epoch, timestamp);
    ASSERT(applied, "the records of a decision apply to the image it was made on");
    at += batch.records;
    next_offset = batch.last_offset + 1;
    append(outbox, batch.bytes);
    uncommitted.push_back({next_offset, appended});
  }
  last_append = now();
  work.set();
  return next_offset;
}

runtime::Task<Result<>> Controller::Core::committed_up_to(Offset end, std::uint64_t in_term) {
  while (committed_end < end) {
    if (failed.is_set()) {
      co_return fail(ErrorCode::kafka_storage_error, "the metadata log is broken");
    }
    // Leadership was lost meanwhile: whether the records survive is for the next leader to say.
    if (term != in_term && !MUTANT("L10"))
      co_return fail(ErrorCode::not_controller, "lost the leadership");
    if (!co_await progress.wait()) co_return fail(ErrorCode::not_controller, "stopping");
  }
  if (term != in_term && !MUTANT("L10")) {
    co_return fail(ErrorCode::not_controller, "lost the leadership");
  }
  co_return Result<>{};
}

/// The epoch's first batch is appended: this node decides from here on.
void Controller::Core::activate() {
  ++term;
  activated = true;
  last_look_for_leaderless = now();
  heartbeats.start(latest(), now());
  for (const auto& [id, broker_known] : latest().brokers) {
    // When it began to leave only the controller before knew; whoever applies this epoch's
    // beginning has applied that too.
    if (broker_known.in_controlled_shutdown) heartbeats.set_shutdown_offset(id, next_offset - 1);
  }
  heartbeats.forget(config.node_id);  // our own former process is gone: its directory lock is ours
  if (appended.in_transaction()) {
    protocol::AbortTransactionRecord abort;
    abort.reason = "The controller changed.";
    enqueue({{std::move(abort), 0}});
  }
  if (latest().metadata_version() == 0) {
    logging::info("controller activation: the metadata log is empty, writing {} bootstrap records",
                  bootstrap.size());
    enqueue(metadata::in_transaction("Bootstrap records", bootstrap));
  }
  if (!is_registered()) {
    enqueue(metadata::register_controller(latest(), own_controller_registration()).records);
  }
}

void Controller::Core::deactivate() {
  ++term;
  activated = false;
  outbox.clear();
  kraft_upgrade.reset();
  uncommitted.clear();
  appended = committed;  // thrown away, not rolled back: the log says what remains
  next_offset = node->log_end();
  progress.set();
}

}  // namespace cairn::controller
