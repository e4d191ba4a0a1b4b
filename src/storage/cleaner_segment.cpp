// SPDX-License-Identifier: Apache-2.0
#include "cleaner_segment.hpp"

#include <cairn/base/log.hpp>

namespace cairn::storage {

using log::FileKind;
using log::FileState;

CleanedSegment::CleanedSegment(Environment& environment, std::string directory, Offset base_offset)
    : environment_(environment),
      directory_(std::move(directory)),
      segment_(std::make_shared<Segment>(environment, base_offset, 0)),
      indexes_(std::make_shared<SegmentIndexes>(base_offset)) {
  segment_->set_indexes(indexes_);
  segment_->max_timestamp.offset = base_offset;
  segment_->max_timestamp_known = true;
  segment_->rolled = true;
}

runtime::Task<Result<>> CleanedSegment::create() {
  std::string name = path(FileKind::segment, FileState::cleaned);
  CO_TRY(file_, co_await environment_.disk.open(std::move(name), runtime::OpenMode::create));
  co_return co_await file_->truncate(0);
}

Result<> CleanedSegment::note_added(std::size_t from, std::uint32_t index_interval) {
  record::BatchIterator batches(BytesView(buffer_).subspan(from));
  std::uint64_t position = segment_->size + from;
  if (segment_->size + buffer_.size() > std::numeric_limits<std::int32_t>::max()) {
    return fail(ErrorCode::record_list_too_large, "the cleaned segment is too large");
  }
  while (const auto batch = batches.next()) {
    segment_->note_batch(*batch, position, index_interval);
    position += batch->size();
  }
  return batches.status();
}

runtime::Task<Result<>> CleanedSegment::write_out() {
  if (buffer_.empty()) co_return Result<>();
  const BytesView parts[] = {buffer_};
  CO_TRY(co_await file_->write_at(segment_->size, parts));
  segment_->size += buffer_.size();
  segment_->allocated = segment_->size;
  buffer_.clear();
  co_return Result<>();
}

runtime::Task<Result<>> CleanedSegment::finish(std::vector<log::AbortedTransaction> aborted,
                                               WallTime modified) {
  CO_TRY(co_await write_out());
  std::string name = path(FileKind::segment, FileState::cleaned);
  CO_TRY(co_await environment_.disk.set_modified(std::move(name), modified));
  CO_TRY(co_await file_->sync());
  file_.reset();
  for (const auto& transaction : aborted) segment_->note_aborted(transaction);
  segment_->finish_time_index();
  segment_->has_transaction_index = !indexes_->aborted.empty();
  CO_TRY(co_await write_index(FileKind::offset_index, indexes_->offsets.encode()));
  CO_TRY(co_await write_index(FileKind::time_index, indexes_->times.encode()));
  if (segment_->has_transaction_index) {
    CO_TRY(co_await write_index(FileKind::transaction_index,
                                log::encode_transaction_index(indexes_->aborted)));
  }
  indexes_->offsets_written = indexes_->offsets.entries();
  indexes_->times_written = indexes_->times.entries();
  indexes_->aborted_written = indexes_->aborted.size();
  segment_->indexes_synced = segment_->entry_synced = true;
  co_return Result<>();
}

runtime::Task<Result<>> CleanedSegment::write_index(FileKind kind, Bytes content) {
  std::string name = path(kind, FileState::cleaned);
  CO_TRY(auto index, co_await environment_.disk.open(std::move(name), runtime::OpenMode::create));
  const BytesView parts[] = {content};
  CO_TRY(co_await index->write_at(0, parts));
  CO_TRY(co_await index->truncate(content.size()));
  co_return co_await index->sync();
}

runtime::Task<> CleanedSegment::discard() {
  file_.reset();
  for (const FileKind kind : {FileKind::offset_index, FileKind::time_index,
                              FileKind::transaction_index, FileKind::segment}) {
    std::string name = path(kind, FileState::cleaned);
    const Result<> removed = co_await environment_.disk.remove(std::move(name));
    if (!removed && !runtime::is_not_found(removed.error())) {
      logging::warn("cannot remove what a cleaning left: {}", path(kind, FileState::cleaned));
    }
  }
}

std::vector<FileKind> CleanedSegment::kinds() const {
  std::vector<FileKind> kinds{FileKind::offset_index, FileKind::time_index};
  if (segment_->has_transaction_index) kinds.push_back(FileKind::transaction_index);
  return kinds;
}

}  // namespace cairn::storage
