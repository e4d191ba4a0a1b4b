// SPDX-License-Identifier: Apache-2.0
// Between the plain numbers of messages and records and the strong ids of the domain, and small
// questions about lists of replicas. Pure helpers of this module's files.
#pragma once

#include <algorithm>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::metadata {

inline std::vector<BrokerId> to_ids(const std::vector<std::int32_t>& numbers) {
  std::vector<BrokerId> ids;
  ids.reserve(numbers.size());
  for (const std::int32_t number : numbers) ids.emplace_back(number);
  return ids;
}

inline std::vector<std::int32_t> to_numbers(const std::vector<BrokerId>& ids) {
  std::vector<std::int32_t> numbers;
  numbers.reserve(ids.size());
  for (const BrokerId id : ids) numbers.push_back(id.value());
  return numbers;
}

inline bool contains(const std::vector<BrokerId>& ids, BrokerId id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// `from` without what is in `gone`, order kept.
inline std::vector<BrokerId> without(const std::vector<BrokerId>& from,
                                     const std::vector<BrokerId>& gone) {
  std::vector<BrokerId> left;
  for (const BrokerId id : from) {
    if (!contains(gone, id)) left.push_back(id);
  }
  return left;
}

}  // namespace cairn::metadata
