// SPDX-License-Identifier: Apache-2.0
// One codec, one pair of functions. Each decompressor appends to a Sink, which says how far it may
// go.
#pragma once

#include <cairn/record/compression.hpp>

namespace cairn::record {

/// Output that grows by doubling up to a hard limit.
class Sink {
 public:
  explicit Sink(std::size_t limit) : limit_(limit) {}

  /// Writable room of at least one byte, or none at all when the limit is reached.
  MutableBytes room(std::size_t wanted = 1);
  /// Says how much of room() was written.
  void wrote(std::size_t size) { used_ += size; }
  std::size_t size() const { return used_; }
  std::size_t left() const { return limit_ - used_; }
  Bytes take();

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
  Bytes bytes_;
};

inline std::unexpected<Error> grew_too_large() {
  return fail(ErrorCode::message_too_large, "the records decompress to more than is allowed");
}

void compress_gzip(int level, BytesView from, Bytes& to);
void compress_snappy(BytesView from, Bytes& to);
void compress_lz4(int level, BytesView from, Bytes& to);
void compress_zstd(int level, BytesView from, Bytes& to);

Result<> decompress_gzip(BytesView from, Sink& to);
Result<> decompress_snappy(BytesView from, Sink& to);
Result<> decompress_lz4(BytesView from, Sink& to);
Result<> decompress_zstd(BytesView from, Sink& to);

/// Message sets of magic 0 carry a wrong lz4 header checksum (KAFKA-3160): this is the right one
/// for the frame descriptor given. XXH32 >> 8 as the lz4 frame format says.
std::byte lz4_header_checksum(BytesView descriptor);

}  // namespace cairn::record
