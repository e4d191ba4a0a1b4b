// SPDX-License-Identifier: Apache-2.0
// The controller's inside. One driver task is alone with the quorum node: it gives it one input
// after another (what other nodes ask and answer, flushes, time), carries out what it says, and
// writes what was decided. Decisions are made by whoever asks, between two turns of the driver, on
// the newest appended image, and wait for their commit. So one flush covers all that was decided
// during the one before.
//
//   decide -> outbox -> [driver: append, to followers, flush, node.flushed] -> commit -> publish
//   inbox -> [driver: node.step, node.answered -> persist, append, flush -> replies, sends, commit]
//
// Invariants: the node's log is the one on disk whenever it gets an input; next_offset is the end
// of log + outbox; while leading appended = committed + uncommitted steps; after a change of
// leadership (term) nobody is answered from before it.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include <cairn/controller/controller.hpp>
#include <cairn/metadata/brokers.hpp>
#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/features.hpp>
#include <cairn/metadata/replay.hpp>
#include <cairn/protocol/messages/controller_registration.hpp>
#include <cairn/raft/formation.hpp>
#include <cairn/raft/node.hpp>
#include <cairn/storage/environment.hpp>

#include "broker_life.hpp"
#include "election_metrics.hpp"
#include "metadata_log.hpp"
#include "peers.hpp"
#include "publisher.hpp"
#include "quorum_link.hpp"
#include "role_report.hpp"

namespace cairn::controller {

inline constexpr std::size_t max_outbox_bytes = std::size_t{32} << 20;
/// How long an answer waits for the data shards once its change is committed.
inline constexpr Duration max_delivery_wait = std::chrono::milliseconds(250);

/// What another node asks of the quorum node, until the driver has an answer.
struct QuorumQuestion {
  explicit QuorumQuestion(raft::Request asked) : request(std::move(asked)) {}

  raft::Request request;
  std::optional<raft::Response> response;
  protocol::Records records;  // of a fetch, or the bytes of a snapshot
  runtime::Latch answered;
};

struct Controller::Core {
  Core(runtime::Shard& shard, runtime::Disk& disk, runtime::Network& network,
       const config::ServerConfig& config, Identity identity);

  runtime::Task<Result<>> start();
  runtime::Task<> hand_over();
  runtime::Task<> stop();
  /// Of an empty node that belongs to a cluster of several controllers (formation.cpp).
  runtime::Task<Result<std::string>> find_cluster();
  runtime::Task<std::map<BrokerId, std::optional<raft::FormationReport>>> ask_everybody();
  std::vector<raft::ReplicaKey> known_voters() const;
  raft::VoterSet voters_of(const std::vector<raft::ReplicaKey>& keys) const;
  /// Asks the quorum node; nothing while there is none or when it stops.
  runtime::Task<std::shared_ptr<QuorumQuestion>> ask_node(raft::Request request);

  /// Decides on the newest image and returns the answer once the decision is committed and handed
  /// out. Errors: not_controller; kafka_storage_error when the metadata log is broken.
  template <class Response>
  runtime::Task<Result<Response>> perform(
      std::function<metadata::Decision<Response>(const metadata::Image&)> decide);

  bool active() const { return node && node->is_leader() && activated && !failed.is_set(); }
  /// This node's log says all that is committed now, as far as anybody can know.
  bool settled() const;
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
  void take_input();
  void dismiss_questions();
  void note_answer(const QuorumAnswer& answer);
  runtime::Task<Result<>> carry_out(raft::Output output);
  runtime::Task<Result<>> reply(raft::Reply reply);
  runtime::Task<Result<>> install_snapshot(raft::SnapshotId id);
  runtime::Task<Result<>> replay_committed(Offset end);
  Duration timeout_of(const raft::Request& request) const;
  runtime::Task<Result<>> change_log(raft::LogChange change);
  runtime::Task<Result<>> append_control(raft::AppendControl append);
  runtime::Task<Result<>> catch_up();
  runtime::Task<Result<>> write_outbox();
  runtime::Task<Result<>> upgrade_kraft();
  runtime::Task<Result<>> commit(Offset high_watermark);

