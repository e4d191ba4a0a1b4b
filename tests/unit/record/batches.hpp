// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: hex to bytes and back, the twenty records that Golden.java
// puts into each golden batch, records as lines of text, and batches of a few values. Views that
// these functions take or return live as long as the bytes they were made of.
#pragma once

#include <cairn/record/builder.hpp>

namespace cairn::record::testing {

inline Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
  }
  return bytes;
}

inline std::string to_hex(BytesView bytes) {
  std::string text;
  for (std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

inline std::string or_null(OptionalBytes bytes) {
  return bytes ? std::string(as_text(*bytes)) : "null";
}

/// offset|timestamp|key|value|header=value...: the line that Golden.java prints of a record.
inline std::string line_of(const RecordView& record) {
  std::string line = fmt::format("{}|{}|{}|{}", record.offset, record.timestamp,
                                 or_null(record.key), or_null(record.value));
  for (Header header : record.headers) {
    line += fmt::format("|{}={}", header.key, or_null(header.value));
  }
  return line;
}

inline std::vector<std::string> lines_of(const BatchView& batch) {
  std::vector<std::string> lines;
  const auto done = for_each_record(
      batch, {}, [&](const RecordView& record) { lines.push_back(line_of(record)); });
  if (!done) lines.push_back(done.error().why);
  return lines;
}

/// Appends the twenty records of the golden batches.
inline void append_golden_records(BatchBuilder& builder) {
  for (int i = 0; i < 20; ++i) {
    const std::string key = fmt::format("key-{}", i);
    const std::string value = fmt::format("value-{} {}", i, std::string(30, char('a' + i % 26)));
    const std::string header = fmt::format("x{}", i);
    const std::vector<Header> headers = {{"h", as_bytes(header)}, {"n", std::nullopt}};
    builder.append(1700000000000 + i * 7, i % 5 == 4 ? OptionalBytes{} : as_bytes(key),
                   i % 7 == 6 ? OptionalBytes{} : as_bytes(value),
                   i % 3 == 0 ? std::span(headers) : std::span<const Header>{});
  }
}

inline BatchOptions golden_options(Codec codec) {
  BatchOptions options;
  options.codec = codec;
  options.base_offset = Offset(1000);
  options.leader_epoch = Epoch(5);
  options.producer_id = ProducerId(4000);
  options.producer_epoch = ProducerEpoch(3);
  options.base_sequence = 17;
  options.transactional = true;
  return options;
}

inline Bytes golden_batch(Codec codec) {
  BatchBuilder builder(golden_options(codec));
  append_golden_records(builder);
  return builder.build();
}

/// A client's plain batch of these values.
inline Bytes batch_of(std::initializer_list<std::string_view> values, BatchOptions options = {},
                      std::int64_t timestamp = 1000) {
  BatchBuilder builder(options);
  for (std::string_view value : values) {
    builder.append(timestamp, as_bytes("key"), as_bytes(value));
    if (values.size() > 1) ++timestamp;
  }
  return builder.build();
}

inline BatchView view(const Bytes& bytes) { return BatchView::parse(bytes).value(); }

}  // namespace cairn::record::testing
