// SPDX-License-Identifier: Apache-2.0
// Repair is a start's recovery, told where to begin, with what it would cut kept beside the log.
#include <algorithm>
#include <map>

#include <cairn/log/checkpoint.hpp>
#include <cairn/log/names.hpp>
#include <cairn/storage/partition_log.hpp>
#include <cairn/storage/verify.hpp>

namespace cairn::storage {

using log::FileKind;

namespace {

constexpr std::size_t repaired_at_once = std::size_t{1} << 20;

/// Copies what lies behind `from`, so that cutting it loses nothing.
runtime::Task<Result<>> keep_tail(runtime::Disk& disk, std::string file, std::uint64_t from,
                                  std::string to) {
  CO_TRY(const auto source, co_await disk.open(file, runtime::OpenMode::read));
  CO_TRY(const auto target, co_await disk.open(to, runtime::OpenMode::create));
  CO_TRY(co_await target->truncate(0));
  Bytes buffer(repaired_at_once);
  for (std::uint64_t at = from;;) {
    CO_TRY(const std::size_t got, co_await source->read_at(at, buffer));
    if (got == 0) break;
    const BytesView parts[] = {BytesView(buffer).first(got)};
    CO_TRY(co_await target->write_at(at - from, parts));
    at += got;
  }
  co_return co_await target->sync();
}

struct Repairer {
  Environment& environment;
  RepairMode mode;
  Repairs done;

  Repairer(Environment& with, RepairMode how) : environment(with), mode(how) {}

  bool acts() const { return mode == RepairMode::act; }