  // upkeep.cpp: what is due by time or size.
  void wait_until(std::optional<Instant>& earliest) const;
  void fence_silent_brokers();
  bool writes_no_ops() const;
  void maybe_write_no_op();
  bool looks_for_leaderless() const;
  void maybe_elect_leaderless();
  bool may_snapshot() const;
  void maybe_snapshot();
  runtime::Task<> take_snapshot();
  runtime::Task<Result<>> clean_log();

  // duties.cpp: decisions that are soft state too, or that this node asks of whoever leads.
  runtime::Task<protocol::BrokerRegistrationResponse> decide_registration(
      protocol::BrokerRegistrationRequest request);
  runtime::Task<protocol::BrokerHeartbeatResponse> decide_heartbeat(
      protocol::BrokerHeartbeatRequest request);
  runtime::Task<protocol::ControllerRegistrationResponse> decide_controller_registration(
      protocol::ControllerRegistrationRequest request);
  protocol::ControllerRegistrationRequest own_controller_registration() const;
  bool is_registered() const;
  runtime::Task<> keep_registered();
  /// To the active controller, if that is another node and known. Errors: not_controller,
  /// network_exception, request_timed_out, unsupported_version.
  template <class Request>
  runtime::Task<Result<typename Request::Response>> call_active(Lane lane, Request request,
                                                                Duration timeout);

  // broker_life.cpp
  protocol::BrokerRegistrationRequest registration_of(const LocalBroker& self) const;
  runtime::Task<Result<BrokerEpoch>> register_own(LocalBroker self);
  protocol::BrokerHeartbeatRequest own_heartbeat() const;
  runtime::Task<> send_heartbeats();
  Duration heartbeat_pause(ErrorCode last) const;
  Duration heartbeat_timeout() const;

  // startup.cpp
  raft::Settings quorum_settings() const;
  Result<> check_voters(LoadedMetadata& loaded) const;
  Result<> check_features() const;
  raft::Voter own_voter(DirectoryId directory) const;
  raft::VoterSet own_voter_set(DirectoryId directory) const;
  raft::VoterSet static_voters() const;
  bool is_alone() const;
  Result<> check_strangers() const;
  runtime::Task<Result<>> update_own_endpoints();
  std::optional<raft::VoterSet> voters_with_directories() const;
  runtime::Task<Result<>> append_voters(raft::VoterSet voters,
                                        std::optional<std::int16_t> kraft_version);

  runtime::Shard& shard;
  runtime::Disk& disk;
  runtime::Network& network;
  const config::ServerConfig& config;
  Identity identity;
  storage::Environment environment;
  storage::DirectoryHealth health;
  MetadataLog log;
  Publisher publisher;
  metadata::Heartbeats heartbeats;
  Peers peers;
  QuorumLink link;
  BrokerLife broker;
  std::optional<ElectionMetrics> elections;  // of a node with the controller role

  std::optional<raft::Node> node;
  RoleReport role_report;
  std::deque<raft::Output> outputs;  // not carried out yet
  std::deque<std::variant<std::shared_ptr<QuorumQuestion>, QuorumAnswer>> inbox;
  std::map<std::uint64_t, std::shared_ptr<QuorumQuestion>> questions;  // no answer yet
  std::uint64_t next_question = 1;
  std::shared_ptr<const void> held;  // what the outputs' views point into
  std::string stranger;              // the first node that said it is of another cluster
  bool resign_wanted = false;
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
  bool abandoned = false;                     // nobody wants what start() waits for any more
  std::optional<std::int16_t> kraft_upgrade;  // decided, to be appended by the driver

  std::uint64_t bytes_since_snapshot = 0;
  Instant last_snapshot{};
  bool snapshot_running = false;
  bool clean_due = false;
  Instant last_append{};
  Instant last_look_for_leaderless{};

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

template <class Request>
runtime::Task<Result<typename Request::Response>> Controller::Core::call_active(Lane lane,
                                                                                Request request,
                                                                                Duration timeout) {
  const std::optional<BrokerId> leader = node ? node->leader() : std::nullopt;
  if (!leader || *leader == config.node_id) {
    co_return fail(ErrorCode::not_controller, "the active controller is not known");
  }
  const std::shared_ptr<transport::Peer> peer = peers.find(*leader, lane);
  if (peer == nullptr) co_return fail(ErrorCode::not_controller, "no way to the controller");
  co_return co_await peer->call_by(std::move(request), std::nullopt, now() + timeout);
}

}  // namespace cairn::controller
