// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/random.hpp>
#include <cairn/record/validation.hpp>

#include "tests/unit/record/batches.hpp"

namespace cairn::record {
namespace {

using namespace testing;

constexpr std::int64_t now = 1'000'000;

ProduceRules rules() { return {.now_ms = now}; }

Bytes changed(Bytes bytes, auto change) {
  change(bytes);
  stamp_crc(bytes);
  return bytes;
}

TEST(ProduceValidation, a_good_batch_passes_as_it_is) {
  for (Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Bytes bytes = batch_of({"a", "b", "c"}, {.codec = codec}, now);
    const auto produced = validate_produced(bytes, rules());
    ASSERT_TRUE(produced) << produced.error().why;
    EXPECT_EQ(produced->record_count, 3);
    EXPECT_EQ(produced->max_timestamp, now + 2);
    EXPECT_FALSE(produced->restamp);
    EXPECT_FALSE(produced->recompress);
  }
}

TEST(ProduceValidation, there_is_exactly_one_batch_a_partition) {
  EXPECT_EQ(code_of(validate_produced({}, rules())), ErrorCode::invalid_record);
  const Bytes one = batch_of({"a"});
  Bytes two = one;
  append(two, one);
  EXPECT_EQ(code_of(validate_produced(two, rules())), ErrorCode::invalid_record);
  EXPECT_EQ(code_of(validate_produced(BytesView(two).first(one.size() + 3), rules())),
            ErrorCode::invalid_record);
  EXPECT_EQ(code_of(validate_produced(BytesView(one).first(one.size() - 1), rules())),
            ErrorCode::invalid_record);
}

TEST(ProduceValidation, damage_is_corrupt_message) {
  Bytes bytes = batch_of({"a"});
  bytes.back() ^= std::byte{1};
  EXPECT_EQ(code_of(validate_produced(bytes, rules())), ErrorCode::corrupt_message);
  bytes = batch_of({"a"});
  store_big_endian(bytes.data() + layout::length, 3);
  EXPECT_EQ(code_of(validate_produced(bytes, rules())), ErrorCode::corrupt_message);
}

TEST(ProduceValidation, old_magics_are_refused) {
  Bytes bytes = batch_of({"a"});
  bytes[layout::magic] = std::byte{1};
  EXPECT_EQ(code_of(validate_produced(bytes, rules())), ErrorCode::invalid_record);
}

TEST(ProduceValidation, sizes_are_bounded_by_topic_and_segment) {
  const Bytes bytes = batch_of({"a"});
  ProduceRules small = rules();
  small.max_message_bytes = bytes.size();
  EXPECT_TRUE(validate_produced(bytes, small));
  small.max_message_bytes = bytes.size() - 1;
  EXPECT_EQ(code_of(validate_produced(bytes, small)), ErrorCode::message_too_large);
  ProduceRules segment = rules();
  segment.segment_bytes = bytes.size() - 1;
  EXPECT_EQ(code_of(validate_produced(bytes, segment)), ErrorCode::record_list_too_large);
}

TEST(ProduceValidation, counts_and_offsets_must_agree) {
  const Bytes good = batch_of({"a", "b"});
  const auto refused = [&](std::size_t field, std::int32_t value) {
    return code_of(validate_produced(
        changed(good, [&](Bytes& b) { store_big_endian(b.data() + field, value); }), rules()));
  };
  EXPECT_EQ(refused(layout::record_count, 3), ErrorCode::invalid_record);
  EXPECT_EQ(refused(layout::record_count, 1), ErrorCode::invalid_record);
  EXPECT_EQ(refused(layout::last_offset_delta, 5), ErrorCode::invalid_record);
  EXPECT_EQ(refused(layout::last_offset_delta, -1), ErrorCode::invalid_record);
  EXPECT_EQ(refused(layout::last_offset_delta, std::numeric_limits<std::int32_t>::max()),
            ErrorCode::invalid_record);
  EXPECT_EQ(code_of(validate_produced(batch_of({"a"}, {.base_offset = Offset(1)}), rules())),
            ErrorCode::invalid_record);
}

TEST(ProduceValidation, offset_deltas_count_up_from_0_without_gaps) {
  BatchBuilder builder;
  builder.append_at(Offset(0), now, as_bytes("k"), {});
  builder.append_at(Offset(2), now, as_bytes("k"), {});
  const Bytes bytes = changed(
      builder.build(), [](Bytes& b) { store_big_endian(b.data() + layout::last_offset_delta, 1); });
  EXPECT_EQ(code_of(validate_produced(bytes, rules())), ErrorCode::invalid_record);
}

TEST(ProduceValidation, only_coordinators_write_control_batches) {
  BatchOptions options;
  options.producer_id = ProducerId(1);
  options.producer_epoch = ProducerEpoch(0);
  options.transactional = true;
  options.control = true;
  const Bytes bytes = batch_of({"a"}, options, now);
  EXPECT_EQ(code_of(validate_produced(bytes, rules())), ErrorCode::invalid_record);
  ProduceRules coordinator = rules();
  coordinator.origin = Origin::coordinator;
  EXPECT_TRUE(validate_produced(bytes, coordinator));
}

TEST(ProduceValidation, a_producer_id_comes_with_epoch_and_sequence) {
  BatchOptions options;
  options.producer_id = ProducerId(1);
  options.producer_epoch = ProducerEpoch(0);
  EXPECT_EQ(code_of(validate_produced(batch_of({"a"}, options, now), rules())),
            ErrorCode::invalid_record);
  options.base_sequence = 0;
  EXPECT_TRUE(validate_produced(batch_of({"a"}, options, now), rules()));
  options.producer_epoch = no_producer_epoch;
  EXPECT_EQ(code_of(validate_produced(batch_of({"a"}, options, now), rules())),
            ErrorCode::invalid_record);
  EXPECT_EQ(code_of(validate_produced(batch_of({"a"}, {.transactional = true}, now), rules())),
            ErrorCode::invalid_record);
}

TEST(ProduceValidation, zstd_needs_version_7_and_unknown_codecs_are_named) {
  ProduceRules old = rules();
  old.produce_version = 6;
  const Bytes zstd = batch_of({"a"}, {.codec = Codec::zstd}, now);
  EXPECT_EQ(code_of(validate_produced(zstd, old)), ErrorCode::unsupported_compression_type);
  const Bytes unknown = changed(batch_of({"a"}), [](Bytes& b) {
    store_big_endian<std::int16_t>(b.data() + layout::attributes, 6);
  });
  EXPECT_EQ(code_of(validate_produced(unknown, rules())), ErrorCode::unsupported_compression_type);
}

TEST(ProduceValidation, a_compacted_topic_needs_keys_also_in_compressed_batches) {
  ProduceRules compacted = rules();
  compacted.compacted = true;
  for (Codec codec : {Codec::none, Codec::lz4}) {
    BatchBuilder builder({.codec = codec});
    builder.append(now, as_bytes("k"), {});
    builder.append(now, {}, as_bytes("v"));
    std::vector<RecordError> errors;
    EXPECT_EQ(code_of(validate_produced(builder.build(), compacted, &errors)),
              ErrorCode::invalid_record);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].batch_index, 1);
  }
}

