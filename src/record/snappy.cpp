// SPDX-License-Identifier: Apache-2.0
// Snappy in the framing of xerial's Java library: a 16-byte header, then chunks of at most 32 KiB,
// each behind its compressed length. Some clients write one raw block instead; that is read, too.
#include <algorithm>
#include <array>

#include <snappy.h>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr std::array<std::byte, 8> magic = {std::byte{0x82}, std::byte{'S'}, std::byte{'N'},
                                            std::byte{'A'},  std::byte{'P'}, std::byte{'P'},
                                            std::byte{'Y'},  std::byte{0}};
constexpr std::size_t header_size = 16;  // magic, version 1, oldest compatible version 1
constexpr std::size_t chunk_size = 32 * 1024;
// A 3-byte copy yields 64 bytes at most, so no honest block grows further.
constexpr std::size_t greatest_growth = 22;

const char* text(BytesView bytes) { return reinterpret_cast<const char*>(bytes.data()); }

bool has_header(BytesView bytes) {
  return bytes.size() >= header_size && std::equal(magic.begin(), magic.end(), bytes.begin());
}

Result<> decompress_block(BytesView block, Sink& to) {
  std::size_t size = 0;
  const bool known = snappy::GetUncompressedLength(text(block), block.size(), &size);
  if (!known || size > block.size() * greatest_growth + 64) {
    return fail(ErrorCode::corrupt_message, "a snappy block declares an impossible length");
  }
  if (size > to.left()) return grew_too_large();
  if (size == 0) return {};
  const MutableBytes room = to.room(size);
  if (!snappy::RawUncompress(text(block), block.size(), reinterpret_cast<char*>(room.data()))) {
    return fail(ErrorCode::corrupt_message, "the records are not valid snappy");
  }
  to.wrote(size);
  return {};
}

}  // namespace

void compress_snappy(BytesView from, Bytes& to) {
  append(to, magic);
  to.resize(to.size() + 8);
  store_big_endian<std::int32_t>(to.data() + to.size() - 8, 1);
  store_big_endian<std::int32_t>(to.data() + to.size() - 4, 1);
  while (!from.empty()) {
    const BytesView chunk = from.first(std::min(from.size(), chunk_size));
    from = from.subspan(chunk.size());
    const std::size_t start = to.size();
    to.resize(start + 4 + snappy::MaxCompressedLength(chunk.size()));
    std::size_t size = 0;
    snappy::RawCompress(text(chunk), chunk.size(), reinterpret_cast<char*>(to.data() + start + 4),
                        &size);
    store_big_endian(to.data() + start, static_cast<std::int32_t>(size));
    to.resize(start + 4 + size);
  }
}

Result<> decompress_snappy(BytesView from, Sink& to) {
  if (!has_header(from)) return decompress_block(from, to);
  while (!from.empty()) {
    if (has_header(from)) {  // at the front, and again where streams were concatenated
      from = from.subspan(header_size);
      continue;
    }
    if (from.size() < 4) return fail(ErrorCode::corrupt_message, "a snappy chunk is cut");
    const auto size = load_big_endian<std::uint32_t>(from.data());
    from = from.subspan(4);
    if (size > from.size()) return fail(ErrorCode::corrupt_message, "a snappy chunk is cut");
    TRY(decompress_block(from.first(size), to));
    from = from.subspan(size);
  }
  return {};
}

}  // namespace cairn::record
