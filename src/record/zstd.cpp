// SPDX-License-Identifier: Apache-2.0
// zstd. Its contexts are large and slow to make, so each thread keeps one of each kind; they carry
// no state from one call to the next.
#include <memory>

#include <zstd.h>

#include <cairn/base/assert.hpp>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr int java_zstd_level = 3;
// What Java's reader allows and level 22 writes; memory is touched only as far as output reaches.
constexpr int largest_window_log = 27;

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  ASSERT(context, "zstd has memory for a compressor");
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  ASSERT(context, "zstd has memory for a decompressor");
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window_log);
  return context.get();
}

}  // namespace

void compress_zstd(int level, BytesView from, Bytes& to) {
  ZSTD_CCtx* const context = compressor();
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  const int effective = level == default_level ? java_zstd_level : level;
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, effective);
  const std::size_t before = to.size();
  to.resize(before + ZSTD_compressBound(from.size()));
  const std::size_t size =
      ZSTD_compress2(context, to.data() + before, to.size() - before, from.data(), from.size());
  ASSERT(!ZSTD_isError(size), "ZSTD_compressBound is an upper bound");
  to.resize(before + size);
}

Result<> decompress_zstd(BytesView from, Sink& to) {
  ZSTD_DCtx* const context = decompressor();
  ZSTD_inBuffer input{from.data(), from.size(), 0};
  std::byte spare;
  while (true) {
    MutableBytes room = to.room();
    const bool full = room.empty();
    if (full) room = {&spare, 1};
    ZSTD_outBuffer output{room.data(), room.size(), 0};
    const std::size_t before = input.pos;
    const std::size_t hint = ZSTD_decompressStream(context, &output, &input);
    if (ZSTD_isError(hint)) break;
    if (full && output.pos != 0) return grew_too_large();
    if (!full) to.wrote(output.pos);
    if (hint == 0 && input.pos == input.size) return {};  // end of the last frame
    if (output.pos == 0 && input.pos == before) break;    // cut
  }
  return fail(ErrorCode::corrupt_message, "the records are not valid zstd");
}

}  // namespace cairn::record
