// SPDX-License-Identifier: Apache-2.0
#include "log_recovery.hpp"

#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/log/checkpoint.hpp>

#include "cleaner_recovery.hpp"
#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;

namespace {

/// The next batch, however large; nothing at the end.
runtime::Task<Result<std::optional<record::BatchView>>> next_of(SegmentWalk& walk) {
  auto batch = walk.next();
  for (bool more = true; !batch && more;) {
    CO_TRY(more, co_await walk.fill());
    batch = walk.next();
  }
  co_return batch;
}

}  // namespace

runtime::Task<Result<std::shared_ptr<PartitionLog>>> PartitionLog::open(Environment& environment,
                                                                        DirectoryHealth& health,
                                                                        OpenLog request) {
  std::shared_ptr<PartitionLog> log(new PartitionLog(environment, health, request));
  LogRecovery recovery(*log, std::move(request));
  const Result<> opened = co_await recovery.run();
  if (!opened) co_return std::unexpected(opened.error());
  co_return log;
}

runtime::Task<Result<>> LogRecovery::run() {
  CO_TRY(co_await read_directory());
  CO_TRY(co_await read_partition_metadata());
  CO_TRY(co_await read_segments());
  CO_TRY(co_await read_epochs());
  bool clean = request_.clean_shutdown;
  if (clean) {
    CO_TRY(clean, co_await trust_clean_end());
  }
  log_.log_start_ = std::max(request_.log_start, log_.segments_.front()->base_offset);
  if (!clean) {
    CO_TRY(co_await recover());
  }
  // Closing a log that was never written to syncs nothing.
  const bool written = log_.log_end_ > Offset(0);
  log_.directory_synced_ = log_.metadata_synced_ = clean && written && !made_;
  if (log_.log_start_ > log_.log_end_) {
    CO_TRY(co_await log_.restart_at(log_.log_start_));
  }
  log_.high_watermark_ = log_.log_start_;
  log_.epochs_unsaved_ |= log_.epochs_.truncate_from_end(log_.log_end_ + 1);
  log_.epochs_unsaved_ |= log_.epochs_.truncate_from_start(log_.log_start_);
  cut_ = cut_ || (!log_.snapshots_.empty() && log_.snapshots_.back() > log_.log_end_);
  co_await log_.drop_snapshots(log_.log_end_ + 1, Offset(INT64_MAX));
  // What was cut must not come back with a power loss, once other batches stand in its place.
  if (cut_) {
    CO_TRY(co_await log_.environment_.disk.sync_directory(log_.directory_));
  }
  co_await log_.drop_stray_snapshots();
  if (!clean && !log_.snapshots_.empty()) co_await log_.read_snapshot(log_.snapshots_.back());
  if (clean) {
    CO_TRY(co_await log_.rebuild_producers(log_.log_end_));
    CO_TRY(co_await rebuild_missing_indexes());
  }
  co_return Result<>();
}

// ---- the directory ----

runtime::Task<Result<>> LogRecovery::read_directory() {
  runtime::Disk& disk = log_.environment_.disk;
  auto entries = co_await disk.list(log_.directory_);
  if (!entries) {
    if (!runtime::is_not_found(entries.error())) co_return std::unexpected(entries.error());
    made_ = true;
    co_return co_await disk.create_directory(log_.directory_);
  }
  std::vector<std::string> names;
  for (auto& entry : *entries) {
    if (!entry.is_directory) names.push_back(std::move(entry.name));
  }
  names_.insert(names.begin(), names.end());
  note_retired();
  CO_TRY(co_await remove_retired());
  co_return co_await finish_swaps(log_.environment_, log_.directory_, names_);
}

/// A crash in the middle of retention keeps any of its renames: those it did not keep count too.
/// Compaction leaves .deleted segments as well, and what lies below them stays; so does what Kafka
/// truncates, which lies above all that is live.
void LogRecovery::note_retired() {
  if (log_.options_->cleaning.compact) return;
  Offset last_live = no_offset, last_deleted = no_offset;
  for (const std::string& name : names_) {
    const auto file = log::parse_file_name(name);
    if (!file || file->kind != FileKind::segment) continue;
    if (file->state == log::FileState::live) last_live = std::max(last_live, file->offset);
    if (file->state == log::FileState::deleted) {
      last_deleted = std::max(last_deleted, file->offset);
    }
  }
  if (last_deleted < last_live) retired_ = last_deleted;
}

