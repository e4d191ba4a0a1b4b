// SPDX-License-Identifier: Apache-2.0
// What an administrator asks the active controller for while faults strike: leaders where they were
// meant to be, replicas elsewhere. Whether it is done is seen in the metadata, not in the answer.
#include <cairn/controller/controller.hpp>
#include <cairn/protocol/messages/alter_partition_reassignments.hpp>

#include "cluster_nemesis.hpp"

namespace cairn::simulation {
namespace {

using protocol::AlterPartitionReassignmentsRequest;

runtime::Task<> ask_for_preferred_leaders(controller::Controller& controller) {
  protocol::ElectLeadersRequest request;
  request.topic_partitions.reset();
  const auto answer = co_await controller.elect_leaders(std::move(request));
  static_cast<void>(answer);
}

/// Nothing where a controller cannot move replicas.
template <class Controller>
runtime::Task<> ask_for_move(Controller& controller, AlterPartitionReassignmentsRequest request) {
  if constexpr (requires { controller.alter_partition_reassignments(request); }) {
    const auto answer = co_await controller.alter_partition_reassignments(std::move(request));
    static_cast<void>(answer);
  }
  co_return;
}

/// As many brokers as have replicas now, any of those that are registered.
std::vector<std::int32_t> other_replicas(Random& random, const metadata::Image& image,
                                         const metadata::Partition& state) {
  std::vector<std::int32_t> all, chosen;
  for (const auto& [id, broker] : image.brokers) all.push_back(id.value());
  while (!all.empty() && chosen.size() < state.replicas.size()) {
    const std::size_t pick = random.below(all.size());
    chosen.push_back(all[pick]);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return chosen;
}

AlterPartitionReassignmentsRequest draw_move(Random& random, const metadata::Image& image) {
  AlterPartitionReassignmentsRequest request;
  for (const auto& [id, topic] : image.topics) {
    for (const auto& [index, state] : topic->partitions) {
      if (!random.chance(0.3)) continue;
      if (request.topics.empty() || request.topics.back().name != topic->name) {
        request.topics.emplace_back().name = topic->name;
      }
      auto& moved = request.topics.back().partitions.emplace_back();
      moved.partition_index = index.value();
      if (random.chance(0.85)) moved.replicas = other_replicas(random, image, state);
    }
  }
  return request;
}

}  // namespace

void ClusterNemesis::elect(int) {
  const auto leader = cluster_.leader();
  if (!leader) return;
  ++count_;
  runtime::Shard& shard = world_.process(QuorumCluster::host(*leader))->shard(1);
  shard.tasks().spawn(ask_for_preferred_leaders(*cluster_.node(*leader).controller()));
}

void ClusterNemesis::reassign(int) {
  const auto leader = cluster_.leader();
  if (!leader) return;
  ++count_;
  runtime::Shard& shard = world_.process(QuorumCluster::host(*leader))->shard(1);
  controller::Controller& controller = *cluster_.node(*leader).controller();
  shard.tasks().spawn(ask_for_move(controller, draw_move(world_.random(), *controller.image())));
}

}  // namespace cairn::simulation
