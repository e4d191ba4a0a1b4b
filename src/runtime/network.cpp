// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cairn/runtime/network.hpp>

namespace cairn::runtime {

std::string to_string(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
               : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

}  // namespace cairn::runtime
