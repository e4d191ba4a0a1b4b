// SPDX-License-Identifier: Apache-2.0
#include "record_stream.hpp"

#include <algorithm>

#include <cairn/record/legacy.hpp>

namespace cairn::client {

namespace {

constexpr std::int16_t abort_marker = 0;

/// Whether a control batch is an abort marker: its one record's key is version and type, int16
/// each.
bool is_abort(const record::BatchView& batch) {
  bool abort = false;
  const auto read = record::for_each_record(batch, {}, [&](const record::RecordView& record) {
    if (record.key && record.key->size() >= 4) {
      abort = load_big_endian<std::int16_t>(record.key->data() + 2) == abort_marker;
    }
  });
  return read && abort;
}

}  // namespace

/// What keeps the views of one poll alive.
struct RecordStream::Backing {
  std::shared_ptr<const void> frame;
  std::vector<std::shared_ptr<const record::RecordReader>> readers;
};

RecordStream::RecordStream(BytesView bytes, std::shared_ptr<const void> frame, Offset from,
                           std::vector<protocol::FetchResponse::AbortedTransaction> aborted,
                           StreamOptions options)
    : frame_(std::move(frame)),
      batches_(bytes),
      position_(from),
      aborted_(std::move(aborted)),
      options_(options) {
  std::ranges::sort(aborted_, {}, &protocol::FetchResponse::AbortedTransaction::first_offset);
  if (record::legacy_size_from_front(bytes)) {  // from a segment older than Kafka 0.11
    auto converted = std::make_shared<const Bytes>(record::up_convert_all(bytes));
    batches_ = record::BatchIterator(*converted);
    frame_ = std::move(converted);
  }
}

Result<> RecordStream::next(std::size_t most, PolledRecords& into) {
  auto backing = std::make_shared<Backing>(frame_, decltype(Backing::readers){});
  if (reader_) backing->readers.push_back(reader_);
  Result<> result;
  while (into.records.size() < most) {
    if (!reader_) {
      auto opened = open_batch();
      if (!opened) {
        // What was read before is given first; asked again, the fault comes alone.
        if (into.records.empty()) {
          finished_ = true;
          result = std::unexpected(opened.error());
        } else {
          finished_ = false;
        }
        break;
      }
      if (!*opened) break;
      backing->readers.push_back(reader_);
    }
    const auto record = reader_->next();
    if (record) {
      if (record->offset < position_) continue;
      into.records.push_back(*record);
      position_ = record->offset + 1;
      continue;
    }
    const auto status = reader_->status();
    reader_.reset();
    if (!status) {
      finished_ = true;
      result = status;
      break;
    }
    position_ = std::max(position_, batch_->next_offset());
    batch_.reset();
  }
  into.next_offset = position_;
  into.backing = std::move(backing);
  return result;
}

/// Opens the next batch that has something for us; false at the end.
Result<bool> RecordStream::open_batch() {
  while (true) {
    if (!batch_) batch_ = batches_.next();
    if (!batch_) {
      finished_ = true;
      const auto fault = batches_.fault();
      if (fault == record::BatchFault::none || fault == record::BatchFault::cut) return false;
      return fail(ErrorCode::corrupt_message, record::to_string(fault));
    }
    if (options_.check_crcs && !batch_->crc_matches()) {
      return fail(ErrorCode::corrupt_message, "the checksum of a fetched batch is wrong");
    }
    epoch_ = batch_->leader_epoch();
    if (batch_->last_offset() < position_ || is_left_out(*batch_)) {
      position_ = std::max(position_, batch_->next_offset());
      batch_.reset();
      continue;
    }
    // The broker let it in: its size is no reason to refuse it here.
    const record::DecompressionLimit no_limit{.max_output = SIZE_MAX, .max_ratio = SIZE_MAX};
    TRY(auto reader, record::RecordReader::open(*batch_, no_limit));
    reader_ = std::make_shared<record::RecordReader>(std::move(reader));
    return true;
  }
}

bool RecordStream::is_left_out(const record::BatchView& batch) {
  if (options_.isolation == Isolation::read_committed && batch.has_producer()) {
    while (next_aborted_ < aborted_.size() &&
           aborted_[next_aborted_].first_offset <= batch.last_offset().value()) {
      aborting_.insert(ProducerId(aborted_[next_aborted_++].producer_id));
    }
    if (batch.is_control()) {
      if (is_abort(batch)) aborting_.erase(batch.producer_id());
    } else if (batch.is_transactional() && aborting_.contains(batch.producer_id())) {
      return true;
    }
  }
  return batch.is_control();
}

}  // namespace cairn::client
