// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/varint.hpp>
#include <cairn/protocol/reader.hpp>

namespace cairn::protocol {
namespace {

constexpr const char* cut_short = "the message is cut short";
constexpr const char* unexpected_null = "a field is null that may not be";

}  // namespace

void Reader::fail(const char* why) {
  if (why_ == nullptr) why_ = why;
  at_ = end_;
}

void Reader::read(bool& to) {
  std::int8_t value = to;
  read(value);
  to = value != 0;
}

void Reader::read(double& to) {
  auto bits = std::bit_cast<std::uint64_t>(to);
  read(bits);
  to = std::bit_cast<double>(bits);
}

void Reader::read(ErrorCode& to) {
  auto code = static_cast<std::int16_t>(to);
  read(code);
  to = static_cast<ErrorCode>(code);
}

void Reader::read(Uuid& to) {
  if (left() < 16) return fail(cut_short);
  read(to.high);
  read(to.low);
}

std::uint32_t Reader::read_unsigned_varint() {
  if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) {
    return static_cast<std::uint32_t>(*at_++);
  }
  BytesView from = rest();
  const auto value = read_unsigned_varint32(from);
  if (!value) {
    fail("a varint is cut short or too long");
    return 0;
  }
  at_ = from.data();
  return *value;
}

void Reader::read(std::string& to, Lengths lengths) {
  if (auto bytes = required(lengths, 2, Null::refused)) to = as_text(*bytes);
}

void Reader::read(std::optional<std::string>& to, Lengths lengths, Null null) {
  if (auto bytes = required(lengths, 2, null)) {
    to.emplace(as_text(*bytes));
  } else if (ok()) {
    to.reset();
  }
}

void Reader::read(Bytes& to, Lengths lengths) {
  if (auto bytes = required(lengths, 4, Null::refused)) to.assign(bytes->begin(), bytes->end());
}

void Reader::read(std::optional<Bytes>& to, Lengths lengths, Null null) {
  if (auto bytes = required(lengths, 4, null)) {
    to.emplace(bytes->begin(), bytes->end());
  } else if (ok()) {
    to.reset();
  }
}

void Reader::read(Records& to, Lengths lengths) {
  if (auto bytes = required(lengths, 4, Null::refused)) to = Records(*bytes);
}

void Reader::read(std::optional<Records>& to, Lengths lengths, Null null) {
  if (auto bytes = required(lengths, 4, null)) {
    to = Records(*bytes);
  } else if (ok()) {
    to.reset();
  }
}

BytesView Reader::take(std::size_t size) {
  if (left() < size) {
    fail(cut_short);
    return {};
  }
  const BytesView taken(at_, size);
  at_ += size;
  return taken;
}

std::optional<std::size_t> Reader::array_count(Lengths lengths, std::size_t wire_size,
                                               std::size_t memory_size) {
  const std::int64_t count = length(lengths, 4);
  if (!ok()) return 0;
  if (count < 0) return std::nullopt;
  const auto elements = static_cast<std::size_t>(count);
  if (elements > left() / wire_size) {
    fail("an array has more elements than the message can hold");
    return 0;
  }
  return charge(elements * memory_size) ? elements : 0;
}

bool Reader::read_presence(Null null) {
  std::int8_t present = -1;
  read(present);
  if (present < 0 && null == Null::refused) fail(unexpected_null);
  return ok() && present >= 0;
}

bool Reader::read_tagged_presence() { return read_unsigned_varint() != 0; }

void Reader::read_tags(UnknownTags& to) {
  for (TagReader tags(*this, to); tags.next();) tags.keep();
}

std::int64_t Reader::length(Lengths lengths, std::size_t fixed_size) {
  if (lengths == Lengths::compact) {
    return static_cast<std::int64_t>(read_unsigned_varint()) - 1;
  }
  if (fixed_size == 2) {
    std::int16_t length = -1;
    read(length);
    return length;
  }
  std::int32_t length = -1;
  read(length);
  return length;
}

std::optional<BytesView> Reader::sized(Lengths lengths, std::size_t fixed_size) {
  const std::int64_t size = length(lengths, fixed_size);
  if (!ok() || size < 0) return std::nullopt;
  const BytesView bytes = take(static_cast<std::size_t>(size));
  return ok() ? std::optional(bytes) : std::nullopt;
}

std::optional<BytesView> Reader::required(Lengths lengths, std::size_t fixed_size, Null null) {
  const auto bytes = sized(lengths, fixed_size);
  if (!bytes && ok() && null == Null::refused) fail(unexpected_null);
  return bytes;
}

bool Reader::charge(std::size_t memory) {
  if (memory > memory_) {
    fail("the message would take too much memory");
    return false;
  }
  memory_ -= memory;
  return true;
}

TagReader::TagReader(Reader& reader, UnknownTags& unknown)
    : reader_(reader), unknown_(unknown), left_(reader.read_unsigned_varint()) {}

bool TagReader::next() {
  if (end_ != nullptr && reader_.ok() && reader_.at_ != end_) {
    reader_.fail("a tagged field does not fill its size");
  }
  if (left_ == 0 || !reader_.ok()) return false;
  --left_;
  const std::uint32_t previous = tag_;
  tag_ = reader_.read_unsigned_varint();
  size_ = reader_.read_unsigned_varint();
  if (!first_ && tag_ <= previous) reader_.fail("tags do not ascend");
  if (size_ > reader_.left()) reader_.fail("a tagged field is cut short");
  first_ = false;
  end_ = reader_.at_ + size_;
  return reader_.ok();
}

void TagReader::keep() {
  if (!reader_.charge(2 * sizeof(UnknownTag))) return;
  unknown_.push_back({tag_, to_bytes(reader_.take(size_))});
}

}  // namespace cairn::protocol
