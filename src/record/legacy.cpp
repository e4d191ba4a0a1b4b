// SPDX-License-Identifier: Apache-2.0
// A message: int64 offset, int32 size, uint32 CRC-32 of what follows, int8 magic, int8 attributes,
// int64 timestamp (magic 1), then key and value, each behind an int32 size, -1 for null.
#include <limits>

#include <zlib.h>

#include <cairn/record/builder.hpp>
#include <cairn/record/legacy.hpp>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr std::size_t entry_header = 12;  // offset and size
constexpr std::size_t crc_size = 4;
constexpr std::size_t smallest_message = 14;  // magic 0, null key, null value
constexpr std::uint8_t codec_mask = 0x07;
constexpr std::uint8_t log_append_time_attribute = 0x08;
constexpr std::uint8_t last_codec = 3;  // zstd came with magic 2

/// A message whose fields are views.
struct Message {
  std::int64_t offset = 0;
  std::int8_t magic = 0;
  std::uint8_t attributes = 0;
  std::int64_t timestamp = no_timestamp;
  std::optional<BytesView> key = {};
  std::optional<BytesView> value = {};

  Codec codec() const { return static_cast<Codec>(attributes & codec_mask); }
};

Result<std::optional<BytesView>> take_nullable(BytesView& from) {
  if (from.size() < 4) return fail(ErrorCode::corrupt_message, "a message is cut");
  const auto size = load_big_endian<std::int32_t>(from.data());
  from = from.subspan(4);
  if (size < 0) return std::nullopt;
  if (static_cast<std::size_t>(size) > from.size()) {
    return fail(ErrorCode::corrupt_message, "a field of a message reaches beyond it");
  }
  const BytesView taken = from.first(static_cast<std::size_t>(size));
  from = from.subspan(taken.size());
  return taken;
}

/// `body`: the CRC and what it covers.
bool crc_matches(BytesView body) {
  const auto declared = load_big_endian<std::uint32_t>(body.data());
  body = body.subspan(crc_size);
  const auto actual =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return declared == actual;
}

Result<Message> parse_message(std::int64_t offset, BytesView body) {
  if (!crc_matches(body)) return fail(ErrorCode::corrupt_message, "a message's CRC is wrong");
  body = body.subspan(crc_size);
  Message message{.offset = offset,
                  .magic = load_big_endian<std::int8_t>(body.data()),
                  .attributes = static_cast<std::uint8_t>(body[1])};
  if (message.magic != 0 && message.magic != 1) {
    return fail(ErrorCode::corrupt_message, "a message set holds magic 0 and 1 only");
  }
  if ((message.attributes & codec_mask) > last_codec) {
    return fail(ErrorCode::corrupt_message, "unknown codec of a message");
  }
  body = body.subspan(2);
  if (message.magic == 1) {
    if (body.size() < 8) return fail(ErrorCode::corrupt_message, "a message is cut");
    message.timestamp = load_big_endian<std::int64_t>(body.data());
    body = body.subspan(8);
  }
  TRY(message.key, take_nullable(body));
  TRY(message.value, take_nullable(body));
  if (!body.empty()) return fail(ErrorCode::corrupt_message, "a message has bytes left over");
  return message;
}

/// The next message; nothing if what is left is empty or cut.
Result<std::optional<Message>> take_message(BytesView& from) {
  if (from.size() < entry_header) return std::nullopt;
  const auto offset = load_big_endian<std::int64_t>(from.data());
  const auto size = load_big_endian<std::int32_t>(from.data() + 8);
  if (size < static_cast<std::int32_t>(smallest_message)) {
    return fail(ErrorCode::corrupt_message, "a message has an impossible size");
  }
  if (static_cast<std::size_t>(size) > from.size() - entry_header) return std::nullopt;
  TRY(Message message,
      parse_message(offset, from.subspan(entry_header, static_cast<std::size_t>(size))));
  from = from.subspan(entry_header + static_cast<std::size_t>(size));
  return message;
}

LegacyRecord to_record(const Message& message) {
  LegacyRecord record{.offset = Offset(message.offset), .magic = message.magic};
  if (message.magic == 1) {
    record.timestamp = message.timestamp;
    if ((message.attributes & log_append_time_attribute) != 0) {
      record.timestamp_type = TimestampType::log_append_time;
    }
  }
  if (message.key) record.key = to_bytes(*message.key);
  if (message.value) record.value = to_bytes(*message.value);
  return record;
}

/// The content of a wrapper, with the header checksum of magic 0's lz4 frames put right.
Result<Bytes> open_wrapper(const Message& wrapper, const DecompressionLimit& limit) {
  if (wrapper.codec() != Codec::lz4 || wrapper.magic != 0 || wrapper.value->size() < 7) {
    return decompress(wrapper.codec(), *wrapper.value, limit);
  }
  Bytes frame = to_bytes(*wrapper.value);
  const bool has_content_size = (static_cast<std::uint8_t>(frame[4]) & 0x08) != 0;
  const std::size_t descriptor = has_content_size ? 10 : 2;
  if (frame.size() > 4 + descriptor) {
    frame[4 + descriptor] = lz4_header_checksum(BytesView(frame).subspan(4, descriptor));
  }
  return decompress(Codec::lz4, frame, limit);
}

