// SPDX-License-Identifier: Apache-2.0
// Headers of requests and responses. Their version follows the API's key and version: flexible
// requests have header 2 and their responses header 1, except that ApiVersions always answers with
// header 0, for a client that asked in a version we do not know (KIP-511).
#pragma once

#include <cairn/protocol/api_table.hpp>
#include <cairn/protocol/messages/request_header.hpp>
#include <cairn/protocol/messages/response_header.hpp>

namespace cairn::protocol {

std::int16_t request_header_version(const ApiEntry& api, std::int16_t version);
std::int16_t response_header_version(const ApiEntry& api, std::int16_t version);

/// Reads the header of any request whose key we know, whatever its version: the reader then stands
/// at the body. INVALID_REQUEST for an unknown key or a header that is cut short.
Result<RequestHeader> read_request_header(Reader& reader);

/// Key and version come from the arguments.
void write_request_header(Writer& writer, ApiKey key, std::int16_t version,
                          std::int32_t correlation_id, const std::optional<std::string>& client_id);

Result<ResponseHeader> read_response_header(Reader& reader, ApiKey key, std::int16_t version);
void write_response_header(Writer& writer, ApiKey key, std::int16_t version,
                           std::int32_t correlation_id);

}  // namespace cairn::protocol
