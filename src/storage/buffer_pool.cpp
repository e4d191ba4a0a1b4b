// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <new>

#include <cairn/storage/buffer_pool.hpp>

namespace cairn::storage {

struct BufferPool::Block {
  std::byte* memory = nullptr;
  std::size_t capacity = 0;
  std::size_t size_class = classes;  // classes: too large to keep
  Block* next = nullptr;
};

BufferPool::~BufferPool() {
  collect();
  for (auto& blocks : idle_) {
    for (Block* block : blocks) destroy(block);
  }
}

BufferPool::Lent BufferPool::lend(std::size_t size) {
  collect();
  const std::size_t wanted = std::bit_width(std::max<std::size_t>(size, 1) - 1);
  const std::size_t power = std::max(wanted, smallest_class);
  const std::size_t size_class = std::min(power - smallest_class, classes);
  Block* block = nullptr;
  if (size_class < classes && !idle_[size_class].empty()) {
    block = idle_[size_class].back();
    idle_[size_class].pop_back();
    idle_bytes_ -= block->capacity;
  } else {
    const std::size_t capacity = size_class < classes ? std::size_t{1} << power : size;
    block =
        new Block{static_cast<std::byte*>(::operator new(capacity)), capacity, size_class, nullptr};
  }
  std::shared_ptr<const void> owner(
      block->memory, [pool = shared_from_this(), block](const void*) { pool->give_back(block); });
  return {MutableBytes(block->memory, size), std::move(owner)};
}

void BufferPool::give_back(Block* block) {
  if (block->size_class == classes) return destroy(block);
  block->next = returned_.load(std::memory_order_relaxed);
  while (!returned_.compare_exchange_weak(block->next, block, std::memory_order_release,
                                          std::memory_order_relaxed)) {
  }
}

void BufferPool::collect() {
  Block* block = returned_.exchange(nullptr, std::memory_order_acquire);
  while (block != nullptr) {
    Block* next = block->next;
    if (idle_bytes_ + block->capacity <= idle_limit_) {
      idle_bytes_ += block->capacity;
      idle_[block->size_class].push_back(block);
    } else {
      destroy(block);
    }
    block = next;
  }
}

void BufferPool::destroy(Block* block) {
  ::operator delete(block->memory);
  delete block;
}

}  // namespace cairn::storage
