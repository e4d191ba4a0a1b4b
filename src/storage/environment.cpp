// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/storage/environment.hpp>

namespace cairn::storage {

void DelayedDeletes::add(std::string path, Duration delay) {
  const Instant due = clock_.now() + delay;
  const bool first = due_.empty() || due < due_.begin()->first;
  due_.emplace(due, std::move(path));
  if (first) changed_.set();
}

runtime::Task<> DelayedDeletes::remove_due() {
  while (!due_.empty() && due_.begin()->first <= clock_.now()) {
    const std::string path = due_.extract(due_.begin()).mapped();
    const Result<> removed = co_await disk_.remove_all(path);
    if (!removed) logging::warn("cannot remove {}: {}", path, removed.error().why);
  }
}

runtime::Task<> DelayedDeletes::run() {
  while (!co_await runtime::cancelled()) {
    co_await remove_due();
    if (due_.empty()) {
      if (!co_await changed_.wait()) co_return;
    } else {
      co_await changed_.wait_until(clock_, due_.begin()->first);
    }
  }
}

void DirectoryHealth::fail(const Error& error, std::string_view what) {
  if (failed_.is_set()) return;
  logging::error("log directory {} goes offline: {}: {}", path_, what, error.why);
  failed_.set();
}

runtime::Task<bool> DirectoryHealth::has_room(runtime::Disk& disk, std::uint64_t bytes) {
  const Result<runtime::Space> space = co_await disk.free_space(path_);
  const std::uint64_t reserved = MUTANT("L35") ? 0 : limits_.reserved_space;
  co_return !space || space->free >= bytes + reserved;
}

runtime::Task<bool> DirectoryHealth::begin_flush() {
  while (flushing_ >= limits_.flushes_per_directory) {
    if (!co_await flush_ended_.wait()) co_return false;
  }
  ++flushing_;
  co_return true;
}

void DirectoryHealth::end_flush() {
  --flushing_;
  flush_ended_.set_one();
}

}  // namespace cairn::storage
