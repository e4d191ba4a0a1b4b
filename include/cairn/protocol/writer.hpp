// SPDX-License-Identifier: Apache-2.0
// Encodes the primitive types of Kafka's protocol. Everything goes into one growing buffer, except
// Records above the splice limit: those are only referred to, and the result is a frame of chunks
// for a gathered write. A value that the version cannot carry never breaks the frame: something
// legal is written, and refusal() names the field, for the caller to act on.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/error_code.hpp>
#include <cairn/base/uuid.hpp>
#include <cairn/protocol/reader.hpp>
#include <cairn/protocol/records.hpp>
#include <cairn/protocol/unknown_tags.hpp>

namespace cairn::protocol {

/// What a Writer made: its own bytes, with Records to be put in between. Records without an owner
/// must outlive it.
struct OutgoingFrame {
  struct Splice {
    std::size_t at;  // bytes of `bytes` that go before it
    Records records;
  };

  Bytes bytes;
  std::vector<Splice> splices;

  std::size_t size() const;
  /// Appends the pieces in order, for a gathered write. They point into this frame.
  void append_chunks(std::vector<BytesView>& to) const;
  std::vector<BytesView> chunks() const;
  Bytes contiguous() &&;
};

class Writer {
 public:
  /// Smaller Records are copied: a piece of a gathered write costs more than the copy.
  static constexpr std::size_t splice_above = 1024;
  static constexpr std::size_t never_splice = SIZE_MAX;

  explicit Writer(std::size_t splice_limit = splice_above) : splice_limit_(splice_limit) {}

  /// Bytes written so far, spliced ones included.
  std::size_t size() const { return used_ + spliced_; }

  /// Leaves room for an int32 and says where; set_length writes there how many bytes followed it.
  std::size_t reserve_length();
  void set_length(std::size_t reserved_at);

  /// No refusal so far.
  bool ok() const { return refusal_ == nullptr; }
  /// The first field with a value that the version cannot carry (text that is too long, null where
  /// there is none, a value other than the default of a field the version lacks and that may not be
  /// ignored); null if there was none.
  const char* refusal() const { return refusal_; }
  void refuse(const char* field);

  template <std::integral T>
  void write(T value) {
    store_big_endian(room(sizeof(T)), value);
    used_ += sizeof(T);
  }
  void write(bool value) { write<std::int8_t>(value ? 1 : 0); }
  void write(double value);
  void write(ErrorCode value) { write(static_cast<std::int16_t>(value)); }
  void write(const Uuid& value);
  void write_unsigned_varint(std::uint32_t value);
  void write_bytes(BytesView bytes);

  void write(std::string_view text, Lengths lengths);
  void write(const std::string& text, Lengths lengths) { write(std::string_view(text), lengths); }
  void write(const std::optional<std::string>& text, Lengths lengths, Null null = Null::allowed);
  void write(const Bytes& bytes, Lengths lengths);
  void write(const std::optional<Bytes>& bytes, Lengths lengths, Null null = Null::allowed);
  void write(const Records& records, Lengths lengths);
  void write(const std::optional<Records>& records, Lengths lengths, Null null = Null::allowed);

  /// The count of an array; nothing stands for null.
  void write_count(std::optional<std::size_t> count, Lengths lengths, Null null = Null::allowed);
  /// What precedes a nullable struct. Returns whether to write the struct.
  bool write_presence(bool present);
  bool write_tagged_presence(bool present);
  /// The tagged fields of a struct that has none of its own.
  void write_tags(const UnknownTags& tags);

  OutgoingFrame finish() &&;
  /// REQUIRES: made with never_splice.
  Bytes finish_contiguous() &&;

 private:
  friend class TagWriter;

  std::byte* room(std::size_t size) {
    if (buffer_.size() - used_ < size) grow(size);
    return buffer_.data() + used_;
  }
  void grow(std::size_t size);
  void write_sized_length(std::size_t length, Lengths lengths);
  void write_null(Lengths lengths, Null null);
  void insert_varint(std::size_t at, std::uint32_t value);

  Bytes buffer_;  // its size is the room there is; used_ bytes of it are written
  std::size_t used_ = 0;
  std::size_t spliced_ = 0;
  std::size_t splice_limit_;
  std::vector<OutgoingFrame::Splice> splices_;
  const char* refusal_ = nullptr;
};

/// Writes the tagged fields of one struct in ascending order, the unknown ones in their places:
/// begin(tag), the value, end(), for each that is there, then finish().
class TagWriter {
 public:
  TagWriter(Writer& writer, const UnknownTags& unknown, unsigned known);

  void begin(std::uint32_t tag);
  void end();
  void finish();

 private:
  Writer& writer_;
  std::span<const UnknownTag> unknown_;
  std::size_t buffer_start_ = 0;
  std::size_t start_ = 0;
};

}  // namespace cairn::protocol
