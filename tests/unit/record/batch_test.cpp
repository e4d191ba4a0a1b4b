// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/record/batches.hpp"

namespace cairn::record {
namespace {

using namespace testing;

Bytes three_batches() {
  Bytes all = batch_of({"a"});
  append(all, batch_of({"b", "c"}));
  append(all, batch_of({"d"}));
  return all;
}

TEST(BatchIterator, walks_batches_that_lie_back_to_back) {
  const Bytes all = three_batches();
  BatchIterator it(all, BatchIterator::Check::crc);
  std::vector<int> counts;
  while (auto batch = it.next()) counts.push_back(batch->record_count());
  EXPECT_EQ(counts, (std::vector{1, 2, 1}));
  EXPECT_EQ(it.position(), all.size());
  EXPECT_TRUE(it.status());
}

TEST(BatchIterator, says_where_and_how_a_run_of_bytes_stops_being_batches) {
  const Bytes good = batch_of({"a"});
  const auto fault_after = [&](auto damage) {
    Bytes second = batch_of({"b"});
    damage(second);
    Bytes all = good;
    append(all, second);
    BatchIterator it(all, BatchIterator::Check::crc);
    while (it.next()) {
    }
    EXPECT_EQ(it.position(), good.size());
    EXPECT_EQ(code_of(it.status()), ErrorCode::corrupt_message);
    return it.fault();
  };
  EXPECT_EQ(fault_after([](Bytes& b) { b.pop_back(); }), BatchFault::cut);
  EXPECT_EQ(fault_after([](Bytes& b) { b.resize(5); }), BatchFault::cut);
  EXPECT_EQ(fault_after([](Bytes& b) { store_big_endian(b.data() + layout::length, 48); }),
            BatchFault::bad_length);
  EXPECT_EQ(fault_after([](Bytes& b) { store_big_endian(b.data() + layout::length, -1); }),
            BatchFault::bad_length);
  EXPECT_EQ(fault_after([](Bytes& b) { b[layout::magic] = std::byte{1}; }), BatchFault::bad_magic);
  EXPECT_EQ(fault_after([](Bytes& b) { b.back() ^= std::byte{1}; }), BatchFault::bad_crc);
}

TEST(BatchView, a_length_near_two_gigabytes_asks_for_no_memory) {
  Bytes bytes = batch_of({"a"});
  store_big_endian(bytes.data() + layout::length, std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(code_of(BatchView::parse(bytes)), ErrorCode::corrupt_message);
  EXPECT_EQ(batch_size_from_front(BytesView(bytes).first(batch_front_size)), 2147483659u);
}

TEST(BatchView, stamping_offset_and_epoch_leaves_the_crc_alone) {
  Bytes bytes = batch_of({"a", "b"});
  stamp_base_offset(bytes, Offset(1234567890123));
  stamp_leader_epoch(bytes, Epoch(42));
  const BatchView batch = view(bytes);
  EXPECT_EQ(batch.base_offset(), Offset(1234567890123));
  EXPECT_EQ(batch.next_offset(), Offset(1234567890125));
  EXPECT_EQ(batch.leader_epoch(), Epoch(42));
  EXPECT_TRUE(batch.crc_matches());
}

TEST(BatchView, log_append_time_changes_header_and_crc_and_every_record_s_timestamp) {
  Bytes bytes = batch_of({"a", "b"});
  stamp_max_timestamp(bytes, TimestampType::log_append_time, 5555);
  const BatchView batch = view(bytes);
  EXPECT_TRUE(batch.crc_matches());
  EXPECT_EQ(batch.timestamp_type(), TimestampType::log_append_time);
  EXPECT_EQ(lines_of(batch), (std::vector<std::string>{"0|5555|key|a", "1|5555|key|b"}));
}

TEST(BatchView, a_header_apart_from_its_records_can_be_stamped) {
  Bytes whole = batch_of({"a", "b"});
  Bytes header(whole.begin(), whole.begin() + batch_header_size);
  const BytesView payload = BytesView(whole).subspan(batch_header_size);
  stamp_max_timestamp(header, payload, TimestampType::log_append_time, 5555);
  append(header, payload);
  stamp_max_timestamp(whole, TimestampType::log_append_time, 5555);
  EXPECT_EQ(header, whole);
}

TEST(BatchView, sequences_wrap_at_two_to_the_31) {
  BatchOptions options;
  options.producer_id = ProducerId(1);
  options.base_sequence = std::numeric_limits<std::int32_t>::max() - 1;
  const Bytes bytes = batch_of({"a", "b", "c"}, options);
  EXPECT_EQ(view(bytes).last_sequence(), 0);
  EXPECT_EQ(advance_sequence(0, -1), std::numeric_limits<std::int32_t>::max());
}

TEST(RecordReader, refuses_what_does_not_add_up) {
  const auto status_of = [](auto damage) {
    Bytes bytes = batch_of({"abc"});
    damage(bytes);
    auto reader = RecordReader::open(view(bytes)).value();
    while (reader.next()) {
    }
    return reader.status();
  };
  constexpr auto at = layout::records;  // length, attributes, timestamp, offset, key length ...
  EXPECT_TRUE(status_of([](Bytes&) {}));
  const std::vector<std::pair<std::size_t, int>> damages = {
      {at, 2}, {at, 127}, {at + 4, 3}, {at + 4, 120}, {at + 8, 5}, {at + 12, 2}, {at + 12, 1}};
  for (const auto& [position, value] : damages) {
    const auto status = status_of([&](Bytes& b) { b[position] = static_cast<std::byte>(value); });
    EXPECT_EQ(code_of(status), ErrorCode::invalid_record) << position << " " << value;
  }
  const auto more =
      status_of([](Bytes& b) { store_big_endian(b.data() + layout::record_count, 2); });
  EXPECT_EQ(code_of(more), ErrorCode::invalid_record);
  const auto none =
      status_of([](Bytes& b) { store_big_endian(b.data() + layout::record_count, 0); });
  EXPECT_EQ(code_of(none), ErrorCode::invalid_record);
  const auto negative =
      status_of([](Bytes& b) { store_big_endian(b.data() + layout::record_count, -1); });
  EXPECT_EQ(code_of(negative), ErrorCode::invalid_record);
}

TEST(RecordReader, views_stay_good_when_the_reader_moves) {
  const Bytes bytes = batch_of({"first", "second"}, {.codec = Codec::lz4});
  RecordReader reader = RecordReader::open(view(bytes)).value();
  const auto first = reader.next();
  const RecordReader moved = std::move(reader);
  EXPECT_EQ(as_text(*first->value), "first");
  EXPECT_TRUE(moved.status());
}

TEST(BatchBuilder, a_fixed_timestamp_leaves_all_deltas_zero) {
  BatchOptions options;
  options.fixed_timestamp = 777;
  const Bytes bytes = batch_of({"a", "b", "c"}, options);
  const BatchView batch = view(bytes);
  EXPECT_EQ(batch.base_timestamp(), 777);
  EXPECT_EQ(batch.max_timestamp(), 777);
  EXPECT_EQ(lines_of(batch)[2], "2|777|key|c");
}

TEST(BatchBuilder, sizes_are_exact_before_compression) {
  BatchBuilder builder;
  const std::vector<Header> headers = {{"h", as_bytes("v")}};
  for (int i = 0; i < 300; ++i) {
    const std::string value(static_cast<std::size_t>(i), 'x');
    const std::size_t more = builder.size_of(i * 1000, as_bytes("k"), as_bytes(value), headers);
    const std::size_t before = builder.uncompressed_size();
    builder.append(i * 1000, as_bytes("k"), as_bytes(value), headers);
    ASSERT_EQ(builder.uncompressed_size(), before + more);
  }
  EXPECT_EQ(builder.build().size(), builder.uncompressed_size());
}

TEST(BatchBuilder, one_record_fits_its_bound) {
  BatchBuilder builder;
  const std::string value(100000, 'v');
  builder.append(1, as_bytes("key"), as_bytes(value));
  EXPECT_LE(builder.uncompressed_size(),
            single_record_batch_bound(as_bytes("key"), as_bytes(value)));
}

TEST(BatchBuilder, keeps_gaps_and_starts_again_after_clear) {
  BatchBuilder builder({.base_offset = Offset(10)});
  builder.append_at(Offset(12), 5, {}, as_bytes("x"));
  builder.append_at(Offset(17), 6, {}, as_bytes("y"));
  const Bytes bytes = builder.build();
  EXPECT_EQ(lines_of(view(bytes)), (std::vector<std::string>{"12|5|null|x", "17|6|null|y"}));
  EXPECT_EQ(view(bytes).last_offset(), Offset(17));
  builder.clear(Offset(18));
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(view(builder.build()).record_count(), 0);
  EXPECT_EQ(builder.next_offset(), Offset(18));
}

TEST(Recompress, keeps_all_but_the_codec) {
  const Bytes from = golden_batch(Codec::gzip);
  for (Codec codec : {Codec::none, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const Bytes to = recompress(view(from), codec, default_level, {}).value();
    EXPECT_EQ(view(to).codec(), codec);
    EXPECT_TRUE(view(to).crc_matches());
    EXPECT_EQ(lines_of(view(to)), lines_of(view(from)));
    EXPECT_EQ(view(to).producer_id(), ProducerId(4000));
  }
}

}  // namespace
}  // namespace cairn::record
