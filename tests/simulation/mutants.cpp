// SPDX-License-Identifier: Apache-2.0
#include "mutants.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include <cairn/base/mutant.hpp>

#include "../unit/storage/cleaning_model.hpp"
#include "cluster_run.hpp"
#include "quorum_run.hpp"
#include "replica_run.hpp"
#include "run.hpp"
#include "storage_run.hpp"

namespace cairn::simulation {
namespace {

constexpr int cleaning_steps = 60;
constexpr Duration short_run = std::chrono::seconds(15);

constexpr std::array all_mutants{
    Mutant{"I6-duplicate", RunKind::node, "a batch that was sent again is recognised"},
    Mutant{"I6-recall", RunKind::node, "a start looks for earlier batches in the log's tail"},
    Mutant{"L1", RunKind::replicas, "a follower truncates by epochs, not to its high watermark"},
    Mutant{"L2", RunKind::replicas, "truncation goes on to the largest common epoch"},
    Mutant{"L3", RunKind::replicas, "a follower whose log diverges makes no progress"},
    Mutant{"L4", RunKind::replicas, "a deposed leader truncates before it takes a high watermark"},
    Mutant{"L6", RunKind::replicas, "an ISR names its members' broker epochs"},
    Mutant{"L8", RunKind::replicas,
           "the high watermark counts the in-sync replicas that are proposed"},
    Mutant{"L9", RunKind::node, "the high watermark counts what is flushed only"},
    Mutant{"L10", RunKind::storage, "a flush that began beside a truncation counts for nothing"},
    Mutant{"L9-follower", RunKind::replicas, "a follower reports what is flushed only"},
    Mutant{"L11", RunKind::replicas, "no latest offset until the epoch's start is committed"},
    Mutant{"L12", RunKind::replicas, "metadata that is not newer changes no leader"},
    Mutant{"L13", RunKind::cluster, "a leader that lost its majority resigns"},
    Mutant{"L14", RunKind::replicas, "a fetch reads the high watermark once"},
    Mutant{"L24", RunKind::node, "offsets of a group that has members do not expire"},
    Mutant{"L25", RunKind::node, "a coordinator answers once it has loaded"},
    Mutant{"L26", RunKind::other, "a claim of an older generation does not count"},
    Mutant{"L27", RunKind::storage, "a log whose disk failed takes nothing more"},
    Mutant{"L27-end", RunKind::storage, "what a refused append has written is cut off"},
    Mutant{"L28", RunKind::storage, "a new segment's name is flushed before it counts"},
    Mutant{"L28-rename", RunKind::storage, "a file is flushed before it takes another's name"},
    Mutant{"L29", RunKind::storage, "the clean marker goes before anything is loaded"},
    Mutant{"L30", RunKind::storage, "an index that points behind its segment is not believed"},
    Mutant{"L30-entry", RunKind::storage, "recovery begins at an entry only if a batch is there"},
    Mutant{"L31", RunKind::storage, "a failed flush ends the log; it is not tried again"},
    Mutant{"L32", RunKind::storage, "one change of a log at a time"},
    Mutant{"L33-aborted-keys", RunKind::cleaning, "aborted records supersede nothing"},
    Mutant{"L33-control-keys", RunKind::other, "control records supersede nothing"},
    Mutant{"L33-high-watermark", RunKind::other, "nothing above the high watermark is cleaned"},
    Mutant{"L33-lag", RunKind::other, "nothing younger than min.compaction.lag.ms is cleaned"},
    Mutant{"L33-last-batch", RunKind::other, "the last batch of what is cleaned stays"},
    Mutant{"L33-last-stable", RunKind::cleaning, "nothing above the last stable offset is cleaned"},
    Mutant{"L33-marker", RunKind::cleaning, "a marker stays as long as its data"},
    Mutant{"L33-marker-horizon", RunKind::other, "a marker stays delete.retention.ms"},
    Mutant{"L33-sequence", RunKind::cleaning, "the last batch of each producer stays"},
    Mutant{"L33-settled", RunKind::cleaning, "the last batch of a settled transaction stays"},
    Mutant{"L33-swap-readers", RunKind::cleaning, "a reader looks again after a swap"},
    Mutant{"L33-swap-sync", RunKind::cleaning, "a swap is flushed step by step"},
    Mutant{"L33-tombstone", RunKind::cleaning, "a tombstone stays delete.retention.ms"},
    Mutant{"L34", RunKind::storage, "retention stops at the high watermark"},
    Mutant{"L35", RunKind::storage, "clients leave a reserve of space to internal topics"},
    Mutant{"L36", RunKind::node, "a metadata snapshot is applied at start"},
    Mutant{"L37", RunKind::node, "a partition's directory belongs to a topic id"},
    Mutant{"L39", RunKind::storage, "a batch whose CRC is wrong ends the log"},
    Mutant{"L39-hole", RunKind::storage, "a segment behind a hole does not count"},
};

std::string clean_once(std::uint64_t seed) {
  storage::testing::CleaningModel model(seed);
  for (int i = 0; i < cleaning_steps; ++i) {
    std::string wrong = model.step();
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string first_line(const RunResult& result) {
  if (result.violations.empty()) return "";
  const Violation& first = result.violations.front();
  const std::string text = fmt::format("{}: {}", first.invariant, first.what);
  return text.substr(0, text.find('\n'));
}

std::string break_once(RunKind kind, std::uint64_t seed) {
  switch (kind) {
    case RunKind::node:
      return first_line(simulate({.seed = seed}));
    case RunKind::storage:
      return first_line(simulate_storage({.seed = seed}));
    case RunKind::quorum:
      return first_line(simulate_quorum({.seed = seed, .faulty = short_run}));
    case RunKind::cluster:
      return first_line(simulate_cluster({.seed = seed, .faulty = short_run}));
    case RunKind::replicas:
      return first_line(simulate_replicas({.seed = seed, .faulty = short_run}));
    case RunKind::cleaning:
      return clean_once(seed);
    case RunKind::other:
      break;
  }
  return "";
}

}  // namespace

std::string_view name_of(RunKind kind) {
  static constexpr std::string_view names[] = {"node",     "storage",  "quorum",   "cluster",
                                               "replicas", "cleaning", "unit test"};
  return names[static_cast<std::size_t>(kind)];
}

std::span<const Mutant> mutants() { return all_mutants; }

namespace {

/// The search, in a process of its own: a missing guard may end it by an assertion. Each line it
/// writes is a seed that it begins; a last one says what broke.
void search(const Mutant& mutant, std::uint64_t most, int to) {
#ifdef CAIRN_MUTANTS
  choose_mutant(mutant.id);
#endif
  for (std::uint64_t seed = 1; seed <= most; ++seed) {
    dprintf(to, "%llu\n", static_cast<unsigned long long>(seed));
    const std::string what = break_once(mutant.kind, seed);
    if (what.empty()) continue;
    dprintf(to, "!%s\n", what.c_str());
    return;
  }
}

std::string read_to_end(int from) {
  std::string text;
  char piece[4096];
  for (ssize_t n = read(from, piece, sizeof piece); n > 0; n = read(from, piece, sizeof piece)) {
    text.append(piece, static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace

std::optional<Finding> find_missing(const Mutant& mutant, std::uint64_t most) {
  int ends[2];
  if (mutant.kind == RunKind::other || pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    search(mutant, most, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  std::string text = read_to_end(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  Finding finding;
  std::size_t at = 0;
  while (at < text.size() && text[at] != '!') {
    finding.seed = std::strtoull(text.c_str() + at, nullptr, 10);
    at = text.find('\n', at) + 1;
  }
  if (at < text.size()) {
    finding.what = text.substr(at + 1, text.find('\n', at) - at - 1);
  } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    finding.what = "an assertion ended the run";
  } else {
    return std::nullopt;
  }
  return finding;
}

}  // namespace cairn::simulation
