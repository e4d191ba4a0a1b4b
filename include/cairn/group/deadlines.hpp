// SPDX-License-Identifier: Apache-2.0
// The deadlines of one machine, earliest first: at most one for each key, re-armed at will. Pure:
// the actor sleeps until earliest(), one timer for all. Owned by GroupMachine.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <cairn/base/time.hpp>

namespace cairn::group {

enum class DeadlineKind {
  session,         // of a member, or of a member id given out and not used yet
  join,            // the rebalance must go on without those who have not rejoined
  sync,            // members of the new generation must have asked for their assignment
  retention,       // a sweep for expired offsets; the machine's, not a group's
  deleted_topics,  // offsets of deleted topics are to be removed; the machine's
};

struct DeadlineKey {
  std::string group;
  DeadlineKind kind;
  std::string member;  // of a session; empty for the others

  auto operator<=>(const DeadlineKey&) const = default;
};

class Deadlines {
 public:
  void arm(DeadlineKey key, Instant at);
  void cancel(const DeadlineKey& key);
  /// Forgets the deadlines of a group; those of the machine stay.
  void cancel_group(std::string_view group);

  std::optional<Instant> earliest() const;
  /// Takes out the earliest that is due.
  std::optional<DeadlineKey> take_due(Instant now);
  bool armed(const DeadlineKey& key) const { return at_.contains(key); }

 private:
  std::map<DeadlineKey, Instant> at_;
  std::set<std::pair<Instant, DeadlineKey>> order_;
};

}  // namespace cairn::group
