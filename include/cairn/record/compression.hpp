// SPDX-License-Identifier: Apache-2.0
// Kafka's codecs. What compress() writes, the Java client reads; decompress() reads what Java,
// librdkafka and their kin write (snappy: xerial chunks or one raw block). Output grows as bytes
// appear and stops at the limit: no declared length is ever believed with memory.
#pragma once

#include <limits>
#include <string_view>

#include <cairn/record/batch.hpp>

namespace cairn::record {

/// The codec's own default, whatever its number.
inline constexpr int default_level = std::numeric_limits<int>::min();

/// gzip: -1, 1..9; lz4: 1..17; zstd: -131072..22; snappy and none have no levels. default_level
/// fits all.
bool is_valid_level(Codec codec, int level);

/// Appends the compressed form of `from` to `to`. REQUIRES: is_valid_level(codec, level).
void compress(Codec codec, int level, BytesView from, Bytes& to);

/// How much a block may grow: facts/security.md §5.
struct DecompressionLimit {
  std::size_t max_output = std::size_t{64} << 20;
  std::size_t max_ratio = 1000;  // output to input, from 1 MiB of output on

  /// The limit for a topic with this max.message.bytes: min(20 x, 64 MiB), but never below the
  /// message size itself.
  static DecompressionLimit for_topic(std::size_t max_message_bytes);
};

/// The content of `from`. corrupt_message if it is not what the codec writes or is cut;
/// message_too_large if it grows past the limit. Codec::none copies.
Result<Bytes> decompress(Codec codec, BytesView from, const DecompressionLimit& limit);

/// Kafka's names: "none", "gzip", "snappy", "lz4", "zstd".
std::string_view to_string(Codec codec);
/// The reverse, also for "uncompressed"; nothing for other words ("producer" among them).
std::optional<Codec> parse_codec(std::string_view name);

}  // namespace cairn::record
