// SPDX-License-Identifier: Apache-2.0
// The directory __cluster_metadata-0: the log, quorum-state and snapshots, in Kafka's layout.
// Formats it when it is empty. Knows nothing of leaders or decisions; its one user is the
// controller's driver, which calls one function at a time (snapshots are written beside that).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/config/server_config.hpp>
#include <cairn/metadata/replay.hpp>
#include <cairn/protocol/records.hpp>
#include <cairn/raft/output.hpp>
#include <cairn/storage/partition_log.hpp>

#include "batches.hpp"

namespace cairn::controller {

/// What the directory held.
struct LoadedMetadata {
  raft::Startup startup;
  metadata::Replay replay;                  // of the latest snapshot; empty without one
  std::vector<metadata::Record> bootstrap;  // while the log has no metadata yet
};

/// For the formatting of an empty directory.
struct NewQuorum {
  raft::VoterSet voters;
  std::int64_t timestamp = 0;
};

/// A stretch of a snapshot file.
struct SnapshotPart {
  std::int64_t size = 0;  // of the whole file
  Bytes bytes;
};

class MetadataLog {
 public:
  MetadataLog(storage::Environment& environment, storage::DirectoryHealth& health,
              std::string metadata_directory, const config::MetadataLogConfig& config);

  /// Formats an empty directory if voters are given, then loads.
  runtime::Task<Result<LoadedMetadata>> open(std::optional<NewQuorum> quorum);
  /// Writes the 0-0 checkpoint of a cluster that is being formed or joined, over what an attempt
  /// before may have left. Before open().
  runtime::Task<Result<>> format(NewQuorum quorum);
  runtime::Task<Result<>> close();

  runtime::Task<Result<>> write_election(raft::ElectionState state, std::int16_t kraft_version,
                                         raft::VoterSet voters);
  /// Batches with offsets and epochs in them, going on where the log ends.
  runtime::Task<Result<>> append(Bytes batches);
  runtime::Task<Result<>> flush() { return log_->flush(); }
  runtime::Task<Result<>> truncate(Offset end) { return log_->truncate_to(end); }

  struct ReadBatch {
    DecodedBatch decoded;
    Offset base_offset, next_offset;
    Epoch epoch;
    std::int64_t timestamp = 0;
  };
  /// Whole batches from `from`, about 1 MiB at most, all below `end`.
  runtime::Task<Result<std::vector<ReadBatch>>> read(Offset from, Offset end);

  /// The same as they lie on disk, for a follower; to the end of the log.
  runtime::Task<Result<protocol::Records>> read_raw(Offset from, std::size_t max_bytes);

  /// A snapshot that a leader sends: its bytes one after another, then install(), after which the
  /// log is empty and begins at the snapshot's end.
  runtime::Task<Result<>> store_chunk(raft::SnapshotId id, std::int64_t position, BytesView bytes);
  runtime::Task<Result<LoadedMetadata>> install(raft::SnapshotId id);
  /// For a follower. snapshot_not_found, position_out_of_range.
  runtime::Task<Result<SnapshotPart>> read_part(raft::SnapshotId id, std::int64_t position,
                                                std::size_t max_bytes);

  /// Writes a snapshot of the image beside everything else; durable when it returns.
  runtime::Task<Result<raft::SnapshotId>> write_snapshot(
      std::shared_ptr<const metadata::Image> image, raft::VoterSet voters,
      std::int16_t kraft_version);
  /// Drops snapshots, and the log before the oldest kept, beyond size and age. The new log start.
  runtime::Task<Result<Offset>> clean();

  Offset log_start() const { return log_->log_start(); }
  Offset log_end() const { return log_->log_end(); }
  void set_high_watermark(Offset offset) { log_->set_high_watermark(offset); }
  const std::vector<raft::SnapshotId>& snapshots() const { return snapshots_; }

 private:
  runtime::Task<Result<bool>> is_empty();
  runtime::Task<Result<>> find_snapshots();
  runtime::Task<Result<>> load_snapshot(raft::SnapshotId id, LoadedMetadata& loaded);
  runtime::Task<Result<>> load_bootstrap(LoadedMetadata& loaded);
  runtime::Task<Result<>> load_election(LoadedMetadata& loaded);
  runtime::Task<Result<>> scan_control_records(Offset from, LoadedMetadata& loaded);
  runtime::Task<Result<>> write_new(std::string path, Bytes content);
  void remember_snapshot(raft::SnapshotId id);
  storage::LogOptions options() const;
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  storage::Environment& environment_;
  storage::DirectoryHealth& health_;
  std::string metadata_directory_;
  std::string directory_;
  const config::MetadataLogConfig& config_;
  std::shared_ptr<storage::PartitionLog> log_;
  std::vector<raft::SnapshotId> snapshots_;  // rising; without 0-0
};

}  // namespace cairn::controller
