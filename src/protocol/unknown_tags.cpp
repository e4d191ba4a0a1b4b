// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/assert.hpp>
#include <cairn/protocol/unknown_tags.hpp>

namespace cairn::protocol {

void UnknownTags::push_back(UnknownTag tag) {
  if (!tags_) tags_ = std::make_unique<std::vector<UnknownTag>>();
  ASSERT(tags_->empty() || tags_->back().tag < tag.tag, "unknown tags ascend");
  tags_->push_back(std::move(tag));
}

bool UnknownTags::operator==(const UnknownTags& other) const {
  return std::ranges::equal(view(), other.view());
}

std::unique_ptr<std::vector<UnknownTag>> UnknownTags::copy_of(const UnknownTags& other) {
  if (other.empty()) return nullptr;
  return std::make_unique<std::vector<UnknownTag>>(*other.tags_);
}

}  // namespace cairn::protocol
