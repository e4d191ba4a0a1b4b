// SPDX-License-Identifier: Apache-2.0
// Finding out what a log holds after an unclean stop. A SegmentScan is fed a segment's bytes in
// order; it checks every batch (length, magic, CRC, offsets and epochs that go on) and says where
// the first invalid byte lies; nothing behind it is kept. The caller rebuilds indexes, epochs and
// producer state from the batches it accepts.
#pragma once

#include <cairn/log/epoch_cache.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::log {

enum class ScanFault : std::uint8_t {
  none,
  torn,           // length, magic or CRC: a batch that was not written whole
  zeros,          // allocated but never written
  offset_gap,     // base offset below what came before, or last offset below base
  outside,        // an offset the segment cannot hold
  epoch_regress,  // a leader epoch below that of the batch before
};
const char* to_string(ScanFault fault);

class SegmentScan {
 public:
  /// `next_offset`: the end offset of the segment before; `epoch`: the latest epoch before.
  SegmentScan(Offset base_offset, Offset next_offset, Epoch epoch);

  /// Takes the next batch of the segment from the front of `bytes`, which begin at position() in
  /// the file and are the file's last bytes if `at_end`. Returns the batch; nothing if more bytes
  /// are needed (needed() says how many from position() on), or the segment ends, or is invalid:
  /// see done(). A message of magic 0 or 1 comes as the batch it converts to, valid until the next
  /// call.
  std::optional<record::BatchView> next(BytesView bytes, bool at_end);

  /// The scan is over: the end was reached or a fault met.
  bool done() const { return done_; }
  ScanFault fault() const { return fault_; }
  /// Bytes that are valid so far: where to cut.
  std::uint64_t position() const { return position_; }
  std::size_t needed() const { return needed_; }
  /// Bytes in the file of what next() returned last.
  std::size_t stored_size() const { return stored_size_; }
  Offset next_offset() const { return next_offset_; }
  Epoch epoch() const { return epoch_; }

 private:
  std::optional<record::BatchView> stop(ScanFault fault);

  Offset base_offset_;
  Offset next_offset_;
  Epoch epoch_;
  std::uint64_t position_ = 0;
  std::size_t needed_ = record::batch_header_size;
  std::size_t stored_size_ = 0;
  Bytes converted_;
  ScanFault fault_ = ScanFault::none;
  bool done_ = false;
};

/// Where a follower cuts its log after OffsetForLeaderEpoch or a diverging epoch in Fetch.
struct Truncation {
  Offset offset;
  /// False: ask the leader again with the epoch that now is latest.
  bool final = true;
};
Truncation truncation_for(const EpochCache& epochs, EpochEnd leader, Offset log_end,
                          Offset high_watermark);

}  // namespace cairn::log
