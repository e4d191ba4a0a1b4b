// SPDX-License-Identifier: Apache-2.0
// The verdict on a cluster: what was seen of it at one time, and what of that needs somebody. A
// partition is named once, by the worst that is true of it. Pure. Owner: the command.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <cairn/client/admin.hpp>

namespace cairn::cli {

/// Replicas that should hold what is committed and are not in the ISR; those that a move is adding
/// are not expected yet.
std::vector<BrokerId> missing_replicas(const client::PartitionMetadata& partition,
                                       const client::Reassignment* move);
/// Fewer in sync than acks=all asks for, which is at most the number of replicas.
bool under_min_isr(const client::PartitionMetadata& partition, std::int32_t min_isr);

struct Sighting {
  client::ClusterDescription cluster;
  std::vector<client::TopicMetadata> topics;
  std::map<std::string, std::int32_t> min_isr;  // of a topic
  std::map<TopicPartition, client::Reassignment> moves;
  Result<client::QuorumDescription> quorum;
};

struct Problem {
  enum class Kind : std::uint8_t {
    no_quorum_leader,
    lagging_voter,
    fenced_broker,
    unknown_topic,  // its metadata cannot be had
    offline,        // no leader: neither written nor read
    under_min_isr,  // acks=all is refused
    under_replicated,
  };
  Kind kind = Kind::offline;
  std::string subject;        // the topic's partition, the node; empty for the quorum
  std::string what;           // the rest of the sentence
  BrokerId node = no_broker;  // of fenced_broker, lagging_voter
  TopicPartition partition;   // of the last three kinds, as what follows
  client::PartitionMetadata metadata;
  std::vector<BrokerId> missing;
};

/// The name of a kind in JSON: "under_min_isr".
const char* name_of(Problem::Kind kind);

/// Worst first; empty: healthy.
std::vector<Problem> judge(const Sighting& sighting);

std::string health_as_text(const Sighting& sighting, const std::vector<Problem>& problems);
std::string health_as_json(const Sighting& sighting, const std::vector<Problem>& problems);

}  // namespace cairn::cli
