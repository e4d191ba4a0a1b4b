// SPDX-License-Identifier: Apache-2.0
// Any bytes as each of a log's files and names: read or refused. What is read is written again.
#include <cairn/base/assert.hpp>
#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/checkpoint.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>
#include <cairn/log/producer_snapshot.hpp>
#include <cairn/log/recovery.hpp>

namespace {

using namespace cairn;
using namespace cairn::log;

void read_checkpoints(BytesView bytes) {
  if (const auto offsets = decode_offset_checkpoint(bytes)) {
    const auto again = decode_offset_checkpoint(encode_offset_checkpoint(*offsets));
    ASSERT(again && *again == *offsets, "an offset checkpoint survives its file");
  }
  if (const auto epochs = decode_epoch_checkpoint(bytes)) {
    const EpochCache cache(*epochs);
    const auto again = decode_epoch_checkpoint(encode_epoch_checkpoint(cache.entries()));
    ASSERT(again && EpochCache(*again) == cache, "an epoch checkpoint survives its file");
  }
  (void)decode_partition_metadata(bytes);
}

void read_indexes(BytesView bytes) {
  if (const auto index = OffsetIndex::decode(Offset(7), bytes)) (void)index->lookup(Offset(1000));
  if (const auto index = TimeIndex::decode(Offset(7), bytes)) (void)index->lookup(1000);
  if (const auto entries = decode_transaction_index(bytes, Offset(0))) {
    (void)collect_aborted(*entries, Offset(5), Offset(500));
  }
  if (const auto entries = decode_producer_snapshot(bytes)) {
    ProducerState state;
    state.load(*entries, Offset(1), 0);
    (void)state.entries();
  }
}

/// Recovery of a segment, and of the producers its batches name.
void recover(BytesView bytes) {
  SegmentScan scan(Offset(0), Offset(0), no_epoch);
  ProducerState state;
  while (!scan.done()) {
    const auto batch = scan.next(bytes.subspan(scan.position()), true);
    if (!batch) continue;
    (void)state.check(*batch);
    (void)state.apply(*batch);
  }
  ASSERT(scan.position() <= bytes.size(), "a segment is cut within its file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(reinterpret_cast<const std::byte*>(data), size);
  read_checkpoints(bytes);
  read_indexes(bytes);
  recover(bytes);
  const std::vector<std::string> names = {std::string(as_text(bytes))};
  (void)recover_swaps(names);
  (void)parse_snapshot_file_name(names[0]);
  (void)parse_directory_name(names[0]);
  (void)validate_topic_name(names[0]);
  return 0;
}