/// For good before the .deleted file goes that told of them: else a second crash could leave one of
/// them and a hole behind it.
runtime::Task<Result<>> LogRecovery::remove_retired() {
  const std::set<std::string, std::less<>> names = names_;
  bool any = false;
  for (const std::string& name : names) {
    const auto file = log::parse_file_name(name);
    if (!file || file->state != log::FileState::live || file->offset > retired_ ||
        file->kind == FileKind::producer_snapshot) {
      continue;
    }
    CO_TRY(co_await log_.environment_.disk.remove(log_.path(name)));
    names_.erase(name);
    any = true;
  }
  if (any) co_return co_await log_.environment_.disk.sync_directory(log_.directory_);
  co_return Result<>();
}

runtime::Task<Result<>> LogRecovery::read_partition_metadata() {
  if (names_.contains(log::file_names::partition_metadata)) {
    std::string name = log_.path(log::file_names::partition_metadata);
    CO_TRY(const Bytes content,
           co_await runtime::read_file(log_.environment_.disk, std::move(name)));
    if (const auto id = log::decode_partition_metadata(content)) {
      if (request_.topic_id && *request_.topic_id != *id) {
        co_return fail(ErrorCode::inconsistent_topic_id,
                       "partition.metadata holds the id of another topic");
      }
      log_.topic_id_ = *id;
      co_return Result<>();
    }
  }
  if (log_.topic_id_) co_return co_await write_partition_metadata();
  co_return Result<>();
}

runtime::Task<Result<>> LogRecovery::write_partition_metadata() {
  std::string name = log_.path(log::file_names::partition_metadata);
  CO_TRY(auto file,
         co_await log_.environment_.disk.open(std::move(name), runtime::OpenMode::create));
  const Bytes content = log::encode_partition_metadata(*log_.topic_id_);
  const BytesView parts[] = {content};
  CO_TRY(co_await file->write_at(0, parts));
  made_ = true;  // it is synced with the first flush
  co_return co_await file->truncate(content.size());
}

runtime::Task<Result<>> LogRecovery::read_segments() {
  std::vector<std::string> orphans;
  for (const std::string& name : names_) {
    const auto file = log::parse_file_name(name);
    if (!file || file->state != log::FileState::live) continue;
    if (file->kind == FileKind::producer_snapshot) {
      log_.snapshots_.push_back(file->offset);
    } else if (file->kind != FileKind::segment) {
      if (!has_file(file->offset, FileKind::segment)) orphans.push_back(name);
    } else {
      CO_TRY(const runtime::FileStatus status,
             co_await log_.environment_.disk.stat(log_.path(name)));
      auto segment = std::make_shared<Segment>(log_.environment_, file->offset, status.size);
      segment->created_ms = to_timestamp(status.modified);
      segment->max_timestamp.offset = file->offset;
      segment->max_timestamp_known = status.size == 0;
      segment->entry_synced = request_.clean_shutdown;
      segment->unproven = status.size;
      segment->rolled = true;
      segment->has_transaction_index = has_file(file->offset, FileKind::transaction_index);
      log_.segments_.push_back(std::move(segment));
    }
  }
  for (const std::string& name : orphans) {
    CO_TRY(co_await log_.environment_.disk.remove(log_.path(name)));
  }
  std::ranges::sort(log_.snapshots_);
  std::ranges::sort(log_.segments_, {}, [](const auto& segment) { return segment->base_offset; });
  if (log_.segments_.empty()) {
    CO_TRY(co_await add_first_segment(std::max(request_.log_start, retired_ + 1)));
  }
  log_.segments_.back()->rolled = false;
  co_return Result<>();
}

runtime::Task<Result<>> LogRecovery::add_first_segment(Offset base) {
  auto fresh = std::make_shared<Segment>(log_.environment_, base, 0);
  fresh->created_ms = log_.environment_.now_ms();
  fresh->jitter_ms = log::roll_jitter(log_.options_->roll, log_.environment_.random());
  fresh->max_timestamp.offset = base;
  fresh->max_timestamp_known = true;
  log_.segments_.push_back(fresh);
  std::string name = fresh->path(log_.directory_, FileKind::segment);
  CO_TRY(auto file,
         co_await log_.environment_.disk.open(std::move(name), runtime::OpenMode::create));
  co_return co_await file->truncate(0);
}

