// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/log/epoch_cache.hpp>

namespace cairn::log {
namespace {

EpochEntry entry(std::int32_t epoch, std::int64_t start) { return {Epoch(epoch), Offset(start)}; }
EpochEnd end_of(std::int32_t epoch, std::int64_t end) { return {Epoch(epoch), Offset(end)}; }

EpochCache cache_of(std::initializer_list<EpochEntry> entries) {
  return EpochCache(std::vector(entries));
}

std::vector<EpochEntry> entries_of(const EpochCache& cache) {
  return {cache.entries().begin(), cache.entries().end()};
}

TEST(EpochCache, assigns_each_epoch_once) {
  EpochCache cache;
  EXPECT_TRUE(cache.assign(Epoch(2), Offset(10)));
  EXPECT_FALSE(cache.assign(Epoch(2), Offset(11)));
  EXPECT_TRUE(cache.assign(Epoch(3), Offset(12)));
  EXPECT_FALSE(cache.assign(no_epoch, Offset(13)));
  EXPECT_EQ(entries_of(cache), (std::vector{entry(2, 10), entry(3, 12)}));
}

TEST(EpochCache, a_new_entry_drops_those_it_contradicts) {
  EpochCache cache = cache_of({entry(1, 0), entry(3, 10), entry(5, 20)});
  cache.assign(Epoch(4), Offset(10));
  EXPECT_EQ(entries_of(cache), (std::vector{entry(1, 0), entry(4, 10)}));
  cache.assign(Epoch(4), Offset(7));
  EXPECT_EQ(entries_of(cache), (std::vector{entry(1, 0), entry(4, 7)}));
}

TEST(EpochCache, end_offsets_are_kafka_s) {
  const EpochCache cache = cache_of({entry(2, 5), entry(4, 10), entry(7, 30)});
  const Offset log_end(50);
  EXPECT_EQ(cache.end_offset_for(Epoch(7), log_end), end_of(7, 50));
  EXPECT_EQ(cache.end_offset_for(Epoch(4), log_end), end_of(4, 30));
  EXPECT_EQ(cache.end_offset_for(Epoch(5), log_end), end_of(4, 30));
  EXPECT_EQ(cache.end_offset_for(Epoch(3), log_end), end_of(2, 10));
  EXPECT_EQ(cache.end_offset_for(Epoch(1), log_end), end_of(1, 5));
  EXPECT_EQ(cache.end_offset_for(Epoch(8), log_end), EpochEnd{});
  EXPECT_EQ(cache.end_offset_for(no_epoch, log_end), EpochEnd{});
  EXPECT_EQ(EpochCache().end_offset_for(Epoch(0), log_end), EpochEnd{});
}

TEST(EpochCache, a_follower_diverges_where_epochs_or_ends_differ) {
  const EpochCache cache = cache_of({entry(2, 0), entry(4, 10)});
  const Offset log_end(20);
  EXPECT_EQ(cache.diverging(Epoch(4), Offset(15), log_end), std::nullopt);
  EXPECT_EQ(cache.diverging(Epoch(2), Offset(10), log_end), std::nullopt);
  EXPECT_EQ(cache.diverging(Epoch(2), Offset(12), log_end), end_of(2, 10));
  EXPECT_EQ(cache.diverging(Epoch(3), Offset(10), log_end), end_of(2, 10));
  EXPECT_EQ(cache.diverging(Epoch(9), Offset(10), log_end), EpochEnd{});
}

TEST(EpochCache, truncation_from_the_start_keeps_the_epoch_that_spans_it) {
  EpochCache cache = cache_of({entry(2, 5), entry(4, 10), entry(7, 30)});
  EXPECT_FALSE(cache.truncate_from_start(Offset(4)));
  EXPECT_FALSE(cache.truncate_from_start(Offset(5)));
  EXPECT_TRUE(cache.truncate_from_start(Offset(12)));
  EXPECT_EQ(entries_of(cache), (std::vector{entry(4, 12), entry(7, 30)}));
  EXPECT_TRUE(cache.truncate_from_start(Offset(90)));
  EXPECT_EQ(entries_of(cache), (std::vector{entry(7, 90)}));
}

TEST(EpochCache, truncation_from_the_end_drops_what_starts_there) {
  EpochCache cache = cache_of({entry(2, 5), entry(4, 10), entry(7, 30)});
  EXPECT_FALSE(cache.truncate_from_end(Offset(31)));
  EXPECT_TRUE(cache.truncate_from_end(Offset(30)));
  EXPECT_EQ(cache.latest(), entry(4, 10));
  EXPECT_EQ(cache.previous_epoch(), Epoch(2));
  EXPECT_TRUE(cache.truncate_from_end(Offset(0)));
  EXPECT_TRUE(cache.empty());
}

TEST(EpochCache, finds_neighbours) {
  const EpochCache cache = cache_of({entry(2, 5), entry(4, 10)});
  EXPECT_EQ(cache.epoch_of(Offset(4)), std::nullopt);
  EXPECT_EQ(cache.epoch_of(Offset(9)), Epoch(2));
  EXPECT_EQ(cache.epoch_of(Offset(1000)), Epoch(4));
  EXPECT_EQ(cache.higher(Epoch(2)), entry(4, 10));
  EXPECT_EQ(cache.lower(Epoch(4)), entry(2, 5));
  EXPECT_EQ(cache.lower(Epoch(2)), std::nullopt);
  EXPECT_EQ(cache.earliest(), entry(2, 5));
}

/// The trivial model: the epoch of every single offset of the log.
struct OffsetByOffset {
  std::int64_t start = 0;
  std::vector<std::int32_t> epochs;

  std::int64_t end() const { return start + std::int64_t(epochs.size()); }
  EpochEnd end_offset_for(std::int32_t wanted) const {
    if (epochs.empty() || wanted > epochs.back()) return {};
    if (wanted < epochs.front()) return end_of(wanted, start);
    EpochEnd found;
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      if (epochs[i] <= wanted) found = end_of(epochs[i], start + std::int64_t(i) + 1);
    }
    return found;
  }
};

TEST(EpochCache, answers_like_a_model_that_knows_the_epoch_of_every_offset) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    OffsetByOffset model;
    EpochCache cache;
    std::int32_t epoch = 0;
    for (int step = 0; step < 200; ++step) {
      const auto action = random.below(20);
      if (action == 0) {
        const auto cut = model.start + std::int64_t(random.below(model.epochs.size() + 1));
        model.epochs.resize(std::size_t(cut - model.start));
        cache.truncate_from_end(Offset(cut));
      } else if (action == 1 && !model.epochs.empty()) {
        const auto drop = std::int64_t(random.below(model.epochs.size()));
        model.epochs.erase(model.epochs.begin(), model.epochs.begin() + drop);
        model.start += drop;
        cache.truncate_from_start(Offset(model.start));
      } else {
        if (random.chance(0.3)) epoch += std::int32_t(random.below(3));
        cache.assign(Epoch(epoch), Offset(model.end()));
        model.epochs.push_back(epoch);
      }
      for (std::int32_t wanted = 0; wanted <= epoch + 1; ++wanted) {
        ASSERT_EQ(cache.end_offset_for(Epoch(wanted), Offset(model.end())),
                  model.end_offset_for(wanted))
            << "seed " << seed << " step " << step << " epoch " << wanted;
      }
    }
  }
}

}  // namespace
}  // namespace cairn::log