TEST(ProduceValidation, timestamps_are_bounded_on_both_sides) {
  ProduceRules bounded = rules();
  bounded.timestamp_after_max_ms = 10;
  bounded.timestamp_before_max_ms = 20;
  for (Codec codec : {Codec::none, Codec::zstd}) {
    const auto code_at = [&](std::int64_t timestamp) {
      return code_of(validate_produced(batch_of({"a"}, {.codec = codec}, timestamp), bounded));
    };
    EXPECT_EQ(code_at(now + 10), ErrorCode::none);
    EXPECT_EQ(code_at(now + 11), ErrorCode::invalid_timestamp);
    EXPECT_EQ(code_at(now - 20), ErrorCode::none);
    EXPECT_EQ(code_at(now - 21), ErrorCode::invalid_timestamp);
    EXPECT_EQ(code_at(no_timestamp), ErrorCode::none);
    EXPECT_EQ(code_at(std::numeric_limits<std::int64_t>::max()), ErrorCode::invalid_timestamp);
    EXPECT_EQ(code_at(std::numeric_limits<std::int64_t>::min()), ErrorCode::invalid_timestamp);
  }
}

TEST(ProduceValidation, log_append_time_asks_for_a_stamp_and_ignores_the_client_s_clock) {
  ProduceRules append_time = rules();
  append_time.timestamp_type = TimestampType::log_append_time;
  const auto produced = validate_produced(batch_of({"a"}, {}, now * 1000), append_time);
  ASSERT_TRUE(produced);
  EXPECT_TRUE(produced->restamp);
  EXPECT_EQ(produced->max_timestamp, now);
}

TEST(ProduceValidation, a_wrong_maximum_timestamp_is_put_right) {
  const Bytes bytes = changed(batch_of({"a", "b"}, {}, now), [](Bytes& b) {
    store_big_endian<std::int64_t>(b.data() + layout::max_timestamp, now + 500);
  });
  const auto produced = validate_produced(bytes, rules());
  ASSERT_TRUE(produced);
  EXPECT_TRUE(produced->restamp);
  EXPECT_EQ(produced->max_timestamp, now + 1);
}

TEST(ProduceValidation, another_stored_codec_asks_for_recompression) {
  ProduceRules stored = rules();
  stored.stored_codec = Codec::lz4;
  EXPECT_TRUE(validate_produced(batch_of({"a"}, {}, now), stored)->recompress);
  EXPECT_FALSE(validate_produced(batch_of({"a"}, {.codec = Codec::lz4}, now), stored)->recompress);
}

TEST(ProduceValidation, hostile_bytes_are_refused_or_read_but_never_more) {
  Random random(4);
  ProduceRules strict = rules();
  strict.compacted = true;
  for (int round = 0; round < 20000; ++round) {
    const Codec codec = static_cast<Codec>(random.below(5));
    Bytes bytes = golden_batch(codec);
    stamp_base_offset(bytes, Offset(0));
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    }
    if (random.chance(0.9)) stamp_crc(bytes);
    (void)validate_produced(bytes, strict);
    if (const auto batch = BatchView::parse(bytes)) (void)lines_of(*batch);
  }
}

}  // namespace
}  // namespace cairn::record
