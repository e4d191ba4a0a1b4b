// SPDX-License-Identifier: Apache-2.0
// A file of the operating system. What the page cache answers is done inline on the shard; reads
// that miss it, flushes, and writes while a flush runs go to the pool. read_once() keeps the cache
// for others: RWF_DONTCACHE where the file system knows it (Linux 6.14), else what was read is
// dropped behind the reader. Owner: whoever opened it; it outlives its operations.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string>

#include <cairn/runtime/disk.hpp>

#include "pool.hpp"

namespace cairn::runtime::asio {

/// Logs the fault with errno and makes the Error that travels.
std::unexpected<Error> disk_fault(const char* operation, const std::string& path, int error);

class SystemFile : public File {
 public:
  SystemFile(Context& context, Pool::State& pool, std::string path, int descriptor);
  ~SystemFile() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableBytes into) override;
  Task<Result<std::size_t>> read_once(std::uint64_t offset, MutableBytes into) override;
  Task<Result<>> write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Task<Result<>> sync() override;
  Task<Result<>> truncate(std::uint64_t size) override;
  Task<Result<std::uint64_t>> size() override;
  Task<Result<>> allocate(std::uint64_t from, std::uint64_t length) override;

 private:
  /// Somebody far behind.
  struct Follow {
    std::uint64_t next = 0;        // where he is to go on
    std::uint64_t fetched_to = 0;  // as far as the kernel was told to read for him
  };

  Result<> checked(const char* operation, int error) const;
  void read_exactly();
  std::optional<Follow> take_followed(std::uint64_t offset, std::size_t size);
  void follow(Follow follow, std::size_t ahead);
  void leave_behind(std::uint64_t from, std::uint64_t to);

  Context& context_;
  Pool::State& pool_;
  std::string path_;
  int descriptor_;
  int flushing_ = 0;           // flushes that run
  bool exact_ = false;         // the kernel reads nothing ahead by itself
  std::atomic<int> uncached_;  // the flag of reads that leave nothing behind; 0: unknown here
  std::array<Follow, 4> followed_{};
  std::size_t followed_next_ = 0;
};

}  // namespace cairn::runtime::asio
