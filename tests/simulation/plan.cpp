// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <fmt/format.h>

namespace cairn::simulation {

TopicPlan draw_trimmed_topic(Random& random) {
  TopicPlan topic{.kind = TopicKind::trimmed, .configs = {}};
  topic.partitions = static_cast<std::int32_t>(random.between(1, 3));
  topic.configs["segment.ms"] = fmt::format("{}", random.between(500, 5'000));
  if (random.chance(0.5)) topic.configs["retention.ms"] = "15000";
  if (random.chance(0.5)) topic.configs["retention.bytes"] = "30000";
  return topic;
}

TopicPlan draw_compacted_topic(Random& random) {
  TopicPlan topic{.kind = TopicKind::compacted, .configs = {}};
  topic.partitions = static_cast<std::int32_t>(random.between(1, 2));
  topic.configs = {{"cleanup.policy", "compact"},
                   {"segment.ms", fmt::format("{}", random.between(500, 5'000))},
                   {"min.cleanable.dirty.ratio", "0.1"},
                   {"delete.retention.ms", fmt::format("{}", compacted_delete_retention_ms)}};
  return topic;
}

Plan draw_plan(Random& random) {
  Plan plan;
  const auto plain = random.between(1, 3);
  const bool fine_index = random.chance(0.5);
  const bool short_segments = random.chance(0.5);
  for (std::int64_t i = 0; i < plain; ++i) {
    TopicPlan& topic = plan.topics[fmt::format("topic-{}", i)];
    topic.partitions = static_cast<std::int32_t>(random.between(1, 4));
    if (fine_index) topic.configs["index.interval.bytes"] = "1";
    if (short_segments) topic.configs["segment.ms"] = "5000";
  }
  if (random.chance(0.4)) plan.topics["trimmed"] = draw_trimmed_topic(random);
  if (random.chance(0.3)) {
    plan.topics["passing"] = {.kind = TopicKind::passing,
                              .partitions = static_cast<std::int32_t>(random.between(1, 3)),
                              .configs = {}};
  }
  if (random.chance(0.5)) plan.topics["compacted"] = draw_compacted_topic(random);
  plan.producers = static_cast<int>(random.between(1, 3));
  plan.consumers = static_cast<int>(random.between(0, 3));
  plan.idempotent = random.chance(0.7);
  plan.cooperative = random.chance(0.3);
  Faults& faults = plan.faults;
  for (bool* fault : {&faults.kills, &faults.crashes, &faults.stops, &faults.resets, &faults.cuts,
                      &faults.full, &faults.slow, &faults.torn_frames, &faults.half_open}) {
    *fault = random.chance(0.5);
  }
  faults.errors = random.chance(0.35);
  faults.clock = random.chance(0.25);
  if (random.chance(0.5)) {
    plan.settings["metadata.log.max.record.bytes.between.snapshots"] = "1000";
  }
  if (random.chance(0.3)) plan.settings["offsets.retention.minutes"] = "1";
  if (random.chance(0.3)) plan.settings["offsets.retention.check.interval.ms"] = "5000";
  if (random.chance(0.5)) {
    plan.settings["log.flush.offset.checkpoint.interval.ms"] = "2000";
    plan.settings["log.flush.start.offset.checkpoint.interval.ms"] = "3000";
    plan.settings["log.initial.task.delay.ms"] = "1000";
  }
  return plan;
}

std::vector<TopicPartition> Plan::partitions() const {
  std::vector<TopicPartition> all;
  for (const auto& [name, topic] : topics) {
    for (std::int32_t i = 0; i < topic.partitions; ++i) all.push_back({name, PartitionIndex(i)});
  }
  return all;
}

std::vector<TopicPartition> Plan::partitions_of(TopicKind kind) const {
  std::vector<TopicPartition> all = partitions();
  std::erase_if(all, [&](const TopicPartition& of) { return topics.at(of.topic).kind != kind; });
  return all;
}

bool Plan::has(TopicKind kind) const { return !partitions_of(kind).empty(); }

std::string Plan::words() const {
  std::string text = fmt::format("{} topics, {} producers{}, {} consumers;", topics.size(),
                                 producers, idempotent ? " (idempotent)" : "", consumers);
  for (const auto& [on, name] : {std::pair(faults.kills, " kills"),
                                 {faults.crashes, " power"},
                                 {faults.stops, " stops"},
                                 {faults.resets, " resets"},
                                 {faults.torn_frames, " torn frames"},
                                 {faults.half_open, " half-open"},
                                 {faults.cuts, " cuts"},
                                 {faults.full, " full disk"},
                                 {faults.slow, " slow disk"},
                                 {faults.errors, " I/O errors"},
                                 {faults.clock, " clock steps"},
                                 {has(TopicKind::trimmed), " trimming"},
                                 {has(TopicKind::passing), " re-creation"},
                                 {has(TopicKind::compacted), " compaction"}}) {
    if (on) text += name;
  }
  return text;
}

}  // namespace cairn::simulation
