// SPDX-License-Identifier: Apache-2.0
// A file of the operating system. What the page cache answers is done inline on the shard; reads
// that miss it, flushes, and writes while a flush runs go to the pool. Owner: whoever opened it; it
// outlives its operations.
#pragma once

#include <string>

#include <cairn/runtime/disk.hpp>

#include "pool.hpp"

namespace cairn::runtime::asio {

/// Logs the fault with errno and makes the Error that travels.
std::unexpected<Error> disk_fault(const char* operation, const std::string& path, int error);

class SystemFile : public File {
 public:
  SystemFile(Context& context, Pool::State& pool, std::string path, int descriptor)
      : context_(context), pool_(pool), path_(std::move(path)), descriptor_(descriptor) {}
  ~SystemFile() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableBytes into) override;
  Task<Result<>> write_at(std::uint64_t offset, std::span<const BytesView> parts) override;
  Task<Result<>> sync() override;
  Task<Result<>> truncate(std::uint64_t size) override;
  Task<Result<std::uint64_t>> size() override;
  Task<Result<>> allocate(std::uint64_t from, std::uint64_t length) override;

 private:
  Result<> checked(const char* operation, int error) const;

  Context& context_;
  Pool::State& pool_;
  std::string path_;
  int descriptor_;
  int flushing_ = 0;  // flushes that run
};

}  // namespace cairn::runtime::asio
