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

class MetadataLog {
 public:
  MetadataLog(storage::Environment& environment, storage::DirectoryHealth& health,
              std::string metadata_directory, const config::MetadataLogConfig& config);

  /// Formats if there is nothing, then loads.
  runtime::Task<Result<LoadedMetadata>> open(NewQuorum quorum);
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
  runtime::Task<Result<>> format_if_empty(NewQuorum quorum);
  runtime::Task<Result<>> find_snapshots();
  runtime::Task<Result<>> load_snapshot(raft::SnapshotId id, LoadedMetadata& loaded);
  runtime::Task<Result<>> load_bootstrap(LoadedMetadata& loaded);
  runtime::Task<Result<>> load_election(LoadedMetadata& loaded);
  runtime::Task<Result<>> scan_control_records(Offset from, LoadedMetadata& loaded);
  runtime::Task<Result<>> write_new(std::string path, Bytes content);
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
