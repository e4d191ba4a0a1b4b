// SPDX-License-Identifier: Apache-2.0
// Use and upkeep of the metadata log's directory. What start-up does is in metadata_log_load.cpp.
#include "metadata_log.hpp"

#include <cairn/base/log.hpp>
#include <cairn/raft/quorum_state.hpp>
#include <cairn/runtime/disk.hpp>

#include "snapshot_file.hpp"

namespace cairn::controller {
namespace {

constexpr std::size_t read_portion = std::size_t{1} << 20;

}  // namespace

MetadataLog::MetadataLog(storage::Environment& environment, storage::DirectoryHealth& health,
                         std::string metadata_directory, const config::MetadataLogConfig& config)
    : environment_(environment),
      health_(health),
      metadata_directory_(std::move(metadata_directory)),
      directory_(metadata_directory_ + "/__cluster_metadata-0"),
      config_(config) {}

runtime::Task<Result<>> MetadataLog::close() {
  if (!log_) co_return Result<>{};
  co_return co_await log_->close();
}

runtime::Task<Result<>> MetadataLog::write_election(raft::ElectionState state,
                                                    std::int16_t kraft_version,
                                                    raft::VoterSet voters) {
  Bytes content = to_bytes(raft::encode_quorum_state(state, kraft_version, voters));
  auto written = co_await runtime::replace_file(environment_.disk, path(raft::quorum_state_file),
                                                std::move(content));
  if (!written) health_.fail(written.error(), "writing quorum-state");
  co_return written;
}

runtime::Task<Result<>> MetadataLog::append(Bytes batches) {
  auto appended = co_await log_->append_as_follower(batches);
  if (!appended) co_return std::unexpected(appended.error());
  co_return Result<>{};
}

runtime::Task<Result<std::vector<MetadataLog::ReadBatch>>> MetadataLog::read(Offset from,
                                                                             Offset end) {
  std::vector<ReadBatch> found;
  storage::LogRead request{from, read_portion, storage::ReadBound::log_end,
                           storage::FirstBatch::always};
  auto slice = co_await log_->read(request);
  if (!slice) co_return std::unexpected(slice.error());
  record::BatchIterator batches(slice->records.view(), record::BatchIterator::Check::crc);
  while (const auto batch = batches.next()) {
    if (batch->last_offset() < from) continue;
    if (batch->next_offset() > end) break;
    CO_TRY(DecodedBatch decoded, decode_batch(*batch));
    found.push_back({std::move(decoded), batch->base_offset(), batch->next_offset(),
                     batch->leader_epoch(), batch->max_timestamp()});
  }
  if (batches.fault() != record::BatchFault::none && batches.fault() != record::BatchFault::cut) {
    co_return fail(ErrorCode::corrupt_message, "the metadata log holds a bad batch");
  }
  co_return found;
}

/// Writes `path`.part, syncs it, renames it: a snapshot exists whole or not at all.
runtime::Task<Result<>> MetadataLog::write_new(std::string target, Bytes content) {
  const std::string part = target + ".part";
  CO_TRY(std::unique_ptr<runtime::File> file,
         co_await environment_.disk.open(part, runtime::OpenMode::create));
  CO_TRY(co_await file->truncate(0));
  const BytesView whole = content;
  CO_TRY(co_await file->write_at(0, std::span(&whole, 1)));
  CO_TRY(co_await file->sync());
  file.reset();
  CO_TRY(co_await environment_.disk.rename(part, target));
  co_return co_await environment_.disk.sync_directory(runtime::parent_directory(target));
}

runtime::Task<Result<raft::SnapshotId>> MetadataLog::write_snapshot(
    std::shared_ptr<const metadata::Image> image, raft::VoterSet voters,
    std::int16_t kraft_version) {
  const raft::SnapshotId id{image->offset + 1, image->epoch};
  SnapshotContent content{image->timestamp, kraft_version, std::move(voters), id.epoch,
                          environment_.now_ms()};
  SnapshotWriter writer(std::move(content), std::move(image));
  const std::string target = path(log::snapshot_file_name(id));
  const std::string part = target + ".part";
  CO_TRY(std::unique_ptr<runtime::File> file,
         co_await environment_.disk.open(part, runtime::OpenMode::create));
  CO_TRY(co_await file->truncate(0));
  std::uint64_t position = 0;
  for (Bytes bytes = writer.next(); !bytes.empty(); bytes = writer.next()) {
    const BytesView portion = bytes;
    CO_TRY(co_await file->write_at(position, std::span(&portion, 1)));
    position += bytes.size();
    co_await environment_.clock.sleep_for(Duration(0));  // let decisions in between
  }
  CO_TRY(co_await file->sync());
  file.reset();
  CO_TRY(co_await environment_.disk.rename(part, target));
  CO_TRY(co_await environment_.disk.sync_directory(directory_));
  remember_snapshot(id);
  logging::info("metadata snapshot end_offset={} epoch={} bytes={}", id.end_offset, id.epoch,
                position);
  co_return id;
}

/// Kafka's rule: while log and snapshots are too large, or the oldest too old, the oldest snapshot
/// goes, and the log then begins where the next one ends. The newest always stays.
runtime::Task<Result<Offset>> MetadataLog::clean() {
  const std::int64_t now = environment_.now_ms();
  while (snapshots_.size() >= 2) {
    std::uint64_t total = log_->size();
    for (const raft::SnapshotId& id : snapshots_) {
      CO_TRY(const auto status, co_await environment_.disk.stat(path(log::snapshot_file_name(id))));
      total += status.size;
    }
    const std::string oldest = path(log::snapshot_file_name(snapshots_.front()));
    CO_TRY(const auto status, co_await environment_.disk.stat(oldest));
    const bool too_large =
        config_.retention_bytes >= 0 && total > static_cast<std::uint64_t>(config_.retention_bytes);
    const bool too_old = config_.retention.count() >= 0 &&
                         now - to_timestamp(status.modified) > config_.retention.count();
    if (!too_large && !too_old) break;
    const Offset start = snapshots_[1].end_offset;
    CO_TRY(co_await log_->advance_log_start(start));
    CO_TRY(co_await log_->delete_old_segments());
    CO_TRY(co_await environment_.disk.remove(oldest));
    snapshots_.erase(snapshots_.begin());
  }
  co_return log_->log_start();
}

storage::LogOptions MetadataLog::options() const {
  storage::LogOptions options;
  options.roll.segment_bytes = config_.segment_bytes;
  options.roll.segment_ms = config_.segment_age.count();
  options.retention.retention_ms = -1;  // only clean() moves the log's start
  options.retention.retention_bytes = -1;
  options.file_delete_delay = std::chrono::milliseconds(0);
  options.rules.max_message_bytes = std::size_t{8} << 20;
  options.rules.segment_bytes = static_cast<std::size_t>(config_.segment_bytes);
  return options;
}

}  // namespace cairn::controller