Result<> append_wrapped(const Message& wrapper, const DecompressionLimit& limit,
                        std::vector<LegacyRecord>& to) {
  if (!wrapper.value) return fail(ErrorCode::corrupt_message, "a wrapper message is empty");
  TRY(const Bytes content, open_wrapper(wrapper, limit));
  BytesView rest = content;
  std::vector<Message> inner;
  while (true) {
    TRY(const auto message, take_message(rest));
    if (!message) break;
    if (message->codec() != Codec::none || message->magic != wrapper.magic) {
      return fail(ErrorCode::corrupt_message, "a wrapper message holds what it must not");
    }
    inner.push_back(*message);
  }
  if (inner.empty() || !rest.empty()) {
    return fail(ErrorCode::corrupt_message, "a wrapper message holds no whole messages");
  }
  // With magic 1 inner offsets count from 0 and the wrapper carries the last one's (KIP-31).
  const bool relative = wrapper.magic == 1;
  const std::int64_t last = inner.back().offset;
  const bool append_time = (wrapper.attributes & log_append_time_attribute) != 0;
  for (Message& message : inner) {
    if (relative) {
      message.offset = static_cast<std::int64_t>(static_cast<std::uint64_t>(wrapper.offset) -
                                                 static_cast<std::uint64_t>(last) +
                                                 static_cast<std::uint64_t>(message.offset));
    }
    if (relative && append_time) {
      message.timestamp = wrapper.timestamp;
      message.attributes |= log_append_time_attribute;
    }
    to.push_back(to_record(message));
  }
  return {};
}

}  // namespace

Result<std::vector<LegacyRecord>> read_message_set(BytesView bytes,
                                                   const DecompressionLimit& limit) {
  std::vector<LegacyRecord> records;
  while (true) {
    TRY(const auto message, take_message(bytes));
    if (!message) return records;
    if (message->codec() == Codec::none) {
      records.push_back(to_record(*message));
    } else {
      TRY(append_wrapped(*message, limit, records));
    }
  }
}

std::optional<std::size_t> legacy_size_from_front(BytesView front) {
  if (front.size() < batch_front_size) return std::nullopt;
  const auto magic = load_big_endian<std::int8_t>(front.data() + layout::magic);
  const auto size = load_big_endian<std::int32_t>(front.data() + layout::length);
  if ((magic != 0 && magic != 1) || size < static_cast<std::int32_t>(smallest_message)) {
    return std::nullopt;
  }
  if (load_big_endian<std::int64_t>(front.data()) < 0) return std::nullopt;
  return entry_header + static_cast<std::size_t>(size);
}

bool legacy_crc_matches(BytesView message) { return crc_matches(message.subspan(entry_header)); }

Result<Bytes> up_convert(BytesView message, Codec codec, const DecompressionLimit& limit) {
  TRY(const std::vector<LegacyRecord> records, read_message_set(message, limit));
  if (records.empty()) return fail(ErrorCode::corrupt_message, "a message is cut");
  const LegacyRecord& first = records.front();
  BatchOptions options{.codec = codec, .base_offset = first.offset};
  if (first.timestamp_type == TimestampType::log_append_time) {
    options.timestamp_type = TimestampType::log_append_time;
    options.fixed_timestamp = first.timestamp;
  }
  BatchBuilder builder(options);
  constexpr std::int64_t widest = std::numeric_limits<std::int32_t>::max();
  Offset next = first.offset;
  for (const LegacyRecord& record : records) {
    if (record.offset < next || record.offset - first.offset >= widest) {
      return fail(ErrorCode::corrupt_message, "the offsets of a wrapper's messages do not rise");
    }
    builder.append_at(record.offset, record.timestamp,
                      record.key ? OptionalBytes(*record.key) : std::nullopt,
                      record.value ? OptionalBytes(*record.value) : std::nullopt);
    next = record.offset + 1;
  }
  return builder.build();
}

Bytes up_convert_all(BytesView run) {
  Bytes converted;
  while (!run.empty()) {
    const auto old_size = legacy_size_from_front(run);
    const auto size = old_size ? old_size : batch_size_from_front(run);
    if (!size || *size > run.size()) break;
    const BytesView entry = run.first(*size);
    if (old_size) {
      const auto batch = up_convert(entry);
      if (!batch) break;
      append(converted, *batch);
    } else {
      append(converted, entry);
    }
    run = run.subspan(*size);
  }
  append(converted, run);
  return converted;
}

}  // namespace cairn::record
