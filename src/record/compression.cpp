// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/record/compression.hpp>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr std::size_t free_output = std::size_t{1} << 20;  // below it no ratio is too high
constexpr std::size_t first_step = std::size_t{4} << 10;

std::size_t output_limit(std::size_t input, const DecompressionLimit& limit) {
  const bool overflows = input > std::numeric_limits<std::size_t>::max() / limit.max_ratio;
  const std::size_t by_ratio = overflows ? limit.max_output : input * limit.max_ratio;
  return std::min(limit.max_output, std::max(free_output, by_ratio));
}

Result<> run(Codec codec, BytesView from, Sink& to) {
  switch (codec) {
    case Codec::gzip:
      return decompress_gzip(from, to);
    case Codec::snappy:
      return decompress_snappy(from, to);
    case Codec::lz4:
      return decompress_lz4(from, to);
    case Codec::zstd:
      return decompress_zstd(from, to);
    case Codec::none:
      break;
  }
  return fail(ErrorCode::unsupported_compression_type, "unknown codec");
}

}  // namespace

MutableBytes Sink::room(std::size_t wanted) {
  const std::size_t free = bytes_.size() - used_;
  if (free < wanted) {
    const std::size_t doubled = std::max({first_step, bytes_.size() * 2, used_ + wanted});
    bytes_.resize(std::min(limit_, doubled));
  }
  return MutableBytes(bytes_).subspan(used_);
}

Bytes Sink::take() {
  bytes_.resize(used_);
  return std::move(bytes_);
}

DecompressionLimit DecompressionLimit::for_topic(std::size_t max_message_bytes) {
  constexpr std::size_t most = std::size_t{64} << 20;
  const std::size_t twenty_fold = max_message_bytes > most / 20 ? most : max_message_bytes * 20;
  return {.max_output = std::max(twenty_fold, max_message_bytes), .max_ratio = 1000};
}

bool is_valid_level(Codec codec, int level) {
  if (level == default_level) return true;
  switch (codec) {
    case Codec::gzip:
      return level == -1 || (level >= 1 && level <= 9);
    case Codec::lz4:
      return level >= 1 && level <= 17;
    case Codec::zstd:
      return level >= -131072 && level <= 22;
    case Codec::snappy:
    case Codec::none:
      return false;
  }
  return false;
}

void compress(Codec codec, int level, BytesView from, Bytes& to) {
  ASSERT(is_valid_level(codec, level), "the level was validated with the configuration");
  switch (codec) {
    case Codec::none:
      return append(to, from);
    case Codec::gzip:
      return compress_gzip(level, from, to);
    case Codec::snappy:
      return compress_snappy(from, to);
    case Codec::lz4:
      return compress_lz4(level, from, to);
    case Codec::zstd:
      return compress_zstd(level, from, to);
  }
}

Result<Bytes> decompress(Codec codec, BytesView from, const DecompressionLimit& limit) {
  if (codec == Codec::none) {
    if (from.size() > limit.max_output) return grew_too_large();
    return to_bytes(from);
  }
  Sink sink(output_limit(from.size(), limit));
  TRY(run(codec, from, sink));
  return sink.take();
}

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::none:
      return "none";
    case Codec::gzip:
      return "gzip";
    case Codec::snappy:
      return "snappy";
    case Codec::lz4:
      return "lz4";
    case Codec::zstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<Codec> parse_codec(std::string_view name) {
  if (name == "uncompressed") return Codec::none;
  for (auto codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    if (name == to_string(codec)) return codec;
  }
  return std::nullopt;
}

}  // namespace cairn::record
