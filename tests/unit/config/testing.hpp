// SPDX-License-Identifier: Apache-2.0
// What the tests of this module share: a configuration in one line, from keys and values as they
// would stand in a file. Invariant: nothing outside is read. A test owns what these functions
// return.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <cairn/config/server_config.hpp>

namespace cairn::config::testing {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline StaticConfig settings(const Pairs& pairs, Problems& problems) {
  std::vector<Setting> layer;
  int line = 0;
  for (const auto& [key, value] : pairs) {
    layer.push_back({.key = key,
                     .value = value,
                     .origin = Origin::file,
                     .where = "cairn.yaml:" + std::to_string(++line)});
  }
  StaticConfig config;
  config.add(std::move(layer), problems);
  return config;
}

/// A configuration that must be right.
inline ServerConfig server(const Pairs& pairs = {}) {
  Problems problems;
  auto made = make_server_config(settings(pairs, problems), "/data");
  for (const auto& line : problems) ADD_FAILURE() << line;
  if (!made) {
    for (const auto& line : made.error()) ADD_FAILURE() << line;
    return *make_server_config({}, "/data");
  }
  return std::move(*made);
}

/// All that is wrong with a configuration.
inline Problems problems_of(const Pairs& pairs) {
  Problems problems;
  auto made = make_server_config(settings(pairs, problems), "/data");
  if (!made) problems.insert(problems.end(), made.error().begin(), made.error().end());
  return problems;
}

}  // namespace cairn::config::testing
