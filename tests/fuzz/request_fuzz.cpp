// SPDX-License-Identifier: Apache-2.0
// Fuzzes every message and version. Input: 'H' and a request with its header, or an index of two
// bytes into the message table, a version and a body. What decodes must encode, and decode to the
// same again.
#include <cstdlib>

#include <cairn/protocol/header.hpp>
#include <cairn/protocol/json.hpp>

namespace {

using namespace cairn;
using namespace cairn::protocol;

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const AnyMessage& message, std::int16_t version, BytesView body) {
  const auto once = message.recode(body, version);
  if (!once) return;
  const auto twice = message.recode(*once, version);
  require(twice.has_value());
  require(*once == *twice);
  require(message.to_json(*once, version).has_value());
}

void check_request(BytesView bytes) {
  Reader reader(bytes);
  const auto header = read_request_header(reader);
  if (!header) return;
  const ApiEntry* const api = find_api(header->request_api_key);
  require(api != nullptr);
  if (!api->supported.contains(header->request_api_version)) return;
  const std::string name(api->name);
  for (const char* const kind : {"Request", "Response"}) {
    const AnyMessage* const message = find_message(name + kind);
    require(message != nullptr);
    check(*message, header->request_api_version, reader.rest());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input = std::as_bytes(std::span(data, size));
  if (size < 4) return 0;
  if (data[0] == 'H') {
    check_request(input.subspan(1));
    return 0;
  }
  const auto table = message_table();
  const auto& message = table[load_big_endian<std::uint16_t>(input.data()) % table.size()];
  const int count = message.versions.max - message.versions.min + 1;
  check(message, static_cast<std::int16_t>(message.versions.min + data[2] % count),
        input.subspan(3));
  return 0;
}
