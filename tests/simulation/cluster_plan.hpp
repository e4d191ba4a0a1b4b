// SPDX-License-Identifier: Apache-2.0
// What the seed draws before a run of a whole cluster begins: nodes and their roles, topics of each
// kind, clients, settings, and which kinds of fault are on at all (swarm style). A value. Owner:
// the run.
#pragma once

#include "plan.hpp"
#include "quorum_cluster.hpp"

namespace cairn::simulation {

struct ClusterFaults {
  bool kills = false, crashes = false, all_at_once = false, stops = false, pauses = false;
  bool cuts = false, one_way = false, splits = false, delays = false;
  bool resets = false, torn_frames = false, half_open = false;
  bool slow = false, full = false, errors = false, clock = false;
};

struct ClusterPlan {
  std::vector<Roles> roles;
  std::int16_t replication_factor = 3;
  std::map<std::string, TopicPlan> topics;
  std::vector<std::string> growing;  // of these: partitions are added
  std::map<std::string, std::string> settings;
  std::vector<bool> producers;  // whether each is idempotent
  int consumers = 0;
  bool cooperative = false;
  bool elections = false, reassignments = false;  // asked for by an administrator
  Duration longest_quiet = std::chrono::seconds(3);
  ClusterFaults faults;

  int size() const { return static_cast<int>(roles.size()); }
  int brokers() const;
  std::vector<TopicPartition> partitions() const;
  std::vector<TopicPartition> partitions_of(TopicKind kind) const;
  std::vector<TopicPartition> lasting_partitions() const;
  std::string words() const;
};

ClusterPlan draw_cluster_plan(Random& random);

}  // namespace cairn::simulation
