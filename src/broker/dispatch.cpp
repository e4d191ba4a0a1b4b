// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "route.hpp"

namespace cairn::broker {

bool detail::failed(const protocol::ProduceResponse& response) {
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code != ErrorCode::none) return true;
    }
  }
  return false;
}

std::span<const Route> routes() {
  static const std::vector<Route> all = [] {
    std::vector<Route> found;
    for (const auto slice :
         {session_routes(), data_routes(), group_routes(), admin_routes(), quorum_routes()}) {
      found.insert(found.end(), slice.begin(), slice.end());
    }
    std::ranges::sort(found, {}, &Route::key);
    return found;
  }();
  return all;
}

const Route* find_route(std::int16_t key) {
  const auto all = routes();
  const auto found =
      std::ranges::lower_bound(all, static_cast<protocol::ApiKey>(key), {}, &Route::key);
  return found != all.end() && static_cast<std::int16_t>(found->key) == key ? &*found : nullptr;
}

}  // namespace cairn::broker
