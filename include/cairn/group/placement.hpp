// SPDX-License-Identifier: Apache-2.0
// Which partition of an internal topic a group id or transactional id belongs to. Every broker and
// every client must agree on it for ever, so it is Java's String hash, as Kafka uses it.
#pragma once

#include <cstdint>
#include <string_view>

#include <cairn/base/ids.hpp>

namespace cairn::group {

/// Java's String.hashCode of a text in UTF-8: the 31-polynomial over its UTF-16 units, wrapping.
/// What is not UTF-8 counts as U+FFFD, as Java's decoder reads it.
std::int32_t java_string_hash(std::string_view text);

/// The partition of `__consumer_offsets` (or of a like topic) for an id. REQUIRES: count > 0.
PartitionIndex partition_for(std::string_view id, std::int32_t count);

}  // namespace cairn::group
