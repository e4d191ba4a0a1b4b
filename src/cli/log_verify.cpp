// SPDX-License-Identifier: Apache-2.0
// cairn log verify PATH..., cairn log repair PATH...
#include <algorithm>

#include <fmt/format.h>

#include <cairn/log/checkpoint.hpp>
#include <cairn/raft/quorum_state.hpp>
#include <cairn/storage/verify.hpp>

#include "log_commands.hpp"
#include "output.hpp"

namespace cairn::cli {

namespace {

using runtime::Task;
using storage::Finding;
using storage::Severity;

struct CheckArguments {
  std::vector<std::string> paths;
  bool quiet = false;
  bool dry_run = false;
};

/// A log directory has an identity, a partition's directory has segments.
enum class PathKind : std::uint8_t { missing, partition, log_directory };

Task<PathKind> kind_of(runtime::Disk& disk, std::string path) {
  const auto entries = co_await disk.list(path);
  if (!entries) co_return PathKind::missing;
  const bool formatted = std::ranges::any_of(*entries, [](const runtime::DirectoryEntry& entry) {
    return entry.name == log::file_names::meta_properties;
  });
  co_return formatted ? PathKind::log_directory : PathKind::partition;
}

void print_finding(const Globals& globals, const Finding& finding, std::string& out) {
  const bool damage = finding.severity == Severity::damage;
  if (globals.json) {
    Json json;
    json.begin_object().field("file", finding.file).field("severity", damage ? "damage" : "note");
    if (finding.position) json.field("position", static_cast<std::int64_t>(*finding.position));
    if (finding.offset) json.field("offset", finding.offset->value());
    out += json.field("what", finding.what).end_object().text() + '\n';
    return;
  }
  out += finding.file;
  if (finding.position) out += fmt::format(" at byte {}", *finding.position);
  if (finding.offset) out += fmt::format(" (offset {})", *finding.offset);
  out += fmt::format(": {}{}\n", damage ? "" : "note: ", finding.what);
}

void print_partition(const Globals& globals, const CheckArguments& arguments,
                     const storage::PartitionFindings& found, std::string& out) {
  for (const Finding& finding : found.findings) print_finding(globals, finding, out);
  if (arguments.quiet || globals.json) return;
  out += fmt::format("{}: {}, {} segments, {} batches, {} records, offsets {} to {}\n",
                     found.directory, found.damaged() ? "DAMAGED" : "good", found.segments,
                     found.batches, found.records, found.log_start, found.log_end);
}

/// The vote and epoch of the metadata quorum, if the directory has them.
Task<> check_quorum_state(runtime::Disk& disk, std::string directory,
                          storage::DirectoryFindings& found) {
  const std::string file =
      directory + "/__cluster_metadata-0/" + std::string(raft::quorum_state_file);
  const auto content = co_await runtime::read_file(disk, file);
  if (!content) co_return;
  const auto state = raft::decode_quorum_state(as_text(*content));
  if (!state) found.findings.push_back({file, Severity::damage, state.error().why});
}

int cannot_read(const std::string& path, const Error& error) {
  fmt::print(stderr, "cairn: {} cannot be read: {}\n", path, error.why);
  return 2;
}

Task<int> verify(Session& session, Globals globals, CheckArguments arguments) {
  storage::Environment environment(session.disk, session.shard.clock(), Random(1));
  int code = 0;
  for (const std::string& path : arguments.paths) {
    const PathKind kind = co_await kind_of(session.disk, path);
    if (kind == PathKind::missing) {
      fmt::print(stderr, "cairn: {} is no directory that can be read\n", path);
      co_return 2;
    }
    Printer out;
    bool damaged = false;
    if (kind == PathKind::partition) {
      const auto found = co_await storage::verify_partition(environment, path);
      if (!found) co_return cannot_read(path, found.error());
      print_partition(globals, arguments, *found, out.buffer());
      damaged = found->damaged();
    } else {
      auto found = co_await storage::verify_log_directory(environment, path);
      if (!found) co_return cannot_read(path, found.error());
      co_await check_quorum_state(session.disk, path, *found);
      for (const auto& finding : found->findings) print_finding(globals, finding, out.buffer());
      for (const auto& one : found->partitions) {
        print_partition(globals, arguments, one, out.buffer());
      }
      damaged = found->damaged();
    }
    if (damaged) code = 1;
  }
  co_return code;
}

/// Held while files change: a node that runs on the directory has it.
Task<Result<std::unique_ptr<runtime::DirectoryLock>>> lock_for(runtime::Disk& disk,
                                                               std::string log_directory) {
  std::string meta = log_directory + "/" + std::string(log::file_names::meta_properties);
  CO_TRY(const runtime::FileStatus formatted, co_await disk.stat(std::move(meta)));
  if (!formatted.exists) co_return nullptr;  // a copy of a partition: nobody's
  co_return co_await disk.lock(log_directory + "/" + std::string(log::file_names::lock));
}

Task<Result<storage::Repairs>> repair_one(storage::Environment& environment, PathKind kind,
                                          std::string path, storage::RepairMode mode) {
  if (kind == PathKind::partition) {
    CO_TRY(auto found, co_await storage::verify_partition(environment, path));
    co_return co_await storage::repair_partition(environment, std::move(found), mode);
  }
  CO_TRY(auto found, co_await storage::verify_log_directory(environment, path));
  co_return co_await storage::repair_log_directory(environment, path, std::move(found), mode);
}

Task<int> repair(Session& session, Globals globals, CheckArguments arguments) {
  (void)globals;
  storage::Environment environment(session.disk, session.shard.clock(), Random(1));
  const auto mode = arguments.dry_run ? storage::RepairMode::only_say : storage::RepairMode::act;
  for (std::string path : arguments.paths) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    const PathKind kind = co_await kind_of(session.disk, path);
    if (kind == PathKind::missing) {
      fmt::print(stderr, "cairn: {} is no directory that can be read\n", path);
      co_return 2;
    }
    const std::string owner =
        kind == PathKind::log_directory ? path : runtime::parent_directory(path);
    const auto lock = co_await lock_for(session.disk, owner);
    if (!lock) {
      fmt::print(stderr, "cairn: {} is in use ({}): stop the node first\n", owner,
                 lock.error().why);
      co_return 2;
    }
    const auto repairs = co_await repair_one(environment, kind, path, mode);
    if (!repairs) {
      fmt::print(stderr, "cairn: the repair of {} failed: {}\n", path, repairs.error().why);
      co_return 1;
    }
    if (repairs->empty()) fmt::print("{}: nothing to repair\n", path);
    for (const std::string& line : *repairs) {
      fmt::print("{}{}\n", arguments.dry_run ? "would: " : "", line);
    }
  }
  co_return 0;
}

void add_check(CLI::App& command, CheckArguments& arguments) {
  command
      .add_option("PATH", arguments.paths,
                  "A log directory (log.dirs), or the directory of one partition")
      ->required();
}

}  // namespace

void add_log_verify(CLI::App& log, Program& program) {
  auto arguments = std::make_shared<CheckArguments>();
  auto* command = add_command(
      log, "verify", "Check every file of a log directory or a partition; 1 if any is damaged",
      "cairn log verify data/orders-0");
  add_check(*command, *arguments);
  command->add_flag("-q,--quiet", arguments->quiet, "Only what is wrong");
  add_json(*command, program);
  command->callback([&program, arguments] {
    program.needs_cluster = false;
    program.chosen = [&program, arguments](Session& session) {
      return verify(session, program.globals, *arguments);
    };
  });
}

void add_log_repair(CLI::App& log, Program& program) {
  auto arguments = std::make_shared<CheckArguments>();
  auto* command = add_command(
      log, "repair", "Cut what is not valid (it is kept beside) and make anew what can be made",
      "cairn log repair --dry-run data/orders-0");
  add_check(*command, *arguments);
  command->add_flag("-n,--dry-run", arguments->dry_run, "Only say what would be done");
  command->callback([&program, arguments] {
    program.needs_cluster = false;
    program.chosen = [&program, arguments](Session& session) {
      return repair(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
