// SPDX-License-Identifier: Apache-2.0
#include <cairn/group/records.hpp>
#include <cairn/protocol/message.hpp>
#include <cairn/protocol/records/group/group_metadata_key.hpp>
#include <cairn/protocol/records/group/offset_commit_key.hpp>
#include <cairn/protocol/records/group/offset_commit_value.hpp>

namespace cairn::group {
namespace {

using protocol::GroupMetadataKey;
using protocol::GroupMetadataValue;
using protocol::OffsetCommitKey;
using protocol::OffsetCommitValue;

constexpr std::int16_t legacy_offset_commit_type = 0;
constexpr std::int16_t last_known_type = 23;
constexpr std::int16_t group_metadata_value_version = 3;
constexpr std::int16_t offset_commit_value_version = 4;
constexpr std::int16_t offset_commit_value_version_with_expiry = 1;

template <class M>
Bytes prefixed(std::int16_t prefix, const M& message, std::int16_t version) {
  Bytes bytes(sizeof prefix);
  store_big_endian(bytes.data(), prefix);
  append(bytes, protocol::encode(message, version));
  return bytes;
}

/// Takes the int16 off the front: the type of a key, the version of a value.
Result<std::int16_t> take_prefix(BytesView& bytes) {
  if (bytes.size() < sizeof(std::int16_t)) {
    return fail(ErrorCode::corrupt_message, "a group record is cut short");
  }
  const auto prefix = load_big_endian<std::int16_t>(bytes.data());
  bytes = bytes.subspan(sizeof prefix);
  return prefix;
}

template <class M>
Result<M> decode_value(BytesView bytes) {
  TRY(const auto version, take_prefix(bytes));
  TRY(auto value, protocol::decode<M>(bytes, version));
  return value;
}

/// The first field of every group key is the group id.
Result<std::string> leading_string(BytesView bytes) {
  TRY(const auto length, take_prefix(bytes));
  if (length < 0 || static_cast<std::size_t>(length) > bytes.size()) {
    return fail(ErrorCode::corrupt_message, "the group id of a group record is cut short");
  }
  return std::string(as_text(bytes.first(static_cast<std::size_t>(length))));
}

Result<ParsedRecord> parse_offset_commit(BytesView key, std::optional<BytesView> value) {
  TRY(auto id, protocol::decode<OffsetCommitKey>(key, 0));
  OffsetCommitted parsed{
      std::move(id.group), {std::move(id.topic), PartitionIndex(id.partition)}, {}};
  if (value) {
    TRY(auto stored, decode_value<OffsetCommitValue>(*value));
    parsed.offset = CommittedOffset{.offset = Offset(stored.offset),
                                    .leader_epoch = Epoch(stored.leader_epoch),
                                    .metadata = std::move(stored.metadata),
                                    .commit_timestamp = stored.commit_timestamp,
                                    .expire_timestamp = stored.expire_timestamp,
                                    .topic_id = stored.topic_id};
  }
  return parsed;
}

Result<ParsedRecord> parse_group_metadata(BytesView key, std::optional<BytesView> value) {
  TRY(auto id, protocol::decode<GroupMetadataKey>(key, 0));
  GroupStored parsed{std::move(id.group), {}};
  if (value) {
    TRY(auto stored, decode_value<GroupMetadataValue>(*value));
    parsed.value = std::move(stored);
  }
  return parsed;
}

/// Whether 4.3 has a key of this type; 9 and 18 were never given out.
bool is_foreign_type(std::int16_t type) {
  return type > GroupMetadataKey::type && type <= last_known_type && type != 9 && type != 18;
}

}  // namespace

Result<ParsedRecord> parse_record(BytesView key, std::optional<BytesView> value) {
  TRY(const auto type, take_prefix(key));
  if (type == legacy_offset_commit_type || type == OffsetCommitKey::type) {
    return parse_offset_commit(key, value);
  }
  if (type == GroupMetadataKey::type) return parse_group_metadata(key, value);
  if (!is_foreign_type(type)) return UnknownRecord{type};
  TRY(auto group, leading_string(key));
  return ForeignGroupRecord{std::move(group), type, !value};
}

namespace {

Bytes offset_commit_key(std::string_view group, const TopicPartition& partition) {
  OffsetCommitKey key;
  key.group = group;
  key.topic = partition.topic;
  key.partition = partition.partition.value();
  return prefixed(OffsetCommitKey::type, key, 0);
}

Bytes group_metadata_key(std::string_view group) {
  GroupMetadataKey key;
  key.group = group;
  return prefixed(GroupMetadataKey::type, key, 0);
}

}  // namespace

Record offset_commit_record(std::string_view group, const TopicPartition& partition,
                            const CommittedOffset& offset) {
  OffsetCommitValue value;
  value.offset = offset.offset.value();
  value.leader_epoch = offset.leader_epoch.value();
  value.metadata = offset.metadata;
  value.commit_timestamp = offset.commit_timestamp;
  value.expire_timestamp = offset.expire_timestamp;
  value.topic_id = offset.topic_id;
  const bool expires = offset.expire_timestamp != no_timestamp;
  const auto version =
      expires ? offset_commit_value_version_with_expiry : offset_commit_value_version;
  return {offset_commit_key(group, partition), prefixed(version, value, version)};
}

Record offset_commit_tombstone(std::string_view group, const TopicPartition& partition) {
  return {offset_commit_key(group, partition), std::nullopt};
}

Record group_metadata_record(std::string_view group, const GroupMetadataValue& value) {
  return {group_metadata_key(group),
          prefixed(group_metadata_value_version, value, group_metadata_value_version)};
}

Record group_metadata_tombstone(std::string_view group) {
  return {group_metadata_key(group), std::nullopt};
}

}  // namespace cairn::group
