// SPDX-License-Identifier: Apache-2.0
// What every generated message has in common, and decode and encode for whole buffers. A message is
// a plain struct with a field for everything any version carries; read() and write() of its own
// overload set take the version. read() wants a fresh message: fields that the version lacks are
// not touched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/base/assert.hpp>
#include <cairn/base/result.hpp>
#include <cairn/protocol/api_key.hpp>
#include <cairn/protocol/reader.hpp>
#include <cairn/protocol/writer.hpp>

namespace cairn::protocol {

struct VersionRange {
  std::int16_t min, max;

  constexpr bool contains(std::int16_t version) const { return min <= version && version <= max; }
  bool operator==(const VersionRange&) const = default;
};

/// Prints messages (json.hpp): the bodies of write_json() are in a library of their own.
class JsonWriter;

/// The first_flexible of a message that never is.
inline constexpr std::int16_t never_flexible = 32767;

template <class M>
concept ApiMessage = requires { M::api_key; };

/// Decodes a message that fills the whole buffer; its Records are views into it. Fails with
/// UNSUPPORTED_VERSION, or, for bytes that are no such message, INVALID_REQUEST if it is one of an
/// API and CORRUPT_MESSAGE if it is a record.
template <class M>
Result<M> decode(BytesView bytes, std::int16_t version) {
  if (!M::versions.contains(version)) {
    return fail(ErrorCode::unsupported_version, "the message has no such version");
  }
  Reader reader(bytes);
  M message;
  read(reader, message, version);
  if (reader.ok() && reader.left() > 0) reader.fail("bytes are left over after the message");
  if (!reader.ok()) {
    constexpr auto code = ApiMessage<M> ? ErrorCode::invalid_request : ErrorCode::corrupt_message;
    return fail(code, reader.why());
  }
  return message;
}

/// Encodes into one buffer. Fails with INVALID_REQUEST, naming the field, if the version cannot
/// carry a value: for values that came from outside.
template <class M>
Result<Bytes> try_encode(const M& message, std::int16_t version) {
  if (!M::versions.contains(version)) {
    return fail(ErrorCode::unsupported_version, "the message has no such version");
  }
  Writer writer(Writer::never_splice);
  write(writer, message, version);
  if (!writer.ok()) return fail(ErrorCode::invalid_request, writer.refusal());
  return std::move(writer).finish_contiguous();
}

/// Encodes into one buffer. REQUIRES: the message has the version, and it can carry every value.
template <class M>
Bytes encode(const M& message, std::int16_t version) {
  Result<Bytes> bytes = try_encode(message, version);
  ASSERT(bytes, "a message is encoded in a version that can carry it");
  return *std::move(bytes);
}

}  // namespace cairn::protocol
