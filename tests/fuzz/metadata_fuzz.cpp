// SPDX-License-Identifier: Apache-2.0
// Any bytes as each file of the metadata that a start reads: the log of the quorum, snapshots and
// bootstrap.checkpoint, quorum-state, meta.properties. Read or refused; what is read is written
// again, and an image that came of it goes through a snapshot.
#include <cairn/base/assert.hpp>
#include <cairn/metadata/replay.hpp>
#include <cairn/metadata/snapshot.hpp>
#include <cairn/raft/quorum_state.hpp>
#include <cairn/storage/meta_properties.hpp>

#include "src/controller/batches.hpp"
#include "src/controller/snapshot_file.hpp"

namespace {

using namespace cairn;

/// The same bytes with checksums that fit, so that what lies behind them is reached.
Bytes with_checksums(BytesView bytes) {
  Bytes copy = to_bytes(bytes);
  std::size_t at = 0;
  while (const auto batch = record::BatchIterator(BytesView(copy).subspan(at)).next()) {
    const std::size_t size = batch->bytes().size();
    record::stamp_crc(MutableBytes(copy).subspan(at, size));
    at += size;
  }
  return copy;
}

/// A snapshot of whatever can be built must build it again.
void through_snapshot(std::shared_ptr<const metadata::Image> image) {
  metadata::SnapshotSource source(std::move(image));
  metadata::Image again;
  for (auto records = source.next(100); !records.empty(); records = source.next(100)) {
    for (const metadata::Record& record : records) {
      // By its bytes: a tag that an old record did not know has its name in a newer one.
      const Bytes bytes = encode_record(record);
      const auto decoded = metadata::decode_record(bytes);
      ASSERT(decoded && encode_record(*decoded) == bytes, "a record survives its bytes");
      ASSERT(metadata::apply(again, record), "a snapshot can be read");
    }
  }
}

void read_log(BytesView bytes) {
  metadata::Replay replay;
  record::BatchIterator batches(bytes);
  while (const auto batch = batches.next()) {
    const auto decoded = controller::decode_batch(*batch);
    if (!decoded) break;
    if (!decoded->control.empty()) {
      const Bytes again = raft::encode_control_batch(decoded->control, batch->base_offset(),
                                                     batch->leader_epoch(), 0);
      const auto twice = controller::decode_batch(*record::BatchView::parse(again));
      ASSERT(twice && twice->control == decoded->control, "control records survive their bytes");
    }
    if (!replay.apply(decoded->records, batch->last_offset(), batch->leader_epoch(),
                      batch->max_timestamp())) {
      break;
    }
  }
  through_snapshot(replay.image());
}

void read_snapshot(BytesView bytes) {
  metadata::Image image;
  const auto take = [&image](std::vector<metadata::Record> records) -> Result<> {
    for (const metadata::Record& record : records) {
      TRY(metadata::apply(image, record));
    }
    return {};
  };
  (void)controller::read_snapshot(bytes, take);
}

void read_small_files(BytesView bytes) {
  if (const auto state = raft::decode_quorum_state(as_text(bytes))) {
    const auto again = raft::decode_quorum_state(raft::encode_quorum_state(*state, 1, {}));
    ASSERT(again && *again == *state, "quorum-state survives its file");
  }
  if (const auto properties = storage::decode_meta_properties(bytes)) {
    const auto again = storage::decode_meta_properties(encode_meta_properties(*properties));
    ASSERT(again && *again == *properties, "meta.properties survives its file");
  }
  if (const auto record = metadata::decode_record(bytes)) {
    const auto again = metadata::decode_record(encode_record(*record));
    ASSERT(again && *again == *record, "a record survives its bytes");
    metadata::Image image;
    (void)metadata::apply(image, *record);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(reinterpret_cast<const std::byte*>(data), size);
  read_small_files(bytes);
  read_snapshot(bytes);
  const Bytes whole = with_checksums(bytes);
  read_log(whole);
  read_snapshot(whole);
  return 0;
}
