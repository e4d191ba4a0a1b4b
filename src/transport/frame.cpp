// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstring>

#include <cairn/transport/frame.hpp>

namespace cairn::transport {
namespace {

constexpr std::size_t length_size = sizeof(std::int32_t);

/// Whether nobody else holds the block; the last holder may have let go on another thread.
bool is_unshared(const std::shared_ptr<std::byte[]>& block) {
  if (block.use_count() != 1) return false;
  std::atomic_thread_fence(std::memory_order_acquire);
  return true;
}

}  // namespace

std::shared_ptr<std::byte[]> BlockPool::take() {
  if (free_.empty()) return nullptr;
  auto block = std::move(free_.back());
  free_.pop_back();
  return block;
}

void BlockPool::give_back(std::shared_ptr<std::byte[]> block) {
  if (free_.size() < most_kept) free_.push_back(std::move(block));
}

std::size_t FrameBuffer::capacity() const { return block_.size + spare_.size; }

void FrameBuffer::release() {
  if (!empty()) return;
  if (pool_ != nullptr && block_.size == block_size && is_unshared(block_.bytes)) {
    pool_->give_back(std::move(block_.bytes));
  }
  block_ = {};
  spare_ = {};
  begin_ = end_ = 0;
}

/// The length of the frame that begins at begin_, if that much has arrived.
std::optional<std::size_t> FrameBuffer::next_length() const {
  if (buffered() < length_size) return std::nullopt;
  return static_cast<std::size_t>(load_big_endian<std::int32_t>(block_.bytes.get() + begin_));
}

bool FrameBuffer::has_frame() const {
  const auto length = next_length();
  return length && (*length > max_frame_bytes_ || buffered() >= length_size + *length);
}

MutableBytes FrameBuffer::space() {
  // A frame that is partly here gets room to the extent that its bytes have come, or that earlier
  // frames of this size did: a length alone allocates nothing.
  std::size_t needed = std::max<std::size_t>(block_size, 2 * buffered());
  const std::size_t trusted = std::min(largest_frame_, trusted_block_size);
  needed = std::max(needed, trusted + length_size);
  if (const auto length = next_length()) {
    needed = std::clamp(*length + length_size, block_size, needed);
  }
  needed = std::max(needed, buffered() + 1);
  const std::size_t room = block_.size - end_;
  // Worth moving: no room at all, or too little for the frame that has begun.
  if (room == 0 || (begin_ > 0 && !empty() && block_.size - begin_ < needed) || empty()) {
    make_room(needed);
  }
  return {block_.bytes.get() + end_, block_.size - end_};
}

void FrameBuffer::make_room(std::size_t needed) {
  const bool reusable = block_.bytes && is_unshared(block_.bytes);
  if (reusable && block_.size >= needed) {
    if (begin_ > 0) std::memmove(block_.bytes.get(), block_.bytes.get() + begin_, buffered());
  } else if (empty() && block_.bytes && block_.size - end_ >= block_size / 4) {
    return;  // the frames handed out keep their part, the rest of the block goes on being filled
  } else {
    Block next = take_block(needed);
    if (!empty()) std::memcpy(next.bytes.get(), block_.bytes.get() + begin_, buffered());
    spare_ = std::exchange(block_, std::move(next));
  }
  end_ -= begin_;
  begin_ = 0;
}

FrameBuffer::Block FrameBuffer::take_block(std::size_t size) {
  if (spare_.bytes && spare_.size >= size && is_unshared(spare_.bytes)) return std::move(spare_);
  if (pool_ != nullptr && size <= block_size) {
    if (auto block = pool_->take()) return {std::move(block), block_size};
  }
  return {std::make_shared_for_overwrite<std::byte[]>(size), size};
}

Result<std::optional<Frame>> FrameBuffer::next() {
  const auto length = next_length();
  if (!length) return std::nullopt;
  if (static_cast<std::ptrdiff_t>(*length) < 0 || *length > max_frame_bytes_) {
    return fail(ErrorCode::invalid_request, "the frame's length is negative or above the limit");
  }
  if (buffered() < length_size + *length) return std::nullopt;
  const std::byte* start = block_.bytes.get() + begin_ + length_size;
  begin_ += length_size + *length;
  largest_frame_ = std::max(largest_frame_ - largest_frame_ / 64, *length);
  return Frame{BytesView(start, *length), block_.bytes, {}};
}

}  // namespace cairn::transport
