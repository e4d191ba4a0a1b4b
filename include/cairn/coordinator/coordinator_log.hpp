// SPDX-License-Identifier: Apache-2.0
// The log under a coordinator, as the actor sees it: one partition, led in one epoch. A seam, so
// that the actor runs in tests over a log in memory. Every function fails once the epoch has
// passed. Owner: the actor.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>
#include <cairn/coordinator/replay.hpp>
#include <cairn/group/decision.hpp>
#include <cairn/protocol/records.hpp>
#include <cairn/record/batch.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::partition {
class Partition;
}

namespace cairn::coordinator {

struct LogPart {
  protocol::Records records;  // whole batches; the first may begin below the offset asked for
  Offset next_offset;         // the offset asked for if there was nothing
};

class CoordinatorLog {
 public:
  virtual ~CoordinatorLog() = default;

  virtual Offset start() const = 0;
  virtual Offset end() const = 0;
  /// Whatever has been written, committed or not: a new leader replays it all.
  virtual runtime::Task<Result<LogPart>> read(Offset from, std::size_t max_bytes) = 0;
  /// Appends one batch, which is stamped in place; the offset of its first record.
  virtual runtime::Task<Result<Offset>> append(MutableBytes batch) = 0;
  virtual bool is_committed(Offset last) const = 0;
  /// request_timed_out, or why it will never be.
  virtual runtime::Task<Result<>> wait_committed(Offset last, Instant deadline) = 0;
};

/// Feeds all that is in the log to `replay`: the offset behind it. Ends early when cancelled.
runtime::Task<Result<Offset>> replay_all(CoordinatorLog& log, Replay& replay,
                                         std::size_t max_bytes);

/// One batch as Kafka's coordinators write them: all records of one time.
Bytes make_batch(std::span<const group::Record> records, WallTime time,
                 record::Codec codec = record::Codec::none);

std::unique_ptr<CoordinatorLog> log_of(std::shared_ptr<partition::Partition> partition,
                                       Epoch epoch);

}  // namespace cairn::coordinator
