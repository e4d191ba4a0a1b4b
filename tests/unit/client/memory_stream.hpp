// SPDX-License-Identifier: Apache-2.0
// A connection in memory, for client tests: what one end writes the other reads, at once and whole.
// Both ends hold both pipes; one shard. Owner: the two ends.
#pragma once

#include <algorithm>
#include <memory>

#include <cairn/runtime/network.hpp>

namespace cairn::client::testing {

/// One direction of a connection.
struct Pipe {
  Bytes bytes;
  bool closed = false;
  runtime::Event changed;
};

class MemoryStream : public runtime::Stream {
 public:
  MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
      : in_(std::move(in)), out_(std::move(out)) {}
  ~MemoryStream() override { close(); }

  runtime::Task<Result<std::size_t>> read_some(MutableBytes into) override {
    const auto in = in_;
    while (in->bytes.empty()) {
      if (in->closed) co_return std::size_t{0};
      if (!co_await in->changed.wait()) co_return broken();
    }
    const auto count = std::min(into.size(), in->bytes.size());
    std::copy_n(in->bytes.begin(), count, into.begin());
    in->bytes.erase(in->bytes.begin(), in->bytes.begin() + static_cast<std::ptrdiff_t>(count));
    co_return count;
  }
  runtime::Task<Result<>> wait_readable() override {
    const auto in = in_;
    while (in->bytes.empty() && !in->closed) {
      if (!co_await in->changed.wait()) co_return broken();
    }
    co_return Result<>{};
  }
  void interrupt_read() override {}
  runtime::Task<Result<>> write(std::span<const BytesView> parts) override {
    if (out_->closed) co_return broken();
    for (const auto part : parts) append(out_->bytes, part);
    out_->changed.set();
    co_return Result<>{};
  }
  void close() override {
    for (auto& pipe : {in_, out_}) {
      pipe->closed = true;
      pipe->changed.set();
    }
  }
  runtime::Endpoint peer() const override { return {"memory", 1}; }
  runtime::Endpoint local() const override { return {"memory", 2}; }

 private:
  static std::unexpected<Error> broken() {
    return fail(ErrorCode::network_exception, "the connection was closed");
  }
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
};

}  // namespace cairn::client::testing
