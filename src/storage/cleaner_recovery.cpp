// SPDX-License-Identifier: Apache-2.0
#include "cleaner_recovery.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/log/names.hpp>

#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;
using log::FileState;

namespace {

std::string in(const std::string& directory, std::string_view name) {
  return directory + "/" + std::string(name);
}

/// Renames of one kind of file; the others come before or after.
enum class Part : std::uint8_t { segments, indexes };

class SwapRecoveryRun {
 public:
  SwapRecoveryRun(Environment& environment, std::string directory, FileNames& names)
      : environment_(environment), directory_(std::move(directory)), names_(names) {}

  runtime::Task<Result<>> run() {
    const std::vector<std::string> all(names_.begin(), names_.end());
    const log::SwapRecovery todo = log::recover_swaps(all);
    if (todo.remove.empty() && todo.rename.empty()) co_return Result<>();
    // First what a .cleaned file voids, then the .cleaned file: else it would look whole.
    CO_TRY(co_await remove(todo.remove, FileState::swap));
    CO_TRY(co_await sync());
    CO_TRY(co_await remove(todo.remove, FileState::cleaned));
    CO_TRY(co_await remove(todo.remove, FileState::deleted));
    if (todo.rename.empty()) co_return Result<>();
    logging::info("finishing a swap of segments that a stop cut short: directory={}", directory_);
    CO_TRY(co_await remove_replaced(todo));
    CO_TRY(co_await sync());
    CO_TRY(co_await rename(todo, Part::segments));
    CO_TRY(co_await sync());
    CO_TRY(co_await rename(todo, Part::indexes));
    co_return co_await sync();
  }

 private:
  runtime::Task<Result<>> sync() { return environment_.disk.sync_directory(directory_); }

  runtime::Task<Result<>> remove(std::vector<std::string> names, FileState state) {
    for (const std::string& name : names) {
      const auto file = log::parse_file_name(name);
      if (!file || file->state != state) continue;
      CO_TRY(co_await environment_.disk.remove(in(directory_, name)));
      names_.erase(name);
    }
    co_return Result<>();
  }

  /// Every swapped segment replaces those from its base to the end of its batches, and in any case
  /// the one of its own name.
  runtime::Task<Result<>> remove_replaced(const log::SwapRecovery& todo) {
    for (const Offset base : todo.swapped_segments) {
      CO_TRY(const Offset end, co_await end_of(base));
      const std::vector<std::string> all(names_.begin(), names_.end());
      for (const std::string& name : log::replaced_files(all, base, std::max(end, base + 1))) {
        // What is known of producers at an offset stays true.
        if (log::parse_file_name(name)->kind == FileKind::producer_snapshot) continue;
        CO_TRY(co_await environment_.disk.remove(in(directory_, name)));
        names_.erase(name);
      }
    }
    co_return Result<>();
  }

  runtime::Task<Result<Offset>> end_of(Offset base) {
    const std::string name = log::file_name(base, FileKind::segment, FileState::swap);
    CO_TRY(std::shared_ptr<runtime::File> file,
           co_await environment_.disk.open(in(directory_, name), runtime::OpenMode::read));
    CO_TRY(const std::uint64_t size, co_await file->size());
    SegmentWalk walk(environment_, std::move(file), 0, size);
    Offset end = base;
    bool more = true;
    while (more) {
      while (const auto batch = walk.next()) end = batch->next_offset();
      CO_TRY(more, co_await walk.fill());
    }
    co_return end;
  }

  runtime::Task<Result<>> rename(const log::SwapRecovery& todo, Part part) {
    for (const auto& each : todo.rename) {
      const bool is_segment = log::parse_file_name(each.from)->kind == FileKind::segment;
      if (is_segment != (part == Part::segments)) continue;
      CO_TRY(co_await environment_.disk.rename(in(directory_, each.from), in(directory_, each.to)));
      names_.erase(each.from);
      names_.insert(each.to);
    }
    co_return Result<>();
  }

  Environment& environment_;
  std::string directory_;
  FileNames& names_;
};

}  // namespace

runtime::Task<Result<>> finish_swaps(Environment& environment, std::string directory,
                                     FileNames& names) {
  SwapRecoveryRun run(environment, std::move(directory), names);
  co_return co_await run.run();
}

}  // namespace cairn::storage
