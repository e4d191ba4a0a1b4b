// SPDX-License-Identifier: Apache-2.0
#include "src/client/record_stream.hpp"

#include <gtest/gtest.h>

#include <cairn/record/builder.hpp>
#include <cairn/record/control.hpp>

namespace cairn::client {
namespace {

using protocol::FetchResponse;

Bytes stream_batch(std::int64_t base, std::vector<std::string> values,
                   record::BatchOptions options = {}) {
  options.base_offset = Offset(base);
  record::BatchBuilder builder(options);
  for (const auto& value : values) builder.append(5, std::nullopt, as_bytes(value));
  return builder.build();
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const auto& part : parts) append(out, part);
  return out;
}

struct StreamRead {
  std::vector<std::string> values;
  Result<> status;
};

StreamRead read_stream(RecordStream& stream, std::size_t most = 100) {
  StreamRead out;
  while (!stream.finished()) {
    PolledRecords polled;
    out.status = stream.next(most, polled);
    for (const auto& record : polled.records) out.values.emplace_back(as_text(*record.value));
    if (!out.status) break;
  }
  return out;
}

using Strings = std::vector<std::string>;

TEST(RecordStream, begins_at_the_wanted_offset_within_a_batch) {
  const auto bytes = joined({stream_batch(10, {"a", "b", "c"}), stream_batch(13, {"d"})});
  RecordStream stream(bytes, nullptr, Offset(11), {}, {});
  EXPECT_EQ(read_stream(stream).values, (Strings{"b", "c", "d"}));
  EXPECT_EQ(stream.position().value(), 14);
}

TEST(RecordStream, gives_no_more_than_asked_and_goes_on_where_it_stopped) {
  record::BatchOptions compressed;
  compressed.codec = record::Codec::lz4;
  const auto bytes = stream_batch(0, {"a", "b", "c", "d", "e"}, compressed);
  RecordStream stream(bytes, nullptr, Offset(0), {}, {});
  PolledRecords first;
  ASSERT_TRUE(stream.next(2, first));
  EXPECT_EQ(first.records.size(), 2u);
  EXPECT_EQ(first.next_offset.value(), 2);
  PolledRecords rest;
  ASSERT_TRUE(stream.next(10, rest));
  EXPECT_EQ(rest.records.size(), 3u);
  EXPECT_EQ(as_text(*first.records[1].value), "b") << "views live as long as their backing";
}

TEST(RecordStream, ignores_a_batch_that_is_cut_at_the_end) {
  auto bytes = joined({stream_batch(0, {"a"}), stream_batch(1, {"b"})});
  bytes.resize(bytes.size() - 3);
  RecordStream stream(bytes, nullptr, Offset(0), {}, {});
  const auto read = read_stream(stream);
  EXPECT_TRUE(read.status);
  EXPECT_EQ(read.values, Strings{"a"});
}

TEST(RecordStream, gives_what_is_good_before_it_reports_a_wrong_checksum) {
  auto bytes = joined({stream_batch(0, {"a"}), stream_batch(1, {"b"})});
  bytes.back() ^= std::byte{1};
  RecordStream stream(bytes, nullptr, Offset(0), {}, {});
  PolledRecords good;
  EXPECT_TRUE(stream.next(100, good));
  EXPECT_EQ(good.records.size(), 1u);
  PolledRecords bad;
  EXPECT_EQ(stream.next(100, bad).error().code, ErrorCode::corrupt_message);
  EXPECT_TRUE(stream.finished());
  EXPECT_EQ(stream.position().value(), 1);
}

Bytes transactional_batch(std::int64_t base, std::int64_t producer,
                          std::vector<std::string> values) {
  record::BatchOptions options;
  options.producer_id = ProducerId(producer);
  options.producer_epoch = ProducerEpoch(0);
  options.base_sequence = 0;
  options.transactional = true;
  return stream_batch(base, std::move(values), options);
}

Bytes marker(std::int64_t base, std::int64_t producer, record::ControlType type) {
  return record::build_marker_batch({type, 0}, ProducerId(producer), ProducerEpoch(0), 5,
                                    Offset(base));
}

TEST(RecordStream, leaves_out_control_batches_and_moves_past_them) {
  const auto bytes = joined({transactional_batch(0, 1, {"a"}),
                             marker(1, 1, record::ControlType::commit), stream_batch(2, {"b"})});
  RecordStream stream(bytes, nullptr, Offset(0), {}, {});
  EXPECT_EQ(read_stream(stream).values, (Strings{"a", "b"}));
  EXPECT_EQ(stream.position().value(), 3);
}

TEST(RecordStream, leaves_out_aborted_transactions_when_reading_committed) {
  // Producer 1 aborts, producer 2 commits, then producer 1 commits.
  const auto bytes =
      joined({transactional_batch(0, 1, {"aborted"}), transactional_batch(1, 2, {"kept"}),
              marker(2, 1, record::ControlType::abort), marker(3, 2, record::ControlType::commit),
              transactional_batch(4, 1, {"kept too"}), marker(5, 1, record::ControlType::commit)});
  FetchResponse::AbortedTransaction aborted;
  aborted.producer_id = 1;
  aborted.first_offset = 0;
  RecordStream committed(bytes, nullptr, Offset(0), {aborted},
                         {.check_crcs = true, .isolation = Isolation::read_committed});
  EXPECT_EQ(read_stream(committed).values, (Strings{"kept", "kept too"}));
  EXPECT_EQ(committed.position().value(), 6);
  RecordStream uncommitted(bytes, nullptr, Offset(0), {}, {});
  EXPECT_EQ(read_stream(uncommitted).values, (Strings{"aborted", "kept", "kept too"}));
}

}  // namespace
}  // namespace cairn::client
