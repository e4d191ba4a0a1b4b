// SPDX-License-Identifier: Apache-2.0
// Several nodes of production code that form one quorum, and what is watched from outside while
// they run: at most one leader an epoch, one vote an epoch, images that are prefixes of one history
// on all nodes and in all their lives. Invariant: probe() changes nothing. Owner: a run or a test.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/metadata/image.hpp>

#include "checkers.hpp"
#include "node.hpp"

namespace cairn::simulation {

enum class Roles { combined, controller, broker };

class QuorumCluster {
 public:
  /// Nodes 1, 2, ... with these roles, on hosts node-1, node-2, ...; every controller is a voter.
  QuorumCluster(world::World& world, const std::vector<Roles>& roles,
                std::map<std::string, std::string> settings = {});

  SimNode& node(int id) { return *members_[static_cast<std::size_t>(id) - 1].node; }
  int size() const { return static_cast<int>(members_.size()); }
  Roles roles(int id) const { return members_[static_cast<std::size_t>(id) - 1].roles; }
  static std::string host(int id) { return "node-" + std::to_string(id); }

  void start(int id);
  void start_all();
  void kill(int id);
  void crash(int id);
  /// A new disk: everything on it is gone.
  void wipe(int id);
  /// Cuts a node off from all others, or heals it.
  void isolate(int id);
  void heal();
  /// Brings back those that are down or have ended.
  void start_missing();
  /// Asked for each operation of a node's disk: true makes it fail. Null: none fails.
  using DiskFails = std::function<bool(std::string_view operation)>;
  void fail_disk(int id, DiskFails fails);
  /// Called before a node's process goes.
  void on_loss(std::function<void(int id)> look) { on_loss_ = std::move(look); }

  bool all_ready() const;
  /// The node that leads in the highest epoch that any has.
  std::optional<int> leader() const;
  bool leads(int id) const;
  std::shared_ptr<const metadata::Image> image(int id) const;
  /// The newest that any node has ever had.
  const std::shared_ptr<const metadata::Image>& newest_image() const { return newest_; }
  /// Every node has the newest image.
  bool all_agree() const;

  /// Runs the world, probing after each step; false if `done` does not come true in time.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration duration);

  /// Called after every step.
  void on_turn(std::function<void()> look) { on_turn_ = std::move(look); }

  const std::vector<Violation>& violations() const { return violations_; }
  std::vector<runtime::Endpoint> brokers() const;

 private:
  struct Member {
    Roles roles = Roles::combined;
    std::unique_ptr<SimNode> node;
    std::shared_ptr<const metadata::Image> seen;
    DiskFails disk_fails;
    bool state_written = false;  // quorum-state was, since it was looked at
    std::int32_t epoch = -1;     // as on disk
    std::optional<std::pair<std::int32_t, std::int32_t>> vote;  // epoch, id; as on disk
  };

  void probe();
  void probe_image(int id, Member& member);
  void probe_partitions(const metadata::Image& image);
  void probe_partition(const metadata::Image& image, const metadata::Topic& topic,
                       PartitionIndex index, const metadata::Partition& state);
  void probe_state(int id, Member& member);
  void forget_unsynced(Member& member);
  void broke(std::string_view invariant, std::string what);

  world::World& world_;
  std::vector<Member> members_;
  std::map<std::int32_t, int> leaders_;            // epoch to node
  std::map<std::int64_t, std::uint64_t> history_;  // offset to digest of the image there
  std::shared_ptr<const metadata::Image> newest_;
  std::map<std::pair<TopicId, PartitionIndex>, metadata::Partition> partitions_;
  std::function<void(int id)> on_loss_;
  std::function<void()> on_turn_;
  std::vector<Violation> violations_;
};

}  // namespace cairn::simulation
