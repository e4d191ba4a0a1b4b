// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/log/producer_snapshot.hpp>

namespace cairn::log {
namespace {

using record::BatchBuilder;
using record::BatchOptions;
using record::BatchView;

constexpr std::int32_t last_sequence = std::numeric_limits<std::int32_t>::max();

struct Write {
  std::int64_t producer = 1;
  std::int16_t epoch = 0;
  std::int32_t sequence = 0;
  int records = 1;
  std::int64_t timestamp = 1000;
  bool transactional = false;
};

Bytes data_batch(const Write& write, std::int64_t offset) {
  BatchOptions options;
  options.base_offset = Offset(offset);
  options.producer_id = ProducerId(write.producer);
  options.producer_epoch = ProducerEpoch(write.epoch);
  options.base_sequence = write.sequence;
  options.transactional = write.transactional;
  BatchBuilder builder(options);
  for (int i = 0; i < write.records; ++i) builder.append(write.timestamp, {}, as_bytes("v"));
  return builder.build();
}

/// A log that only counts offsets, in front of a ProducerState.
class ProducerLog {
 public:
  Result<std::optional<Duplicate>> produce(const Write& write) {
    const Bytes bytes = data_batch(write, end_);
    const BatchView batch = BatchView::parse(bytes).value();
    TRY(const auto duplicate, state.check(batch));
    if (duplicate) return duplicate;
    state.apply(batch);
    end_ += write.records;
    return std::nullopt;
  }
  ErrorCode code(const Write& write) { return code_of(produce(write)); }

  std::optional<CompletedTransaction> end_transaction(std::int64_t producer, std::int16_t epoch,
                                                      record::ControlType type,
                                                      std::int32_t coordinator_epoch = 0) {
    const Bytes bytes = marker(producer, epoch, type, coordinator_epoch);
    ++end_;
    return state.apply(BatchView::parse(bytes).value());
  }
  Bytes marker(std::int64_t producer, std::int16_t epoch, record::ControlType type,
               std::int32_t coordinator_epoch) const {
    return record::build_marker_batch({type, coordinator_epoch}, ProducerId(producer),
                                      ProducerEpoch(epoch), 1000, Offset(end_));
  }
  std::int64_t end() const { return end_; }

  ProducerState state;

