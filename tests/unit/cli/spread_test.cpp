// SPDX-License-Identifier: Apache-2.0
#include "src/cli/spread.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>

namespace cairn::cli {
namespace {

Replicas brokers(std::initializer_list<int> ids) {
  Replicas out;
  for (const int id : ids) out.emplace_back(id);
  return out;
}

std::vector<SpreadTarget> targets(int count) {
  std::vector<SpreadTarget> out;
  for (int id = 1; id <= count; id++) out.push_back({BrokerId(id), std::nullopt});
  return out;
}

std::map<BrokerId, int> replicas_each(const std::vector<Replicas>& placed) {
  std::map<BrokerId, int> out;
  for (const auto& replicas : placed) {
    for (const auto id : replicas) out[id]++;
  }
  return out;
}

std::map<BrokerId, int> leaders_each(const std::vector<Replicas>& placed) {
  std::map<BrokerId, int> out;
  for (const auto& replicas : placed) out[replicas.front()]++;
  return out;
}

int moved(const std::vector<Replicas>& from, const std::vector<Replicas>& to) {
  int count = 0;
  for (std::size_t i = 0; i < from.size(); i++) {
    for (const auto id : to[i]) count += std::ranges::find(from[i], id) == from[i].end();
  }
  return count;
}

TEST(Spread, leaves_an_even_topic_as_it_is) {
  const std::vector<Replicas> current = {brokers({1, 2, 3}), brokers({2, 3, 1}),
                                         brokers({3, 1, 2})};
  EXPECT_EQ(*Spread(targets(3)).place(current, 3), current);
}

TEST(Spread, moves_to_a_new_broker_only_its_share) {
  std::vector<Replicas> current;
  for (int i = 0; i < 4; i++) {
    current.insert(current.end(), {brokers({1, 2, 3}), brokers({2, 3, 1}), brokers({3, 1, 2})});
  }
  const auto placed = *Spread(targets(4)).place(current, 3);
  for (const auto& [id, count] : replicas_each(placed)) EXPECT_EQ(count, 9) << id.value();
  for (const auto& [id, count] : leaders_each(placed)) EXPECT_EQ(count, 3) << id.value();
  EXPECT_EQ(moved(current, placed), 9);
}

TEST(Spread, empties_a_broker_that_is_no_target) {
  const std::vector<Replicas> current = {brokers({4, 1}), brokers({1, 4}), brokers({2, 3})};
  const auto placed = *Spread(targets(3)).place(current, 2);
  for (const auto& replicas : placed) {
    EXPECT_THAT(replicas, ::testing::Not(::testing::Contains(BrokerId(4))));
  }
  EXPECT_EQ(moved(current, placed), 2);
}

TEST(Spread, changes_the_replication_factor) {
  const std::vector<Replicas> current = {brokers({1}), brokers({1}), brokers({1})};
  const auto wider = *Spread(targets(3)).place(current, 3);
  for (const auto& [id, count] : leaders_each(wider)) EXPECT_EQ(count, 1) << id.value();
  const auto narrower = *Spread(targets(3)).place(wider, 1);
  for (const auto& [id, count] : replicas_each(narrower)) EXPECT_EQ(count, 1) << id.value();
}

TEST(Spread, puts_replicas_on_as_many_racks_as_there_are) {
  const std::vector<SpreadTarget> racked = {
      {BrokerId(1), "a"}, {BrokerId(2), "a"}, {BrokerId(3), "b"}, {BrokerId(4), "b"}};
  const std::vector<Replicas> current(8, brokers({1, 2}));
  const auto placed = *Spread(racked).place(current, 2);
  for (const auto& replicas : placed) {
    EXPECT_NE(replicas[0] <= BrokerId(2), replicas[1] <= BrokerId(2));
  }
  for (const auto& [id, count] : replicas_each(placed)) EXPECT_EQ(count, 4) << id.value();
  for (const auto& [id, count] : leaders_each(placed)) EXPECT_EQ(count, 2) << id.value();
}

TEST(Spread, does_not_gather_small_topics_on_few_brokers) {
  Spread spread(targets(3));
  std::vector<Replicas> all;
  for (int topic = 0; topic < 6; topic++) {
    const auto placed = *spread.place({brokers({9})}, 1);
    all.push_back(placed.front());
  }
  for (const auto& [id, count] : replicas_each(all)) EXPECT_EQ(count, 2) << id.value();
}

TEST(Spread, refuses_fewer_brokers_than_replicas) {
  EXPECT_EQ(code_of(Spread(targets(2)).place({brokers({1})}, 3)),
            ErrorCode::invalid_replication_factor);
  EXPECT_EQ(code_of(Spread({}).place({brokers({1})}, 1)), ErrorCode::invalid_replication_factor);
}

TEST(Spread, is_even_whatever_it_begins_with) {
  Random random(7);
  for (int round = 0; round < 300; round++) {
    const int count = static_cast<int>(random.between(1, 8));
    const auto factor = static_cast<std::size_t>(random.between(1, count));
    std::vector<Replicas> current(static_cast<std::size_t>(random.between(1, 30)));
    for (auto& replicas : current) {
      const auto size = random.between(1, 4);
      std::set<BrokerId> ids;
      for (int i = 0; i < size; i++) ids.emplace(static_cast<std::int32_t>(random.between(1, 10)));
      replicas.assign(ids.begin(), ids.end());
    }
    const auto placed = *Spread(targets(count)).place(current, factor);
    const auto each = replicas_each(placed);
    const auto leaders = leaders_each(placed);
    int least = 1000;
    int most = 0;
    int fewest = 1000;
    int greatest = 0;
    for (int id = 1; id <= count; id++) {
      const int replicas = each.contains(BrokerId(id)) ? each.at(BrokerId(id)) : 0;
      const int leads = leaders.contains(BrokerId(id)) ? leaders.at(BrokerId(id)) : 0;
      least = std::min(least, replicas);
      most = std::max(most, replicas);
      fewest = std::min(fewest, leads);
      greatest = std::max(greatest, leads);
    }
    EXPECT_LE(most - least, 1) << round;
    EXPECT_LE(greatest - fewest, 1) << round;
    for (const auto& replicas : placed) {
      EXPECT_EQ(std::set<BrokerId>(replicas.begin(), replicas.end()).size(), factor) << round;
    }
  }
}

}  // namespace
}  // namespace cairn::cli
