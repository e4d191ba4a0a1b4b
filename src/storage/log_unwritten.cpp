// SPDX-License-Identifier: Apache-2.0
// A log before its first record: the metadata knows it, the disk does not. A hundred thousand of
// them cost memory alone. Power loss needs nothing more: the metadata log holds the topic, and a
// partition without a directory is an empty one (to Kafka as well).
#include <cairn/base/log.hpp>
#include <cairn/log/checkpoint.hpp>
#include <cairn/log/names.hpp>
#include <cairn/storage/partition_log.hpp>

#include "segment.hpp"

namespace cairn::storage {

std::shared_ptr<PartitionLog> PartitionLog::unwritten(Environment& environment,
                                                      DirectoryHealth& health, OpenLog request) {
  std::shared_ptr<PartitionLog> log(new PartitionLog(environment, health, std::move(request)));
  log->segments_.assign(1, unwritten_segment(environment));
  log->on_disk_ = false;
  log->directory_ = std::string();
  return log;
}

/// Nothing happens to it before make_files() puts another in its place, so all logs share it.
std::shared_ptr<Segment> PartitionLog::unwritten_segment(Environment& environment) {
  std::shared_ptr<Segment>& shared = environment.unwritten_segment;
  if (!shared) {
    shared = std::make_shared<Segment>(environment, Offset(0), 0);
    shared->max_timestamp.offset = Offset(0);
    shared->max_timestamp_known = true;
  }
  return shared;
}

std::string PartitionLog::directory() const {
  return on_disk_ ? directory_ : health_->path() + "/" + log::directory_name(partition_);
}

/// Directory, partition.metadata and the first segment; the first flush makes them durable. Tried
/// again after want of space. REQUIRES: the writer's turn.
runtime::Task<Result<>> PartitionLog::make_files() {
  runtime::Disk& disk = environment_.disk;
  directory_ = directory();
  CO_TRY(co_await disk.create_directory(directory_));
  // Only what an attempt without space has left may stand there.
  CO_TRY(const auto entries, co_await disk.list(directory_));
  for (const runtime::DirectoryEntry& entry : entries) {
    CO_TRY(const runtime::FileStatus status, co_await disk.stat(path(entry.name)));
    if (entry.name == log::file_names::partition_metadata || status.size == 0) continue;
    logging::error("{} holds {}, and should not exist", directory_, entry.name);
    co_return fail(ErrorCode::kafka_storage_error, "the directory of a new partition is not empty");
  }
  if (topic_id_) {
    std::string name = path(log::file_names::partition_metadata);
    CO_TRY(auto file, co_await disk.open(std::move(name), runtime::OpenMode::create));
    const Bytes content = log::encode_partition_metadata(*topic_id_);
    const BytesView parts[] = {content};
    CO_TRY(co_await file->write_at(0, parts));
    CO_TRY(co_await file->truncate(content.size()));
  }
  auto first = std::make_shared<Segment>(environment_, Offset(0), 0);
  first->created_ms = environment_.now_ms();
  first->jitter_ms = log::roll_jitter(options_->roll, environment_.random());
  first->max_timestamp.offset = Offset(0);
  first->max_timestamp_known = true;
  CO_TRY(co_await first->file(directory_, runtime::OpenMode::create));
  segments_.assign(1, std::move(first));
  on_disk_ = true;
  changed_ = true;
  co_return Result<>();
}

}  // namespace cairn::storage
