// SPDX-License-Identifier: Apache-2.0
// Sticky assignment: keep what may be kept, hand out what is free to whoever has least, then move
// single partitions from the richer to the poorer until no move helps. Each move lowers the sum of
// the squares of the loads, so it ends.
#include <algorithm>
#include <set>

#include <cairn/base/mutant.hpp>
#include <cairn/group/assignor.hpp>

namespace cairn::group {
namespace {

struct Claim {
  std::int32_t generation = -1;
  std::vector<TopicPartition> partitions;
};

/// What a member says it held, and in which generation. Eager members have let go of everything and
/// remember in their user data; cooperative ones still own it.
Claim claim_of(const Subscription& subscription, AssignorKind kind) {
  if (kind == AssignorKind::sticky) {
    auto memory = subscription.user_data ? decode_sticky_user_data(*subscription.user_data)
                                         : fail(ErrorCode::corrupt_message);
    if (!memory) return {};
    return {memory->generation, std::move(memory->previous)};
  }
  std::int32_t generation = subscription.generation;
  if (generation < 0 && subscription.user_data) {
    generation = decode_cooperative_user_data(*subscription.user_data).value_or(-1);
  }
  return {generation, subscription.owned};
}

class StickyAssignment {
 public:
  StickyAssignment(const Members& members, const PartitionCounts& counts) : counts_(counts) {
    for (const auto& [id, member] : members) {
      held_[id];
      loads_.insert({0, id});
      for (const std::string& topic : member.subscription.topics) takers_[topic].insert(id);
    }
  }

  void keep(const Members& members, AssignorKind kind) {
    struct Owner {
      std::int32_t generation;
      std::optional<std::string> id;  // nothing: two claim it in the same generation
    };
    std::map<TopicPartition, Owner> owners;
    for (const auto& [id, member] : members) {
      Claim claim = claim_of(member.subscription, kind);
      for (TopicPartition& partition : claim.partitions) {
        if (!may_hold(id, partition)) continue;
        const auto [entry, fresh] = owners.try_emplace(std::move(partition), claim.generation, id);
        Owner& owner = entry->second;
        if (fresh || (claim.generation < owner.generation && !MUTANT("L26"))) continue;
        if (claim.generation > owner.generation) {
          owner = {claim.generation, id};
        } else if (owner.id != id) {
          owner.id.reset();
        }
      }
    }
    for (const auto& [partition, owner] : owners) {
      if (owner.id) give(*owner.id, partition);
    }
  }

  void hand_out() {
    std::vector<TopicPartition> free;
    for (const auto& [topic, takers] : takers_) {
      const auto count = counts_.find(topic);
      for (std::int32_t i = 0; count != counts_.end() && i < count->second; ++i) {
        TopicPartition partition{topic, PartitionIndex(i)};
        if (!given_.contains(partition)) free.push_back(std::move(partition));
      }
    }
    std::ranges::sort(free, {}, [this](const TopicPartition& partition) {
      return std::pair(takers_.at(partition.topic).size(), partition);  // the hardest first
    });
    for (const TopicPartition& partition : free) give(poorest(partition.topic), partition);
  }

  void balance() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto rich = loads_.rbegin(); rich != loads_.rend() && !moved; ++rich) {
        moved = relieve(rich->second);
      }
    }
  }

  Assignments result() const {
    Assignments assignments;
    for (const auto& [id, partitions] : held_) {
      assignments[id].assign(partitions.begin(), partitions.end());
    }
    return assignments;
  }

 private:
  bool may_hold(const std::string& id, const TopicPartition& partition) const {
    const auto takers = takers_.find(partition.topic);
    const auto count = counts_.find(partition.topic);
    return takers != takers_.end() && takers->second.contains(id) && count != counts_.end() &&
           partition.partition.value() >= 0 && partition.partition.value() < count->second;
  }

  void give(const std::string& id, const TopicPartition& partition) {
    loads_.erase({held_[id].size(), id});
    held_[id].insert(partition);
    given_.insert(partition);
    loads_.insert({held_[id].size(), id});
  }

  void take(const std::string& id, const TopicPartition& partition) {
    loads_.erase({held_[id].size(), id});
    held_[id].erase(partition);
    given_.erase(partition);
    loads_.insert({held_[id].size(), id});
  }

  std::string poorest(const std::string& topic) const {
    const auto& takers = takers_.at(topic);
    return std::ranges::find_if(loads_,
                                [&](const auto& load) { return takers.contains(load.second); })
        ->second;
  }

  /// Moves one partition from `id` to someone who has at least two fewer.
  bool relieve(const std::string id) {
    const auto& mine = held_[id];
    if (mine.size() < loads_.begin()->first + 2) return false;
    const std::string* tried = nullptr;
    for (auto partition = mine.rbegin(); partition != mine.rend(); ++partition) {
      if (tried && *tried == partition->topic) continue;
      tried = &partition->topic;
      const std::string to = poorest(partition->topic);
      if (held_[to].size() + 2 > mine.size()) continue;
      const TopicPartition moving = *partition;
      take(id, moving);
      give(to, moving);
      return true;
    }
    return false;
  }

  const PartitionCounts& counts_;
  std::map<std::string, std::set<std::string>> takers_;  // topic -> members that subscribe to it
  std::map<std::string, std::set<TopicPartition>> held_;
  std::set<TopicPartition> given_;
  std::set<std::pair<std::size_t, std::string>> loads_;
};

Assignments assign_sticky_as(AssignorKind kind, const Members& members,
                             const PartitionCounts& counts) {
  StickyAssignment assignment(members, counts);
  assignment.keep(members, kind);
  assignment.hand_out();
  assignment.balance();
  return assignment.result();
}

}  // namespace

Assignments assign_sticky(const Members& members, const PartitionCounts& counts) {
  return assign_sticky_as(AssignorKind::sticky, members, counts);
}

Assignments assign_cooperative_sticky(const Members& members, const PartitionCounts& counts) {
  Assignments assignments = assign_sticky_as(AssignorKind::cooperative_sticky, members, counts);
  std::map<TopicPartition, std::set<std::string>> owners;
  for (const auto& [id, member] : members) {
    for (const TopicPartition& partition : member.subscription.owned) owners[partition].insert(id);
  }
  for (auto& [id, partitions] : assignments) {
    std::erase_if(partitions, [&](const TopicPartition& partition) {
      const auto found = owners.find(partition);
      if (found == owners.end()) return false;
      const auto others = found->second.size() - found->second.count(id);
      return others > 0 && !found->second.contains(id);
    });
  }
  return assignments;
}

}  // namespace cairn::group
