// SPDX-License-Identifier: Apache-2.0
// Handlers of what a connection begins with: finding out what the broker can do. They say only what
// is true of this process (an API is listed if and only if it has a route). They own nothing; a
// Broker outlives them.
#pragma once

#include <cairn/broker/broker.hpp>
#include <cairn/protocol/messages/api_versions.hpp>

namespace cairn::broker {

runtime::Task<protocol::ApiVersionsResponse> handle(Broker& broker, const RequestContext& context,
                                                    protocol::ApiVersionsRequest request);

/// What is answered, in version 0, to an ApiVersions request of a version we do not know: the range
/// of ApiVersions itself (KIP-511).
protocol::ApiVersionsResponse unsupported_api_versions();

}  // namespace cairn::broker
