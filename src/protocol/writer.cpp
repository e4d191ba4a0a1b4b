// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <cairn/base/assert.hpp>
#include <cairn/base/varint.hpp>
#include <cairn/protocol/writer.hpp>

namespace cairn::protocol {

std::size_t OutgoingFrame::size() const {
  std::size_t size = bytes.size();
  for (const Splice& splice : splices) size += splice.records.size();
  return size;
}

void OutgoingFrame::append_chunks(std::vector<BytesView>& to) const {
  std::size_t from = 0;
  const auto append_own = [&](std::size_t end) {
    if (end > from) to.push_back(BytesView(bytes).subspan(from, end - from));
    from = end;
  };
  for (const Splice& splice : splices) {
    append_own(splice.at);
    to.push_back(splice.records.view());
  }
  append_own(bytes.size());
}

std::vector<BytesView> OutgoingFrame::chunks() const {
  std::vector<BytesView> chunks;
  chunks.reserve(2 * splices.size() + 1);
  append_chunks(chunks);
  return chunks;
}

Bytes OutgoingFrame::contiguous() && {
  if (splices.empty()) return std::move(bytes);
  Bytes all;
  all.reserve(size());
  for (const BytesView chunk : chunks()) append(all, chunk);
  return all;
}

void Writer::grow(std::size_t size) {
  buffer_.resize(std::max({buffer_.size() * 2, used_ + size, std::size_t{512}}));
}

std::size_t Writer::reserve_length() {
  const std::size_t at = used_;
  write(std::int32_t{0});
  return at;
}

void Writer::set_length(std::size_t reserved_at) {
  std::size_t length = used_ - reserved_at - sizeof(std::int32_t);
  for (const auto& splice : splices_) {
    if (splice.at > reserved_at) length += splice.records.size();
  }
  store_big_endian(buffer_.data() + reserved_at, static_cast<std::int32_t>(length));
}

void Writer::refuse(const char* field) {
  if (refusal_ == nullptr) refusal_ = field;
}

void Writer::write(double value) { write(std::bit_cast<std::uint64_t>(value)); }

void Writer::write(const Uuid& value) {
  write(value.high);
  write(value.low);
}

void Writer::write_unsigned_varint(std::uint32_t value) {
  std::byte* const from = room(5);
  used_ += static_cast<std::size_t>(cairn::write_unsigned_varint(from, value) - from);
}

void Writer::write_bytes(BytesView bytes) {
  std::ranges::copy(bytes, room(bytes.size()));
  used_ += bytes.size();
}

void Writer::write(std::string_view text, Lengths lengths) {
  if (lengths == Lengths::compact) {
    write_sized_length(text.size(), lengths);
  } else {
    if (text.size() > std::numeric_limits<std::int16_t>::max()) {
      refuse("a text is too long for the version");
      text = {};
    }
    write(static_cast<std::int16_t>(text.size()));
  }
  write_bytes(as_bytes(text));
}

void Writer::write(const std::optional<std::string>& text, Lengths lengths, Null null) {
  if (text) return write(std::string_view(*text), lengths);
  if (null == Null::refused) {
    refuse("a text is null that may not be in the version");
    return write(std::string_view(), lengths);
  }
  if (lengths == Lengths::compact) return write_unsigned_varint(0);
  write(std::int16_t{-1});
}

void Writer::write(const Bytes& bytes, Lengths lengths) {
  write_sized_length(bytes.size(), lengths);
  write_bytes(bytes);
}

void Writer::write(const std::optional<Bytes>& bytes, Lengths lengths, Null null) {
  if (!bytes) return write_null(lengths, null);
  write(*bytes, lengths);
}

void Writer::write(const Records& records, Lengths lengths) {
  write_sized_length(records.size(), lengths);
  if (records.size() <= splice_limit_) return write_bytes(records.view());
  if (splices_.empty()) splices_.reserve(16);
  splices_.push_back({used_, records});
  spliced_ += records.size();
}

void Writer::write(const std::optional<Records>& records, Lengths lengths, Null null) {
  if (!records) return write_null(lengths, null);
  write(*records, lengths);
}

void Writer::write_count(std::optional<std::size_t> count, Lengths lengths, Null null) {
  if (!count) return write_null(lengths, null);
  write_sized_length(*count, lengths);
}

bool Writer::write_presence(bool present) {
  write(present ? std::int8_t{1} : std::int8_t{-1});
  return present;
}

bool Writer::write_tagged_presence(bool present) {
  write_unsigned_varint(present ? 1 : 0);
  return present;
}

void Writer::write_tags(const UnknownTags& tags) { TagWriter(*this, tags, 0).finish(); }

OutgoingFrame Writer::finish() && {
  buffer_.resize(used_);
  return {std::move(buffer_), std::move(splices_)};
}

Bytes Writer::finish_contiguous() && {
  ASSERT(splices_.empty(), "a writer for one buffer was made with never_splice");
  buffer_.resize(used_);
  return std::move(buffer_);
}

void Writer::write_sized_length(std::size_t length, Lengths lengths) {
  ASSERT(length < std::numeric_limits<std::int32_t>::max(), "a message is below 2 GiB");
  if (lengths == Lengths::compact) {
    write_unsigned_varint(static_cast<std::uint32_t>(length) + 1);
  } else {
    write(static_cast<std::int32_t>(length));
  }
}

// Where null is not allowed an empty value is written.
void Writer::write_null(Lengths lengths, Null null) {
  if (null == Null::refused) {
    refuse("a field is null that may not be in the version");
    return write_sized_length(0, lengths);
  }
  if (lengths == Lengths::compact) return write_unsigned_varint(0);
  write(std::int32_t{-1});
}

// Makes room at `at`, which lies behind what was written, for a size known only now.
void Writer::insert_varint(std::size_t at, std::uint32_t value) {
  const std::size_t size = size_of_unsigned_varint(value);
  room(size);
  std::byte* const to = buffer_.data() + at;
  std::copy_backward(to, buffer_.data() + used_, buffer_.data() + used_ + size);
  cairn::write_unsigned_varint(to, value);
  used_ += size;
  for (auto& splice : splices_) {
    if (splice.at >= at) splice.at += size;
  }
}

TagWriter::TagWriter(Writer& writer, const UnknownTags& unknown, unsigned known)
    : writer_(writer), unknown_(unknown.view()) {
  writer_.write_unsigned_varint(known + static_cast<std::uint32_t>(unknown_.size()));
}

void TagWriter::begin(std::uint32_t tag) {
  while (!unknown_.empty() && unknown_.front().tag < tag) {
    const UnknownTag& next = unknown_.front();
    writer_.write_unsigned_varint(next.tag);
    writer_.write_unsigned_varint(static_cast<std::uint32_t>(next.data.size()));
    writer_.write_bytes(next.data);
    unknown_ = unknown_.subspan(1);
  }
  writer_.write_unsigned_varint(tag);
  buffer_start_ = writer_.used_;
  start_ = writer_.size();
}

void TagWriter::end() {
  writer_.insert_varint(buffer_start_, static_cast<std::uint32_t>(writer_.size() - start_));
}

void TagWriter::finish() {
  for (const UnknownTag& next : unknown_) {
    writer_.write_unsigned_varint(next.tag);
    writer_.write_unsigned_varint(static_cast<std::uint32_t>(next.data.size()));
    writer_.write_bytes(next.data);
  }
}

}  // namespace cairn::protocol
