// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cairn/raft/formation.hpp>

namespace cairn::raft {
namespace {

std::vector<BrokerId> ids_of(const std::vector<ReplicaKey>& voters) {
  std::vector<BrokerId> ids;
  for (const ReplicaKey& key : voters) ids.push_back(key.id);
  std::ranges::sort(ids);
  return ids;
}

bool contains(const std::vector<BrokerId>& ids, BrokerId id) {
  return std::ranges::find(ids, id) != ids.end();
}

std::string name_of(BrokerId id) {
  return id < BrokerId(0) ? std::string("a bootstrap server") : fmt::format("controller {}", id);
}

/// Somebody is formatted: this node belongs there, whatever it was before.
FormationStep join(const FormationView& view, const std::string& cluster_id) {
  if (!view.controller) return JoinCluster{cluster_id, {}};
  for (const auto& [id, report] : view.reports) {
    if (!report || report->cluster_id != cluster_id || report->voters.empty()) continue;
    const auto& voters = report->voters;
    const bool knows_directories =
        std::ranges::none_of(voters, [](const ReplicaKey& key) { return key.directory.is_zero(); });
    if (knows_directories) return JoinCluster{cluster_id, voters};
    // By its id alone it would vote again as the one whose disk this was.
    if (!contains(ids_of(voters), view.self.id)) return JoinCluster{cluster_id, {}};
    return WaitForOthers{fmt::format(
        "cluster {} does not know its voters' directories (kraft.version 0), so an empty disk of "
        "voter {} cannot be told from a lost one: bring its __cluster_metadata-0 and "
        "meta.properties along, or raise kraft.version first",
        cluster_id, view.self.id)};
  }
  return WaitForOthers{fmt::format("cluster {} starts", cluster_id)};
}

FormationStep form(const FormationView& view) {
  std::vector<BrokerId> configured = view.configured;
  std::ranges::sort(configured);
  std::vector<std::string> missing, others;
  FormCluster cluster;
  for (const BrokerId id : configured) {
    if (id == view.self.id) {
      cluster.voters.push_back(view.self);
      continue;
    }
    const auto at = view.reports.find(id);
    if (at == view.reports.end() || !at->second) {
      missing.push_back(name_of(id));
      continue;
    }
    const auto& voters = at->second->voters;
    const auto own = std::ranges::find(voters, id, &ReplicaKey::id);
    if (ids_of(voters) != configured || own == voters.end() || own->directory.is_zero()) {
      others.push_back(name_of(id));
      continue;
    }
    cluster.voters.push_back(*own);
  }
  if (!missing.empty()) {
    return WaitForOthers{fmt::format("cannot reach {}", fmt::join(missing, ", "))};
  }
  if (!others.empty()) {
    return WaitForOthers{
        fmt::format("controller.quorum.voters here names {}, but not the same on {}",
                    fmt::join(configured, ", "), fmt::join(others, ", "))};
  }
  if (view.self.id != configured.front()) {
    return WaitForOthers{fmt::format("controller {} is to form the cluster", configured.front())};
  }
  return cluster;
}

}  // namespace

FormationStep decide_formation(const FormationView& view) {
  std::map<std::string, BrokerId> clusters;
  for (const auto& [id, report] : view.reports) {
    if (report && !report->cluster_id.empty()) clusters.emplace(report->cluster_id, id);
  }
  if (clusters.size() > 1) {
    const auto& first = *clusters.begin();
    const auto& last = *clusters.rbegin();
    return RefuseToStart{fmt::format(
        "the controllers this node is configured with belong to different clusters: {} to {}, {} "
        "to {}",
        name_of(first.second), first.first, name_of(last.second), last.first)};
  }
  if (!clusters.empty()) return join(view, clusters.begin()->first);
  if (!view.controller) return WaitForOthers{"no controller that can be reached has a cluster yet"};
  if (!contains(view.configured, view.self.id)) {
    return WaitForOthers{
        "no controller that can be reached has a cluster yet (a new one is formed "
        "where controller.quorum.voters names all controllers)"};
  }
  return form(view);
}

}  // namespace cairn::raft
