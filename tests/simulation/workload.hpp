// SPDX-License-Identifier: Apache-2.0
// The clients of a simulated run: our own producers, group consumers and administrators, as tasks
// of simulated processes. They write down what they asked and were told in the run's History.
// Invariant: after Stop::now is set each of them ends by itself, with everything it sent settled.
// Owner: the run.
#pragma once

#include <cairn/client/options.hpp>
#include <cairn/runtime/shard.hpp>

#include "plan.hpp"
#include "world/world.hpp"

namespace cairn::simulation {

inline constexpr int passing_producer = 100;  // has topics of its own

/// What all workloads of a run share.
struct Stage {
  History& history;
  std::vector<runtime::Endpoint> bootstrap;
  bool stop = false;                    // no new work
  int running = 0;                      // workloads that have not ended
  int failures = 0;                     // a workload could not even start
  std::vector<TopicPartition> added{};  // partitions that topics got later
  std::map<int, Ownership> members{};   // what each consumer of the group holds now
  Duration metadata_age = std::chrono::minutes(5);
  /// Whether a broker has not heard yet that a topic was deleted, and takes records for it.
  std::function<bool(const TopicPartition&)> serves_older_life{};
};

client::ClientOptions client_options(const Stage& stage, std::string id);

struct ProducerPlan {
  int id = 0;
  client::ProducerOptions options{};
  std::vector<TopicPartition> targets{};
  Duration pause = std::chrono::milliseconds(20);  // between bursts
};

/// What an administrator does to topics while others use them.
struct AdminPlan {
  std::vector<TopicPartition> trimmed{};  // DeleteRecords, and other limits
  std::vector<std::string> passing{};     // deleted and created again
  std::vector<std::string> growing{};     // get more partitions
  std::map<std::string, TopicPlan> topics{};
};

struct ConsumerPlan {
  int id = 0;
  client::ConsumerOptions options{};
  std::vector<std::string> topics{};
};

/// A member of the group that reads all topics but the passing ones.
ConsumerPlan group_member(int id, const std::map<std::string, TopicPlan>& topics, bool cooperative);

runtime::Task<> create_topics(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                              std::map<std::string, TopicPlan> topics);
runtime::Task<> produce(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                        ProducerPlan plan);
runtime::Task<> consume(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                        ConsumerPlan plan);
/// workload_admin.cpp
runtime::Task<> administer(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                           AdminPlan plan);
/// Reads every partition from its beginning to its end, and the group's committed offsets.
runtime::Task<> read_all(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                         std::vector<TopicPartition> partitions, std::string group);

}  // namespace cairn::simulation
