// SPDX-License-Identifier: Apache-2.0
// What the seed draws before anything of a run happens: topics of each kind, clients, the node's
// settings, and which kinds of faults are on at all (swarm style). A value. Owner: the run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <cairn/base/random.hpp>

#include "history.hpp"

namespace cairn::simulation {

struct TopicPlan {
  TopicKind kind = TopicKind::plain;
  std::int32_t partitions = 1;
  std::int16_t replication_factor = 1;
  std::map<std::string, std::string> configs;
};

struct Faults {
  bool kills = false, crashes = false, stops = false;
  bool resets = false, torn_frames = false, half_open = false, cuts = false;
  bool full = false, slow = false, errors = false, clock = false;
};

struct Plan {
  std::map<std::string, TopicPlan> topics;
  std::map<std::string, std::string> settings;  // the node's
  int producers = 1;
  int consumers = 0;
  bool idempotent = true;
  bool cooperative = false;
  Faults faults;

  std::vector<TopicPartition> partitions() const;
  std::vector<TopicPartition> partitions_of(TopicKind kind) const;
  bool has(TopicKind kind) const;
  std::string words() const;
};

/// A topic whose oldest records go, by request and by retention; one that is compacted.
TopicPlan draw_trimmed_topic(Random& random);
TopicPlan draw_compacted_topic(Random& random);

Plan draw_plan(Random& random);

}  // namespace cairn::simulation
