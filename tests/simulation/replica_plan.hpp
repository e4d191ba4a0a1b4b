// SPDX-License-Identifier: Apache-2.0
// What a seed draws before a run of replication begins: topics, clients, settings, how hard the
// controller is to reach, and which kinds of fault are on. A value. Owner: the run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "replica_cluster.hpp"

namespace cairn::simulation {

struct ReplicaPlan {
  std::map<std::string, std::int32_t> topics;
  std::map<std::string, std::string> topic_configs{{"min.insync.replicas", "2"}};
  std::map<std::string, std::string> settings;
  int producers = 1, consumers = 1;
  ControllerWays ways;
  bool kills = false, crashes = false, stops = false, wipes = false;
  bool cuts = false, resets = false, isolations = false, moves = false, slow = false;

  std::vector<TopicPartition> partitions() const {
    std::vector<TopicPartition> all;
    for (const auto& [name, count] : topics) {
      for (std::int32_t i = 0; i < count; ++i) all.push_back({name, PartitionIndex(i)});
    }
    return all;
  }
  std::string words() const {
    std::string text = fmt::format("{} partitions, {} producers, {} consumers;",
                                   partitions().size(), producers, consumers);
    for (const auto& [on, name] : {std::pair(kills, " kills"),
                                   {crashes, " power"},
                                   {stops, " stops"},
                                   {wipes, " wipes"},
                                   {cuts, " cuts"},
                                   {resets, " resets"},
                                   {isolations, " isolations"},
                                   {moves, " moves"},
                                   {slow, " slow"}}) {
      if (on) text += name;
    }
    return text;
  }
};

inline ReplicaPlan draw_replicas(Random& random) {
  ReplicaPlan plan;
  const auto topics = random.between(1, 2);
  for (std::int64_t i = 0; i < topics; ++i) {
    plan.topics[fmt::format("topic-{}", i)] = static_cast<std::int32_t>(random.between(1, 3));
  }
  if (random.chance(0.5)) plan.topic_configs["segment.ms"] = "5000";
  if (random.chance(0.5)) plan.topic_configs["index.interval.bytes"] = "1";
  plan.settings["replica.lag.time.max.ms"] = fmt::format("{}", random.between(1, 8) * 1000);
  plan.settings["num.replica.fetchers"] = fmt::format("{}", random.between(1, 2));
  if (random.chance(0.3)) plan.settings["replica.fetch.max.bytes"] = "200";
  if (random.chance(0.3)) plan.settings["max.incremental.fetch.session.cache.slots"] = "1";
  plan.producers = static_cast<int>(random.between(1, 3));
  plan.consumers = static_cast<int>(random.between(1, 2));
  plan.ways.longest_image_delay = std::chrono::milliseconds(random.chance(0.5) ? 20 : 1500);
  plan.ways.longest_answer_delay = std::chrono::milliseconds(random.chance(0.5) ? 20 : 3000);
  plan.ways.loss = random.chance(0.5) ? 0 : 0.2;
  for (bool* fault : {&plan.kills, &plan.crashes, &plan.stops, &plan.wipes, &plan.cuts,
                      &plan.resets, &plan.isolations, &plan.moves, &plan.slow}) {
    *fault = random.chance(0.5);
  }
  return plan;
}

}  // namespace cairn::simulation
