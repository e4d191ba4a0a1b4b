// SPDX-License-Identifier: Apache-2.0
#include "segment_walk.hpp"

#include <algorithm>
#include <cstring>

#include <cairn/base/log.hpp>
#include <cairn/record/legacy.hpp>

namespace cairn::storage {

std::optional<record::BatchView> SegmentWalk::next() {
  if (ended_) return std::nullopt;
  const BytesView bytes = rest();
  std::optional<record::BatchView> batch;
  std::size_t stored = 0;
  if (scan_ != nullptr) {
    const bool at_end = position_ + bytes.size() >= end_;
    batch = scan_->next(bytes, at_end);
    stored = scan_->stored_size();
    if (!batch) {
      ended_ = scan_->done();
      wanted_ = scan_->needed();
    }
  } else {
    const auto batch_size = record::batch_size_from_front(bytes);
    const auto size = batch_size ? batch_size : record::legacy_size_from_front(bytes);
    stored = size.value_or(0);
    if (!size) {
      // Too few bytes to know, or impossible ones: more bytes tell which.
      ended_ = bytes.size() >= record::batch_front_size;
      wanted_ = record::batch_header_size;
    } else if (*size > bytes.size()) {
      wanted_ = *size;
    } else if (batch_size) {
      batch = record::BatchView::trusted(bytes.first(*size));
    } else if (auto converted = record::up_convert(bytes.first(*size))) {
      converted_ = *std::move(converted);
      batch = record::BatchView::trusted(converted_);
    } else {
      ended_ = true;
    }
  }
  if (!batch) return std::nullopt;
  batch_position_ = position_;
  position_ += stored;
  consumed_ += stored;
  return batch;
}

runtime::Task<Result<bool>> SegmentWalk::fill() {
  const BytesView left = rest();
  if (ended_ || position_ + left.size() >= end_) co_return false;
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted_, chunk), end_ - position_));
  if (size <= left.size()) co_return false;
  BufferPool::Lent larger = environment_.buffers->lend(size);
  if (!left.empty()) std::memcpy(larger.bytes.data(), left.data(), left.size());
  const std::size_t kept = left.size();
  const MutableBytes into = larger.bytes.subspan(kept);
  CO_TRY(const std::size_t got, co_await file_->read_at(position_ + kept, into));
  buffer_ = std::move(larger);
  consumed_ = 0;
  filled_ = kept + got;
  co_return got > 0;
}

void SegmentWalk::report_damage(const std::string& file) const {
  if (position_ == end_) return;
  logging::error("damaged, what follows is not read: file={} position={} of {}", file, position_,
                 end_);
}

}  // namespace cairn::storage
