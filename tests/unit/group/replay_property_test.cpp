// SPDX-License-Identifier: Apache-2.0
// Random inputs in random order, with crashes: at every crash the durable state is
// the fold of the records (World::crash checks it), acknowledged offsets are there, and in one
// generation no two members are told of different leaders.
#include "world.hpp"

namespace cairn::group::testing {
namespace {

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed), world_({.offsets_retention = 12h}) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    world_.refuse_appends = false;
    world_.crash();
    check_offsets();
  }

 private:
  void step() {
    const auto& group = pick(groups_);
    switch (random_.below(11)) {
      case 0:
      case 1:
        return join(group);
      case 2:
      case 3:
        return sync(group);
      case 4: {
        const auto& [member, generation] = pick_member();
        world_.heartbeat(group, generation, member);
        return;
      }
      case 5: {
        world_.leave(group, {{pick_member().first, instance()}});
        return;
      }
      case 6:
      case 7:
        return commit(group);
      case 8: {
        world_.advance(Milliseconds(random_.between(0, 20'000)));
        return;
      }
      case 9: {
        if (world_.delete_group(group) == ErrorCode::none) offsets_.erase(group);
        return;
      }
      default: {
        if (!random_.chance(0.2)) return;
        world_.crash();
        check_offsets();
      }
    }
  }

  void join(const std::string& group) {
    Joiner joiner;
    joiner.version = random_.chance(0.5) ? 9 : 3;
    if (random_.chance(0.6)) joiner.member_id = pick_member().first;
    joiner.instance_id = instance();
    if (random_.chance(0.3)) joiner.protocols = {"sticky", "range"};
    waiting_[world_.join(group, joiner)] = group;
    harvest();
  }

  void sync(const std::string& group) {
    const auto [member, generation] = pick_member();
    world_.sync(group, generation, member, {{member, "x"}}, instance());
    harvest();
  }

  void commit(const std::string& group) {
    const bool simple = random_.chance(0.4);
    const auto [member, generation] = pick_member();
    Commit commit{.offset = ++next_offset_};
    if (!simple) {
      commit.member = member;
      commit.generation = generation;
    }
    if (world_.commit(group, commit) == ErrorCode::none) offsets_[group] = next_offset_;
  }

  void harvest() {
    for (auto entry = waiting_.begin(); entry != waiting_.end();) {
      const auto reply = world_.joined(entry->first);
      if (!reply) {
        ++entry;
        continue;
      }
      if (reply->error_code == ErrorCode::none) {
        members_.emplace_back(reply->member_id, reply->generation_id);
      } else if (reply->error_code == ErrorCode::member_id_required) {
        members_.emplace_back(reply->member_id, 0);
      }
      if (members_.size() > 12) members_.erase(members_.begin());
      entry = waiting_.erase(entry);
    }
  }

  void check_offsets() {
    waiting_.clear();
    for (const auto& [group, offset] : offsets_) EXPECT_EQ(world_.offset(group), offset) << group;
  }

  std::optional<std::string> instance() {
    if (random_.chance(0.7)) return std::nullopt;
    return random_.chance(0.5) ? "i" : "j";
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[random_.below(from.size())];
  }
  std::pair<std::string, std::int32_t> pick_member() {
    harvest();
    if (members_.empty() || random_.chance(0.05)) return {"stranger", 1};
    return pick(members_);
  }

  Random random_;
  World world_;
  std::vector<std::string> groups_{"g", "h"};
  std::map<RequestId, std::string> waiting_;
  std::vector<std::pair<std::string, std::int32_t>> members_;
  std::map<std::string, std::int64_t> offsets_;
  std::int64_t next_offset_ = 0;
};

TEST(GroupMachine, durable_state_is_the_fold_of_its_records) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Chaos(seed).run(400);
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace cairn::group::testing
