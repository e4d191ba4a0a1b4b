// SPDX-License-Identifier: Apache-2.0
#include "checkers_topics.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace cairn::simulation {

using Violations = std::vector<Violation>;

void topics_are_as_decided(const History& history, Violations& to) {
  for (const auto& [topic, lives] : history.lives) {
    if (lives.empty()) continue;
    const TopicLife& last = lives.back();
    const bool listed =
        std::ranges::find(history.final_topics, topic) != history.final_topics.end();
    const bool certain = last.delete_invoked == 0 || last.delete_completed > 0;
    if (!certain) continue;
    const bool expected = last.delete_invoked == 0 && last.create_completed > 0;
    if (listed != expected && (expected || last.delete_completed > 0)) {
      to.push_back({"I21", fmt::format("topic {} is {}listed, and was {} last", topic,
                                       listed ? "" : "not ", expected ? "created" : "deleted")});
    }
  }
}

// ---- compaction ----

namespace {

/// What is known of one key in one partition: its newest record, and whether a tombstone may have
/// come and gone unseen.
struct Newest {
  Offset offset = no_offset;
  const Send* send = nullptr;
  bool unknown_tombstone = false;
};

}  // namespace

// The newest record of a key that anybody knows of is there, unless it is a tombstone whose time is
// over. Records of a key before its newest may be gone.
void compaction(const History& history, Violations& to) {
  std::map<std::pair<TopicPartition, std::string>, Newest> newest;
  std::unordered_map<std::string_view, const Send*> sent;
  const auto note = [&](const Send& send, Offset offset) {
    Newest& known = newest[{send.to, send.key}];
    if (offset > known.offset) {
      known.offset = offset;
      known.send = &send;
    }
  };
  for (const Send& send : history.sends) {
    if (history.kind_of(send.to.topic) != TopicKind::compacted) continue;
    sent.emplace(send.value, &send);
    if (send.outcome == Outcome::ok) {
      note(send, send.offset);
    } else if (send.tombstone) {
      newest[{send.to, send.key}].unknown_tombstone = true;
    }
  }
  for (const auto& [partition, log] : history.final_logs) {
    if (history.kind_of(partition.topic) != TopicKind::compacted) continue;
    for (const auto& [offset, value] : log) {
      if (const auto send = sent.find(value); send != sent.end()) note(*send->second, offset);
    }
  }
  for (const auto& [at, known] : newest) {
    const auto log = history.final_logs.find(at.first);
    if (known.send == nullptr || log == history.final_logs.end()) continue;
    if (log->second.contains(known.offset) || known.unknown_tombstone) continue;
    const bool over =
        known.send->tombstone &&
        known.send->timestamp + compacted_delete_retention_ms <= history.latest_wall_ms;
    if (!over) {
      to.push_back({"I26", fmt::format("{}, the newest of key {} in {}, is gone from {}",
                                       known.send->value, at.second, at.first, known.offset)});
    }
  }
}

// ---- log starts ----

namespace {

/// Whether retention may have taken an acknowledged record.
bool may_expire(const History& history, const Send& send) {
  const auto found = history.retention.find(send.to.topic);
  if (found == history.retention.end()) return false;
  const RetentionLimits& limits = found->second;
  const bool by_time =
      limits.shortest_ms >= 0 && send.timestamp + limits.shortest_ms <= history.latest_wall_ms;
  const auto bytes = history.final_bytes.find(send.to);
  const bool by_size = limits.least_bytes >= 0 && bytes != history.final_bytes.end() &&
                       bytes->second >= static_cast<std::uint64_t>(limits.least_bytes);
  return by_time || by_size;
}

}  // namespace

void legal_log_start(const History& history, Violations& to) {
  for (const auto& [partition, start] : history.final_starts) {
    Offset floor(0), ceiling(0);
    for (const Trim& trim : history.trims) {
      if (trim.of != partition) continue;
      ceiling = std::max(ceiling, trim.before);
      if (trim.outcome == Outcome::ok) floor = std::max(floor, trim.before);
    }
    if (start < floor && history.starts_are_saved) {
      to.push_back({"I27", fmt::format("the log of {} starts at {}; records below {} were deleted",
                                       partition, start, floor)});
    }
    if (start <= ceiling) continue;
    if (history.kind_of(partition.topic) != TopicKind::trimmed) {
      to.push_back({"I27", fmt::format("the log of {} starts at {}", partition, start)});
      continue;
    }
    for (const Send& send : history.sends) {
      const bool gone = send.to == partition && send.outcome == Outcome::ok &&
                        send.offset >= ceiling && send.offset < start;
      if (gone && !may_expire(history, send)) {
        to.push_back({"I27", fmt::format("{} at {} of {} is gone and no limit asked for it",
                                         send.value, send.offset, partition)});
      }
    }
  }
}

}  // namespace cairn::simulation
