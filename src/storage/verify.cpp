// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include <cairn/log/checkpoint.hpp>
#include <cairn/log/names.hpp>
#include <cairn/log/producer_snapshot.hpp>
#include <cairn/storage/meta_properties.hpp>
#include <cairn/storage/verify.hpp>

#include "segment_walk.hpp"
#include "verify_segment.hpp"

namespace cairn::storage {

using log::FileKind;
using log::FileState;

namespace {

bool any_damage(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.severity == Severity::damage; });
}

/// One partition's files, in turn.
struct PartitionCheck {
  Environment& environment;
  PartitionFindings& report;
  std::set<std::string> names;
  std::vector<Offset> bases, snapshots;
  VerifyState state;

  PartitionCheck(Environment& with, PartitionFindings& into) : environment(with), report(into) {}

  std::string path(std::string_view name) const {
    return report.directory + "/" + std::string(name);
  }
  void say(std::string_view name, Severity severity, std::string what) {
    report.findings.push_back({path(name), severity, std::move(what)});
  }

  void sort_names();
  runtime::Task<> check_metadata();
  runtime::Task<> check_epochs();
  runtime::Task<> check_producers();
  runtime::Task<> check_segments();
};

void PartitionCheck::sort_names() {
  for (const std::string& name : names) {
    const auto file = log::parse_file_name(name);
    if (!file) {
      const bool known = name == log::file_names::leader_epochs ||
                         name == log::file_names::partition_metadata || name == "quorum-state" ||
                         log::parse_snapshot_file_name(name);
      if (!known) say(name, Severity::note, "is no file of a log");
    } else if (file->state != FileState::live) {
      say(name, Severity::note, "is left of an interrupted deletion or cleaning");
    } else if (file->kind == FileKind::segment) {
      bases.push_back(file->offset);
    } else if (file->kind == FileKind::producer_snapshot) {
      snapshots.push_back(file->offset);
    } else if (!names.contains(log::file_name(file->offset, FileKind::segment))) {
      say(name, Severity::note, "belongs to no segment");
    }
  }
  std::ranges::sort(bases);
  std::ranges::sort(snapshots);
}

runtime::Task<> PartitionCheck::check_metadata() {
  const std::string_view name = log::file_names::partition_metadata;
  if (!names.contains(std::string(name))) {
    say(name, Severity::damage, "is missing: a start takes the directory for a stray");
    co_return;
  }
  const auto content = co_await runtime::read_file(environment.disk, path(name));
  const auto id = content ? log::decode_partition_metadata(*content)
                          : Result<TopicId>(std::unexpected(content.error()));
  if (!id) say(name, Severity::damage, id.error().why);
}

runtime::Task<> PartitionCheck::check_epochs() {
  const std::string_view name = log::file_names::leader_epochs;
  if (!names.contains(std::string(name))) {
    // A log that holds nothing yet may have none.
    state.epochs = log::EpochCache();
    co_return;
  }
  const auto content = co_await runtime::read_file(environment.disk, path(name));
  const auto entries = content
                           ? log::decode_epoch_checkpoint(*content)
                           : Result<std::vector<log::EpochEntry>>(std::unexpected(content.error()));
  if (entries) {
    state.epochs = log::EpochCache(*entries);
    co_return;
  }
  say(name, Severity::damage, entries.error().why);
  if (!bases.empty()) report.first_damaged = bases.front();
}

runtime::Task<> PartitionCheck::check_producers() {
  state.producers_known = !bases.empty() && bases.front() == Offset(0);
  for (const Offset at : snapshots) {
    const std::string name = log::file_name(at, FileKind::producer_snapshot);
    const auto content = co_await runtime::read_file(environment.disk, path(name));
    const auto entries =
        content ? log::decode_producer_snapshot(*content)
                : Result<std::vector<log::ProducerEntry>>(std::unexpected(content.error()));
    if (!entries) {
      say(name, Severity::damage, entries.error().why);
      if (!bases.empty()) {
        // The batches behind the snapshot before it tell what it should have held.
        const auto above = std::ranges::upper_bound(bases, at);
        const Offset base = above == bases.begin() ? bases.front() : *(above - 1);
        report.first_damaged = std::min(report.first_damaged.value_or(base), base);
      }
    } else if (!bases.empty() && at == bases.front()) {
      state.producers.load(*entries, at, 0);
      state.producers_known = true;
    }
  }
}

runtime::Task<> PartitionCheck::check_segments() {
  bool sound = true;
  for (std::size_t i = 0; sound && i < bases.size(); ++i) {
    if (i > 0 && bases[i] < state.next_offset) {
      say(log::file_name(bases[i], FileKind::segment), Severity::damage,
          fmt::format("begins at offset {}, but the segment before holds up to {}", bases[i],
                      state.next_offset - 1));
    }
    SegmentCheck segment(environment, report, state, bases[i], i + 1 == bases.size());
    sound = co_await segment.run(names);
    report.log_end = state.next_offset;
    if (!sound && i + 1 < bases.size()) {
      say(log::file_name(bases[i + 1], FileKind::segment), Severity::damage,
          fmt::format("{} segments from here on lie behind the damage and were not looked at",
                      bases.size() - i - 1));
    }
  }
  if (!sound) co_return;
  for (const Offset at : snapshots) {
    if (at <= report.log_end) continue;
    say(log::file_name(at, FileKind::producer_snapshot), Severity::note,
        fmt::format("lies behind the log's end, {}", report.log_end));
  }
}

}  // namespace

bool PartitionFindings::damaged() const { return any_damage(findings); }

bool DirectoryFindings::damaged() const {
  return any_damage(findings) || std::ranges::any_of(partitions, &PartitionFindings::damaged);
}

