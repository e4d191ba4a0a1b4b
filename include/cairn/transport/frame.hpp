// SPDX-License-Identifier: Apache-2.0
// Splits a byte stream into Kafka's frames (an int32 length, then that many bytes). Frames are
// views into shared blocks; a block is used again once nobody holds a frame of it. A length outside
// [0, max_frame_bytes] fails before anything is buffered for it, and a block grows only as bytes
// arrive: a claimed length allocates at most twice what has been received (or what the connection's
// earlier frames were). Owner: the Connection or Peer that reads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>

namespace cairn::transport {

struct Frame {
  BytesView bytes;                    // without the length
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  Instant received{};                 // its last byte; set by the connection
};

/// Blocks of the usual size for the next connection that reads: idle connections hold none, and
/// those that take turns share a few that stay in the processor's cache. One a shard.
class BlockPool {
 public:
  static constexpr std::size_t block_size = 64 * 1024;

  /// Null if there is none.
  std::shared_ptr<std::byte[]> take();
  /// REQUIRES: nobody else holds the block.
  void give_back(std::shared_ptr<std::byte[]> block);

 private:
  static constexpr std::size_t most_kept = 64;

  std::vector<std::shared_ptr<std::byte[]>> free_;
};

class FrameBuffer {
 public:
  /// What a read is offered at least: one read takes many small frames.
  static constexpr std::size_t block_size = BlockPool::block_size;
  /// Blocks grow beyond block_size up to this on the strength of earlier frames alone.
  static constexpr std::size_t trusted_block_size = 4 * 1024 * 1024;

  /// `pool` may be null; it outlives this.
  explicit FrameBuffer(std::size_t max_frame_bytes, BlockPool* pool = nullptr)
      : max_frame_bytes_(max_frame_bytes), pool_(pool) {}

  /// Where the next bytes go; never empty.
  MutableBytes space();
  void filled(std::size_t bytes) { end_ += bytes; }
  /// The next whole frame, nothing if it has not all arrived, INVALID_REQUEST for a bad length.
  Result<std::optional<Frame>> next();

  /// Whether next() has something to say.
  bool has_frame() const;
  /// Whether no byte waits to become a frame.
  bool empty() const { return begin_ == end_; }
  /// Bytes that wait to become a frame.
  std::size_t buffered() const { return end_ - begin_; }
  /// Bytes of memory held.
  std::size_t capacity() const;
  /// Lets go of the memory if no byte waits in it.
  void release();

 private:
  struct Block {
    std::shared_ptr<std::byte[]> bytes;
    std::size_t size = 0;
  };

  std::optional<std::size_t> next_length() const;
  void make_room(std::size_t needed);
  Block take_block(std::size_t size);

  std::size_t max_frame_bytes_;
  BlockPool* pool_;
  Block block_;
  Block spare_;  // the block before, used again once its frames are gone
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t largest_frame_ = 0;
};

}  // namespace cairn::transport