runtime::Task<Result<>> LogRecovery::read_epochs() {
  bool known = false;
  if (names_.contains(log::file_names::leader_epochs)) {
    std::string name = log_.path(log::file_names::leader_epochs);
    CO_TRY(const Bytes content,
           co_await runtime::read_file(log_.environment_.disk, std::move(name)));
    if (const auto entries = log::decode_epoch_checkpoint(content)) {
      log_.epochs_ = log::EpochCache(*entries);
      known = true;
    }
  }
  const bool empty = log_.segments_.size() == 1 && log_.segments_.front()->size == 0;
  // A trim is in this file at once, among the log starts later: a crash comes between them.
  const auto first = log_.epochs_.earliest();
  const Offset start = std::max(request_.log_start, log_.segments_.front()->base_offset);
  known = known && (request_.clean_shutdown || !first || first->start_offset <= start);
  if (known || empty) co_return Result<>();
  log_.epochs_.clear();
  logging::warn("the leader epochs are lost and come from the batches: partition={}",
                log_.partition_);
  co_return co_await rebuild_epochs();
}

/// Reads, and cuts nothing: what is flushed is not to be judged here.
runtime::Task<Result<>> LogRecovery::rebuild_epochs() {
  for (const auto& segment : log_.segments_) {
    if (!request_.clean_shutdown && segment->base_offset > request_.recovery_point) break;
    CO_TRY(auto file, co_await segment->file(log_.directory_));
    SegmentWalk walk(log_.environment_, std::move(file), 0, segment->size);
    bool more = true;
    while (more) {
      while (const auto batch = walk.next()) {
        if (batch->leader_epoch() == no_epoch) continue;
        log_.epochs_.assign(batch->leader_epoch(), batch->base_offset());
      }
      CO_TRY(co_await take_breath());
      CO_TRY(more, co_await walk.fill());
    }
    if (segment != log_.segments_.back()) {
      walk.report_damage(segment->path(log_.directory_, FileKind::segment));
      segment->close_file();
    }
  }
  log_.epochs_unsaved_ = !log_.epochs_.empty();
  co_return Result<>();
}

// ---- after a clean stop ----

/// False: the log is not as a clean stop leaves it.
runtime::Task<Result<bool>> LogRecovery::trust_clean_end() {
  const std::shared_ptr<Segment> last = log_.segments_.back();
  log_.log_end_ = last->base_offset;
  if (last->size > 0) {
    CO_TRY(const auto indexes, co_await last->indexes(log_.directory_));
    const auto entry = indexes->offsets.last();
    CO_TRY(auto file, co_await last->file(log_.directory_));
    SegmentWalk walk(log_.environment_, std::move(file), entry ? entry->position : 0, last->size);
    bool more = true;
    while (more) {
      while (const auto batch = walk.next()) log_.log_end_ = batch->next_offset();
      CO_TRY(more, co_await walk.fill());
    }
    if (walk.position() != last->size || (entry && log_.log_end_ <= entry->offset)) {
      logging::warn("not as a clean stop leaves it: partition={}", log_.partition_);
      co_return false;
    }
    last->drop_written_indexes();
    last->close_file();
  }
  log_.flushed_ = log_.log_end_;
  co_return true;
}

runtime::Task<Result<>> LogRecovery::rebuild_missing_indexes() {
  const std::vector<std::shared_ptr<Segment>> segments = log_.segments_;
  for (const auto& segment : segments) {
    if (segment->size == 0 || (has_file(segment->base_offset, FileKind::offset_index) &&
                               has_file(segment->base_offset, FileKind::time_index))) {
      continue;
    }
    CO_TRY(co_await segment->indexes(log_.directory_));
    CO_TRY(co_await segment->spill(log_.directory_, Durability::synced));
    segment->drop_written_indexes();
  }
  co_return Result<>();
}

// ---- after an unclean one ----

runtime::Task<Result<>> LogRecovery::recover() {
  log_.changed_ = !made_;
  const Offset point = request_.recovery_point;
  const std::size_t first = log_.segment_index(point);
  std::size_t index = first;
  const ScanStart nowhere{0, log_.segments_[index]->base_offset};
  ScanStart start = nowhere;
  if (log_.segments_[index]->base_offset < point) {
    CO_TRY(start, co_await scan_start(log_.segments_[index]));
  }
  // Producers as of the scan's start: a snapshot and the batches behind it.
  CO_TRY(co_await log_.rebuild_producers(start.offset));
  next_offset_ = start.offset;
  epoch_ = log_.epochs_.epoch_of(start.offset).value_or(no_epoch);
  if (log_.epochs_.truncate_from_end(start.offset)) log_.epochs_unsaved_ = true;
  if (request_.progress) request_.progress->segments_left = log_.segments_.size() - first;
  bool sound = true;
  for (; sound && index < log_.segments_.size(); ++index) {
    const std::shared_ptr<Segment> segment = log_.segments_[index];
    if (index > first) {
      if (!follows(*segment) && !MUTANT("L39-hole")) break;
      CO_TRY(co_await log_.pass_segment_start(segment->base_offset));
    }
    CO_TRY(sound, co_await scan(segment, start));
    const bool last = !sound || index + 1 == log_.segments_.size();
    CO_TRY(co_await finish_recovered(segment, last));
    if (request_.progress) --request_.progress->segments_left;
    if (!last) start = {0, log_.segments_[index + 1]->base_offset};
  }
  if (index < log_.segments_.size()) log_.segments_[index - 1]->rolled = false;
  while (log_.segments_.size() > index) {  // behind the cut
    const std::shared_ptr<Segment> gone = log_.segments_.back();
    log_.segments_.pop_back();
    cut_ = true;
    CO_TRY(co_await log_.discard(gone));
  }
  log_.log_end_ = std::max(next_offset_, log_.segments_.back()->base_offset);
  log_.producers_.set_end_offset(log_.log_end_);
  log_.flushed_ = std::min(std::max(point, log_.segments_.front()->base_offset), log_.log_end_);
  log_.epochs_unsaved_ = !log_.epochs_.empty();
  co_return Result<>();
}

