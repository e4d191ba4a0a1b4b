// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <cairn/base/assert.hpp>
#include <cairn/base/varint.hpp>
#include <cairn/metadata/record.hpp>
#include <cairn/protocol/message.hpp>

namespace cairn::metadata {
namespace {

constexpr std::uint32_t frame_version = 1;

template <std::size_t... I>
Result<RecordBody> decode_body(std::uint32_t type, std::int16_t version, BytesView bytes,
                               std::index_sequence<I...>) {
  Result<RecordBody> body = fail(ErrorCode::unsupported_version, "unknown metadata record type");
  const auto attempt = [&]<class M>(std::in_place_type_t<M>) {
    if (static_cast<std::uint32_t>(M::type) != type) return;
    auto decoded = protocol::decode<M>(bytes, version);
    if (decoded) {
      body = RecordBody(*std::move(decoded));
    } else {
      body = std::unexpected(decoded.error());
    }
  };
  (attempt(std::in_place_type<std::variant_alternative_t<I, RecordBody>>), ...);
  return body;
}

}  // namespace

Result<Record> decode_record(BytesView value) {
  const auto frame = read_unsigned_varint32(value);
  const auto type = read_unsigned_varint32(value);
  const auto version = read_unsigned_varint32(value);
  if (!frame || !type || !version) {
    return fail(ErrorCode::corrupt_message, "a metadata record is cut short");
  }
  if (*frame != frame_version) {
    return fail(ErrorCode::unsupported_version, "unknown frame version of a metadata record");
  }
  if (*version > INT16_MAX) {
    return fail(ErrorCode::unsupported_version, "unknown version of a metadata record");
  }
  const auto schema = static_cast<std::int16_t>(*version);
  TRY(RecordBody body, decode_body(*type, schema, value,
                                   std::make_index_sequence<std::variant_size_v<RecordBody>>{}));
  return Record{std::move(body), schema};
}

Bytes encode_record(const Record& record) {
  return std::visit(
      [&]<class M>(const M& body) {
        protocol::Writer writer(protocol::Writer::never_splice);
        writer.write_unsigned_varint(frame_version);
        writer.write_unsigned_varint(static_cast<std::uint32_t>(M::type));
        writer.write_unsigned_varint(static_cast<std::uint32_t>(record.version));
        write(writer, body, record.version);
        ASSERT(writer.ok(), "a metadata record is written in a version that can carry it");
        return std::move(writer).finish_contiguous();
      },
      record.body);
}

std::string_view record_name(const Record& record) {
  static constexpr std::array<std::string_view, std::variant_size_v<RecordBody>> names = {
      "RegisterBrokerRecord",
      "UnregisterBrokerRecord",
      "TopicRecord",
      "PartitionRecord",
      "ConfigRecord",
      "PartitionChangeRecord",
      "FenceBrokerRecord",
      "UnfenceBrokerRecord",
      "RemoveTopicRecord",
      "DelegationTokenRecord",
      "UserScramCredentialRecord",
      "FeatureLevelRecord",
      "ClientQuotaRecord",
      "ProducerIdsRecord",
      "BrokerRegistrationChangeRecord",
      "AccessControlEntryRecord",
      "RemoveAccessControlEntryRecord",
      "NoOpRecord",
      "ZkMigrationStateRecord",
      "RemoveUserScramCredentialRecord",
      "BeginTransactionRecord",
      "EndTransactionRecord",
      "AbortTransactionRecord",
      "RemoveDelegationTokenRecord",
      "RegisterControllerRecord",
      "ClearElrRecord"};
  return names[record.body.index()];
}

std::int16_t record_type(const Record& record) {
  return std::visit([]<class M>(const M&) { return M::type; }, record.body);
}

}  // namespace cairn::metadata
