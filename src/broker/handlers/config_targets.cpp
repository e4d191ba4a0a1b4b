// SPDX-License-Identifier: Apache-2.0
#include "config_targets.hpp"

#include <charconv>

namespace cairn::broker {

std::optional<std::string> why_not_this_node(BrokerId self, const std::string& name) {
  std::int32_t id = 0;
  const char* end = name.data() + name.size();
  const auto read = std::from_chars(name.data(), end, id);
  if (read.ec != std::errc() || read.ptr != end) {
    return fmt::format("Node id must be an integer, but it is: {}", name);
  }
  if (BrokerId(id) == self) return std::nullopt;
  return fmt::format("Unexpected broker id, expected {}, but received {}", self, name);
}

}  // namespace cairn::broker
