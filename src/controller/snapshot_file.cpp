// SPDX-License-Identifier: Apache-2.0
#include "snapshot_file.hpp"

namespace cairn::controller {
namespace {

constexpr std::size_t records_a_portion = 1000;

}  // namespace

SnapshotWriter::SnapshotWriter(SnapshotContent content,
                               std::shared_ptr<const metadata::Image> image)
    : content_(std::move(content)),
      source_([source = metadata::SnapshotSource(std::move(image))]() mutable {
        return source.next(records_a_portion);
      }) {}

SnapshotWriter::SnapshotWriter(SnapshotContent content, std::vector<metadata::Record> records)
    : content_(std::move(content)),
      source_([records = std::move(records)]() mutable { return std::exchange(records, {}); }) {}

Bytes SnapshotWriter::next() {
  const auto control = [&](std::vector<raft::ControlRecord> records) {
    Bytes bytes = raft::encode_control_batch(records, offset_, content_.epoch, content_.now);
    offset_ += static_cast<std::int64_t>(records.size());
    return bytes;
  };
  if (part_ == Part::header) {
    part_ = Part::records;
    std::vector<raft::ControlRecord> records{raft::SnapshotHeader{content_.last_timestamp}};
    if (content_.kraft_version >= 1) {
      records.push_back(raft::KRaftVersion{content_.kraft_version});
      records.push_back(content_.voters);
    }
    return control(std::move(records));
  }
  if (part_ == Part::records) {
    const std::vector<metadata::Record> records = source_();
    if (!records.empty()) {
      Bytes bytes;
      for (const EncodedBatch& batch :
           encode_batches(records, offset_, content_.epoch, content_.now)) {
        append(bytes, batch.bytes);
        offset_ = batch.last_offset + 1;
      }
      return bytes;
    }
    part_ = Part::footer;
  }
  if (part_ == Part::footer) {
    part_ = Part::end;
    return control({raft::SnapshotFooter{}});
  }
  return {};
}

Result<SnapshotRecords> read_snapshot(
    BytesView file, const std::function<Result<>(std::vector<metadata::Record>)>& take) {
  SnapshotRecords result;
  bool has_header = false, has_footer = false;
  record::BatchIterator batches(file, record::BatchIterator::Check::crc);
  while (const auto batch = batches.next()) {
    if (has_footer) return fail(ErrorCode::corrupt_message, "a snapshot goes on after its footer");
    TRY(DecodedBatch decoded, decode_batch(*batch));
    for (const raft::ControlRecord& control : decoded.control) {
      if (const auto* header = std::get_if<raft::SnapshotHeader>(&control)) {
        has_header = true;
        result.last_timestamp = header->last_contained_log_timestamp;
      } else if (const auto* version = std::get_if<raft::KRaftVersion>(&control)) {
        result.kraft_version = version->level;
      } else if (const auto* voters = std::get_if<raft::VoterSet>(&control)) {
        result.voters = *voters;
      } else if (std::holds_alternative<raft::SnapshotFooter>(control)) {
        has_footer = true;
      }
    }
    if (!has_header) return fail(ErrorCode::corrupt_message, "a snapshot has no header");
    if (!decoded.records.empty()) {
      TRY(take(std::move(decoded.records)));
    }
  }
  TRY(batches.status());
  if (!has_footer) return fail(ErrorCode::corrupt_message, "a snapshot has no footer");
  return result;
}

}  // namespace cairn::controller