/// A hole before an unflushed segment: the one between vanished, or the last one's end did. Only
/// the cleaner leaves holes on purpose, also where the policy is another by now.
bool LogRecovery::follows(const Segment& segment) const {
  const bool may_have_holes = log_.options_->cleaning.compact ||
                              segment.base_offset <= request_.clean_point.value_or(no_offset);
  return segment.base_offset == next_offset_ ||
         (segment.base_offset > next_offset_ && may_have_holes);
}

/// In a large segment whose index was synced with the recovery point, the scan begins in the
/// middle; the entry is believed only if a batch with that last offset lies there.
runtime::Task<Result<LogRecovery::ScanStart>> LogRecovery::scan_start(
    std::shared_ptr<Segment> segment) {
  const ScanStart whole{0, segment->base_offset};
  if (segment->size < log_.environment_.limits.scanned_whole) co_return whole;
  const auto indexes = co_await segment->indexes(log_.directory_);
  if (!indexes) co_return whole;
  const log::OffsetPosition entry = (*indexes)->offsets.lookup(request_.recovery_point);
  if (entry.position == 0) co_return whole;
  CO_TRY(auto file, co_await segment->file(log_.directory_));
  SegmentWalk walk(log_.environment_, std::move(file), entry.position, segment->size);
  CO_TRY(const auto batch, co_await next_of(walk));
  if (!batch || (batch->last_offset() != entry.offset && !MUTANT("L30-entry"))) co_return whole;
  co_return ScanStart{entry.position, batch->base_offset()};
}

/// Between two pieces of a scan: others have their turn, and who is no longer wanted gives up.
runtime::Task<Result<>> LogRecovery::take_breath() {
  if (!request_.progress) co_return Result<>();
  runtime::Waiter turn;
  turn.wake(runtime::Wake::woken);
  co_await turn.suspend();
  if (!request_.progress->abandoned) co_return Result<>();
  co_return fail(ErrorCode::request_timed_out, "the recovery was given up");
}

/// Takes the segment's valid batches; false if it had to be cut.
runtime::Task<Result<bool>> LogRecovery::scan(std::shared_ptr<Segment> segment, ScanStart start) {
  segment->stale_index_files = true;
  if (segment->size == 0) {
    segment->set_indexes(std::make_shared<SegmentIndexes>(segment->base_offset));
    next_offset_ = std::max(next_offset_, segment->base_offset);
    co_return true;
  }
  if (start.position == 0) {
    segment->set_indexes(std::make_shared<SegmentIndexes>(segment->base_offset));
    segment->max_timestamp = {no_timestamp, segment->base_offset};
  } else {
    CO_TRY(const auto indexes, co_await segment->indexes(log_.directory_));
    indexes->offsets.truncate_to_position(static_cast<std::uint32_t>(start.position + 1));
    indexes->times.truncate_to(indexes->offsets.last()->offset + 1);
    log::truncate_transaction_index(indexes->aborted, start.offset);
    indexes->offsets_written = std::min(indexes->offsets_written, indexes->offsets.entries());
    indexes->times_written = std::min(indexes->times_written, indexes->times.entries());
    indexes->aborted_written = std::min(indexes->aborted_written, indexes->aborted.size());
    segment->max_timestamp = indexes->times.last();
    CO_TRY(co_await restore_times(segment, start.position));
  }
  segment->indexes_synced = false;
  segment->unproven = start.position;
  log::SegmentScan scan(segment->base_offset, next_offset_, epoch_);
  CO_TRY(auto file, co_await segment->file(log_.directory_));
  SegmentWalk walk(log_.environment_, file, start.position, segment->size);
  walk.check_with(scan);
  bool more = true;
  while (more) {
    while (const auto batch = walk.next()) {
      segment->note_batch(*batch, walk.batch_position(), log_.options_->index_interval_bytes);
      if (batch->leader_epoch() > no_epoch) {
        log_.epochs_.assign(batch->leader_epoch(), batch->base_offset());
      }
      const auto completed = log_.producers_.apply(*batch);
      if (completed && completed->aborted) {
        segment->note_aborted({completed->producer_id, completed->first_offset,
                               completed->last_offset,
                               log_.producers_.last_stable_offset(*completed)});
      }
    }
    CO_TRY(co_await take_breath());
    CO_TRY(more, co_await walk.fill());
  }
  next_offset_ = std::max(scan.next_offset(), next_offset_);
  epoch_ = scan.epoch();
  segment->max_timestamp_known = true;
  if (walk.position() == segment->size) co_return true;
  CO_TRY(co_await say_cut(segment, walk.position(), scan.fault()));
  CO_TRY(co_await file->truncate(walk.position()));
  CO_TRY(co_await file->sync());
  segment->size = segment->allocated = walk.position();
  co_return false;
}

