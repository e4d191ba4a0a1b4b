// SPDX-License-Identifier: Apache-2.0
#include "handlers/session.hpp"
#include "route.hpp"

namespace cairn::broker {

std::span<const Route> session_routes() {
  static constexpr auto slice = routes_of<protocol::ApiVersionsRequest>();
  return slice;
}

}  // namespace cairn::broker
