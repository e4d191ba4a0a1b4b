// SPDX-License-Identifier: Apache-2.0
// Tagged fields of a newer schema (KIP-482): kept as they came and written back. A value type of
// one pointer, since nearly every struct of the protocol has one and nearly all of them are empty.
// Invariant: tags ascend.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <cairn/base/bytes.hpp>

namespace cairn::protocol {

struct UnknownTag {
  std::uint32_t tag = 0;
  Bytes data;

  bool operator==(const UnknownTag&) const = default;
};

class UnknownTags {
 public:
  UnknownTags() = default;
  UnknownTags(const UnknownTags& other) : tags_(copy_of(other)) {}
  UnknownTags(UnknownTags&&) = default;
  UnknownTags& operator=(const UnknownTags& other) {
    if (this != &other) tags_ = copy_of(other);
    return *this;
  }
  UnknownTags& operator=(UnknownTags&&) = default;

  bool empty() const { return !tags_ || tags_->empty(); }
  std::size_t size() const { return tags_ ? tags_->size() : 0; }
  std::span<const UnknownTag> view() const {
    return tags_ ? std::span<const UnknownTag>(*tags_) : std::span<const UnknownTag>();
  }
  auto begin() const { return view().begin(); }
  auto end() const { return view().end(); }

  /// REQUIRES: the tag is above those already there.
  void push_back(UnknownTag tag);

  bool operator==(const UnknownTags& other) const;

 private:
  static std::unique_ptr<std::vector<UnknownTag>> copy_of(const UnknownTags& other);

  std::unique_ptr<std::vector<UnknownTag>> tags_;
};

}  // namespace cairn::protocol
