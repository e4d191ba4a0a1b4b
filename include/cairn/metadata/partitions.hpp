// SPDX-License-Identifier: Apache-2.0
// Who leads and who is in sync: elections, ISR and ELR rules (KIP-966; facts: kraft.md §4.4, §4.5).
// PartitionChange turns a wish (target ISR, an election) into one PartitionChange record or none;
// all other decisions about partitions go through it. Invariants of what it emits: leader ∈ ISR or
// none, ISR ∩ ELR = ∅, both ⊆ replicas, |ISR| >= min ISR ⇒ ELR = ∅.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/topics.hpp>
#include <cairn/protocol/messages/alter_partition.hpp>
#include <cairn/protocol/messages/elect_leaders.hpp>

namespace cairn::metadata {

enum class Election {
  keep_or_any,  // the present leader if it may stay, else any that may lead
  preferred,    // the first replica if it may lead
  unclean,      // any live replica if no clean one is left: may lose records
};

class PartitionChange {
 public:
  struct Rules {
    std::int16_t metadata_version = 0;
    std::int32_t min_isr = 1;
    bool elr = false;
    /// Whether a replica may lead: alive, not shutting down, its directory online.
    std::function<bool(BrokerId)> acceptable;
    /// Where a replica that is being added will lie, as far as is known; none: unassigned.
    std::function<DirectoryId(BrokerId)> directory_of_new = {};
  };

  PartitionChange(const TopicId& topic, PartitionIndex index, const Partition& partition,
                  Rules rules);

  PartitionChange& set_target_isr(std::vector<BrokerId> isr);
  PartitionChange& set_target_replicas(std::vector<BrokerId> replicas, std::vector<BrokerId> adding,
                                       std::vector<BrokerId> removing);
  PartitionChange& set_recovery_state(LeaderRecoveryState state);
  PartitionChange& set_unclean_shutdown(BrokerId replica);
  PartitionChange& set_election(Election election);

  /// The record, or nothing if nothing would change.
  std::optional<Record> build();

 private:
  struct Elected {
    BrokerId leader;
    bool unclean;
  };
  void complete_reassignment();
  void update_elr();
  Elected elect() const;
  bool may_lead(BrokerId id) const;
  bool may_elect_last_known() const;
  void elect_into(protocol::PartitionChangeRecord& record);
  void bump_leader_epoch(protocol::PartitionChangeRecord& record) const;
  void note_elr(protocol::PartitionChangeRecord& record);
  void note_replicas(protocol::PartitionChangeRecord& record) const;

  TopicId topic_;
  PartitionIndex index_;
  const Partition& partition_;
  Rules rules_;
  Election election_ = Election::keep_or_any;
  BrokerId unclean_shutdown_ = no_broker;
  std::vector<BrokerId> isr_, replicas_, adding_, removing_, elr_, last_known_elr_;
  LeaderRecoveryState recovery_;
};

/// For a partition of the topic as it is in this image, which the rules refer to.
PartitionChange::Rules partition_rules(const Image& image, const config::ServerConfig& server,
                                       const Topic& topic,
                                       std::function<bool(BrokerId)> acceptable);

/// The effective min.insync.replicas of a topic, at most its replica count.
std::int32_t effective_min_isr(const Image& image, const Topic& topic,
                               const config::ServerConfig& server);
bool unclean_election_enabled(const Image& image, const Topic& topic,
                              const config::ServerConfig& server);

/// Takes a broker out of every ISR it is in, and elects where it led. `unclean`: it stopped without
/// its clean mark, and leaves the ELRs too.
enum class Stop { clean, unclean };
std::vector<Record> leave_partitions(const Image& image, const config::ServerConfig& server,
                                     BrokerId id, Stop stop);
/// The same where the replica lies in one of these directories, which have failed (KIP-858).
std::vector<Record> leave_directories(const Image& image, const config::ServerConfig& server,
                                      BrokerId id, std::span<const DirectoryId> failed);
/// Elects where there is no leader and the broker, about to be active, may lead.
std::vector<Record> return_to_partitions(const Image& image, const config::ServerConfig& server,
                                         BrokerId id);
/// Elects wherever there is no leader and a replica may lead: one out of sync too where the topic
/// allows it.
std::vector<Record> elect_leaderless(const Image& image, const config::ServerConfig& server);
/// Whether it leads any partition.
bool leads_any(const Image& image, BrokerId id);

Decision<protocol::AlterPartitionResponse> alter_partition(
    const Image& image, const config::ServerConfig& server,
    const protocol::AlterPartitionRequest& request, std::int16_t version);

/// One error for everything the request named.
protocol::ElectLeadersResponse refuse_election(const protocol::ElectLeadersRequest& request,
                                               const ApiError& why);
Decision<protocol::ElectLeadersResponse> elect_leaders(
    const Image& image, const config::ServerConfig& server,
    const protocol::ElectLeadersRequest& request);

/// A partition of a new topic, or a new partition of one that exists.
Record new_partition(const Image& image, const TopicId& topic, PartitionIndex index,
                     const std::vector<BrokerId>& replicas);

}  // namespace cairn::metadata
