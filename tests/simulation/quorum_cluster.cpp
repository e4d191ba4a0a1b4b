// SPDX-License-Identifier: Apache-2.0
#include "quorum_cluster.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cairn/base/crc32c.hpp>
#include <cairn/controller/controller.hpp>
#include <cairn/metadata/snapshot.hpp>
#include <cairn/raft/quorum_state.hpp>

namespace cairn::simulation {
namespace {

constexpr std::string_view quorum_state = "/data/__cluster_metadata-0/quorum-state";
constexpr std::size_t most_violations = 20;

std::string role_names(Roles roles) {
  if (roles == Roles::combined) return "broker,controller";
  return roles == Roles::controller ? "controller" : "broker";
}

/// Of everything in it, and of where it stands.
std::uint64_t digest(const std::shared_ptr<const metadata::Image>& image) {
  std::uint64_t value = 0;
  metadata::SnapshotSource source(image);
  for (auto records = source.next(1000); !records.empty(); records = source.next(1000)) {
    for (const metadata::Record& record : records) {
      value = value * 1'000'003 + crc32c(encode_record(record));
    }
  }
  return value * 31 + static_cast<std::uint64_t>(image->epoch.value());
}

}  // namespace

QuorumCluster::QuorumCluster(world::World& world, const std::vector<Roles>& roles,
                             std::map<std::string, std::string> settings)
    : world_(world) {
  std::vector<std::string> voters;
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const int id = static_cast<int>(i) + 1;
    if (roles[i] != Roles::broker) voters.push_back(fmt::format("{0}@{1}:9093", id, host(id)));
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    const int id = static_cast<int>(i) + 1;
    std::map<std::string, std::string> own = settings;
    own["node.id"] = std::to_string(id);
    own["process.roles"] = role_names(roles[i]);
    own["controller.quorum.voters"] = fmt::format("{}", fmt::join(voters, ","));
    if (roles[i] == Roles::controller)
      own["listeners"] = fmt::format("CONTROLLER://{}:9093", host(id));
    if (roles[i] == Roles::broker) own["listeners"] = fmt::format("PLAINTEXT://{}:9092", host(id));
    Member& member = members_.emplace_back();
    member.roles = roles[i];
    member.node = std::make_unique<SimNode>(world, host(id), std::move(own));
  }
  for (Member& member : members_) {
    member.node->machine().faults().fails = [&member](std::string_view operation,
                                                      const std::string& path) {
      // The directory is synced after each replacement of quorum-state.
      if (operation == "sync" && path.ends_with("__cluster_metadata-0"))
        member.state_written = true;
      return member.disk_fails && member.disk_fails(operation);
    };
  }
}

void QuorumCluster::start(int id) { node(id).start(); }

void QuorumCluster::start_all() {
  for (int id = 1; id <= size(); ++id) start(id);
}

void QuorumCluster::fail_disk(int id, DiskFails fails) {
  members_[static_cast<std::size_t>(id) - 1].disk_fails = std::move(fails);
}

/// Where a flush had failed something may be gone as after a power loss.
void QuorumCluster::kill(int id) {
  const bool lost = node(id).machine().has_dropped();
  probe();
  if (on_loss_) on_loss_(id);
  node(id).kill();
  if (lost) forget_unsynced(members_[static_cast<std::size_t>(id) - 1]);
}

/// What was not synced may be gone: what the disk says now is what counts.
void QuorumCluster::forget_unsynced(Member& member) {
  member.epoch = -1;
  member.vote.reset();
  member.state_written = true;
  member.seen.reset();
}

void QuorumCluster::crash(int id) {
  probe();
  if (on_loss_) on_loss_(id);
  node(id).crash();
  forget_unsynced(members_[static_cast<std::size_t>(id) - 1]);
}

void QuorumCluster::wipe(int id) {
  node(id).machine().wipe();
  forget_unsynced(members_[static_cast<std::size_t>(id) - 1]);
}

void QuorumCluster::isolate(int id) {
  for (int other = 1; other <= size(); ++other) {
    if (other != id) world_.fabric().cut(host(id), host(other));
  }
}

void QuorumCluster::heal() { world_.fabric().heal_all(); }

void QuorumCluster::start_missing() {
  for (int id = 1; id <= size(); ++id) {
    if (node(id).ended()) kill(id);
    if (!node(id).up()) start(id);
  }
}

bool QuorumCluster::all_ready() const {
  return std::ranges::all_of(members_, [](const Member& member) { return member.node->ready(); });
}

bool QuorumCluster::leads(int id) const {
  const auto* controller = members_[static_cast<std::size_t>(id) - 1].node->controller();
  return controller != nullptr && controller->quorum_status().leading;
}

std::optional<int> QuorumCluster::leader() const {
  std::optional<int> best;
  Epoch epoch{-1};
  for (int id = 1; id <= size(); ++id) {
    const auto* controller = members_[static_cast<std::size_t>(id) - 1].node->controller();
    if (controller == nullptr) continue;
    const auto status = controller->quorum_status();
    if (!status.leading || status.epoch < epoch) continue;
    best = id;
    epoch = status.epoch;
  }
  return best;
}

std::shared_ptr<const metadata::Image> QuorumCluster::image(int id) const {
  const auto* controller = members_[static_cast<std::size_t>(id) - 1].node->controller();
  return controller == nullptr ? nullptr : controller->image();
}

bool QuorumCluster::all_agree() const {
  const auto known = leader();
  if (!known) return false;
  const auto newest = image(*known);
  for (int id = 1; id <= size(); ++id) {
    const auto here = image(id);
    if (here == nullptr || here->offset < newest->offset) return false;
  }
  return true;
}

