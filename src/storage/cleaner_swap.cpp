// SPDX-License-Identifier: Apache-2.0
// How a cleaned segment takes the place of those it was made from. Readers that hold an old
// segment's open file go on with it; those that do not find it marked and look again.
#include <algorithm>

#include <cairn/base/mutant.hpp>

#include "cleaner_run.hpp"

namespace cairn::storage {

using log::FileKind;
using log::FileState;

namespace {

constexpr FileKind all_kinds[] = {FileKind::offset_index, FileKind::time_index,
                                  FileKind::transaction_index, FileKind::segment};

}  // namespace

runtime::Task<Result<>> CleaningRun::swap_in(const Segments& group, CleanedSegment& cleaned) {
  // The names of the .cleaned files must be as durable as their bytes before any becomes .swap.
  CO_TRY(co_await environment_.disk.sync_directory(directory_));
  co_await log_->begin_change();
  Result<> done = check_unchanged();
  const auto first = std::ranges::find(log_->segments_, group.front());
  const auto left = static_cast<std::size_t>(log_->segments_.end() - first);
  if (done && (left <= group.size() || !std::equal(group.begin(), group.end(), first))) {
    done = fail(ErrorCode::offset_not_available, "retention was quicker");
  } else if (done) {
    done = co_await rename_files(group, cleaned);
    if (done) {
      co_await install(group, cleaned);
    } else {
      done = log_->poison(done.error(), "swap of a cleaned segment");
    }
  }
  log_->end_change();
  if (done) done = co_await remove_old_files(group);
  co_return done;
}

/// Crash-safe at every step. REQUIRES: the writer's turn.
runtime::Task<Result<>> CleaningRun::rename_files(const Segments& group,
                                                  const CleanedSegment& cleaned) {
  runtime::Disk& disk = environment_.disk;
  const auto rename = [&](std::string from, std::string to) {
    return disk.rename(std::move(from), std::move(to));
  };
  std::vector<FileKind> kinds = cleaned.kinds();
  for (const FileKind kind : kinds) {
    CO_TRY(co_await rename(cleaned.path(kind, FileState::cleaned),
                           cleaned.path(kind, FileState::swap)));
  }
  CO_TRY(co_await rename(cleaned.path(FileKind::segment, FileState::cleaned),
                         cleaned.path(FileKind::segment, FileState::swap)));
  // From here on a restart finishes the swap.
  if (!MUTANT("L33-swap-sync")) {
    CO_TRY(co_await disk.sync_directory(directory_));
  }
  for (const auto& segment : group) segment->deleted = true;
  for (const auto& segment : group) {
    for (const FileKind kind : all_kinds) {
      // The first segment's .log is replaced, so that a file of this name is always there.
      if (kind == FileKind::segment && segment == group.front()) continue;
      const Result<> away = co_await rename(segment->path(directory_, kind),
                                            segment->path(directory_, kind, FileState::deleted));
      if (!away && (kind == FileKind::segment || !runtime::is_not_found(away.error()))) {
        co_return away;
      }
    }
  }
  CO_TRY(co_await disk.sync_directory(directory_));
  CO_TRY(co_await rename(cleaned.path(FileKind::segment, FileState::swap),
                         cleaned.path(FileKind::segment, FileState::live)));
  CO_TRY(co_await disk.sync_directory(directory_));
  for (const FileKind kind : kinds) {
    CO_TRY(
        co_await rename(cleaned.path(kind, FileState::swap), cleaned.path(kind, FileState::live)));
  }
  co_return Result<>();
}

/// The log goes on with the new segment. REQUIRES: the writer's turn.
runtime::Task<> CleaningRun::install(const Segments& group, const CleanedSegment& cleaned) {
  const std::shared_ptr<Segment> fresh = cleaned.segment();
  fresh->created_ms = group.front()->created_ms;
  fresh->jitter_ms = group.front()->jitter_ms;
  fresh->entry_synced = true;
  std::vector<std::shared_ptr<Segment>>& segments = log_->segments_;
  const auto first = std::ranges::find(segments, group.front());
  *first = fresh;
  segments.erase(first + 1, first + static_cast<std::ptrdiff_t>(group.size()));
  fresh->drop_written_indexes();
  // Whatever remembers a place in the old files forgets it.
  log_->recent_reads_.clear();
  log_->high_watermark_position_ = {};
  log_->flushed_position_ = {};
  for (const auto& segment : group) {
    segment->close_file();
    if (segment == group.front()) continue;
    co_await log_->drop_snapshots(segment->base_offset, segment->base_offset + 1);
  }
}

/// No later than now: a restart takes .deleted files for a sign of retention in some logs.
runtime::Task<Result<>> CleaningRun::remove_old_files(const Segments& group) {
  CO_TRY(co_await environment_.disk.sync_directory(directory_));
  for (const auto& segment : group) {
    for (const FileKind kind : all_kinds) {
      std::string name = segment->path(directory_, kind, FileState::deleted);
      const Result<> removed = co_await environment_.disk.remove(std::move(name));
      if (!removed && !runtime::is_not_found(removed.error())) co_return removed;
    }
  }
  co_return Result<>();
}

}  // namespace cairn::storage
