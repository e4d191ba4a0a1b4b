// SPDX-License-Identifier: Apache-2.0
#include <cairn/protocol/api_table.hpp>

namespace cairn::protocol {

const ApiEntry* find_api(std::int16_t key) {
  const auto table = api_table();
  const auto found = std::ranges::lower_bound(
      table, key, {}, [](const ApiEntry& api) { return static_cast<std::int16_t>(api.key); });
  if (found == table.end() || static_cast<std::int16_t>(found->key) != key) return nullptr;
  return &*found;
}

const ApiEntry& api_entry(ApiKey key) {
  const ApiEntry* const api = find_api(static_cast<std::int16_t>(key));
  ASSERT(api != nullptr, "every ApiKey is in the table");
  return *api;
}

}  // namespace cairn::protocol