runtime::Task<Result<PartitionFindings>> verify_partition(Environment& environment,
                                                          std::string directory) {
  PartitionFindings report;
  report.directory = directory;
  CO_TRY(const auto entries, co_await environment.disk.list(directory));
  PartitionCheck check(environment, report);
  for (const runtime::DirectoryEntry& entry : entries) {
    if (entry.is_directory) {
      check.say(entry.name, Severity::note, "is a directory, which no log has");
    } else {
      check.names.insert(entry.name);
    }
  }
  check.sort_names();
  if (check.bases.empty()) {
    report.findings.push_back({directory, Severity::damage, "holds no segment"});
    co_return report;
  }
  report.log_start = report.log_end = check.bases.front();
  co_await check.check_metadata();
  co_await check.check_epochs();
  co_await check.check_producers();
  co_await check.check_segments();
  co_return report;
}

// ---- a log directory ----

namespace {

struct DirectoryCheck {
  Environment& environment;
  std::string directory;
  DirectoryFindings& report;

  std::string path(std::string_view name) const { return directory + "/" + std::string(name); }
  void say(std::string_view name, Severity severity, std::string what) {
    report.findings.push_back({path(name), severity, std::move(what)});
  }

  runtime::Task<> check_identity();
  runtime::Task<> check_snapshot(std::string file);
  runtime::Task<> check_metadata_log();
  runtime::Task<> check_checkpoint(std::string_view name);
};

runtime::Task<> DirectoryCheck::check_identity() {
  const std::string_view name = log::file_names::meta_properties;
  const auto content = co_await runtime::read_file(environment.disk, path(name));
  if (!content) {
    say(name, Severity::damage, content.error().why);
    co_return;
  }
  const auto meta = decode_meta_properties(*content);
  if (!meta) say(name, Severity::damage, meta.error().why);
}

/// Entries must be of partitions that are there, and not beyond their logs.
runtime::Task<> DirectoryCheck::check_checkpoint(std::string_view name) {
  const auto content = co_await runtime::read_file(environment.disk, path(name));
  if (!content) {
    if (!runtime::is_not_found(content.error())) say(name, Severity::damage, content.error().why);
    co_return;
  }
  const auto entries = log::decode_offset_checkpoint(*content);
  if (!entries) {
    say(name, Severity::damage, entries.error().why);
    co_return;
  }
  std::map<std::string, const PartitionFindings*, std::less<>> known;
  for (const PartitionFindings& partition : report.partitions) {
    known[partition.directory.substr(directory.size() + 1)] = &partition;
  }
  for (const log::PartitionOffset& entry : *entries) {
    const auto at = known.find(log::directory_name(entry.partition));
    if (at == known.end()) {
      say(name, Severity::note, fmt::format("names {}, which is not here", entry.partition));
    } else if (entry.offset > at->second->log_end) {
      say(name, Severity::damage,
          fmt::format("says {} of {}, whose log ends at {}", entry.offset, entry.partition,
                      at->second->log_end));
    }
  }
}

/// Framing and checksums; what the records say is the controller's.
runtime::Task<> DirectoryCheck::check_snapshot(std::string file) {
  auto opened = co_await environment.disk.open(file, runtime::OpenMode::read);
  const auto size =
      opened ? co_await (*opened)->size() : Result<std::uint64_t>(std::unexpected(opened.error()));
  if (!size) {
    report.findings.push_back({file, Severity::damage, size.error().why});
    co_return;
  }
  SegmentWalk walk(environment, *std::move(opened), 0, *size);
  bool sound = true, closed = false;
  Result<bool> more = true;
  while (sound && more && *more) {
    while (const auto batch = walk.next()) {
      sound = batch->crc_matches();
      closed = batch->is_control();  // header first, footer last
      if (!sound) break;
    }
    if (sound) more = co_await walk.fill();
  }
  if (!sound || walk.position() != *size) {
    report.findings.push_back({file, Severity::damage, "a batch of the snapshot is damaged",
                               sound ? walk.position() : walk.batch_position()});
  } else if (!closed) {
    report.findings.push_back({file, Severity::damage, "the snapshot has no end", *size});
  }
}

runtime::Task<> DirectoryCheck::check_metadata_log() {
  const auto entries = co_await environment.disk.list(path(log::metadata_log_directory));
  if (!entries) co_return;
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (log::parse_snapshot_file_name(entry.name)) {
      co_await check_snapshot(path(log::metadata_log_directory) + "/" + entry.name);
    }
  }
}

}  // namespace

runtime::Task<Result<DirectoryFindings>> verify_log_directory(Environment& environment,
                                                              std::string directory) {
  DirectoryFindings report;
  CO_TRY(const auto entries, co_await environment.disk.list(directory));
  DirectoryCheck check{environment, directory, report};
  co_await check.check_identity();
  for (const runtime::DirectoryEntry& entry : entries) {
    if (!entry.is_directory || entry.name == "remote-log-index-cache" ||
        entry.name == "lost+found") {
      continue;
    }
    const auto name = log::parse_directory_name(entry.name);
    if (!name) {
      check.say(entry.name, Severity::damage, "is no partition's directory: a start refuses it");
    } else if (name->state != log::DirectoryState::live) {
      check.say(entry.name, Severity::note, "is deleted, set aside or not complete: not looked at");
    } else {
      CO_TRY(PartitionFindings partition,
             co_await verify_partition(environment, check.path(entry.name)));
      report.partitions.push_back(std::move(partition));
    }
  }
  co_await check.check_metadata_log();
  for (const std::string_view name :
       {log::file_names::recovery_point, log::file_names::log_start_offset,
        log::file_names::high_watermark, log::file_names::cleaner_offset}) {
    co_await check.check_checkpoint(name);
  }
  co_return report;
}

}  // namespace cairn::storage
