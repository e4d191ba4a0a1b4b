// SPDX-License-Identifier: Apache-2.0
// Start-up of the metadata log: format what is empty, read what is there (facts: kraft.md §1.7,
// §3.2).
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/metadata/features.hpp>
#include <cairn/raft/quorum_state.hpp>
#include <cairn/runtime/disk.hpp>

#include "metadata_log.hpp"
#include "snapshot_file.hpp"

namespace cairn::controller {
namespace {

constexpr TopicId metadata_topic_id{0, 1};
constexpr raft::SnapshotId bootstrap_id{Offset(0), Epoch(0)};

Bytes whole_file(SnapshotWriter writer) {
  Bytes file;
  for (Bytes bytes = writer.next(); !bytes.empty(); bytes = writer.next()) append(file, bytes);
  return file;
}

}  // namespace

runtime::Task<Result<LoadedMetadata>> MetadataLog::open(std::optional<NewQuorum> quorum) {
  CO_TRY(const bool empty, co_await is_empty());
  if (empty && quorum) {
    CO_TRY(co_await format(*std::move(quorum)));
  }
  CO_TRY(co_await environment_.disk.create_directory(directory_));
  CO_TRY(co_await find_snapshots());
  storage::OpenLog request;
  request.directory = directory_;
  request.partition = {"__cluster_metadata", PartitionIndex(0)};
  request.topic_id = metadata_topic_id;
  request.options = options();
  CO_TRY(log_, co_await storage::PartitionLog::open(environment_, health_, std::move(request)));

  LoadedMetadata loaded;
  CO_TRY(co_await load_election(loaded));
  Offset scan_from = log_->log_start();
  if (!snapshots_.empty()) {
    const raft::SnapshotId latest = snapshots_.back();
    if (!MUTANT("L36")) {
      CO_TRY(co_await load_snapshot(latest, loaded));
    }
    if (latest.end_offset > log_->log_end()) {  // it came from a leader and the log did not follow
      CO_TRY(co_await log_->truncate_fully_and_start_at(latest.end_offset));
    }
    loaded.startup.latest_snapshot = latest;
    loaded.startup.earliest_snapshot = snapshots_.front();
    scan_from = std::max(scan_from, std::min(latest.end_offset, log_->log_end()));
  } else if (log_->log_start() > Offset(0)) {
    co_return fail(ErrorCode::kafka_storage_error,
                   "the metadata log begins above offset 0 and no snapshot holds what is missing");
  }
  CO_TRY(co_await scan_control_records(scan_from, loaded));
  loaded.startup.log_start = log_->log_start();
  loaded.startup.log_end = log_->log_end();
  loaded.startup.epochs = log_->epochs();
  if (loaded.replay.image()->metadata_version() == 0) {
    CO_TRY(co_await load_bootstrap(loaded));
  }
  co_return loaded;
}

runtime::Task<Result<bool>> MetadataLog::is_empty() {
  CO_TRY(const runtime::FileStatus status, co_await environment_.disk.stat(directory_));
  if (!status.exists) co_return true;
  CO_TRY(const auto entries, co_await environment_.disk.list(directory_));
  co_return std::ranges::all_of(entries, [](const runtime::DirectoryEntry& entry) {
    return entry.name.ends_with(".part");  // what a crash while formatting leaves
  });
}

runtime::Task<Result<>> MetadataLog::format(NewQuorum quorum) {
  runtime::Disk& disk = environment_.disk;
  // bootstrap.checkpoint first: the directory counts as formatted once it is not empty.
  const std::string bootstrap = metadata_directory_ + "/bootstrap.checkpoint";
  CO_TRY(const runtime::FileStatus known, co_await disk.stat(bootstrap));
  CO_TRY(co_await disk.create_directory(directory_));
  if (!known.exists) {
    SnapshotContent content{0, 0, {}, Epoch(0), quorum.timestamp};
    SnapshotWriter writer(std::move(content),
                          metadata::bootstrap_records(metadata::latest_metadata_version));
    CO_TRY(co_await write_new(bootstrap, whole_file(std::move(writer))));
  }
  SnapshotContent content{quorum.timestamp, 1, std::move(quorum.voters), Epoch(0),
                          quorum.timestamp};
  SnapshotWriter writer(std::move(content), std::vector<metadata::Record>{});
  CO_TRY(co_await write_new(path(log::snapshot_file_name(bootstrap_id)),
                            whole_file(std::move(writer))));
  co_return co_await disk.sync_directory(metadata_directory_);
}

runtime::Task<Result<>> MetadataLog::find_snapshots() {
  CO_TRY(const auto entries, co_await environment_.disk.list(directory_));
  for (const runtime::DirectoryEntry& entry : entries) {
    const bool leftover = entry.name.ends_with(".checkpoint.part") ||
                          entry.name.ends_with(".checkpoint.deleted") ||
                          entry.name.ends_with(".checkpoint.part.tmp");
    if (leftover) {
      CO_TRY(co_await environment_.disk.remove(path(entry.name)));
    }
    const auto id = log::parse_snapshot_file_name(entry.name);
    if (id && *id != bootstrap_id) snapshots_.push_back(*id);  // names sort as their ids
  }
  co_return Result<>{};
}

runtime::Task<Result<>> MetadataLog::load_snapshot(raft::SnapshotId id, LoadedMetadata& loaded) {
  CO_TRY(const Bytes file,
         co_await runtime::read_file(environment_.disk, path(log::snapshot_file_name(id))));
  metadata::Image image;
  const auto take = [&image](std::vector<metadata::Record> records) -> Result<> {
    for (const metadata::Record& record : records) {
      TRY(metadata::apply(image, record));
    }
    return {};
  };
  CO_TRY(SnapshotRecords read, read_snapshot(file, take));
  image.offset = id.end_offset - 1;
  image.epoch = id.epoch;
  image.timestamp = read.last_timestamp;
  loaded.replay = metadata::Replay(std::make_shared<const metadata::Image>(std::move(image)));
  if (read.kraft_version) loaded.startup.kraft_version = *read.kraft_version;
  if (read.voters) loaded.startup.voters = {{no_offset, *std::move(read.voters)}};
  co_return Result<>{};
}

/// quorum-state, and the voters of the 0-0 checkpoint. Neither need exist: a static quorum has no
/// checkpoint, and before the first election there is no state.
runtime::Task<Result<>> MetadataLog::load_election(LoadedMetadata& loaded) {
  runtime::Disk& disk = environment_.disk;
  loaded.startup.kraft_version = 0;
  const std::string checkpoint = path(log::snapshot_file_name(bootstrap_id));
  CO_TRY(const runtime::FileStatus has_checkpoint, co_await disk.stat(checkpoint));
  if (has_checkpoint.exists) {
    CO_TRY(const Bytes file, co_await runtime::read_file(disk, checkpoint));
    CO_TRY(SnapshotRecords read,
           read_snapshot(file, [](std::vector<metadata::Record>) { return Result<>{}; }));
    if (read.kraft_version) loaded.startup.kraft_version = *read.kraft_version;
    if (read.voters) loaded.startup.voters = {{no_offset, *std::move(read.voters)}};
    loaded.startup.voters_from_bootstrap = read.voters.has_value();
  }
  const std::string state = path(raft::quorum_state_file);
  CO_TRY(const runtime::FileStatus has_state, co_await disk.stat(state));
  if (has_state.exists) {
    CO_TRY(const Bytes file, co_await runtime::read_file(disk, state));
    CO_TRY(loaded.startup.election, raft::decode_quorum_state(as_text(file)));
  }
  co_return Result<>{};
}

/// Voters and kraft.version rule from when they are appended, committed or not.
runtime::Task<Result<>> MetadataLog::scan_control_records(Offset from, LoadedMetadata& loaded) {
  while (from < log_->log_end()) {
    CO_TRY(const auto batches, co_await read(from, log_->log_end()));
    if (batches.empty()) break;
    for (const ReadBatch& batch : batches) {
      for (const raft::ControlRecord& control : batch.decoded.control) {
        if (const auto* version = std::get_if<raft::KRaftVersion>(&control)) {
          loaded.startup.kraft_version = version->level;
        } else if (const auto* voters = std::get_if<raft::VoterSet>(&control)) {
          loaded.startup.voters.push_back({batch.base_offset, *voters});
          loaded.startup.voters_from_bootstrap = false;
        }
      }
      from = batch.next_offset;
    }
  }
  if (!snapshots_.empty()) loaded.startup.voters_from_bootstrap = false;
  co_return Result<>{};
}

runtime::Task<Result<>> MetadataLog::load_bootstrap(LoadedMetadata& loaded) {
  const std::string file_path = metadata_directory_ + "/bootstrap.checkpoint";
  CO_TRY(const runtime::FileStatus status, co_await environment_.disk.stat(file_path));
  if (!status.exists) {
    loaded.bootstrap = metadata::bootstrap_records(metadata::latest_metadata_version);
    co_return Result<>{};
  }
  CO_TRY(const Bytes file, co_await runtime::read_file(environment_.disk, file_path));
  const auto take = [&loaded](std::vector<metadata::Record> records) -> Result<> {
    std::ranges::move(records, std::back_inserter(loaded.bootstrap));
    return {};
  };
  CO_TRY(read_snapshot(file, take));
  co_return Result<>{};
}

}  // namespace cairn::controller
