// SPDX-License-Identifier: Apache-2.0
// Writes JSON text for generated write_json(): objects of named fields, with a comma where one
// belongs. The text is valid JSON whatever the strings hold: bytes that are no UTF-8 become U+FFFD.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/protocol/message.hpp>

namespace cairn::protocol {

class JsonWriter {
 public:
  void begin_object();
  void end_object();

  template <class T>
  void field(std::string_view name, const T& value) {
    key(name);
    put(value);
  }
  /// A struct, or an array or optional of structs.
  template <class T>
  void field(std::string_view name, const T& value, std::int16_t version) {
    key(name);
    put_struct(value, version);
  }
  void unknown_tags(const UnknownTags& tags);

  std::string text() && { return std::move(text_); }

 private:
  void key(std::string_view name);
  void put_integer(std::int64_t value);
  void put_base64(BytesView bytes);

  template <std::integral T>
  void put(T value) {
    put_integer(static_cast<std::int64_t>(value));
  }
  void put(bool value) { text_ += value ? "true" : "false"; }
  void put(double value);
  void put(ErrorCode value) { put_integer(static_cast<std::int16_t>(value)); }
  void put(const Uuid& value) { put(value.text()); }
  void put(const std::string& value);
  void put(const Bytes& value) { put_base64(value); }
  void put(const Records& value) { put_base64(value.view()); }

  template <class T>
  void put(const std::optional<T>& value) {
    value ? put(*value) : put_null();
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put_array(values, [this](const T& value) { put(value); });
  }

  template <class T>
  void put_struct(const T& value, std::int16_t version) {
    write_json(*this, value, version);
  }
  template <class T>
  void put_struct(const std::optional<T>& value, std::int16_t version) {
    value ? put_struct(*value, version) : put_null();
  }
  template <class T>
  void put_struct(const std::vector<T>& values, std::int16_t version) {
    put_array(values, [&](const T& value) { put_struct(value, version); });
  }

  void put_null() { text_ += "null"; }
  template <class T, class Put>
  void put_array(const std::vector<T>& values, Put put_one) {
    text_ += '[';
    for (const T& value : values) {
      if (&value != values.data()) text_ += ',';
      put_one(value);
    }
    text_ += ']';
  }

  std::string text_;
  bool comma_ = false;
};

}  // namespace cairn::protocol
