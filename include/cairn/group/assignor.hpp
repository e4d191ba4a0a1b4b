// SPDX-License-Identifier: Apache-2.0
// Client-side assignors: pure functions from the members' subscriptions and the topics' partition
// counts to assignments, with the results Kafka's assignors of the same name have. The leader of a
// classic group runs one. Topics that do not exist (no count) get no assignment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/group/consumer_protocol.hpp>

namespace cairn::group {

enum class AssignorKind { range, round_robin, sticky, cooperative_sticky };

/// "range", "roundrobin", "sticky", "cooperative-sticky".
std::string_view name_of(AssignorKind kind);
std::optional<AssignorKind> assignor_named(std::string_view name);
/// A member of a cooperative group keeps its partitions while it rejoins.
bool is_cooperative(AssignorKind kind);

struct AssignedMember {
  std::optional<std::string> instance_id;  // orders static members before the others
  Subscription subscription;
};

using Members = std::map<std::string, AssignedMember>;                   // by member id
using PartitionCounts = std::map<std::string, std::int32_t>;             // by topic
using Assignments = std::map<std::string, std::vector<TopicPartition>>;  // by member id, sorted

Assignments assign(AssignorKind kind, const Members& members, const PartitionCounts& counts);

Assignments assign_range(const Members& members, const PartitionCounts& counts);
Assignments assign_round_robin(const Members& members, const PartitionCounts& counts);
/// Balanced, moving as little as it can; where two members claim a partition the higher generation
/// wins, and no one keeps it if the generations are equal.
Assignments assign_sticky(const Members& members, const PartitionCounts& counts);
/// As assign_sticky, but a partition that changes its owner is given to no one until the next
/// generation, when its old owner has let it go.
Assignments assign_cooperative_sticky(const Members& members, const PartitionCounts& counts);

/// The user data a member sends along with its next JoinGroup.
std::optional<Bytes> user_data_for(AssignorKind kind, const std::vector<TopicPartition>& owned,
                                   std::int32_t generation);

}  // namespace cairn::group
