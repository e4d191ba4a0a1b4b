// SPDX-License-Identifier: Apache-2.0
// The records of `__consumer_offsets` as Kafka writes them: the key is an int16 type and a key
// message, the value an int16 version and a value message; no value is a tombstone. Types that are
// not served here (consumer, share and streams groups) are named, so that they can be counted and
// kept.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/group/decision.hpp>
#include <cairn/protocol/records/group/group_metadata_value.hpp>

namespace cairn::group {

/// An offset that a group has committed for a partition.
struct CommittedOffset {
  Offset offset{};
  Epoch leader_epoch = no_epoch;
  std::string metadata{};
  std::int64_t commit_timestamp = no_timestamp;
  std::int64_t expire_timestamp = no_timestamp;  // only from requests older than OffsetCommit 5
  TopicId topic_id{};
  Offset logged_at = no_offset;  // where its record stands; not part of the record

  bool operator==(const CommittedOffset&) const = default;
};

struct OffsetCommitted {
  std::string group;
  TopicPartition partition;
  std::optional<CommittedOffset> offset;  // nothing: the tombstone
};

struct GroupStored {
  std::string group;
  std::optional<protocol::GroupMetadataValue> value;  // nothing: the tombstone
};

/// A record of a known kind of group that is not served: kept in the log, not interpreted.
struct ForeignGroupRecord {
  std::string group;
  std::int16_t type;
  bool tombstone;
};

struct UnknownRecord {
  std::int16_t type;
};

using ParsedRecord = std::variant<OffsetCommitted, GroupStored, ForeignGroupRecord, UnknownRecord>;

/// CORRUPT_MESSAGE if a key or value of a known type is malformed: the load must stop there.
Result<ParsedRecord> parse_record(BytesView key, std::optional<BytesView> value);

/// Value version 4, or 1 if there is a legacy expiry time.
Record offset_commit_record(std::string_view group, const TopicPartition& partition,
                            const CommittedOffset& offset);
Record offset_commit_tombstone(std::string_view group, const TopicPartition& partition);
/// Value version 3.
Record group_metadata_record(std::string_view group, const protocol::GroupMetadataValue& value);
Record group_metadata_tombstone(std::string_view group);

}  // namespace cairn::group
