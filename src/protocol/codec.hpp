// SPDX-License-Identifier: Apache-2.0
// Arrays of generated codecs. The count is checked against the bytes left and charged against the
// memory the buffer may take before the one allocation is made.
#pragma once

#include <cairn/protocol/reader.hpp>
#include <cairn/protocol/writer.hpp>

namespace cairn::protocol {

template <class T>
concept Text = std::same_as<T, std::string>;

template <class T>
constexpr std::size_t wire_size_of(Lengths lengths) {
  if constexpr (Text<T>) return lengths == Lengths::compact ? 1 : 2;
  return sizeof(T);
}

template <class T>
void read_elements(Reader& reader, std::vector<T>& to, std::size_t count, Lengths lengths) {
  to = std::vector<T>(count);
  for (T& element : to) {
    if constexpr (Text<T>) {
      reader.read(element, lengths);
      if (!reader.ok()) return;
    } else {
      reader.read(element);
    }
  }
}

/// An array of primitives.
template <class T>
void read_array(Reader& reader, std::vector<T>& to, Lengths lengths) {
  const auto count = reader.array_count(lengths, wire_size_of<T>(lengths), sizeof(T));
  if (!count) return reader.fail("an array is null that may not be");
  if (reader.ok()) read_elements(reader, to, *count, lengths);
}

template <class T>
void read_array(Reader& reader, std::optional<std::vector<T>>& to, Lengths lengths,
                Null null = Null::allowed) {
  const auto count = reader.array_count(lengths, wire_size_of<T>(lengths), sizeof(T));
  if (!count && null == Null::refused) reader.fail("an array is null that may not be");
  if (!reader.ok()) return;
  if (!count) return to.reset();
  read_elements(reader, to.emplace(), *count, lengths);
}

/// An array of structs, each of at least `wire_size` bytes in this version.
template <class T>
void read_array(Reader& reader, std::vector<T>& to, Lengths lengths, std::size_t wire_size,
                std::int16_t version) {
  const auto count = reader.array_count(lengths, wire_size, sizeof(T));
  if (!count) return reader.fail("an array is null that may not be");
  if (!reader.ok()) return;
  to = std::vector<T>(*count);
  for (T& element : to) {
    read(reader, element, version);
    if (!reader.ok()) return;
  }
}

template <class T>
void read_array(Reader& reader, std::optional<std::vector<T>>& to, Lengths lengths,
                std::size_t wire_size, std::int16_t version, Null null = Null::allowed) {
  const auto count = reader.array_count(lengths, wire_size, sizeof(T));
  if (!count && null == Null::refused) reader.fail("an array is null that may not be");
  if (!reader.ok()) return;
  if (!count) return to.reset();
  to.emplace(*count);
  for (T& element : *to) {
    read(reader, element, version);
    if (!reader.ok()) return;
  }
}

template <class T>
void write_array(Writer& writer, const std::vector<T>& from, Lengths lengths) {
  writer.write_count(from.size(), lengths);
  for (const T& element : from) {
    if constexpr (Text<T>) {
      writer.write(element, lengths);
    } else {
      writer.write(element);
    }
  }
}

template <class T>
void write_array(Writer& writer, const std::optional<std::vector<T>>& from, Lengths lengths,
                 Null null = Null::allowed) {
  if (from) return write_array(writer, *from, lengths);
  writer.write_count(std::nullopt, lengths, null);
}

template <class T>
void write_array(Writer& writer, const std::vector<T>& from, Lengths lengths,
                 std::int16_t version) {
  writer.write_count(from.size(), lengths);
  for (const T& element : from) write(writer, element, version);
}

template <class T>
void write_array(Writer& writer, const std::optional<std::vector<T>>& from, Lengths lengths,
                 std::int16_t version, Null null = Null::allowed) {
  if (from) return write_array(writer, *from, lengths, version);
  writer.write_count(std::nullopt, lengths, null);
}

}  // namespace cairn::protocol
