// SPDX-License-Identifier: Apache-2.0
// lz4 in its frame format. Java reads independent blocks only, so that is what we write: 64 KiB
// blocks, no checksum of the content, no content size.
#include <bit>
#include <memory>

#include <lz4frame.h>

#include <cairn/base/assert.hpp>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr int java_fast_level = 9;  // by that number Kafka means the fast compressor

struct FreeDecompressor {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

LZ4F_preferences_t preferences(int level) {
  LZ4F_preferences_t wanted{};
  wanted.frameInfo.blockSizeID = LZ4F_max64KB;
  wanted.frameInfo.blockMode = LZ4F_blockIndependent;
  wanted.compressionLevel = level == default_level || level == java_fast_level ? 0 : level;
  return wanted;
}

std::uint32_t little_endian(const std::byte* from) {
  return std::byteswap(load_big_endian<std::uint32_t>(from));
}

}  // namespace

void compress_lz4(int level, BytesView from, Bytes& to) {
  const LZ4F_preferences_t wanted = preferences(level);
  const std::size_t before = to.size();
  to.resize(before + LZ4F_compressFrameBound(from.size(), &wanted));
  const std::size_t size =
      LZ4F_compressFrame(to.data() + before, to.size() - before, from.data(), from.size(), &wanted);
  ASSERT(!LZ4F_isError(size), "LZ4F_compressFrameBound is an upper bound");
  to.resize(before + size);
}

Result<> decompress_lz4(BytesView from, Sink& to) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) {
    return fail(ErrorCode::unknown_server_error, "no memory for lz4");
  }
  const std::unique_ptr<LZ4F_dctx, FreeDecompressor> context(raw);
  std::byte spare;
  while (true) {
    MutableBytes room = to.room();
    const bool full = room.empty();
    if (full) room = {&spare, 1};
    std::size_t written = room.size();
    std::size_t read = from.size();
    const std::size_t hint =
        LZ4F_decompress(context.get(), room.data(), &written, from.data(), &read, nullptr);
    if (LZ4F_isError(hint)) break;
    if (full && written != 0) return grew_too_large();
    if (!full) to.wrote(written);
    from = from.subspan(read);
    if (hint == 0) {  // end of the frame
      if (from.empty()) return {};
      break;
    }
    if (read == 0 && written == 0) break;  // cut
  }
  return fail(ErrorCode::corrupt_message, "the records are not a valid lz4 frame");
}

std::byte lz4_header_checksum(BytesView descriptor) {
  constexpr std::uint32_t prime1 = 0x9E3779B1;
  constexpr std::uint32_t prime2 = 0x85EBCA77;
  constexpr std::uint32_t prime3 = 0xC2B2AE3D;
  constexpr std::uint32_t prime4 = 0x27D4EB2F;
  constexpr std::uint32_t prime5 = 0x165667B1;
  ASSERT(descriptor.size() < 16, "a frame descriptor has 2 to 14 bytes");
  std::uint32_t hash = prime5 + static_cast<std::uint32_t>(descriptor.size());
  for (; descriptor.size() >= 4; descriptor = descriptor.subspan(4)) {
    hash = std::rotl(hash + little_endian(descriptor.data()) * prime3, 17) * prime4;
  }
  for (const std::byte byte : descriptor) {
    hash = std::rotl(hash + static_cast<std::uint32_t>(byte) * prime5, 11) * prime1;
  }
  hash = (hash ^ (hash >> 15)) * prime2;
  hash = (hash ^ (hash >> 13)) * prime3;
  hash ^= hash >> 16;
  return static_cast<std::byte>(hash >> 8);
}

}  // namespace cairn::record
