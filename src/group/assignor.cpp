// SPDX-License-Identifier: Apache-2.0
// Range and round-robin, and what all assignors share. The sticky ones are in sticky_assignor.cpp.
#include <algorithm>
#include <set>

#include <cairn/group/assignor.hpp>

namespace cairn::group {
namespace {

struct NamedAssignor {
  AssignorKind kind;
  std::string_view name;
};
constexpr NamedAssignor named_assignors[] = {
    {AssignorKind::range, "range"},
    {AssignorKind::round_robin, "roundrobin"},
    {AssignorKind::sticky, "sticky"},
    {AssignorKind::cooperative_sticky, "cooperative-sticky"},
};

bool subscribes(const AssignedMember& member, std::string_view topic) {
  const auto& topics = member.subscription.topics;
  return std::ranges::find(topics, topic) != topics.end();
}

/// Member ids in Kafka's order: static members by instance id, then the others by member id.
std::vector<std::string> in_order(const Members& members) {
  std::vector<std::string> ids;
  for (const auto& [id, member] : members) ids.push_back(id);
  std::ranges::sort(ids, [&](const std::string& a, const std::string& b) {
    const auto& left = members.at(a).instance_id;
    const auto& right = members.at(b).instance_id;
    if (left.has_value() != right.has_value()) return left.has_value();
    return left == right ? a < b : *left < *right;
  });
  return ids;
}

std::set<std::string> topics_of(const Members& members) {
  std::set<std::string> topics;
  for (const auto& [id, member] : members) {
    topics.insert(member.subscription.topics.begin(), member.subscription.topics.end());
  }
  return topics;
}

std::int32_t count_of(const PartitionCounts& counts, const std::string& topic) {
  const auto found = counts.find(topic);
  return found == counts.end() ? 0 : found->second;
}

Assignments none_for(const Members& members) {
  Assignments assignments;
  for (const auto& [id, member] : members) assignments[id];
  return assignments;
}

}  // namespace

std::string_view name_of(AssignorKind kind) {
  return std::ranges::find(named_assignors, kind, &NamedAssignor::kind)->name;
}

std::optional<AssignorKind> assignor_named(std::string_view name) {
  const auto found = std::ranges::find(named_assignors, name, &NamedAssignor::name);
  if (found == std::ranges::end(named_assignors)) return std::nullopt;
  return found->kind;
}

bool is_cooperative(AssignorKind kind) { return kind == AssignorKind::cooperative_sticky; }

Assignments assign(AssignorKind kind, const Members& members, const PartitionCounts& counts) {
  switch (kind) {
    case AssignorKind::range:
      return assign_range(members, counts);
    case AssignorKind::round_robin:
      return assign_round_robin(members, counts);
    case AssignorKind::sticky:
      return assign_sticky(members, counts);
    case AssignorKind::cooperative_sticky:
      return assign_cooperative_sticky(members, counts);
  }
  return {};
}

Assignments assign_range(const Members& members, const PartitionCounts& counts) {
  Assignments assignments = none_for(members);
  const std::vector<std::string> order = in_order(members);
  for (const std::string& topic : topics_of(members)) {
    std::vector<std::string> takers;
    std::ranges::copy_if(order, std::back_inserter(takers),
                         [&](const std::string& id) { return subscribes(members.at(id), topic); });
    const auto takers_count = static_cast<std::int32_t>(takers.size());
    const std::int32_t partitions = count_of(counts, topic);
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < takers_count; ++i) {
      const bool one_more = i < partitions % takers_count;
      const std::int32_t end = next + partitions / takers_count + (one_more ? 1 : 0);
      auto& mine = assignments[takers[static_cast<std::size_t>(i)]];
      for (; next < end; ++next) mine.push_back({topic, PartitionIndex(next)});
    }
  }
  return assignments;
}

Assignments assign_round_robin(const Members& members, const PartitionCounts& counts) {
  Assignments assignments = none_for(members);
  const std::vector<std::string> order = in_order(members);
  std::size_t turn = 0;
  for (const std::string& topic : topics_of(members)) {
    for (std::int32_t index = 0; index < count_of(counts, topic); ++index) {
      while (!subscribes(members.at(order[turn % order.size()]), topic)) ++turn;
      assignments[order[turn++ % order.size()]].push_back({topic, PartitionIndex(index)});
    }
  }
  return assignments;
}

std::optional<Bytes> user_data_for(AssignorKind kind, const std::vector<TopicPartition>& owned,
                                   std::int32_t generation) {
  if (kind == AssignorKind::sticky && generation >= 0) {
    return encode_sticky_user_data({owned, generation});
  }
  if (kind == AssignorKind::cooperative_sticky) return encode_cooperative_user_data(generation);
  return std::nullopt;
}

}  // namespace cairn::group
