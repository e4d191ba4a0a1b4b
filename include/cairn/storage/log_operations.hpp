// SPDX-License-Identifier: Apache-2.0
// What a PartitionLog is asked and what it answers: plain values. Batches of an append and the view
// of a slice belong to who the fields say; everything else is copied.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/protocol/records.hpp>
#include <cairn/storage/log_options.hpp>

namespace cairn::storage {

/// How far the recovery of a log is, and the way to end it early.
struct RecoveryProgress {
  std::size_t segments_left = 0;
  bool abandoned = false;  // set by the owner: open() gives up with request_timed_out
};

struct OpenLog {
  std::string directory;  // path of the partition's directory; made when missing
  TopicPartition partition;
  std::optional<TopicId> topic_id;  // written to partition.metadata if that is missing
  SharedLogOptions options;
  Offset recovery_point{0};                // from the checkpoint; what lies before is trusted
  Offset log_start{0};                     // from the checkpoint
  std::optional<Offset> clean_point = {};  // from the checkpoint; holes below it are the cleaner's
  bool clean_shutdown = false;
  std::shared_ptr<RecoveryProgress> progress = nullptr;
};

/// Batches of one append. Uncompressed client batches are not copied; `batches` must stay until the
/// append returns and is stamped in place: base offset, leader epoch, and LogAppendTime.
struct LeaderAppend {
  MutableBytes batches;
  Epoch leader_epoch;
  record::Origin origin = record::Origin::client;
  std::int16_t produce_version = 12;
  std::vector<record::RecordError>* errors = nullptr;  // gets the records that were refused
};

struct Appended {
  Offset first_offset = no_offset;
  Offset last_offset = no_offset;
  std::int64_t log_append_time = no_timestamp;  // only under LogAppendTime
  std::int64_t max_timestamp = no_timestamp;
  Offset log_start = no_offset;
  bool duplicate = false;  // it was there before: nothing was appended
};

/// all: up to the log end. rolled: the segments behind the active one, as Kafka does after a roll.
enum class FlushExtent : std::uint8_t { all, rolled };

enum class ReadBound : std::uint8_t { log_end, high_watermark, last_stable };
enum class FirstBatch : std::uint8_t { always, if_it_fits };

struct LogRead {
  Offset offset;
  std::size_t max_bytes = std::size_t{1} << 20;
  ReadBound bound = ReadBound::high_watermark;
  FirstBatch first_batch = FirstBatch::always;  // even if it is larger than max_bytes
};

struct LogSlice {
  protocol::Records records;  // whole batches; the first may begin below the offset asked for
  Offset next_offset;         // behind the last batch; the offset asked for if there is none
  bool first_batch_left_out = false;  // there is one, and it did not fit
  // The log at one moment, that of the read.
  Offset log_start, log_end, high_watermark, last_stable;
};

struct TimestampHit {
  std::int64_t timestamp = no_timestamp;
  Offset offset = no_offset;
  Epoch leader_epoch = no_epoch;
};

}  // namespace cairn::storage
