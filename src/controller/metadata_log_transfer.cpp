// SPDX-License-Identifier: Apache-2.0
// What goes to followers and comes from a leader: stretches of the log as they lie on disk, and
// whole snapshots in pieces (facts: kraft.md §1.7, §3.6).
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/runtime/disk.hpp>

#include "metadata_log.hpp"

namespace cairn::controller {

runtime::Task<Result<protocol::Records>> MetadataLog::read_raw(Offset from, std::size_t max_bytes) {
  if (from >= log_->log_end()) co_return protocol::Records{};
  storage::LogRead request{from, max_bytes, storage::ReadBound::log_end,
                           storage::FirstBatch::always};
  auto slice = co_await log_->read(request);
  if (!slice) co_return std::unexpected(slice.error());
  co_return std::move(slice->records);
}

runtime::Task<Result<>> MetadataLog::store_chunk(raft::SnapshotId id, std::int64_t position,
                                                 BytesView bytes) {
  const std::string part = path(log::snapshot_file_name(id)) + ".part";
  CO_TRY(std::unique_ptr<runtime::File> file,
         co_await environment_.disk.open(part, runtime::OpenMode::create));
  if (position == 0) {
    CO_TRY(co_await file->truncate(0));
  }
  co_return co_await file->write_at(static_cast<std::uint64_t>(position), std::span(&bytes, 1));
}

/// The snapshot is durable under its name before the log that it stands for goes; a crash in
/// between leaves a snapshot ahead of the log, which open() takes for what it is.
runtime::Task<Result<LoadedMetadata>> MetadataLog::install(raft::SnapshotId id) {
  const std::string target = path(log::snapshot_file_name(id));
  const std::string part = target + ".part";
  {
    CO_TRY(std::unique_ptr<runtime::File> file,
           co_await environment_.disk.open(part, runtime::OpenMode::create));
    CO_TRY(co_await file->sync());
  }
  CO_TRY(co_await environment_.disk.rename(part, target));
  CO_TRY(co_await environment_.disk.sync_directory(directory_));
  LoadedMetadata loaded;
  CO_TRY(co_await load_snapshot(id, loaded));
  CO_TRY(co_await log_->truncate_fully_and_start_at(id.end_offset));
  for (const raft::SnapshotId& older : std::exchange(snapshots_, {})) {
    if (older == id) continue;
    CO_TRY(co_await environment_.disk.remove(path(log::snapshot_file_name(older))));
  }
  remember_snapshot(id);
  logging::info("metadata snapshot of the leader end_offset={} epoch={}", id.end_offset, id.epoch);
  co_return loaded;
}

runtime::Task<Result<SnapshotPart>> MetadataLog::read_part(raft::SnapshotId id,
                                                           std::int64_t position,
                                                           std::size_t max_bytes) {
  if (std::ranges::find(snapshots_, id) == snapshots_.end()) {
    co_return fail(ErrorCode::snapshot_not_found, "no snapshot of this id");
  }
  CO_TRY(
      std::unique_ptr<runtime::File> file,
      co_await environment_.disk.open(path(log::snapshot_file_name(id)), runtime::OpenMode::read));
  CO_TRY(const std::uint64_t size, co_await file->size());
  if (position < 0 || static_cast<std::uint64_t>(position) >= size) {
    co_return fail(ErrorCode::position_out_of_range, "the snapshot ends before this position");
  }
  const auto at = static_cast<std::uint64_t>(position);
  SnapshotPart part{static_cast<std::int64_t>(size),
                    Bytes(std::min<std::uint64_t>(max_bytes, size - at))};
  CO_TRY(const std::size_t read, co_await file->read_at(at, part.bytes));
  part.bytes.resize(read);
  co_return part;
}

/// Kept in order: one that was written while another came from a leader may be the older.
void MetadataLog::remember_snapshot(raft::SnapshotId id) {
  if (std::ranges::find(snapshots_, id) != snapshots_.end()) return;
  snapshots_.insert(std::ranges::upper_bound(snapshots_, id), id);
}

}  // namespace cairn::controller
