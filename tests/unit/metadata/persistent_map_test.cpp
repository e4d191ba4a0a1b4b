// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/metadata/persistent_map.hpp>

namespace cairn::metadata {
namespace {

using IntMap = PersistentMap<int, int>;

std::map<int, int> plain(const IntMap& map) {
  std::map<int, int> copy;
  for (const auto& [key, value] : map) copy[key] = value;
  return copy;
}

TEST(PersistentMap, agrees_with_a_plain_map_over_random_changes) {
  Random random(42);
  IntMap map;
  std::map<int, int> model;
  for (int i = 0; i < 5000; ++i) {
    const int key = static_cast<int>(random.below(300));
    if (random.chance(0.6)) {
      map.set(key, i);
      model[key] = i;
    } else {
      map.erase(key);
      model.erase(key);
    }
    ASSERT_EQ(map.size(), model.size());
    const int* found = map.find(key);
    const auto at = model.find(key);
    ASSERT_EQ(found != nullptr, at != model.end());
    if (found != nullptr) ASSERT_EQ(*found, at->second);
  }
  EXPECT_EQ(plain(map), model);
}

TEST(PersistentMap, a_copy_never_sees_later_changes) {
  Random random(7);
  IntMap map;
  std::vector<std::pair<IntMap, std::map<int, int>>> kept;
  for (int i = 0; i < 600; ++i) {
    const int key = static_cast<int>(random.below(100));
    random.chance(0.7) ? map.set(key, i) : map.erase(key);
    if (i % 40 == 0) kept.push_back({map, plain(map)});
  }
  for (const auto& [copy, expected] : kept) EXPECT_EQ(plain(copy), expected);
}

TEST(PersistentMap, difference_names_exactly_what_changed) {
  Random random(3);
  for (int round = 0; round < 50; ++round) {
    IntMap before;
    for (int i = 0; i < 200; ++i) before.set(i * 2, i);
    IntMap after = before;
    std::map<int, std::pair<bool, bool>> expected;  // key -> was there, is there
    for (int i = 0; i < 10; ++i) {
      const int key = static_cast<int>(random.below(400));
      const bool was = before.contains(key);
      if (random.chance(0.5)) {
        after.set(key, -1 - i);
        expected[key] = {was, true};
      } else {
        after.erase(key);
        if (was) expected[key] = {true, false};
        if (!was) expected.erase(key);
      }
    }
    std::map<int, std::pair<bool, bool>> seen;
    IntMap::difference(before, after, [&](const auto* old, const auto* now) {
      const int key = now != nullptr ? now->first : old->first;
      EXPECT_TRUE(seen.emplace(key, std::pair(old != nullptr, now != nullptr)).second);
    });
    EXPECT_EQ(seen, expected);
  }
}

TEST(PersistentMap, lower_bound_walks_on_from_a_key) {
  IntMap map;
  for (int i = 0; i < 100; ++i) map.set(i * 10, i);
  std::vector<int> keys;
  for (auto at = map.lower_bound(955); at != map.end(); ++at) keys.push_back(at->first);
  EXPECT_EQ(keys, (std::vector{960, 970, 980, 990}));
  EXPECT_EQ(map.lower_bound(991), map.end());
  EXPECT_EQ(map.lower_bound(0)->first, 0);
}

TEST(PersistentMap, a_change_shares_all_but_a_path) {
  IntMap before;
  for (int i = 0; i < 100'000; ++i) before.set(i, i);
  IntMap after = before;
  after.set(50'000, -1);
  const int* same = before.find(1);
  EXPECT_EQ(same, after.find(1)) << "the entry itself is shared";
  int visited = 0;
  IntMap::difference(before, after, [&](const auto*, const auto*) { ++visited; });
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace cairn::metadata
