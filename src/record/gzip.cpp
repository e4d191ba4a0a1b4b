// SPDX-License-Identifier: Apache-2.0
// gzip by zlib. Members may follow one another, as java.util.zip allows.
#include <zlib.h>

#include <cairn/base/assert.hpp>

#include "codecs.hpp"

namespace cairn::record {
namespace {

constexpr int gzip_window = 15 + 16;  // the largest window, gzip framing
constexpr int memory_level = 8;

// zlib takes its input without const and never writes to it.
Bytef* input(BytesView from) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(from.data()));
}

class Inflater {
 public:
  Inflater() { ok_ = inflateInit2(&stream_, gzip_window) == Z_OK; }
  ~Inflater() {
    if (ok_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ok() const { return ok_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ok_ = false;
};

}  // namespace

void compress_gzip(int level, BytesView from, Bytes& to) {
  z_stream stream{};
  const int effective = level == default_level ? Z_DEFAULT_COMPRESSION : level;
  const int ready =
      deflateInit2(&stream, effective, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY);
  ASSERT(ready == Z_OK, "zlib has memory for a compressor");
  const std::size_t before = to.size();
  to.resize(before + deflateBound(&stream, from.size()));
  stream.next_in = input(from);
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = reinterpret_cast<Bytef*>(to.data() + before);
  stream.avail_out = static_cast<uInt>(to.size() - before);
  const int done = deflate(&stream, Z_FINISH);
  ASSERT(done == Z_STREAM_END, "deflateBound is an upper bound");
  to.resize(before + stream.total_out);
  deflateEnd(&stream);
}

Result<> decompress_gzip(BytesView from, Sink& to) {
  Inflater inflater;
  if (!inflater.ok()) return fail(ErrorCode::unknown_server_error, "no memory for gzip");
  z_stream& stream = inflater.stream();
  stream.next_in = input(from);
  stream.avail_in = static_cast<uInt>(from.size());
  std::byte
      spare;  // takes what would be one byte too many, to tell a full sink from a finished one
  while (true) {
    MutableBytes room = to.room();
    const bool full = room.empty();
    if (full) room = {&spare, 1};
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    const std::size_t written = room.size() - stream.avail_out;
    if (full && written != 0) return grew_too_large();
    if (!full) to.wrote(written);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) return {};
      if (inflateReset(&stream) != Z_OK) break;  // another member
      continue;
    }
    if (state != Z_OK) break;  // damaged, or cut: no progress is possible
  }
  return fail(ErrorCode::corrupt_message, "the records are not valid gzip");
}

}  // namespace cairn::record
