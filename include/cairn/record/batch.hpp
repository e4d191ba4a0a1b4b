// SPDX-License-Identifier: Apache-2.0
// A record batch (magic 2) as it lies on the wire and on disk. BatchView reads the 61 header bytes
// in place and owns nothing; parse() is the only way in, so a view always has a whole batch behind
// it. The stamp functions change what a leader may change without opening the records.
#pragma once

#include <optional>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::record {

/// Where each field of the header stands.
namespace layout {
inline constexpr std::size_t base_offset = 0;
inline constexpr std::size_t length = 8;
inline constexpr std::size_t leader_epoch = 12;
inline constexpr std::size_t magic = 16;
inline constexpr std::size_t crc = 17;
inline constexpr std::size_t attributes = 21;
inline constexpr std::size_t last_offset_delta = 23;
inline constexpr std::size_t base_timestamp = 27;
inline constexpr std::size_t max_timestamp = 35;
inline constexpr std::size_t producer_id = 43;
inline constexpr std::size_t producer_epoch = 51;
inline constexpr std::size_t base_sequence = 53;
inline constexpr std::size_t record_count = 57;
inline constexpr std::size_t records = 61;
}  // namespace layout

inline constexpr std::size_t log_overhead = 12;  // base offset and length: what `length` leaves out
inline constexpr std::size_t batch_header_size = layout::records;
inline constexpr std::int8_t magic_v2 = 2;

enum class Codec : std::uint8_t { none, gzip, snappy, lz4, zstd };
enum class TimestampType : std::uint8_t { create_time, log_append_time };

class BatchView {
 public:
  /// The batch at the front of `bytes`, which may go on behind it. Fails with corrupt_message when
  /// it is cut, its length is impossible or its magic is not 2. The CRC is not looked at.
  static Result<BatchView> parse(BytesView bytes);
  /// REQUIRES: `bytes` is exactly one batch that parse() accepted before.
  static BatchView trusted(BytesView bytes) { return BatchView(bytes); }

  /// The whole batch, header included.
  BytesView bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  /// The records as stored: one compressed block if there is a codec.
  BytesView payload() const { return bytes_.subspan(layout::records); }

  Offset base_offset() const { return Offset(at<std::int64_t>(layout::base_offset)); }
  Offset last_offset() const { return base_offset() + last_offset_delta(); }
  Offset next_offset() const { return last_offset() + 1; }
  std::int32_t length() const { return at<std::int32_t>(layout::length); }
  Epoch leader_epoch() const { return Epoch(at<std::int32_t>(layout::leader_epoch)); }
  std::int8_t magic() const { return at<std::int8_t>(layout::magic); }
  std::uint32_t crc() const { return at<std::uint32_t>(layout::crc); }
  std::int16_t attributes() const { return at<std::int16_t>(layout::attributes); }
  std::int32_t last_offset_delta() const { return at<std::int32_t>(layout::last_offset_delta); }
  std::int64_t base_timestamp() const { return at<std::int64_t>(layout::base_timestamp); }
  std::int64_t max_timestamp() const { return at<std::int64_t>(layout::max_timestamp); }
  ProducerId producer_id() const { return ProducerId(at<std::int64_t>(layout::producer_id)); }
  ProducerEpoch producer_epoch() const {
    return ProducerEpoch(at<std::int16_t>(layout::producer_epoch));
  }
  std::int32_t base_sequence() const { return at<std::int32_t>(layout::base_sequence); }
  /// Sequence of the last record; wraps from 2^31-1 to 0. -1 without a base sequence.
  std::int32_t last_sequence() const;
  /// Records inside; 0 is legal (the cleaner leaves empty batches). Negative only in hostile bytes.
  std::int32_t record_count() const { return at<std::int32_t>(layout::record_count); }

  /// Nothing if the three bits name no codec Kafka knows.
  std::optional<Codec> codec() const;
  bool is_compressed() const { return (attributes() & 0x07) != 0; }
  TimestampType timestamp_type() const { return TimestampType((attributes() >> 3) & 1); }
  bool is_transactional() const { return (attributes() & 0x10) != 0; }
  bool is_control() const { return (attributes() & 0x20) != 0; }
  bool has_delete_horizon() const { return (attributes() & 0x40) != 0; }
  /// When the tombstones of a cleaned batch may go, in ms; nothing without the flag.
  std::optional<std::int64_t> delete_horizon() const;
  bool has_producer() const { return producer_id() > no_producer; }

  /// The CRC-32C of byte 21 to the end, computed now.
  std::uint32_t computed_crc() const;
  bool crc_matches() const { return computed_crc() == crc(); }

 private:
  explicit BatchView(BytesView bytes) : bytes_(bytes) {}
  template <class T>
  T at(std::size_t offset) const {
    return load_big_endian<T>(bytes_.data() + offset);
  }
  BytesView bytes_;
};

/// Sequence numbers count from 0 to 2^31-1 and begin again. REQUIRES: sequence >= 0.
std::int32_t advance_sequence(std::int32_t sequence, std::int64_t by);

/// What a leader stamps at an append: both fields lie outside the CRC. `batch` is the batch, or any
/// writable copy of its first 16 bytes.
void stamp_base_offset(MutableBytes batch, Offset base_offset);
void stamp_leader_epoch(MutableBytes batch, Epoch leader_epoch);
/// Sets the timestamp type and the maximum timestamp and computes the CRC anew (it reads all of
/// `batch`, which is the whole batch).
void stamp_max_timestamp(MutableBytes batch, TimestampType type, std::int64_t max_timestamp);
/// As above for a header that lies apart from its records: only these 61 bytes are changed.
void stamp_max_timestamp(MutableBytes header, BytesView payload, TimestampType type,
                         std::int64_t max_timestamp);
/// Computes the CRC anew after other changes to a whole batch.
void stamp_crc(MutableBytes batch);

/// How a run of bytes stops being batches.
enum class BatchFault : std::uint8_t {
  none,        // the run ended after a whole batch
  cut,         // the last batch goes on beyond the bytes given (normal at the end of a read)
  bad_length,  // a length no batch can have
  bad_magic,   // a magic other than 2
  bad_crc,     // only with Check::crc
};
const char* to_string(BatchFault fault);

/// Walks batches that lie back to back.
///   for (BatchIterator it(bytes); auto batch = it.next();) use(*batch);
class BatchIterator {
 public:
  enum class Check : std::uint8_t { framing, crc };

  explicit BatchIterator(BytesView bytes, Check check = Check::framing)
      : bytes_(bytes), check_(check) {}

  /// The next batch; nothing at the end or at a fault (see fault()).
  std::optional<BatchView> next();
  /// Bytes of whole, accepted batches so far: where the next batch begins, or the fault lies.
  std::size_t position() const { return position_; }
  BatchFault fault() const { return fault_; }
  /// corrupt_message for any fault; a cut last batch counts as one.
  Result<> status() const;

 private:
  BytesView bytes_;
  Check check_;
  std::size_t position_ = 0;
  BatchFault fault_ = BatchFault::none;
};

/// Bytes of the whole batch whose first 17 bytes (or more) are `front`; nothing if fewer are given,
/// or length or magic are impossible. For readers that fetch headers before bodies.
std::optional<std::size_t> batch_size_from_front(BytesView front);
inline constexpr std::size_t batch_front_size = 17;

}  // namespace cairn::record