/// The two indexes are files of their own: the offset index may have kept entries whose twins the
/// time index lost. In front of a scan that begins in the middle nobody else would look for them.
runtime::Task<Result<>> LogRecovery::restore_times(std::shared_ptr<Segment> segment,
                                                   std::uint64_t end) {
  CO_TRY(const auto indexes, co_await segment->indexes(log_.directory_));
  CO_TRY(auto file, co_await segment->file(log_.directory_));
  log::TimestampOffset& largest = segment->max_timestamp;
  const std::uint64_t from = indexes->offsets.lookup(largest.offset).position;
  SegmentWalk walk(log_.environment_, std::move(file), from, end);
  bool more = true;
  while (more) {
    while (const auto batch = walk.next()) {
      const Offset last = batch->last_offset();
      if (batch->max_timestamp() > largest.timestamp) largest = {batch->max_timestamp(), last};
      if (indexes->offsets.lookup(last).offset != last) continue;
      indexes->times.maybe_append(largest.timestamp, largest.offset);
    }
    CO_TRY(co_await take_breath());
    CO_TRY(more, co_await walk.fill());
  }
  co_return Result<>();
}

/// A torn tail is what a crash leaves. Damage with sound batches behind it is not: they go too, for
/// what follows damage may be of any age (L39), and that is worth an error.
runtime::Task<Result<>> LogRecovery::say_cut(std::shared_ptr<Segment> segment,
                                             std::uint64_t position, log::ScanFault fault) {
  std::uint64_t behind = segment->size - position;
  bool in_the_middle = false;
  for (const auto& other : log_.segments_) {
    if (other->base_offset <= segment->base_offset) continue;
    behind += other->size;
    in_the_middle = in_the_middle || other->size > 0;
  }
  if (!in_the_middle && fault == log::ScanFault::torn) {
    CO_TRY(auto file, co_await segment->file(log_.directory_));
    SegmentWalk walk(log_.environment_, std::move(file), position, segment->size);
    CO_TRY(co_await next_of(walk));  // the damaged one, if its length still says where it ends
    if (walk.position() > position && walk.position() < segment->size) {
      CO_TRY(const auto after, co_await next_of(walk));
      in_the_middle = after && after->crc_matches() && after->base_offset() >= next_offset_;
    }
  }
  const std::string file = segment->path(log_.directory_, FileKind::segment);
  if (in_the_middle) {
    logging::error("damaged in its middle, cut: file={} position={} offset={} bytes={} cause={}",
                   file, position, next_offset_, behind, log::to_string(fault));
  } else {
    logging::warn("cut after an unclean stop: file={} position={} offset={} bytes={} cause={}",
                  file, position, next_offset_, behind, log::to_string(fault));
  }
  co_return Result<>();
}

runtime::Task<Result<>> LogRecovery::finish_recovered(std::shared_ptr<Segment> segment, bool last) {
  if (!last) segment->finish_time_index();
  segment->rolled = !last;
  // No room for an index is no reason not to start: it stays in memory.
  const Result<> spilled = co_await segment->spill(log_.directory_, Durability::written);
  if (!spilled && !runtime::is_no_space(spilled.error())) co_return spilled;
  if (!last) segment->drop_written_indexes();
  co_return Result<>();
}

}  // namespace cairn::storage
