// SPDX-License-Identifier: Apache-2.0
// Read buffers, lent and taken back, so that a fetch costs no page faults. Sizes are powers of two;
// what is idle is bounded. A buffer goes home when its last owner lets go, on whatever thread that
// is; lending is the owning shard's. Owner: Environment (shared, since buffers may outlive it).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include <cairn/base/bytes.hpp>

namespace cairn::storage {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  explicit BufferPool(std::size_t idle_bytes) : idle_limit_(idle_bytes) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  /// Writable memory and who keeps it. The content is whatever was there before.
  struct Lent {
    MutableBytes bytes;
    std::shared_ptr<const void> owner;
  };
  /// Exactly `size` bytes, of a buffer that may be larger.
  Lent lend(std::size_t size);

  std::size_t idle_bytes() const { return idle_bytes_; }

 private:
  struct Block;
  static constexpr std::size_t smallest_class = 12;  // 4 KiB
  static constexpr std::size_t classes = 16;         // up to 128 MiB; larger ones are not kept

  void give_back(Block* block);
  void collect();
  static void destroy(Block* block);

  std::size_t idle_limit_;
  std::size_t idle_bytes_ = 0;
  std::vector<Block*> idle_[classes];
  std::atomic<Block*> returned_{nullptr};  // a stack that any thread pushes to
};

}  // namespace cairn::storage
