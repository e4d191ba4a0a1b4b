// SPDX-License-Identifier: Apache-2.0
// Decodes the primitive types of Kafka's protocol from one buffer. Failure is sticky: after the
// first one every read leaves its target as it was, so a message is read straight through and ok()
// is asked once at the end. No length or count is believed beyond the bytes that are left, and what
// a buffer may allocate in all is bounded by its size (see memory_per_byte). The buffer must
// outlive the Records read from it.
#pragma once

#include <concepts>
#include <optional>
#include <string>

#include <cairn/base/bytes.hpp>
#include <cairn/base/error_code.hpp>
#include <cairn/base/uuid.hpp>
#include <cairn/protocol/records.hpp>
#include <cairn/protocol/unknown_tags.hpp>

namespace cairn::protocol {

/// How lengths are written: int16 or int32, or in flexible versions an unsigned varint of one more.
enum class Lengths : bool { fixed, compact };
/// Whether null is a legal value of a field in the version at hand.
enum class Null : bool { refused, allowed };

constexpr Lengths compact_if(bool flexible) { return flexible ? Lengths::compact : Lengths::fixed; }

class Reader {
 public:
  /// A decoded message takes at most this times its bytes, plus the allowance.
  static constexpr std::size_t memory_per_byte = 8;
  static constexpr std::size_t memory_allowance = 256 * 1024;

  explicit Reader(BytesView bytes)
      : at_(bytes.data()),
        end_(bytes.data() + bytes.size()),
        memory_(bytes.size() * memory_per_byte + memory_allowance) {}

  bool ok() const { return why_ == nullptr; }
  /// What was wrong; null if nothing was.
  const char* why() const { return why_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// The bytes not read yet; none after a failure.
  BytesView rest() const { return {at_, left()}; }

  /// Marks the buffer as bad and leaves nothing to read. The first reason stays.
  void fail(const char* why);

  template <std::integral T>
  void read(T& to) {
    if (left() < sizeof(T)) return fail("the message is cut short");
    to = load_big_endian<T>(at_);
    at_ += sizeof(T);
  }
  void read(bool& to);
  void read(double& to);
  void read(ErrorCode& to);
  void read(Uuid& to);
  std::uint32_t read_unsigned_varint();

  void read(std::string& to, Lengths lengths);
  void read(std::optional<std::string>& to, Lengths lengths, Null null = Null::allowed);
  void read(Bytes& to, Lengths lengths);
  void read(std::optional<Bytes>& to, Lengths lengths, Null null = Null::allowed);
  void read(Records& to, Lengths lengths);
  void read(std::optional<Records>& to, Lengths lengths, Null null = Null::allowed);

  /// The next `size` bytes where they lie; nothing and a failure if there are fewer.
  BytesView take(std::size_t size);

  /// Reads the count of an array whose elements take at least `wire_size` bytes each here and
  /// `memory_size` in memory. Nothing for null; after a failure zero.
  std::optional<std::size_t> array_count(Lengths lengths, std::size_t wire_size,
                                         std::size_t memory_size);

  /// Whether a nullable struct follows: an int8 of -1 says no. Null where it may not be is a
  /// failure.
  bool read_presence(Null null = Null::allowed);
  /// The same in a tagged field: an unsigned varint of 0 says no.
  bool read_tagged_presence();

  /// Tagged fields of a struct that has none of its own.
  void read_tags(UnknownTags& to);

 private:
  friend class TagReader;

  // Length in bytes or elements; negative for null.
  std::int64_t length(Lengths lengths, std::size_t fixed_size);
  std::optional<BytesView> sized(Lengths lengths, std::size_t fixed_size);
  std::optional<BytesView> required(Lengths lengths, std::size_t fixed_size, Null null);
  bool charge(std::size_t memory);

  const std::byte* at_;
  const std::byte* end_;
  std::size_t memory_;
  const char* why_ = nullptr;
};

/// Walks the tagged fields of one struct:
///   for (TagReader tags(reader, m.unknown_tags); tags.next();) switch (tags.tag()) { case 0: ...;
///   default: tags.keep(); }
/// A field must consume exactly its size; tags must ascend.
class TagReader {
 public:
  TagReader(Reader& reader, UnknownTags& unknown);

  bool next();
  std::uint32_t tag() const { return tag_; }
  void keep();

 private:
  Reader& reader_;
  UnknownTags& unknown_;
  std::uint32_t left_;
  bool first_ = true;
  std::uint32_t tag_ = 0;
  std::uint32_t size_ = 0;
  const std::byte* end_ = nullptr;
};

}  // namespace cairn::protocol
