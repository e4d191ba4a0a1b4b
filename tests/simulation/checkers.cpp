// SPDX-License-Identifier: Apache-2.0
#include "checkers.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "checkers_topics.hpp"

namespace cairn::simulation {
namespace {

using Violations = std::vector<Violation>;

/// Where the log legally starts in the end (I27 judges that).
Offset log_start(const History& history, const TopicPartition& of) {
  if (history.kind_of(of.topic) != TopicKind::trimmed) return Offset(0);
  const auto start = history.final_starts.find(of);
  return start == history.final_starts.end() ? Offset(0) : start->second;
}

/// Whether it certainly went to the incarnation of its topic that is there in the end.
bool is_of_last_life(const History& history, const Send& send) {
  if (history.kind_of(send.to.topic) != TopicKind::passing) return true;
  if (send.to_an_older_life) return false;
  const TopicLife* life = history.last_life(send.to.topic);
  return life != nullptr && life->create_completed > 0 && send.invoked > life->create_completed;
}

void no_lost_ack(const History& history, Violations& to) {
  for (const Send& send : history.sends) {
    if (send.outcome != Outcome::ok || send.offset < log_start(history, send.to)) continue;
    const auto log = history.final_logs.find(send.to);
    if (log == history.final_logs.end() || !is_of_last_life(history, send)) continue;
    if (history.kind_of(send.to.topic) == TopicKind::compacted) continue;  // I26
    const auto found = log->second.find(send.offset);
    if (found == log->second.end()) {
      to.push_back({"I1", fmt::format("{} acknowledged at {} of {}, and gone", send.value,
                                      send.offset, send.to)});
    } else if (found->second != send.value) {
      to.push_back({"I1", fmt::format("{} acknowledged at {} of {}, where {} is", send.value,
                                      send.offset, send.to, found->second)});
    }
  }
}

void nothing_invented(const History& history, Violations& to) {
  std::unordered_map<std::string_view, const Send*> sent;
  for (const Send& send : history.sends) sent.emplace(send.value, &send);
  const auto check = [&](const TopicPartition& from, Offset offset, std::string_view value) {
    const auto send = sent.find(value);
    if (send == sent.end()) {
      to.push_back({"I2", fmt::format("{} at {} of {} was never sent", value, offset, from)});
    } else if (send->second->outcome == Outcome::fail) {
      to.push_back({"I2", fmt::format("{} at {} of {} had failed", value, offset, from)});
    } else if (send->second->to != from) {
      to.push_back({"I2", fmt::format("{} was sent to another partition than {}", value, from)});
    } else if (history.kind_of(from.topic) == TopicKind::passing) {
      const TopicLife* life = history.last_life(from.topic);
      const std::uint64_t completed = send->second->completed;
      if (life != nullptr && completed > 0 && completed < life->create_invoked) {
        to.push_back(
            {"L37", fmt::format("{} was sent to a topic {} that was deleted since", value, from)});
      }
    }
  };
  for (const auto& [partition, log] : history.final_logs) {
    for (const auto& [offset, value] : log) check(partition, offset, value);
  }
  for (const Polled& polled : history.polled) check(polled.from, polled.offset, polled.value);
}

void agreement(const History& history, Violations& to) {
  std::map<TopicPartition, std::map<Offset, std::string_view>> seen;
  const auto note = [&](const TopicPartition& at, Offset offset, std::string_view value) {
    const auto [known, fresh] = seen[at].emplace(offset, value);
    if (!fresh && known->second != value) {
      to.push_back(
          {"I3", fmt::format("{} of {} was {} and is {}", offset, at, known->second, value)});
    }
  };
  for (const Send& send : history.sends) {
    const bool known = send.outcome == Outcome::ok && is_of_last_life(history, send);
    if (known) note(send.to, send.offset, send.value);
  }
  for (const Polled& polled : history.polled) note(polled.from, polled.offset, polled.value);
  for (const auto& [partition, log] : history.final_logs) {
    for (const auto& [offset, value] : log) note(partition, offset, value);
  }
}

// Sequence and offset of everything one producer has in a partition rise together. Without
// idempotence a retry may store a record again behind later ones: its first place counts, if that
// can still be seen.
void order(const History& history, Violations& to) {
  std::unordered_map<std::string_view, const Send*> sent;
  for (const Send& send : history.sends) sent.emplace(send.value, &send);
  for (const auto& [partition, log] : history.final_logs) {
    std::map<int, std::int64_t> last;
    std::set<std::string_view> seen;
    for (const auto& [offset, value] : log) {
      const auto send = sent.find(value);
      if (send == sent.end() || !seen.insert(value).second) continue;
      const bool repeats = history.repeating.contains(send->second->producer);
      if (repeats && log_start(history, partition) > Offset(0)) continue;
      const auto [previous, fresh] = last.emplace(send->second->producer, send->second->sequence);
      if (!fresh && previous->second > send->second->sequence) {
        to.push_back(
            {"I4", fmt::format("{} ({}) at {} of {} comes after sequence {}", value,
                               send->second->outcome == Outcome::ok ? "acknowledged" : "unknown",
                               offset, partition, previous->second)});
      }
      previous->second = std::max(previous->second, send->second->sequence);
    }
  }
}

void no_skip_no_rewind(const History& history, Violations& to) {
  std::map<std::tuple<int, int, TopicPartition>, Offset> last;
  for (const Polled& polled : history.polled) {
    const auto [previous, fresh] =
        last.emplace(std::tuple(polled.consumer, polled.session, polled.from), polled.offset);
    if (fresh) continue;
    const bool forward = polled.offset > previous->second;
    const bool next = polled.offset == previous->second + 1;
    // What lies between may have been deleted, or cleaned away.
    const bool gap = forward && (polled.offset <= log_start(history, polled.from) ||
                                 history.kind_of(polled.from.topic) == TopicKind::compacted);
    if (!next && !gap) {
      to.push_back({"I5", fmt::format("consumer {} read {} of {} after {}", polled.consumer,
                                      polled.offset, polled.from, previous->second)});
    }
    previous->second = polled.offset;
  }
}

void idempotence(const History& history, Violations& to) {
  std::set<std::string_view> may_repeat;
  for (const Send& send : history.sends) {
    if (history.repeating.contains(send.producer)) may_repeat.insert(send.value);
  }
  for (const auto& [partition, log] : history.final_logs) {
    std::map<std::string_view, Offset> first;
    for (const auto& [offset, value] : log) {
      const auto [known, fresh] = first.emplace(value, offset);
      if (!fresh && !may_repeat.contains(value)) {
        to.push_back({"I6", fmt::format("{} stands at {} and {} of {}", value, known->second,
                                        offset, partition)});
      }
    }
  }
}

void repeatable_read(const History& history, Violations& to) {
  for (const Polled& polled : history.polled) {
    const auto log = history.final_logs.find(polled.from);
    if (log == history.final_logs.end() || polled.offset < log_start(history, polled.from))
      continue;
    if (history.kind_of(polled.from.topic) == TopicKind::compacted) continue;  // I26
    if (!log->second.contains(polled.offset)) {
      to.push_back({"I9", fmt::format("{} was read at {} of {}, and is gone", polled.value,
                                      polled.offset, polled.from)});
    }
  }
}

// A read returns the last commit that ended before it began, or one it overlapped, or an unknown
// one.
void committed_offset(const History& history, Violations& to) {
  for (const CommitRead& read : history.commit_reads) {
    const Commit* newest = nullptr;
    bool allowed = false;
    for (const Commit& commit : history.commits) {
      if (commit.group != read.group || commit.of != read.of) continue;
      const bool before = commit.outcome == Outcome::ok && commit.completed < read.invoked;
      if (before && (newest == nullptr || commit.invoked > newest->invoked)) newest = &commit;
    }
    for (const Commit& commit : history.commits) {
      if (commit.group != read.group || commit.of != read.of || commit.offset != read.offset)
        continue;
      const bool not_superseded = newest == nullptr || commit.completed == 0 ||
                                  commit.outcome == Outcome::info ||
                                  commit.completed >= newest->invoked;
      allowed |=
          commit.invoked < read.completed && commit.outcome != Outcome::fail && not_superseded;
    }
    allowed |= newest == nullptr && read.offset == no_offset;
    if (!allowed) {
      to.push_back(
          {"I16", fmt::format("group {} reads {} for {}; committed was {}", read.group, read.offset,
                              read.of, newest == nullptr ? no_offset : newest->offset)});
    }
  }
}

// In one generation no partition has two owners.
void one_owner(const History& history, Violations& to) {
  std::map<std::pair<std::int32_t, TopicPartition>, int> owners;
  for (const Ownership& held : history.owners) {
    for (const TopicPartition& partition : held.partitions) {
      const auto [known, fresh] =
          owners.emplace(std::pair(held.generation, partition), held.consumer);
      if (!fresh && known->second != held.consumer) {
        to.push_back(
            {"I17", fmt::format("consumers {} and {} both own {} in generation {}", known->second,
                                held.consumer, partition, held.generation)});
      }
    }
  }
}

void no_gap(const History& history, Violations& to) {
  for (const auto& [partition, log] : history.final_logs) {
    if (history.kind_of(partition.topic) == TopicKind::compacted) continue;
    Offset expected = log_start(history, partition);
    for (const auto& [offset, value] : log) {
      if (offset != expected) {
        to.push_back({"I24", fmt::format("{} of {} is missing", expected, partition)});
        break;
      }
      ++expected;
    }
  }
}

constexpr std::array all{
    Checker{"I1", "no lost acknowledgement", no_lost_ack},
    Checker{"I2", "nothing invented, nothing that had failed", nothing_invented},
    Checker{"I3", "an offset holds one value for everybody, for ever", agreement},
    Checker{"I4", "a producer's records keep their order", order},
    Checker{"I5", "a consumer neither skips nor goes back", no_skip_no_rewind},
    Checker{"I6", "an idempotent record is stored once", idempotence},
    Checker{"I9", "what was read stays", repeatable_read},
    Checker{"I16", "a committed offset is a register", committed_offset},
    Checker{"I17", "a partition has one owner in a generation", one_owner},
    Checker{"I21", "what was created is there, what was deleted is not", topics_are_as_decided},
    Checker{"I24", "a log has no holes", no_gap},
    Checker{"I26", "compaction keeps the newest of each key", compaction},
    Checker{"I27", "the log start moves only as asked, or by retention", legal_log_start},
};

}  // namespace

std::span<const Checker> checkers() { return all; }

std::vector<Violation> judge(const History& history) {
  std::vector<Violation> violations;
  for (const Checker& checker : all) checker.check(history, violations);
  if (violations.size() > 100) violations.resize(100);
  return violations;
}

}  // namespace cairn::simulation
