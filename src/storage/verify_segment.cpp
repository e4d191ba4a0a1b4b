// SPDX-License-Identifier: Apache-2.0
#include "verify_segment.hpp"

#include <algorithm>

#include <cairn/record/record.hpp>

#include "segment_walk.hpp"

namespace cairn::storage {

using log::FileKind;

runtime::Task<bool> SegmentCheck::run(std::set<std::string> names) {
  largest_ = {no_timestamp, base_};
  co_await read_indexes(names);
  co_return co_await walk();
}

// ---- the files beside the batches ----

runtime::Task<std::optional<Bytes>> SegmentCheck::read(FileKind kind,
                                                       const std::set<std::string>& names) {
  if (!names.contains(log::file_name(base_, kind))) co_return std::nullopt;
  std::string name = path(kind);
  auto content = co_await runtime::read_file(environment_.disk, std::move(name));
  if (content) co_return *std::move(content);
  damage(kind, std::string("cannot be read: ") + content.error().why);
  co_return std::nullopt;
}

runtime::Task<> SegmentCheck::read_indexes(const std::set<std::string>& names) {
  for (const FileKind kind : {FileKind::offset_index, FileKind::time_index}) {
    if (names.contains(log::file_name(base_, kind))) continue;
    if (last_) {
      note(kind, "is missing");
    } else {
      damage(kind, "is missing");
    }
  }
  if (const auto bytes = co_await read(FileKind::offset_index, names)) {
    auto index = log::OffsetIndex::decode(base_, *bytes);
    if (!index) damage(FileKind::offset_index, index.error().why);
    if (index) offsets_ = *std::move(index);
  }
  if (const auto bytes = co_await read(FileKind::time_index, names)) {
    auto index = log::TimeIndex::decode(base_, *bytes);
    if (!index) damage(FileKind::time_index, index.error().why);
    if (index) times_ = *std::move(index);
  }
  recorded_.emplace();
  if (const auto bytes = co_await read(FileKind::transaction_index, names)) {
    auto index = log::decode_transaction_index(*bytes, base_);
    if (!index) {
      damage(FileKind::transaction_index, index.error().why);
      recorded_.reset();
    } else {
      recorded_ = *std::move(index);
    }
  }
}

// ---- the batches ----

runtime::Task<bool> SegmentCheck::walk() {
  std::string name = path(FileKind::segment);
  auto opened = co_await environment_.disk.open(std::move(name), runtime::OpenMode::read);
  if (!opened) {
    damage(FileKind::segment, std::string("cannot be read: ") + opened.error().why);
    co_return false;
  }
  const std::shared_ptr<runtime::File> file = *std::move(opened);
  const auto size = co_await file->size();
  if (!size) {
    damage(FileKind::segment, std::string("cannot be read: ") + size.error().why);
    co_return false;
  }
  ++report_.segments;
  report_.bytes += *size;
  log::SegmentScan scan(base_, state_.next_offset, state_.epoch);
  SegmentWalk walk(environment_, file, 0, *size);
  walk.check_with(scan);
  Result<bool> more = true;
  while (more && *more) {
    while (const auto batch = walk.next()) check_batch(*batch, walk.batch_position());
    more = co_await walk.fill();
  }
  if (!more) {
    damage(FileKind::segment, std::string("cannot be read: ") + more.error().why, walk.position(),
           scan.next_offset());
    co_return false;
  }
  state_.next_offset = std::max(scan.next_offset(), base_);
  state_.epoch = scan.epoch();
  check_end(walk.position());
  if (walk.position() == *size) co_return true;
  const std::string what = fmt::format("{}; {} bytes from here on are not valid",
                                       log::to_string(scan.fault()), *size - walk.position());
  if (last_ && scan.fault() == log::ScanFault::zeros) {
    note(FileKind::segment, what, walk.position());
    co_return true;
  }
  damage(FileKind::segment, what, walk.position(), scan.next_offset());
  report_.cut_segment = base_;
  report_.cut_position = walk.position();
  co_return false;
}

void SegmentCheck::check_batch(const record::BatchView& batch, std::uint64_t position) {
  ++report_.batches;
  report_.records += static_cast<std::uint64_t>(std::max(batch.record_count(), 0));
  const record::DecompressionLimit no_limit{.max_output = SIZE_MAX, .max_ratio = SIZE_MAX};
  Offset last = batch.base_offset() - 1;
  bool in_order = true;
  const auto read = record::for_each_record(batch, no_limit, [&](const record::RecordView& one) {
    in_order = in_order && one.offset > last && one.offset <= batch.last_offset();
    last = one.offset;
  });
  // The checksum holds, so it was written like this: recovery keeps it, readers will stumble.
  if (!read) {
    damage(FileKind::segment, std::string("a batch cannot be opened: ") + read.error().why,
           position, batch.base_offset());
  } else if (!in_order) {
    damage(FileKind::segment, "the offsets inside a batch do not rise", position,
           batch.base_offset());
  }
  check_offset_index(batch, position);
  if (batch.max_timestamp() > largest_.timestamp) {
    largest_ = {batch.max_timestamp(), batch.last_offset()};
  }
  check_time_index(batch);
  check_epoch(batch, position);
  const auto completed = state_.producers.apply(batch);
  if (completed && completed->aborted) {
    aborted_.push_back({completed->producer_id, completed->first_offset, completed->last_offset,
                        state_.producers.last_stable_offset(*completed)});
  }
}

/// An entry is the last offset of a batch and where that batch begins.
void SegmentCheck::check_offset_index(const record::BatchView& batch, std::uint64_t position) {
  if (!offsets_ || offsets_wrong_) return;
  while (next_position_ < offsets_->entries() && !offsets_wrong_) {
    const log::OffsetPosition entry = offsets_->entry(next_position_);
    if (entry.position > position) return;
    if (entry.position < position || entry.offset != batch.last_offset()) {
      offsets_wrong_ = true;
      damage(FileKind::offset_index,
             fmt::format("entry {} says that the batch at {} ends with offset {}: {}",
                         next_position_, entry.position, entry.offset,
                         entry.position < position
                             ? std::string("no batch begins there")
                             : fmt::format("it ends with {}", batch.last_offset())),
             next_position_ * log::OffsetIndex::entry_size, entry.offset);
    }
    ++next_position_;
  }
}

/// An entry is the largest timestamp so far and the last offset of the batch that has it.
void SegmentCheck::check_time_index(const record::BatchView& batch) {
  if (!times_ || times_wrong_) return;
  while (next_time_ < times_->entries()) {
    const log::TimestampOffset entry = times_->entry(next_time_);
    if (entry.offset > batch.last_offset()) return;
    const bool holds = entry.offset >= batch.base_offset() && entry.timestamp == largest_.timestamp;
    if (!holds) {
      times_wrong_ = true;
      damage(FileKind::time_index,
             fmt::format("entry {} says that the largest timestamp up to offset {} is {}: it is {}",
                         next_time_, entry.offset, entry.timestamp, largest_.timestamp),
             next_time_ * log::TimeIndex::entry_size, entry.offset);
      return;
    }
    ++next_time_;
  }
}

void SegmentCheck::check_epoch(const record::BatchView& batch, std::uint64_t position) {
  if (!state_.epochs || state_.epochs_wrong || batch.leader_epoch() == no_epoch) return;
  const auto known = state_.epochs->epoch_of(batch.base_offset());
  if (known == batch.leader_epoch()) return;
  if (!known && !state_.epochs->empty()) return;  // below a log start that is no segment's
  state_.epochs_wrong = true;
  report_.first_damaged = std::min(report_.first_damaged.value_or(base_), base_);
  report_.findings.push_back(
      {.file = report_.directory + "/leader-epoch-checkpoint",
       .what = fmt::format("offset {} belongs to leader epoch {} there, its batch (at {} of {}) is "
                           "of epoch {}",
                           batch.base_offset(), known.value_or(no_epoch), position,
                           log::file_name(base_, FileKind::segment), batch.leader_epoch()),
       .offset = batch.base_offset()});
}

/// `end`: of the batches that are valid.
void SegmentCheck::check_end(std::uint64_t end) {
  if (offsets_ && !offsets_wrong_ && next_position_ < offsets_->entries()) {
    const log::OffsetPosition entry = offsets_->entry(next_position_);
    damage(FileKind::offset_index,
           fmt::format("entry {} points to {}, behind the batches, which end at {}", next_position_,
                       entry.position, end),
           next_position_ * log::OffsetIndex::entry_size, entry.offset);
  }
  if (times_ && !times_wrong_) {
    if (next_time_ < times_->entries()) {
      const log::TimestampOffset entry = times_->entry(next_time_);
      damage(FileKind::time_index,
             fmt::format("entry {} is of offset {}, behind the segment's last", next_time_,
                         entry.offset),
             next_time_ * log::TimeIndex::entry_size, entry.offset);
    } else if (!last_ && largest_.timestamp > times_->last().timestamp) {
      damage(FileKind::time_index, fmt::format("lacks the largest timestamp, {} at offset {}",
                                               largest_.timestamp, largest_.offset));
    }
  }
  if (!recorded_) return;
  for (const auto& entry : *recorded_) {
    if (entry.last_offset < base_ || entry.last_offset >= state_.next_offset) {
      damage(FileKind::transaction_index,
             fmt::format("an aborted transaction ends at offset {}, outside the segment",
                         entry.last_offset),
             std::nullopt, entry.last_offset);
    }
  }
  if (!state_.producers_known) return;
  for (const auto& transaction : aborted_) {
    const bool there = std::ranges::any_of(*recorded_, [&](const auto& entry) {
      return entry.producer_id == transaction.producer_id &&
             entry.first_offset == transaction.first_offset &&
             entry.last_offset == transaction.last_offset;
    });
    if (there) continue;
    damage(
        FileKind::transaction_index,
        fmt::format("lacks the aborted transaction of producer {}, offsets {} to {}: its records "
                    "would be read as committed",
                    transaction.producer_id, transaction.first_offset, transaction.last_offset),
        std::nullopt, transaction.last_offset);
  }
}

// ---- what is said ----

std::string SegmentCheck::path(FileKind kind) const {
  return report_.directory + "/" + log::file_name(base_, kind);
}

void SegmentCheck::damage(FileKind kind, std::string what, std::optional<std::uint64_t> position,
                          std::optional<Offset> offset) {
  report_.first_damaged = std::min(report_.first_damaged.value_or(base_), base_);
  report_.findings.push_back({path(kind), Severity::damage, std::move(what), position, offset});
}

void SegmentCheck::note(FileKind kind, std::string what, std::optional<std::uint64_t> position) {
  report_.findings.push_back({path(kind), Severity::note, std::move(what), position, {}});
}

}  // namespace cairn::storage
