// SPDX-License-Identifier: Apache-2.0
// Random operations on a log against a model in memory, with restarts, kills and power losses at
// any moment. After each life the log must be a prefix of what was appended, and hold all that was
// flushed (I24).
#include "stage.hpp"

namespace cairn::storage::testing {
namespace {

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed * 977), stage_(seed) {
    stage_.options.roll.segment_bytes = 4'000;
    stage_.options.index_interval_bytes = 600;
    stage_.options.retention.retention_bytes = -1;
    EXPECT_TRUE(stage_.open());
  }

  void run(int operations) {
    for (int i = 0; i < operations && !::testing::Test::HasFailure(); ++i) {
      step();
      check();
    }
  }

 private:
  void step() {
    switch (random_.below(14)) {
      case 0:
        return flush();
      case 1:
        EXPECT_TRUE(stage_.run(stage_.log()->roll()));
        return;
      case 2:
        return truncate();
      case 3:
        return cut_prefix();
      case 4:
        return restart();
      case 5:
        return die();
      case 6:
        EXPECT_TRUE(stage_.run(stage_.log()->spill_indexes()));
        return;
      default:
        return append();
    }
  }

  Bytes next_batch(char fill) {
    return make_batch(
        {.records = static_cast<int>(1 + random_.below(4)), .value_size = random_.below(700)},
        fill);
  }
  void append() {
    const char fill = static_cast<char>('a' + random_.below(26));
    const auto appended = stage_.append(next_batch(fill), Epoch(epoch_));
    ASSERT_TRUE(appended);
    ASSERT_EQ(appended->first_offset, Offset(static_cast<std::int64_t>(values_.size())));
    note(*appended, fill);
  }
  void note(const Appended& appended, char fill) {
    for (Offset at = appended.first_offset; at <= appended.last_offset; ++at) {
      values_.push_back(fill);
    }
  }
  void flush() {
    ASSERT_TRUE(stage_.run(stage_.log()->flush()));
    EXPECT_EQ(stage_.log()->flushed(), stage_.log()->log_end());
    stage_.log()->set_high_watermark(stage_.log()->flushed());
  }
  void truncate() {
    const Offset start = stage_.log()->log_start();
    const auto span = static_cast<std::uint64_t>(stage_.log()->log_end() - start);
    const Offset to = start + static_cast<std::int64_t>(random_.below(span + 1));
    ASSERT_TRUE(stage_.run(stage_.log()->truncate_to(to)));
    ASSERT_LE(stage_.log()->log_end(), to);
    values_.resize(static_cast<std::size_t>(stage_.log()->log_end().value()));
    epoch_ += 1;
  }
  void cut_prefix() {
    const Offset high = stage_.log()->high_watermark();
    const Offset start = stage_.log()->log_start();
    const auto span = static_cast<std::uint64_t>(high - start);
    const Offset to = start + static_cast<std::int64_t>(random_.below(span + 1));
    ASSERT_TRUE(stage_.run(stage_.log()->advance_log_start(to)));
    ASSERT_TRUE(stage_.run(stage_.log()->delete_old_segments()));
  }
  void restart() {
    stage_.reopen();
    ASSERT_EQ(stage_.log()->log_end().value(), static_cast<std::int64_t>(values_.size()));
  }

  /// Dies in the middle of an append, a flush and a roll.
  void die() {
    const char fill = static_cast<char>('A' + random_.below(26));
    auto append = stage_.start(
        Stage::append_owned(stage_.log(), next_batch(fill), Epoch(epoch_), record::Origin::client));
    auto flush = stage_.start(stage_.log()->flush());
    if (random_.chance(0.3)) stage_.start(stage_.log()->roll());
    stage_.world().run_for(std::chrono::microseconds(random_.below(6'000)));
    if (*append && **append) note(***append, fill);
    const bool appended = append->has_value();
    const Offset flushed = stage_.log()->flushed();
    const Offset start = stage_.log()->log_start();
    const Offset recovery_point = random_.chance(0.5) ? flushed : Offset(0);
    if (random_.chance(0.6)) {
      stage_.crash();
    } else {
      stage_.kill();
    }
    stage_.boot();
    ASSERT_TRUE(stage_.open(recovery_point, start));
    const Offset end = stage_.log()->log_end();
    ASSERT_GE(end, flushed);
    if (static_cast<std::size_t>(end.value()) > values_.size()) {
      ASSERT_FALSE(appended);  // only what was on its way may have arrived
      values_.resize(static_cast<std::size_t>(end.value()), fill);
    }
    values_.resize(static_cast<std::size_t>(end.value()));
    epoch_ += 1;
  }

  /// Reads all of the log, from a random offset on, and compares.
  void check() {
    if (::testing::Test::HasFailure()) return;
    ASSERT_EQ(stage_.log()->log_end().value(), static_cast<std::int64_t>(values_.size()));
    const Offset start = stage_.log()->log_start();
    const auto span = static_cast<std::uint64_t>(stage_.log()->log_end() - start);
    Offset offset = start + static_cast<std::int64_t>(random_.below(span + 1));
    while (offset < stage_.log()->log_end()) {
      const auto slice = stage_.read(offset, ReadBound::log_end, 1 + random_.below(3'000));
      ASSERT_TRUE(slice) << slice.error().why;
      ASSERT_GT(slice->next_offset, offset);
      compare(slice->records.view());
      offset = slice->next_offset;
    }
  }
  void compare(BytesView bytes) {
    record::BatchIterator batches(bytes, record::BatchIterator::Check::crc);
    while (const auto batch = batches.next()) {
      const auto read = record::for_each_record(*batch, {}, [&](const record::RecordView& record) {
        const char expected = values_[static_cast<std::size_t>(record.offset.value())];
        if (!record.value->empty()) {
          ASSERT_EQ(char(record.value->front()), expected) << "offset " << record.offset.value();
        }
      });
      ASSERT_TRUE(read);
    }
    ASSERT_TRUE(batches.status());
  }

  Random random_;
  Stage stage_;
  std::vector<char> values_;  // by offset
  int epoch_ = 1;
};

TEST(PartitionLog, is_a_prefix_of_what_was_appended_through_any_lives_I24) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Model(seed).run(80);
  }
}

}  // namespace
}  // namespace cairn::storage::testing
