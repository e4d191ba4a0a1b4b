// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/crc32c.hpp>
#include <cairn/log/producer_snapshot.hpp>

namespace cairn::log {
namespace {

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t crc_at = 2;
constexpr std::size_t count_at = 6;  // the checksum covers all from here
constexpr std::size_t entries_at = 10;
constexpr std::size_t entry_size = 46;

void encode_entry(std::byte* at, const ProducerEntry& entry) {
  const std::int64_t timestamp = entry.last_timestamp;
  const Offset transaction = entry.transaction_first_offset.value_or(no_offset);
  store_big_endian(at, entry.id.value());
  store_big_endian(at + 8, entry.epoch.value());
  store_big_endian(at + 10, entry.last_sequence());
  store_big_endian(at + 14, entry.last_offset().value());
  store_big_endian(at + 22, entry.last_offset_delta());
  store_big_endian(at + 26, timestamp);
  store_big_endian(at + 34, entry.coordinator_epoch);
  store_big_endian(at + 38, transaction.value());
}

ProducerEntry decode_entry(const std::byte* at) {
  ProducerEntry entry;
  entry.id = ProducerId(load_big_endian<std::int64_t>(at));
  entry.epoch = ProducerEpoch(load_big_endian<std::int16_t>(at + 8));
  const ProducerBatch batch{.last_sequence = load_big_endian<std::int32_t>(at + 10),
                            .last_offset = Offset(load_big_endian<std::int64_t>(at + 14)),
                            .offset_delta = load_big_endian<std::int32_t>(at + 22),
                            .timestamp = load_big_endian<std::int64_t>(at + 26)};
  entry.last_timestamp = batch.timestamp;
  entry.coordinator_epoch = load_big_endian<std::int32_t>(at + 34);
  const Offset transaction(load_big_endian<std::int64_t>(at + 38));
  if (transaction.value() >= 0) entry.transaction_first_offset = transaction;
  if (batch.last_offset.value() >= 0) entry.add(batch);
  return entry;
}

}  // namespace

Bytes encode_producer_snapshot(std::span<const ProducerEntry> entries) {
  Bytes file(entries_at + entries.size() * entry_size);
  store_big_endian(file.data(), snapshot_version);
  store_big_endian(file.data() + count_at, static_cast<std::int32_t>(entries.size()));
  std::byte* at = file.data() + entries_at;
  for (const ProducerEntry& entry : entries) {
    encode_entry(at, entry);
    at += entry_size;
  }
  store_big_endian(file.data() + crc_at, crc32c(BytesView(file).subspan(count_at)));
  return file;
}

Result<std::vector<ProducerEntry>> decode_producer_snapshot(BytesView file) {
  if (file.size() < entries_at || load_big_endian<std::int16_t>(file.data()) != snapshot_version) {
    return fail(ErrorCode::corrupt_message, "a producer snapshot is cut or of an unknown version");
  }
  if (load_big_endian<std::uint32_t>(file.data() + crc_at) != crc32c(file.subspan(count_at))) {
    return fail(ErrorCode::corrupt_message, "a producer snapshot does not match its CRC");
  }
  const auto count = load_big_endian<std::int32_t>(file.data() + count_at);
  const BytesView body = file.subspan(entries_at);
  if (count < 0 || body.size() != static_cast<std::size_t>(count) * entry_size) {
    return fail(ErrorCode::corrupt_message, "a producer snapshot has another length than declared");
  }
  std::vector<ProducerEntry> entries;
  entries.reserve(static_cast<std::size_t>(count));
  for (std::size_t at = 0; at < body.size(); at += entry_size) {
    entries.push_back(decode_entry(body.data() + at));
  }
  return entries;
}

}  // namespace cairn::log
