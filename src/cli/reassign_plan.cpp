// SPDX-License-Identifier: Apache-2.0
#include "reassign_plan.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spread.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using runtime::Task;
using Topics = std::vector<client::TopicMetadata>;

Plan places_of(const Topics& topics) {
  Plan out;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      out.emplace(TopicPartition{topic.name, partition.index}, partition.replicas);
    }
  }
  return out;
}

Task<std::expected<Plan, int>> plan_from_file(Session& session, std::string file) {
  const auto text = co_await runtime::read_file(session.disk, file);
  if (!text) {
    co_return std::unexpected(refuse(fmt::format("cannot read {}: {}", file, text.error().why)));
  }
  auto plan = read_reassignment(as_text(*text));
  if (!plan) co_return std::unexpected(refuse(fmt::format("{}: {}", file, plan.error())));
  co_return *std::move(plan);
}

std::expected<Plan, int> plan_by_hand(const ReassignArguments& arguments) {
  const auto replicas = read_broker_ids(arguments.replicas);
  if (!replicas) {
    return std::unexpected(refuse(
        fmt::format("--replicas: expected broker ids as 1,2,3, found '{}'", arguments.replicas)));
  }
  Plan plan;
  for (const auto index : arguments.partitions) {
    plan[{arguments.topics.front(), PartitionIndex(index)}] = *replicas;
  }
  return plan;
}

/// The brokers of --brokers, with their racks.
std::expected<std::vector<SpreadTarget>, int> targets_of(const client::ClusterDescription& cluster,
                                                         const std::string& text) {
  const auto ids = read_broker_ids(text);
  if (!ids) {
    return std::unexpected(
        refuse(fmt::format("--brokers: expected broker ids as 1,2,3, found '{}'", text)));
  }
  std::vector<SpreadTarget> out;
  for (const auto id : *ids) {
    const auto found = std::ranges::find(cluster.brokers, id, &client::BrokerNode::id);
    if (found == cluster.brokers.end()) {
      std::vector<BrokerId> there;
      for (const auto& broker : cluster.brokers) there.push_back(broker.id);
      return std::unexpected(refuse(
          fmt::format("--brokers: {} does not serve; there are {}", id, fmt::join(there, ","))));
    }
    out.push_back({id, found->rack});
  }
  return out;
}

std::expected<Plan, int> plan_spread(const client::ClusterDescription& cluster,
                                     const Topics& topics, const ReassignArguments& arguments) {
  auto targets = targets_of(cluster, arguments.brokers);
  if (!targets) return std::unexpected(targets.error());
  Spread spread(*std::move(targets));
  Plan plan;
  for (const auto& topic : topics) {
    std::vector<Replicas> current;
    for (const auto& partition : topic.partitions) current.push_back(partition.replicas);
    const std::size_t factor = arguments.replication_factor > 0
                                   ? static_cast<std::size_t>(arguments.replication_factor)
                                   : current.front().size();
    auto placed = spread.place(current, factor);
    if (!placed) {
      return std::unexpected(
          refuse(fmt::format("{} has {} replicas and --brokers names fewer", topic.name, factor)));
    }
    for (std::size_t i = 0; i < current.size(); i++) {
      plan.emplace(TopicPartition{topic.name, topic.partitions[i].index}, std::move((*placed)[i]));
    }
  }
  return plan;
}

Task<std::expected<Topics, int>> describe_all(const Globals& globals, Admin& admin,
                                              std::vector<std::string> names, bool all) {
  Result<Topics> topics;
  if (all) {
    topics = co_await admin.list_topics();
  } else {
    topics = co_await admin.describe_topics(std::move(names));
  }
  if (!topics) co_return std::unexpected(report(globals, "describe topics", topics.error()));
  for (const auto& topic : *topics) {
    if (topic.error != ErrorCode::none || topic.partitions.empty()) {
      co_return std::unexpected(report("describe topic " + topic.name, topic.error,
                                       "see `cairn topic list` for those there are"));
    }
  }
  co_return *std::move(topics);
}

/// The topics a plan names.
std::vector<std::string> topics_of(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& [id, replicas] : plan) {
    if (out.empty() || out.back() != id.topic) out.push_back(id.topic);
  }
  return out;
}

/// While a partition is being moved its replicas are the old and the new ones: leaves the old.
void leave_out_coming(Topics& topics, const std::map<TopicPartition, client::Reassignment>& moves) {
  for (auto& topic : topics) {
    for (auto& partition : topic.partitions) {
      const auto move = moves.find({topic.name, partition.index});
      if (move == moves.end()) continue;
      std::erase_if(partition.replicas,
                    [&](BrokerId id) { return std::ranges::count(move->second.adding, id) > 0; });
    }
  }
}

/// A partition that is being moved is asked for in any case.
Moves compare(Plan wanted, const Plan& now,
              const std::map<TopicPartition, client::Reassignment>& under_way) {
  Moves moves;
  for (auto& [id, replicas] : wanted) {
    const auto found = now.find(id);
    const bool same = found != now.end() && found->second == replicas;
    if (same && !under_way.contains(id)) continue;
    if (found != now.end()) moves.from.emplace(id, found->second);
    moves.to.emplace(id, std::move(replicas));
  }
  return moves;
}

}  // namespace

Task<std::expected<Moves, int>> plan_moves(Session& session, const Globals& globals, Admin& admin,
                                           const ReassignArguments& arguments) {
  const bool spreads = !arguments.brokers.empty();
  std::expected<Plan, int> plan = Plan{};
  if (!spreads && arguments.file.empty()) {
    plan = plan_by_hand(arguments);
  } else if (!spreads) {
    plan = co_await plan_from_file(session, arguments.file);
  }
  if (!plan) co_return std::unexpected(plan.error());
  const auto under_way = co_await admin.list_reassignments();
  if (!under_way) {
    co_return std::unexpected(report(globals, "list the moves under way", under_way.error()));
  }
  auto names = spreads ? arguments.topics : topics_of(*plan);
  auto topics = co_await describe_all(globals, admin, std::move(names), arguments.all);
  if (!topics) co_return std::unexpected(topics.error());
  leave_out_coming(*topics, *under_way);
  if (spreads) {
    const auto cluster = co_await admin.describe_cluster();
    if (!cluster) {
      co_return std::unexpected(report(globals, "describe the cluster", cluster.error()));
    }
    plan = plan_spread(*cluster, *topics, arguments);
    if (!plan) co_return std::unexpected(plan.error());
  }
  co_return compare(*std::move(plan), places_of(*topics), *under_way);
}

}  // namespace cairn::cli
