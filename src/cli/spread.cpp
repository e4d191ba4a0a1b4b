// SPDX-License-Identifier: Apache-2.0
#include "spread.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace cairn::cli {

namespace {

bool holds(const Replicas& replicas, BrokerId broker) {
  return std::ranges::find(replicas, broker) != replicas.end();
}

std::size_t rounded_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// One topic.
class Spreading {
 public:
  Spreading(const std::vector<Replicas>& current, std::size_t replication_factor,
            const std::map<BrokerId, std::string>& racks,
            const std::map<BrokerId, Spread::Load>& before)
      : current_(current),
        placed_(current.size()),
        factor_(replication_factor),
        racks_(racks),
        before_(before) {
    for (const auto& [id, rack] : racks_) {
      load_[id] = 0;
      leads_[id] = 0;
    }
  }

  std::vector<Replicas> run() {
    keep();
    fill();
    while (level_once()) {
    }
    choose_leaders();
    while (level_leaders_once()) {
    }
    return std::move(placed_);
  }

 private:
  std::size_t on_rack(const Replicas& replicas, const std::string& rack) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(replicas, [&](BrokerId id) { return racks_.at(id) == rack; }));
  }
  std::size_t racks_of(const Replicas& replicas) const {
    std::set<std::string> out;
    for (const auto id : replicas) out.insert(racks_.at(id));
    return out.size();
  }

  void keep();
  void fill();
  bool level_once();
  bool move_one(BrokerId from, BrokerId to);
  void choose_leaders();
  bool level_leaders_once();
  struct Handover {
    std::size_t partition;
    BrokerId to;
  };
  std::vector<Handover> path_to_less(BrokerId from) const;

  const std::vector<Replicas>& current_;
  std::vector<Replicas> placed_;
  std::size_t factor_;
  const std::map<BrokerId, std::string>& racks_;
  const std::map<BrokerId, Spread::Load>& before_;
  std::map<BrokerId, std::size_t> load_;
  std::map<BrokerId, std::size_t> leads_;
};

/// What lies on a target stays there, as far as its even share and the racks allow.
void Spreading::keep() {
  std::set<std::string> racks;
  for (const auto& [id, rack] : racks_) racks.insert(rack);
  const std::size_t share = rounded_up(current_.size() * factor_, racks_.size());
  const std::size_t rack_share = rounded_up(factor_, racks.size());
  for (std::size_t i = 0; i < current_.size(); i++) {
    for (const auto id : current_[i]) {
      const auto rack = racks_.find(id);
      if (rack == racks_.end() || load_[id] >= share || placed_[i].size() >= factor_) continue;
      if (on_rack(placed_[i], rack->second) >= rack_share) continue;
      placed_[i].push_back(id);
      load_[id]++;
    }
  }
}

/// The rest goes to racks that have least of the partition, there to the brokers that have least.
void Spreading::fill() {
  for (std::size_t i = 0; i < placed_.size(); i++) {
    while (placed_[i].size() < factor_) {
      std::optional<BrokerId> best;
      const auto cost = [&](BrokerId id) {
        const bool moves = !holds(current_[i], id);
        return std::tuple(on_rack(placed_[i], racks_.at(id)), load_[id], before_.at(id).replicas,
                          moves, id);
      };
      for (const auto& [id, rack] : racks_) {
        if (holds(placed_[i], id)) continue;
        if (!best || cost(id) < cost(*best)) best = id;
      }
      placed_[i].push_back(*best);
      load_[*best]++;
    }
  }
}

/// Moves one replica from a broker with at least two more. False if no such move keeps the racks.
bool Spreading::level_once() {
  std::vector<BrokerId> order;
  for (const auto& [id, load] : load_) order.push_back(id);
  std::ranges::sort(order, {}, [&](BrokerId id) { return std::pair(load_[id], id); });
  for (auto from = order.rbegin(); from != order.rend(); ++from) {
    for (const auto to : order) {
      if (load_[*from] < load_[to] + 2) break;
      if (move_one(*from, to)) return true;
    }
  }
  return false;
}

bool Spreading::move_one(BrokerId from, BrokerId to) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < placed_.size(); i++) {
    if (!holds(placed_[i], from) || holds(placed_[i], to)) continue;
    Replicas after = placed_[i];
    std::ranges::replace(after, from, to);
    if (racks_of(after) < racks_of(placed_[i])) continue;
    if (!found) found = i;
    if (!holds(current_[i], from) || holds(current_[i], to)) {  // costs no move more
      found = i;
      break;
    }
  }
  if (!found) return false;
  std::ranges::replace(placed_[*found], from, to);
  load_[from]--;
  load_[to]++;
  return true;
}

/// The old one if it stays, else the replica that leads least.
void Spreading::choose_leaders() {
  for (std::size_t i = 0; i < placed_.size(); i++) {
    auto& replicas = placed_[i];
    if (current_[i].empty() || replicas.front() != current_[i].front()) {
      const auto cost = [&](BrokerId id) { return leads_[id] + before_.at(id).leaders; };
      std::iter_swap(replicas.begin(), std::ranges::min_element(replicas, {}, cost));
    }
    leads_[replicas.front()]++;
  }
}

/// Leaderships handed on one after another, so that `from` leads one fewer and a broker with at
/// least two fewer leads one more.
std::vector<Spreading::Handover> Spreading::path_to_less(BrokerId from) const {
  struct Step {
    BrokerId before;
    std::size_t partition;
  };
  std::map<BrokerId, Step> reached;
  std::deque<BrokerId> open = {from};
  while (!open.empty()) {
    const BrokerId at = open.front();
    open.pop_front();
    if (leads_.at(at) + 2 <= leads_.at(from)) {
      std::vector<Handover> path;
      for (BrokerId to = at; to != from; to = reached.at(to).before) {
        path.push_back({reached.at(to).partition, to});
      }
      return path;
    }
    for (std::size_t i = 0; i < placed_.size(); i++) {
      if (placed_[i].front() != at) continue;
      for (const auto id : placed_[i]) {
        if (id != from && reached.try_emplace(id, at, i).second) open.push_back(id);
      }
    }
  }
  return {};
}

bool Spreading::level_leaders_once() {
  for (const auto& [from, count] : leads_) {
    const auto path = path_to_less(from);
    if (path.empty()) continue;
    for (const auto& [partition, to] : path) {
      auto& replicas = placed_[partition];
      leads_[replicas.front()]--;
      leads_[to]++;
      std::iter_swap(replicas.begin(), std::ranges::find(replicas, to));
    }
    return true;
  }
  return false;
}

}  // namespace

Spread::Spread(std::vector<SpreadTarget> targets) {
  const bool racks = std::ranges::all_of(targets, [](const auto& t) { return t.rack.has_value(); });
  for (const auto& target : targets) {
    racks_[target.id] = racks ? *target.rack : fmt::to_string(target.id.value());
    before_[target.id] = {};
  }
}

Result<std::vector<Replicas>> Spread::place(const std::vector<Replicas>& current,
                                            std::size_t replication_factor) {
  if (replication_factor == 0 || replication_factor > racks_.size()) {
    return fail(ErrorCode::invalid_replication_factor, "as many brokers as replicas are needed");
  }
  auto placed = Spreading(current, replication_factor, racks_, before_).run();
  for (const auto& replicas : placed) {
    before_[replicas.front()].leaders++;
    for (const auto id : replicas) before_[id].replicas++;
  }
  return placed;
}

}  // namespace cairn::cli
