// SPDX-License-Identifier: Apache-2.0
#include "cluster_plan.hpp"

#include <fmt/format.h>

namespace cairn::simulation {
namespace {

/// Three to five nodes: who decides and who stores may be the same or not.
std::vector<Roles> draw_roles(Random& random) {
  const auto nodes = [](int combined, int controllers, int brokers) {
    std::vector<Roles> roles(static_cast<std::size_t>(combined), Roles::combined);
    roles.insert(roles.end(), static_cast<std::size_t>(controllers), Roles::controller);
    roles.insert(roles.end(), static_cast<std::size_t>(brokers), Roles::broker);
    return roles;
  };
  switch (random.below(10)) {
    case 0:
      return nodes(0, 1, 3);
    case 1:
      return nodes(0, 1, 4);
    case 2:
      return nodes(0, 3, 2);
    case 3:
      return nodes(3, 0, 1);
    case 4:
      return nodes(3, 0, 2);
    case 5:
      return nodes(5, 0, 0);
    default:
      return nodes(3, 0, 0);
  }
}

void draw_topics(Random& random, ClusterPlan& plan) {
  const auto plain = random.between(1, 2);
  const bool short_segments = random.chance(0.5);
  const bool fine_index = random.chance(0.3);
  for (std::int64_t i = 0; i < plain; ++i) {
    const std::string name = fmt::format("topic-{}", i);
    TopicPlan& topic = plan.topics[name];
    topic.partitions = static_cast<std::int32_t>(random.between(1, 3));
    if (short_segments) topic.configs["segment.ms"] = "5000";
    if (fine_index) topic.configs["index.interval.bytes"] = "1";
    if (random.chance(0.25)) plan.growing.push_back(name);
  }
  if (random.chance(0.3)) plan.topics["trimmed"] = draw_trimmed_topic(random);
  if (random.chance(0.3)) {
    plan.topics["passing"] = {.kind = TopicKind::passing,
                              .partitions = static_cast<std::int32_t>(random.between(1, 2)),
                              .configs = {}};
  }
  if (random.chance(0.25)) plan.topics["compacted"] = draw_compacted_topic(random);
  for (auto& [name, topic] : plan.topics) topic.replication_factor = plan.replication_factor;
}

void draw_settings(Random& random, ClusterPlan& plan) {
  auto& settings = plan.settings;
  const bool strict = plan.replication_factor > 2 || random.chance(0.5);
  const std::string factor = fmt::format("{}", plan.replication_factor);
  settings["default.replication.factor"] = factor;
  settings["offsets.topic.replication.factor"] = factor;
  settings["offsets.topic.num.partitions"] = "2";
  settings["connections.max.idle.ms"] = "10000";
  settings["min.insync.replicas"] = strict ? "2" : "1";
  if (random.chance(0.5)) settings["replica.lag.time.max.ms"] = "3000";
  if (random.chance(0.3)) settings["replica.fetch.max.bytes"] = "200";
  if (random.chance(0.3)) settings["num.replica.fetchers"] = "2";
  if (random.chance(0.3)) settings["max.incremental.fetch.session.cache.slots"] = "1";
  if (random.chance(0.3)) settings["leader.imbalance.check.interval.seconds"] = "5";
  if (random.chance(0.3)) {
    settings["metadata.log.max.record.bytes.between.snapshots"] = "2000";
    settings["metadata.max.retention.bytes"] = "4000";
  }
  if (random.chance(0.3)) {
    settings["log.flush.offset.checkpoint.interval.ms"] = "2000";
    settings["log.flush.start.offset.checkpoint.interval.ms"] = "3000";
    settings["log.initial.task.delay.ms"] = "1000";
  }
}

void draw_faults(Random& random, ClusterFaults& faults) {
  for (bool* fault : {&faults.kills, &faults.crashes, &faults.stops, &faults.pauses, &faults.cuts,
                      &faults.resets, &faults.slow}) {
    *fault = random.chance(0.5);
  }
  for (bool* fault :
       {&faults.all_at_once, &faults.one_way, &faults.splits, &faults.delays, &faults.torn_frames,
        &faults.half_open, &faults.full, &faults.errors, &faults.clock}) {
    *fault = random.chance(0.3);
  }
}

}  // namespace

ClusterPlan draw_cluster_plan(Random& random) {
  ClusterPlan plan;
  plan.roles = draw_roles(random);
  plan.replication_factor = static_cast<std::int16_t>(std::min(3, plan.brokers()));
  draw_topics(random, plan);
  draw_settings(random, plan);
  const auto producers = random.between(1, 2);
  for (std::int64_t i = 0; i < producers; ++i) plan.producers.push_back(random.chance(0.7));
  plan.consumers = static_cast<int>(random.between(0, 2));
  plan.cooperative = random.chance(0.3);
  plan.elections = random.chance(0.3);
  plan.reassignments = random.chance(0.4);
  static constexpr int paces[] = {300, 1000, 3000};  // ms
  plan.longest_quiet = std::chrono::milliseconds(paces[random.below(std::size(paces))]);
  draw_faults(random, plan.faults);
  return plan;
}

int ClusterPlan::brokers() const {
  return static_cast<int>(
      std::ranges::count_if(roles, [](Roles one) { return one != Roles::controller; }));
}

std::vector<TopicPartition> ClusterPlan::partitions() const {
  std::vector<TopicPartition> all;
  for (const auto& [name, topic] : topics) {
    for (std::int32_t i = 0; i < topic.partitions; ++i) all.push_back({name, PartitionIndex(i)});
  }
  return all;
}

std::vector<TopicPartition> ClusterPlan::partitions_of(TopicKind kind) const {
  std::vector<TopicPartition> all = partitions();
  std::erase_if(all, [&](const TopicPartition& of) { return topics.at(of.topic).kind != kind; });
  return all;
}

std::vector<TopicPartition> ClusterPlan::lasting_partitions() const {
  std::vector<TopicPartition> all = partitions();
  std::erase_if(all, [&](const TopicPartition& of) {
    return topics.at(of.topic).kind == TopicKind::passing;
  });
  return all;
}

std::string ClusterPlan::words() const {
  std::string text;
  for (const Roles role : roles) {
    text += role == Roles::combined ? "*" : role == Roles::controller ? "c" : "b";
  }
  text += fmt::format(" {} partitions, {} producers ({} idempotent), {} consumers;",
                      partitions().size(), producers.size(), std::ranges::count(producers, true),
                      consumers);
  for (const auto& [on, name] : {std::pair(faults.kills, " kills"),
                                 {faults.crashes, " power"},
                                 {faults.all_at_once, " all at once"},
                                 {faults.stops, " stops"},
                                 {faults.pauses, " pauses"},
                                 {faults.cuts, " cuts"},
                                 {faults.one_way, " one way"},
                                 {faults.splits, " splits"},
                                 {faults.delays, " delays"},
                                 {faults.resets, " resets"},
                                 {faults.torn_frames, " torn frames"},
                                 {faults.half_open, " half-open"},
                                 {faults.slow, " slow disk"},
                                 {faults.full, " full disk"},
                                 {faults.errors, " I/O errors"},
                                 {faults.clock, " clock steps"},
                                 {elections, " elections"},
                                 {reassignments, " reassignments"},
                                 {topics.contains("trimmed"), " trimming"},
                                 {topics.contains("passing"), " re-creation"},
                                 {topics.contains("compacted"), " compaction"},
                                 {!growing.empty(), " growth"}}) {
    if (on) text += name;
  }
  return text;
}

}  // namespace cairn::simulation
