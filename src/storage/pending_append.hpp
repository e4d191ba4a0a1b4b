// SPDX-License-Identifier: Apache-2.0
// What the writer works on: appends that wait, and the run of those that go down in one write.
// Owner: an append is its caller's, in its frame; a run is the writer's.
#pragma once

#include <cairn/storage/partition_log.hpp>

namespace cairn::storage {

struct PartitionLog::PendingAppend {
  enum class Kind : std::uint8_t { leader, follower };

  Kind kind = Kind::leader;
  record::Origin origin = record::Origin::client;
  MutableBytes bytes;        // of a leader: stamped in place
  BytesView follower_bytes;  // of a follower: as they are
  Epoch leader_epoch = no_epoch;
  // Known before the writer looks at it.
  std::int64_t offsets = 0;  // how many offsets the batches take
  std::int64_t max_timestamp = no_timestamp;
  std::int64_t append_time = no_timestamp;  // under LogAppendTime
  Bytes recompressed;                       // what `bytes` views, if the codec had to change

  Result<Appended> result = fail(ErrorCode::unknown_server_error, "not written");
  bool done = false;
  runtime::Waiter* waiter = nullptr;

  BytesView view() const { return kind == Kind::leader ? BytesView(bytes) : follower_bytes; }
};

struct PartitionLog::Run {
  std::vector<BytesView> parts;
  std::vector<PendingAppend*> appends;
  std::vector<log::AbortedTransaction> aborted;
  std::uint64_t bytes = 0;
  Offset next_offset{0};  // behind what was admitted

  void restart(Offset log_end) {
    *this = Run();
    next_offset = log_end;
  }
};

}  // namespace cairn::storage
