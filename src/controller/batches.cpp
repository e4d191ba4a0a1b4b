// SPDX-License-Identifier: Apache-2.0
#include "batches.hpp"

#include <cairn/record/builder.hpp>

namespace cairn::controller {
namespace {

constexpr std::size_t assumed_record_overhead = 16;

}  // namespace

std::vector<EncodedBatch> encode_batches(std::span<const metadata::Record> records,
                                         Offset base_offset, Epoch epoch, std::int64_t timestamp) {
  std::vector<EncodedBatch> batches;
  record::BatchOptions options;
  options.base_offset = base_offset;
  options.leader_epoch = epoch;
  options.fixed_timestamp = timestamp;
  record::BatchBuilder builder(options);
  const auto finish = [&] {
    const auto count = static_cast<std::size_t>(builder.record_count());
    const Offset next = builder.next_offset();
    batches.push_back({builder.build(), count, next - 1});
    builder.clear(next);
  };
  for (const metadata::Record& record : records) {
    const Bytes value = encode_record(record);
    const bool full =
        static_cast<std::size_t>(builder.record_count()) >= max_batch_records ||
        builder.uncompressed_size() + value.size() + assumed_record_overhead > max_batch_bytes;
    if (full && !builder.empty()) finish();
    builder.append(timestamp, std::nullopt, BytesView(value));
  }
  if (!builder.empty()) finish();
  return batches;
}

bool needs_transaction(std::span<const metadata::Record> records) {
  if (records.size() > max_batch_records) return true;
  constexpr std::size_t surely_small = 128;  // most records are far below 1 KiB
  if (records.size() < surely_small) return false;
  std::size_t bytes = 0;
  for (const metadata::Record& record : records) {
    bytes += encode_record(record).size() + assumed_record_overhead;
    if (bytes > max_batch_bytes) return true;
  }
  return false;
}

Result<DecodedBatch> decode_batch(const record::BatchView& batch) {
  DecodedBatch decoded;
  if (batch.is_control()) {
    TRY(decoded.control, raft::decode_control_batch(batch));
    return decoded;
  }
  TRY(record::RecordReader reader, record::RecordReader::open(batch));
  while (const auto view = reader.next()) {
    if (!view->value || view->key || !view->headers.empty()) {
      return fail(ErrorCode::corrupt_message, "a metadata record has a key, headers or no value");
    }
    TRY(metadata::Record record, metadata::decode_record(*view->value));
    decoded.records.push_back(std::move(record));
  }
  TRY(reader.status());
  return decoded;
}

}  // namespace cairn::controller
