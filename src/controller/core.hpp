// SPDX-License-Identifier: Apache-2.0
// The controller's inside. One driver task carries out what the quorum node says and writes what
// was decided; decisions are made by whoever asks, between two turns of the driver, on the newest
// appended image, and wait for their commit. So one flush covers all that was decided during the
// one before.
//
//   decide -> outbox -> [driver: append, flush, node.flushed] -> commit -> publish -> answer
//
// Invariants: next_offset is the end of log + outbox; appended = committed + uncommitted steps;
// after a change of leadership (term) nobody is answered from before it.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include <cairn/controller/controller.hpp>
#include <cairn/metadata/brokers.hpp>
#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/features.hpp>
#include <cairn/metadata/replay.hpp>
#include <cairn/raft/node.hpp>
#include <cairn/storage/environment.hpp>

#include "metadata_log.hpp"
#include "publisher.hpp"

namespace cairn::controller {

inline constexpr std::size_t max_outbox_bytes = std::size_t{32} << 20;
/// How long an answer waits for the data shards once its change is committed.
inline constexpr Duration max_delivery_wait = std::chrono::milliseconds(250);

struct Controller::Core {
  Core(runtime::Shard& shard, runtime::Disk& disk, const config::ServerConfig& config,
       Identity identity);

  runtime::Task<Result<>> start();
  runtime::Task<> stop();

  /// Decides on the newest image and returns the answer once the decision is committed and handed
  /// out. Errors: not_controller; kafka_storage_error when the metadata log is broken.
  template <class Response>
  runtime::Task<Result<Response>> perform(
      std::function<metadata::Decision<Response>(const metadata::Image&)> decide);

  bool active() const { return node && node->is_leader() && activated && !failed.is_set(); }
  Instant now() const { return shard.clock().now(); }
  const metadata::Image& latest() const { return appended.latest(); }
  metadata::BrokerContext broker_context() const;
  config::ServerConfig effective_config() const;

  // core.cpp: what is decided becomes batches and waits.
  Offset enqueue(std::vector<metadata::Record> records);
  runtime::Task<Result<>> room_in_outbox();
  runtime::Task<Result<>> committed_up_to(Offset end, std::uint64_t in_term);
  void activate();
  void deactivate();

  // driver.cpp: the one task that touches the log.
  runtime::Task<> drive();
  runtime::Task<Result<>> turn();
  runtime::Task<Result<>> carry_out(raft::Output output);
  runtime::Task<Result<>> change_log(raft::LogChange change);
  runtime::Task<Result<>> append_control(raft::AppendControl append);
  runtime::Task<Result<>> catch_up();
  runtime::Task<Result<>> write_outbox();
  runtime::Task<Result<>> upgrade_kraft();
  runtime::Task<Result<>> commit(Offset high_watermark);
  void wait_until(std::optional<Instant>& earliest) const;
  void fence_silent_brokers();
  bool writes_no_ops() const;
  void maybe_write_no_op();
  void maybe_snapshot();
  runtime::Task<> take_snapshot();
  runtime::Task<Result<>> clean_log();

  // startup.cpp
  raft::Settings quorum_settings() const;
  Result<> check_voters(LoadedMetadata& loaded) const;
  Result<> check_features() const;
  raft::VoterSet own_voter_set(DirectoryId directory) const;
  runtime::Task<Result<>> update_own_endpoints();
  runtime::Task<Result<>> append_voters(raft::VoterSet voters,
                                        std::optional<std::int16_t> kraft_version);

  runtime::Shard& shard;
  runtime::Disk& disk;
  const config::ServerConfig& config;
  Identity identity;
  storage::Environment environment;
  storage::DirectoryHealth health;
  MetadataLog log;
  Publisher publisher;
  metadata::Heartbeats heartbeats;

  std::optional<raft::Node> node;
  std::deque<raft::Output> outputs;  // not carried out yet
  metadata::Replay committed, appended;
  struct Step {
    Offset end;
    metadata::Replay state;
  };
  std::deque<Step> uncommitted;
  std::vector<metadata::Record> bootstrap;
  Bytes outbox;
  Offset next_offset{0};
  Offset committed_end{0};
  std::uint64_t term = 0;  // counts changes of leadership
  bool activated = false;
  bool stopping = false;
  std::optional<std::int16_t> kraft_upgrade;  // decided, to be appended by the driver

  std::uint64_t bytes_since_snapshot = 0;
  Instant last_snapshot{};
  bool snapshot_running = false;
  bool clean_due = false;
  Instant last_append{};

  runtime::Event work;      // for the driver
  runtime::Event progress;  // commits, leadership, room in the outbox
  runtime::Latch failed;
  runtime::Latch driver_ended;
  runtime::TaskGroup tasks;
};

template <class Response>
runtime::Task<Result<Response>> Controller::Core::perform(
    std::function<metadata::Decision<Response>(const metadata::Image&)> decide) {
  CO_TRY(co_await room_in_outbox());
  const std::uint64_t in_term = term;
  metadata::Decision<Response> decision = decide(latest());
  // An answer without records waits too: for the commit of what it saw.
  const Offset end = decision.records.empty() ? next_offset : enqueue(std::move(decision.records));
  CO_TRY(co_await committed_up_to(end, in_term));
  co_await publisher.delivered(end - 1, now() + max_delivery_wait);
  co_return std::move(decision.response);
}

}  // namespace cairn::controller
