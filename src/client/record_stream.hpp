// SPDX-License-Identifier: Apache-2.0
// The records in one partition's part of a Fetch response, read as they are asked for: batches are
// checked and opened one at a time, control batches and aborted transactions left out, records
// before the wanted offset skipped. Views live in `backing` of what next() gives. Pure. Owner:
// Fetcher, until read to the end.
#pragma once

#include <memory>
#include <set>

#include <cairn/client/consumer.hpp>
#include <cairn/protocol/messages/fetch.hpp>

namespace cairn::client {

struct StreamOptions {
  bool check_crcs = true;
  Isolation isolation = Isolation::read_uncommitted;
};

class RecordStream {
 public:
  /// `bytes` stay alive through `frame`.
  RecordStream(BytesView bytes, std::shared_ptr<const void> frame, Offset from,
               std::vector<protocol::FetchResponse::AbortedTransaction> aborted,
               StreamOptions options);

  /// Up to `most` records into `into`, whose backing then keeps them. corrupt_message and the like
  /// once what came before the bad batch has been given.
  Result<> next(std::size_t most, PolledRecords& into);
  bool finished() const { return finished_; }
  /// Offset and epoch of what comes after the last record given (or left out).
  Offset position() const { return position_; }
  Epoch epoch() const { return epoch_; }

 private:
  struct Backing;

  Result<bool> open_batch();
  bool is_left_out(const record::BatchView& batch);

  std::shared_ptr<const void> frame_;
  record::BatchIterator batches_;
  std::optional<record::BatchView> batch_;
  std::shared_ptr<record::RecordReader> reader_;
  Offset position_;
  Epoch epoch_ = no_epoch;
  std::vector<protocol::FetchResponse::AbortedTransaction> aborted_;  // by first offset
  std::size_t next_aborted_ = 0;
  std::set<ProducerId> aborting_;  // producers whose open transaction will be aborted
  StreamOptions options_;
  bool finished_ = false;
};

}  // namespace cairn::client