  runtime::Task<Result<>> keep_what_is_cut(const PartitionFindings& found);
  runtime::Task<Result<>> recover(const PartitionFindings& found, Offset log_start);
  runtime::Task<Result<>> partition(const PartitionFindings& found, Offset log_start);
  runtime::Task<Result<>> checkpoint(const std::string& directory, std::string_view name,
                                     const std::map<std::string, Offset, std::less<>>& ends);
};

runtime::Task<Result<>> Repairer::keep_what_is_cut(const PartitionFindings& found) {
  runtime::Disk& disk = environment.disk;
  const Offset base = *found.cut_segment;
  const std::string file = found.directory + "/" + log::file_name(base, FileKind::segment);
  const std::string kept = fmt::format("{}.damaged-at-{}", file, found.cut_position);
  done.push_back(
      fmt::format("{}: cut at byte {}, where offset {} was to come; the rest is kept as {}", file,
                  found.cut_position, found.log_end, kept));
  if (acts()) {
    CO_TRY(co_await keep_tail(disk, file, found.cut_position, kept));
  }
  CO_TRY(const auto entries, co_await disk.list(found.directory));
  for (const runtime::DirectoryEntry& entry : entries) {
    const auto name = log::parse_file_name(entry.name);
    if (!name || name->kind != FileKind::segment || name->state != log::FileState::live) continue;
    if (name->offset <= base) continue;
    const std::string later = found.directory + "/" + entry.name;
    done.push_back(fmt::format("{}: lies behind the cut; kept as {}.damaged", later, later));
    if (acts()) {
      CO_TRY(co_await disk.rename(later, later + ".damaged"));
    }
  }
  if (acts()) {
    CO_TRY(co_await disk.sync_directory(found.directory));
  }
  co_return Result<>();
}

runtime::Task<Result<>> Repairer::recover(const PartitionFindings& found, Offset log_start) {
  done.push_back(
      fmt::format("{}: indexes, leader epochs and producer state are made anew from offset {} on",
                  found.directory, *found.first_damaged));
  if (!acts()) co_return Result<>();
  const std::string name = found.directory.substr(found.directory.rfind('/') + 1);
  const auto parsed = log::parse_directory_name(name);
  OpenLog request;
  request.directory = found.directory;
  request.partition = parsed ? parsed->partition : TopicPartition{name, PartitionIndex(0)};
  request.recovery_point = *found.first_damaged;
  request.log_start = log_start;
  // Whether it is compacted is not known here: then its holes are no sign of a loss.
  LogOptions options;
  options.rules.compacted = options.cleaning.compact = true;
  request.options = std::move(options);
  DirectoryHealth health(found.directory, environment.limits);
  CO_TRY(const auto log, co_await PartitionLog::open(environment, health, std::move(request)));
  co_return co_await log->close();
}

runtime::Task<Result<>> Repairer::partition(const PartitionFindings& found, Offset log_start) {
  if (!found.damaged()) co_return Result<>();
  if (found.directory.ends_with(log::metadata_log_directory)) {
    done.push_back(found.directory + ": is left to the node's start, which recovers it always");
    co_return Result<>();
  }
  for (const Finding& finding : found.findings) {
    const bool beyond = finding.file.ends_with(log::file_names::partition_metadata) ||
                        finding.file == found.directory;
    if (beyond && finding.severity == Severity::damage) {
      done.push_back(finding.file + ": " + finding.what + "; this cannot be repaired from here");
    }
  }
  if (found.cut_segment) {
    CO_TRY(co_await keep_what_is_cut(found));
  }
  if (found.first_damaged) {
    CO_TRY(co_await recover(found, log_start));
  }
  co_return Result<>();
}

/// A void checkpoint is set aside: a start does better without. Entries beyond their logs' ends are
/// brought back to them.
runtime::Task<Result<>> Repairer::checkpoint(
    const std::string& directory, std::string_view name,
    const std::map<std::string, Offset, std::less<>>& ends) {
  const std::string file = directory + "/" + std::string(name);
  const auto content = co_await runtime::read_file(environment.disk, file);
  if (!content) co_return Result<>();
  auto entries = log::decode_offset_checkpoint(*content);
  if (!entries) {
    done.push_back(fmt::format("{}: is void; kept as {}.damaged, and made anew by the next start",
                               file, file));
    if (acts()) {
      CO_TRY(co_await environment.disk.rename(file, file + ".damaged"));
    }
    co_return Result<>();
  }
  bool changed = false;
  for (log::PartitionOffset& entry : *entries) {
    const auto end = ends.find(log::directory_name(entry.partition));
    if (end == ends.end() || entry.offset <= end->second) continue;
    done.push_back(fmt::format("{}: {} of {} becomes {}, the log's end", file, entry.offset,
                               entry.partition, end->second));
    entry.offset = end->second;
    changed = true;
  }
  if (!changed || !acts()) co_return Result<>();
  Bytes fresh = log::encode_offset_checkpoint(*entries);
  co_return co_await runtime::replace_file(environment.disk, file, std::move(fresh));
}

/// What the checkpoint beside a partition's directory says of where its log starts.
runtime::Task<std::map<std::string, Offset, std::less<>>> log_starts(runtime::Disk& disk,
                                                                     std::string directory) {
  std::map<std::string, Offset, std::less<>> starts;
  const auto content = co_await runtime::read_file(
      disk, directory + "/" + std::string(log::file_names::log_start_offset));
  const auto entries = content ? log::decode_offset_checkpoint(*content)
                               : Result<std::vector<log::PartitionOffset>>();
  if (!entries) co_return starts;
  for (const auto& entry : *entries) starts[log::directory_name(entry.partition)] = entry.offset;
  co_return starts;
}

Offset start_of(const std::map<std::string, Offset, std::less<>>& starts,
                const std::string& directory) {
  const auto at = starts.find(directory.substr(directory.rfind('/') + 1));
  return at == starts.end() ? Offset(0) : at->second;
}

}  // namespace

runtime::Task<Result<Repairs>> repair_partition(Environment& environment, PartitionFindings found,
                                                RepairMode mode) {
  Repairer repairer(environment, mode);
  const auto starts =
      co_await log_starts(environment.disk, runtime::parent_directory(found.directory));
  CO_TRY(co_await repairer.partition(found, start_of(starts, found.directory)));
  co_return std::move(repairer.done);
}

runtime::Task<Result<Repairs>> repair_log_directory(Environment& environment, std::string directory,
                                                    DirectoryFindings found, RepairMode mode) {
  Repairer repairer(environment, mode);
  const auto starts = co_await log_starts(environment.disk, directory);
  std::map<std::string, Offset, std::less<>> ends;
  bool cut = false;
  for (const PartitionFindings& partition : found.partitions) {
    CO_TRY(co_await repairer.partition(partition, start_of(starts, partition.directory)));
    ends[partition.directory.substr(partition.directory.rfind('/') + 1)] = partition.log_end;
    cut = cut || partition.cut_segment.has_value();
  }
  for (const Finding& finding : found.findings) {
    if (finding.severity == Severity::note || finding.file.ends_with("-checkpoint")) continue;
    repairer.done.push_back(finding.file + ": " + finding.what +
                            "; this cannot be repaired from here");
  }
  for (const std::string_view name :
       {log::file_names::recovery_point, log::file_names::log_start_offset,
        log::file_names::high_watermark, log::file_names::cleaner_offset}) {
    CO_TRY(co_await repairer.checkpoint(directory, name, ends));
  }
  const std::string marker = directory + "/" + std::string(log::file_names::clean_shutdown);
  CO_TRY(const runtime::FileStatus marked, co_await environment.disk.stat(marker));
  if (cut && marked.exists) {
    // It vouches for all that was acknowledged: with it, the controller would trust this replica.
    repairer.done.push_back(marker + ": removed, since records were cut");
    if (mode == RepairMode::act) {
      CO_TRY(co_await environment.disk.remove(marker));
    }
  }
  co_return std::move(repairer.done);
}

}  // namespace cairn::storage
