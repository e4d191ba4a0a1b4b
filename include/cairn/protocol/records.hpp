// SPDX-License-Identifier: Apache-2.0
// Record batches inside a message: a view that a message carries without looking inside. The bytes
// belong to `owner`, or, if there is none, to someone who outlives the view: the frame a request
// was decoded from, or whoever built the response.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include <cairn/base/bytes.hpp>

namespace cairn::protocol {

class Records {
 public:
  Records() = default;
  explicit Records(BytesView bytes, std::shared_ptr<const void> owner = nullptr)
      : bytes_(bytes), owner_(std::move(owner)) {}

  /// Records that own a copy or a moved-in buffer.
  static Records owning(Bytes bytes) {
    auto shared = std::make_shared<const Bytes>(std::move(bytes));
    const BytesView view = *shared;
    return Records(view, std::move(shared));
  }

  BytesView view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// Null when the bytes are someone else's.
  const std::shared_ptr<const void>& owner() const { return owner_; }

  /// Equal bytes are equal records, whoever owns them.
  bool operator==(const Records& other) const { return std::ranges::equal(bytes_, other.bytes_); }

 private:
  BytesView bytes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace cairn::protocol
