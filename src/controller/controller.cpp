// SPDX-License-Identifier: Apache-2.0
#include <cairn/controller/controller.hpp>
#include <cairn/metadata/configs.hpp>
#include <cairn/metadata/directories.hpp>
#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/reassignments.hpp>
#include <cairn/metadata/topics.hpp>

#include "core.hpp"
#include "refusals.hpp"

namespace cairn::controller {

using metadata::Decision;
using metadata::Image;
using runtime::Task;

namespace {

/// As Kafka's raft-metrics name what a member is; an observer follows without a vote.
std::string_view role_name(const raft::Node& node) {
  struct Name {
    bool votes;
    std::string_view operator()(const raft::Unattached&) const {
      return votes ? "unattached" : "observer";
    }
    std::string_view operator()(const raft::Follower&) const {
      return votes ? "follower" : "observer";
    }
    std::string_view operator()(const raft::Prospective&) const { return "prospective"; }
    std::string_view operator()(const raft::Candidate&) const { return "candidate"; }
    std::string_view operator()(const raft::Leader&) const { return "leader"; }
    std::string_view operator()(const raft::Resigned&) const { return "resigned"; }
  };
  return std::visit(Name{node.voters().contains(node.settings().self)}, node.role());
}

/// Decides, and turns a failure into the API's own answer.
template <class Request, class Core, class Decide>
Task<typename Request::Response> ask(Core& core, const Request& request, Decide decide) {
  using Response = typename Request::Response;
  std::function<Decision<Response>(const Image&)> function = std::move(decide);
  auto performing = core.template perform<Response>(std::move(function));
  Result<Response> response = co_await std::move(performing);
  if (!response) co_return refuse(request, response.error());
  co_return *std::move(response);
}

}  // namespace

Controller::Controller(runtime::Shard& shard, runtime::Disk& disk, runtime::Network& network,
                       const config::ServerConfig& config, Identity identity)
    : core_(std::make_unique<Core>(shard, disk, network, config, std::move(identity))) {}

Controller::~Controller() = default;

runtime::Shard& Controller::shard() { return core_->shard; }

void Controller::subscribe(runtime::Shard& to, Deliver deliver, FirstImage first) {
  core_->publisher.subscribe(to, std::move(deliver), first);
}

Task<Result<std::string>> Controller::find_cluster() { return core_->find_cluster(); }

void Controller::belong_to(std::string cluster_id) {
  core_->identity.cluster_id = std::move(cluster_id);
}

const std::string& Controller::cluster_id() const { return core_->identity.cluster_id; }

Task<Result<>> Controller::start() { return core_->start(); }

void Controller::give_up_starting() {
  core_->abandoned = true;
  core_->progress.set();
  core_->broker.answered.set();
}

Task<> Controller::hand_over() { return core_->hand_over(); }

Task<> Controller::stop() { return core_->stop(); }

Task<protocol::CreateTopicsResponse> Controller::create_topics(
    protocol::CreateTopicsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::create_topics(image, request, core.effective_config(), core.shard.random());
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::DeleteTopicsResponse> Controller::delete_topics(
    protocol::DeleteTopicsRequest request, std::int16_t version) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::delete_topics(image, request, core.config, version);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::CreatePartitionsResponse> Controller::create_partitions(
    protocol::CreatePartitionsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::create_partitions(image, request, core.shard.random());
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::AlterConfigsResponse> Controller::alter_configs(
    protocol::AlterConfigsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::alter_configs(image, request, core.effective_config());
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::IncrementalAlterConfigsResponse> Controller::incremental_alter_configs(
    protocol::IncrementalAlterConfigsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::incremental_alter_configs(image, request, core.effective_config());
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::UpdateFeaturesResponse> Controller::update_features(
    protocol::UpdateFeaturesRequest request, std::int16_t version) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    auto decided =
        metadata::update_features(image, core.config, request, version, core.node->kraft_version());
    if (decided.kraft_version && !core.voters_with_directories()) {
      // The voters' record needs them all; they come with the fetches.
      decided.decision.records.clear();
      decided.decision.response.error_code = ErrorCode::invalid_update_version;
      decided.decision.response.error_message =
          "Not every voter has told its directory id yet; all must be running to raise "
          "kraft.version.";
    } else if (decided.kraft_version) {
      core.kraft_upgrade = decided.kraft_version;
    }
    return std::move(decided.decision);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::ElectLeadersResponse> Controller::elect_leaders(
    protocol::ElectLeadersRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::elect_leaders(image, core.config, request);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::AlterPartitionReassignmentsResponse> Controller::alter_partition_reassignments(
    protocol::AlterPartitionReassignmentsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::alter_partition_reassignments(image, core.config, request);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::ListPartitionReassignmentsResponse> Controller::list_partition_reassignments(
    protocol::ListPartitionReassignmentsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::list_partition_reassignments(image, request);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::AlterPartitionResponse> Controller::alter_partition(
    protocol::AlterPartitionRequest request, std::int16_t version) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::alter_partition(image, core.config, request, version);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::BrokerRegistrationResponse> Controller::register_broker(
    protocol::BrokerRegistrationRequest request) {
  return core_->decide_registration(std::move(request));
}

Task<protocol::BrokerHeartbeatResponse> Controller::broker_heartbeat(
    protocol::BrokerHeartbeatRequest request) {
  return core_->decide_heartbeat(std::move(request));
}

Task<protocol::ControllerRegistrationResponse> Controller::register_controller(
    protocol::ControllerRegistrationRequest request) {
  return core_->decide_controller_registration(std::move(request));
}

Task<protocol::AssignReplicasToDirsResponse> Controller::assign_replicas_to_dirs(
    protocol::AssignReplicasToDirsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::assign_replicas_to_dirs(image, request);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::UnregisterBrokerResponse> Controller::unregister_broker(
    protocol::UnregisterBrokerRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) {
    return metadata::unregister_broker(image, core.broker_context(), request);
  };
  co_return co_await ask(core, request, decide);
}

Task<protocol::AllocateProducerIdsResponse> Controller::allocate_producer_ids(
    protocol::AllocateProducerIdsRequest request) {
  Core& core = *core_;
  auto decide = [&](const Image& image) { return metadata::allocate_producer_ids(image, request); };
  co_return co_await ask(core, request, decide);
}

std::shared_ptr<const Image> Controller::image() const { return core_->committed.image(); }

BrokerId Controller::active_controller() const {
  return core_->node ? core_->node->leader().value_or(no_broker) : no_broker;
}

bool Controller::is_active() const { return core_->active(); }

QuorumStatus Controller::quorum_status() const {
  QuorumStatus status;
  if (!core_->node) return status;
  const raft::Node& node = *core_->node;
  status.epoch = node.epoch();
  status.leader = node.leader().value_or(no_broker);
  status.leading = node.is_leader();
  status.log_end = node.log_end();
  status.high_watermark = node.high_watermark();
  status.last_epoch = node.last().epoch;
  status.role = role_name(node);
  status.voters = node.voters().size();
  return status;
}

runtime::Task<BrokerId> Controller::ask_active_controller() const { co_return active_controller(); }

std::int16_t Controller::kraft_version() const {
  return core_->node ? core_->node->kraft_version() : std::int16_t{0};
}

runtime::Latch& Controller::failed() { return core_->failed; }

}  // namespace cairn::controller
