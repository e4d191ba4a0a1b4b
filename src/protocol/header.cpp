// SPDX-License-Identifier: Apache-2.0
#include <cairn/protocol/header.hpp>

namespace cairn::protocol {

std::int16_t request_header_version(const ApiEntry& api, std::int16_t version) {
  return version >= api.first_flexible ? 2 : 1;
}

std::int16_t response_header_version(const ApiEntry& api, std::int16_t version) {
  if (api.key == ApiKey::api_versions) return 0;
  return version >= api.first_flexible ? 1 : 0;
}

Result<RequestHeader> read_request_header(Reader& reader) {
  std::int16_t key = 0;
  std::int16_t version = 0;
  Reader ahead(reader.rest());
  ahead.read(key);
  ahead.read(version);
  if (!ahead.ok()) return fail(ErrorCode::invalid_request, ahead.why());
  const ApiEntry* const api = find_api(key);
  if (api == nullptr) return fail(ErrorCode::invalid_request, "the API key is unknown");

  RequestHeader header;
  read(reader, header, request_header_version(*api, version));
  if (!reader.ok()) return fail(ErrorCode::invalid_request, reader.why());
  return header;
}

void write_request_header(Writer& writer, ApiKey key, std::int16_t version,
                          std::int32_t correlation_id,
                          const std::optional<std::string>& client_id) {
  RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(key);
  header.request_api_version = version;
  header.correlation_id = correlation_id;
  header.client_id = client_id;
  write(writer, header, request_header_version(api_entry(key), version));
}

Result<ResponseHeader> read_response_header(Reader& reader, ApiKey key, std::int16_t version) {
  ResponseHeader header;
  read(reader, header, response_header_version(api_entry(key), version));
  if (!reader.ok()) return fail(ErrorCode::invalid_request, reader.why());
  return header;
}

void write_response_header(Writer& writer, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id) {
  ResponseHeader header;
  header.correlation_id = correlation_id;
  write(writer, header, response_header_version(api_entry(key), version));
}

}  // namespace cairn::protocol
