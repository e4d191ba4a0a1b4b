// SPDX-License-Identifier: Apache-2.0
// Turns the batches of a coordinator's partition into records in the order they count: those of a
// transaction when its commit marker is met, never if it aborts. Owner: the actor while it loads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::coordinator {

class Replay {
 public:
  /// Gets key, value (nothing: tombstone) and offset. Views die with the call.
  using Apply =
      std::function<Result<>(BytesView key, std::optional<BytesView> value, Offset offset)>;

  explicit Replay(Apply apply) : apply_(std::move(apply)) {}

  /// Whole batches, in order; records below `from` are passed over.
  Result<> feed(BytesView batches, Offset from);
  std::size_t records() const { return records_; }
  /// Records of transactions that neither commit nor abort in what was fed.
  std::size_t undecided() const;

 private:
  struct Held {
    Bytes key;
    std::optional<Bytes> value;
    Offset offset;
  };

  Result<> end_transaction(ProducerId producer, bool commit);

  Apply apply_;
  std::map<ProducerId, std::vector<Held>> held_;
  std::size_t records_ = 0;
};

}  // namespace cairn::coordinator
