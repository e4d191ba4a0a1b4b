// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include <cairn/metadata/placement.hpp>

#include "wire.hpp"

namespace cairn::metadata {
namespace {

/// The brokers of one rack, dealt out in turn; fenced ones only when no other is left.
class Rack {
 public:
  void add(const UsableBroker& broker) {
    (broker.fenced ? fenced_ : unfenced_).push_back(broker.id);
  }
  bool can_lead() const { return !unfenced_.empty(); }
  void shuffle(Random& random) {
    std::ranges::shuffle(unfenced_, random);
    std::ranges::shuffle(fenced_, random);
  }
  /// Leaders go round; followers begin behind the leader, one further each round, so that the same
  /// brokers do not always stand together. REQUIRES: can_lead().
  BrokerId take_leader() {
    const std::size_t count = unfenced_.size();
    const std::size_t index = leaders_ % count;
    next_unfenced_ = index + 1 + leaders_ / count;
    ++leaders_;
    return unfenced_[index];
  }
  /// A broker that is not in `taken`; none if all are.
  BrokerId take_follower(const Assignment& taken) {
    const BrokerId id = take(unfenced_, next_unfenced_, taken);
    return id == no_broker ? take(fenced_, next_fenced_, taken) : id;
  }

 private:
  static BrokerId take(const std::vector<BrokerId>& from, std::size_t& next,
                       const Assignment& taken) {
    for (std::size_t tried = 0; tried < from.size(); ++tried) {
      const BrokerId id = from[next++ % from.size()];
      if (!contains(taken, id)) return id;
    }
    return no_broker;
  }

  std::vector<BrokerId> unfenced_, fenced_;
  std::size_t leaders_ = 0, next_unfenced_ = 0, next_fenced_ = 0;
};

/// Racks in turn: partition n's leader comes from rack n, its followers from the racks after it.
Assignment deal(std::vector<Rack>& racks, std::size_t first, std::int16_t replication_factor) {
  Assignment assignment;
  std::size_t at = first;
  while (!racks[at % racks.size()].can_lead()) ++at;
  assignment.push_back(racks[at % racks.size()].take_leader());
  std::size_t refused = 0;
  while (assignment.size() < static_cast<std::size_t>(replication_factor)) {
    const BrokerId id = racks[++at % racks.size()].take_follower(assignment);
    if (id != no_broker) {
      assignment.push_back(id);
      refused = 0;
    } else if (++refused > racks.size()) {
      break;
    }
  }
  return assignment;
}

}  // namespace

Result<std::vector<Assignment>> place(std::vector<UsableBroker> brokers, std::int32_t count,
                                      std::int16_t replication_factor, Random& random) {
  if (replication_factor <= 0 || static_cast<std::size_t>(replication_factor) > brokers.size()) {
    return fail(ErrorCode::invalid_replication_factor,
                "too few brokers for the replication factor");
  }
  if (std::ranges::all_of(brokers, &UsableBroker::fenced)) {
    return fail(ErrorCode::invalid_replication_factor, "all brokers are fenced");
  }
  std::map<std::optional<std::string>, Rack> by_name;
  for (const UsableBroker& broker : brokers) by_name[broker.rack].add(broker);
  std::vector<Rack> racks;
  for (auto& [name, rack] : by_name) racks.push_back(std::move(rack));
  std::ranges::shuffle(racks, random);
  for (Rack& rack : racks) rack.shuffle(random);

  const std::size_t start = random.below(racks.size());
  std::vector<Assignment> assignments;
  assignments.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) {
    assignments.push_back(deal(racks, start + static_cast<std::size_t>(i), replication_factor));
  }
  return assignments;
}

}  // namespace cairn::metadata