 private:
  std::int64_t end_ = 0;
};

TEST(ProducerState, a_retried_batch_gets_the_offset_it_has) {
  ProducerLog log;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(log.produce({.sequence = i * 2, .records = 2, .timestamp = 1000 + i}).value(),
              std::nullopt);
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(log.produce({.sequence = i * 2, .records = 2}).value(),
              (Duplicate{Offset(i * 2), Offset(i * 2 + 1), 1000 + i}));
  }
  EXPECT_EQ(log.end(), 10);
}

TEST(ProducerState, the_sixth_batch_back_is_out_of_order_and_never_appended) {
  ProducerLog log;
  for (int i = 0; i < 6; ++i) log.produce({.sequence = i}).value();
  EXPECT_EQ(log.code({.sequence = 0}), ErrorCode::out_of_order_sequence_number);
  EXPECT_TRUE(log.produce({.sequence = 1}).value());
  EXPECT_EQ(log.end(), 6);
}

TEST(ProducerState, gaps_and_partly_repeated_batches_are_out_of_order) {
  ProducerLog log;
  log.produce({.sequence = 0, .records = 3}).value();
  EXPECT_EQ(log.code({.sequence = 4}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log.code({.sequence = 0, .records = 2}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log.code({.sequence = 1, .records = 2}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log.code({.sequence = 3}), ErrorCode::none);
}

TEST(ProducerState, an_unknown_producer_may_begin_anywhere) {
  ProducerLog log;
  EXPECT_EQ(log.code({.sequence = 4711}), ErrorCode::none);
  EXPECT_EQ(log.code({.sequence = 4712}), ErrorCode::none);
}

TEST(ProducerState, sequences_wrap_at_two_to_the_31) {
  ProducerLog log;
  log.produce({.sequence = last_sequence - 1, .records = 2}).value();
  EXPECT_EQ(log.code({.sequence = 0}), ErrorCode::none);
  log.produce({.producer = 2, .sequence = last_sequence - 1, .records = 4}).value();
  EXPECT_EQ(log.state.entry(ProducerId(2))->last_sequence(), 1);
  EXPECT_TRUE(log.produce({.producer = 2, .sequence = last_sequence - 1, .records = 4}).value());
  EXPECT_EQ(log.code({.producer = 2, .sequence = 2}), ErrorCode::none);
}

TEST(ProducerState, a_new_epoch_begins_at_0_and_fences_the_old) {
  ProducerLog log;
  log.produce({.epoch = 0, .sequence = 0}).value();
  EXPECT_EQ(log.code({.epoch = 1, .sequence = 1}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log.code({.epoch = 1, .sequence = 0}), ErrorCode::none);
  EXPECT_EQ(log.code({.epoch = 0, .sequence = 1}), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(log.code({.epoch = 0, .sequence = 0}), ErrorCode::invalid_producer_epoch);
}

TEST(ProducerState, batches_without_a_producer_pass) {
  ProducerLog log;
  EXPECT_EQ(log.code({.producer = -1, .epoch = -1, .sequence = -1}), ErrorCode::none);
  EXPECT_EQ(log.code({.producer = -1, .epoch = -1, .sequence = -1}), ErrorCode::none);
  EXPECT_EQ(log.end(), 2);
  EXPECT_TRUE(log.state.empty());
}

TEST(ProducerState, a_coordinator_s_batches_without_sequence_are_no_duplicates) {
  ProducerLog log;
  log.produce({.sequence = -1, .transactional = true}).value();
  EXPECT_EQ(log.produce({.sequence = -1, .transactional = true}).value(), std::nullopt);
  EXPECT_EQ(log.end(), 2);
}

TEST(ProducerState, state_goes_by_time_not_with_the_records) {
  ProducerLog log;
  log.produce({.sequence = 0, .timestamp = 5000}).value();
  log.state.on_log_start(Offset(1));
  EXPECT_EQ(log.code({.sequence = 7}), ErrorCode::out_of_order_sequence_number);
  EXPECT_EQ(log.state.expire(5000 + 86399999), 0u);
  EXPECT_EQ(log.state.expire(5000 + 86400000), 1u);
  EXPECT_EQ(log.code({.sequence = 7}), ErrorCode::none);
}

TEST(ProducerState, a_marker_with_a_bumped_epoch_resets_the_sequence) {
  ProducerLog log;
  log.produce({.epoch = 3, .sequence = 0, .transactional = true}).value();
  log.end_transaction(1, 4, record::ControlType::abort);
  // The client begins again at 0: this is new data, not the aborted record come back.
  EXPECT_EQ(log.produce({.epoch = 4, .sequence = 0, .transactional = true}).value(), std::nullopt);
  EXPECT_EQ(log.code({.epoch = 3, .sequence = 1, .transactional = true}),
            ErrorCode::invalid_producer_epoch);
}

TEST(ProducerState, markers_are_fenced_by_producer_and_coordinator_epoch) {
  ProducerLog log;
  log.produce({.epoch = 3, .sequence = 0, .transactional = true}).value();
  log.end_transaction(1, 3, record::ControlType::commit, 7);
  const auto code = [&](std::int16_t epoch, std::int32_t coordinator) {
    const Bytes bytes = log.marker(1, epoch, record::ControlType::commit, coordinator);
    return code_of(log.state.check(BatchView::parse(bytes).value()));
  };
  EXPECT_EQ(code(2, 7), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(code(3, 6), ErrorCode::transaction_coordinator_fenced);
  EXPECT_EQ(code(3, 7), ErrorCode::none);
}

TEST(ProducerState, an_open_transaction_refuses_other_writes_and_never_expires) {
  ProducerLog log;
  log.produce({.sequence = 0, .transactional = true}).value();
  EXPECT_EQ(log.code({.sequence = 1}), ErrorCode::invalid_txn_state);
  EXPECT_EQ(log.state.expire(std::numeric_limits<std::int64_t>::max()), 0u);
  EXPECT_TRUE(log.state.has_late_transaction(1001));
  EXPECT_FALSE(log.state.has_late_transaction(1000));
}

TEST(ProducerState, the_first_unstable_offset_waits_for_decision_and_replication) {
  ProducerLog log;
  log.produce({.producer = 1, .sequence = 0, .records = 3, .transactional = true}).value();
  log.produce({.producer = 2, .sequence = 0, .transactional = true}).value();
  EXPECT_EQ(log.state.first_unstable_offset(), Offset(0));

  const auto done = log.end_transaction(1, 0, record::ControlType::abort);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->aborted);
  EXPECT_EQ(done->first_offset, Offset(0));
  EXPECT_EQ(done->last_offset, Offset(4));
  EXPECT_EQ(log.state.last_stable_offset(*done), Offset(3));
  EXPECT_EQ(log.state.first_unstable_offset(), Offset(0));
  log.state.on_high_watermark(Offset(4));
  EXPECT_EQ(log.state.first_unstable_offset(), Offset(0));
  log.state.on_high_watermark(Offset(5));
  EXPECT_EQ(log.state.first_unstable_offset(), Offset(3));

  const auto second = log.end_transaction(2, 0, record::ControlType::commit);
  EXPECT_EQ(log.state.last_stable_offset(*second), Offset(6));
  log.state.on_high_watermark(Offset(6));
  EXPECT_EQ(log.state.first_unstable_offset(), std::nullopt);
  EXPECT_EQ(log.end_transaction(2, 0, record::ControlType::commit), std::nullopt);
}

TEST(ProducerSnapshot, keeps_the_last_batch_and_the_open_transaction) {
  ProducerLog log;
  log.produce({.producer = 9, .epoch = 2, .sequence = 0, .records = 4, .timestamp = 1234}).value();
  log.produce({.producer = 3, .sequence = 5, .transactional = true}).value();
  const Bytes file = encode_producer_snapshot(log.state.entries());
  EXPECT_EQ(file.size(), 10u + 2 * 46);
  const auto entries = decode_producer_snapshot(file).value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].id, ProducerId(3));
  EXPECT_EQ(entries[1].last_timestamp, 1234);

  ProducerState loaded;
  loaded.load(entries, Offset(5), 2000);
  EXPECT_EQ(loaded.end_offset(), Offset(5));
  EXPECT_EQ(loaded.first_unstable_offset(), Offset(4));
  const Bytes again = data_batch({.producer = 9, .epoch = 2, .sequence = 0, .records = 4}, 0);
  EXPECT_EQ(loaded.check(BatchView::parse(again).value()).value(),
            (Duplicate{Offset(0), Offset(3), 1234}));
  EXPECT_EQ(encode_producer_snapshot(loaded.entries()), file);
}

TEST(ProducerSnapshot, leaves_out_the_expired_when_loaded) {
  ProducerLog log;
  log.produce({.sequence = 0, .timestamp = 0}).value();
  ProducerState loaded;
  loaded.load(log.state.entries(), Offset(1), 86400000);
  EXPECT_TRUE(loaded.empty());
}

TEST(ProducerSnapshot, damage_of_any_byte_is_noticed) {
  ProducerLog log;
  log.produce({.sequence = 0}).value();
  const Bytes good = encode_producer_snapshot(log.state.entries());
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= std::byte{0x10};
    EXPECT_EQ(code_of(decode_producer_snapshot(bad)), ErrorCode::corrupt_message) << i;
    EXPECT_EQ(code_of(decode_producer_snapshot(BytesView(good).first(i))),
              ErrorCode::corrupt_message);
  }
}

/// The trivial model of idempotence: it remembers everything.
struct Remembered {
  std::int16_t epoch = -1;
  std::vector<std::pair<std::int64_t, int>> batches;  // offset, records; sequences count up from 0
};

TEST(ProducerState, a_value_is_in_the_log_at_most_once_whatever_is_retried) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    ProducerLog log;
    std::map<std::int64_t, Remembered> model;
    for (int step = 0; step < 300; ++step) {
      const std::int64_t id = std::int64_t(random.below(3));
      Remembered& producer = model[id];
      if (producer.epoch < 0 || random.chance(0.02)) {
        ++producer.epoch;
        producer.batches.clear();
      }
      const std::size_t at =
          producer.batches.size() - std::min(random.below(8), producer.batches.size());
      const bool retry = at < producer.batches.size();
      const int records = retry ? producer.batches[at].second : 1 + int(random.below(4));
      std::int32_t sequence = 0;
      for (std::size_t i = 0; i < at; ++i) sequence += producer.batches[i].second;
      const std::int64_t end = log.end();
      const auto result = log.produce(
          {.producer = id, .epoch = producer.epoch, .sequence = sequence, .records = records});
      if (!retry) {
        ASSERT_TRUE(result && !*result) << seed << " " << step;
        producer.batches.push_back({end, records});
      } else if (at + 5 >= producer.batches.size()) {
        ASSERT_TRUE(result && *result) << seed << " " << step;
        EXPECT_EQ((*result)->first_offset, Offset(producer.batches[at].first));
      } else {
        ASSERT_EQ(code_of(result), ErrorCode::out_of_order_sequence_number) << seed << " " << step;
        ASSERT_EQ(log.end(), end);
      }
    }
  }
}

}  // namespace
}  // namespace cairn::log