bool QuorumCluster::run_until(const std::function<bool()>& done, Duration limit) {
  return world_.run_until(
      [&] {
        probe();
        if (on_turn_) on_turn_();
        return done() || violations_.size() >= most_violations;
      },
      limit);
}

void QuorumCluster::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

std::vector<runtime::Endpoint> QuorumCluster::brokers() const {
  std::vector<runtime::Endpoint> endpoints;
  for (const Member& member : members_) {
    if (member.roles != Roles::controller) endpoints.push_back(member.node->endpoint());
  }
  return endpoints;
}

void QuorumCluster::broke(std::string_view invariant, std::string what) {
  if (violations_.size() < most_violations) violations_.push_back({invariant, std::move(what)});
}

void QuorumCluster::probe() {
  for (int id = 1; id <= size(); ++id) {
    Member& member = members_[static_cast<std::size_t>(id) - 1];
    if (member.state_written) probe_state(id, member);
    const auto* controller = member.node->controller();
    if (controller == nullptr) {
      member.seen.reset();
      continue;
    }
    const auto status = controller->quorum_status();
    if (status.leading) {
      const auto [at, fresh] = leaders_.emplace(status.epoch.value(), id);
      if (at->second != id) {
        broke("I19",
              fmt::format("nodes {} and {} both lead in epoch {}", at->second, id, status.epoch));
      }
    }
    probe_image(id, member);
  }
}

/// I20, I21: what is committed at an offset is the same for everybody, for ever, and nobody goes
/// back.
void QuorumCluster::probe_image(int id, Member& member) {
  const auto image = member.node->controller()->image();
  if (image == member.seen) return;
  if (member.seen != nullptr && image->offset < member.seen->offset) {
    broke("I21", fmt::format("node {} went back from offset {} to {}", id, member.seen->offset,
                             image->offset));
  }
  member.seen = image;
  if (image->offset < Offset(0)) return;
  const std::uint64_t value = digest(image);
  const auto [at, fresh] = history_.emplace(image->offset.value(), value);
  if (at->second != value) {
    broke("I20", fmt::format("node {} has other metadata at offset {} than was committed there", id,
                             image->offset));
  }
  if (newest_ != nullptr && image->offset <= newest_->offset) return;
  probe_partitions(*image);
  newest_ = image;
}

void QuorumCluster::probe_partitions(const metadata::Image& image) {
  const metadata::Changes changes = metadata::difference(newest_.get(), image);
  for (const metadata::TopicChange& change : changes.topics) {
    if (change.after == nullptr) continue;
    for (const auto& [index, state] : change.after->partitions) {
      probe_partition(image, *change.after, index, state);
    }
  }
  if (!changes.brokers) return;
  for (const auto& [id, topic] : image.topics) {  // I23: who is fenced leads nothing
    for (const auto& [index, state] : topic->partitions) {
      for (const BrokerId member : state.isr) {
        const metadata::Broker* broker = image.broker(member);
        const bool may_stay = broker != nullptr && !broker->fenced;
        if (may_stay || state.leader == no_broker) continue;
        broke("I23", fmt::format("{}-{} is led by {}, and fenced {} is in sync", topic->name, index,
                                 state.leader, member));
      }
    }
  }
}

/// I22: what the metadata says of leader, ISR and ELR; and I19 of partitions: a leader epoch has
/// one leader, and neither epoch falls.
void QuorumCluster::probe_partition(const metadata::Image& image, const metadata::Topic& topic,
                                    PartitionIndex index, const metadata::Partition& state) {
  const auto wrong = [&](std::string_view what) {
    broke("I22",
          fmt::format("{}-{} at metadata offset {}: {}", topic.name, index, image.offset, what));
  };
  const auto holds = [&](BrokerId id) { return state.has_replica(id); };
  const auto eligible = [&](BrokerId id) { return std::ranges::count(state.elr, id) > 0; };
  if (state.leader != no_broker && !state.in_isr(state.leader)) wrong("the leader is not in sync");
  if (!std::ranges::all_of(state.isr, holds)) wrong("an in-sync broker has no replica");
  if (!std::ranges::all_of(state.elr, holds)) wrong("an eligible leader has no replica");
  if (std::ranges::any_of(state.isr, eligible)) wrong("a replica is in sync and in the ELR");
  const auto [known, fresh] = partitions_.try_emplace({topic.id, index}, state);
  if (fresh) return;
  const metadata::Partition& before = known->second;
  if (state.leader_epoch < before.leader_epoch) wrong("the leader epoch fell");
  if (state.partition_epoch < before.partition_epoch) wrong("the partition epoch fell");
  if (state.leader != before.leader && state.leader_epoch == before.leader_epoch) {
    wrong("another leader has the same epoch");
  }
  if (state.isr != before.isr && state.partition_epoch == before.partition_epoch) {
    wrong("another ISR has the same partition epoch");
  }
  known->second = state;
}

/// I19: one vote an epoch, and epochs never fall.
void QuorumCluster::probe_state(int id, Member& member) {
  const auto content = member.node->machine().content(std::string(quorum_state));
  if (!content) return;
  member.state_written = false;
  const auto state = raft::decode_quorum_state(as_text(*content));
  if (!state) return broke("I19", fmt::format("node {} has a bad quorum-state", id));
  const std::int32_t epoch = state->epoch.value();
  if (epoch < member.epoch) {
    broke("I19", fmt::format("node {} went back from epoch {} to {}", id, member.epoch, epoch));
  }
  if (member.vote && member.vote->first == epoch && state->voted &&
      state->voted->id.value() != member.vote->second) {
    broke("I19", fmt::format("node {} voted for {} and {} in epoch {}", id, member.vote->second,
                             state->voted->id, epoch));
  }
  member.epoch = epoch;
  if (state->voted) member.vote = {epoch, state->voted->id.value()};
}

}  // namespace cairn::simulation
