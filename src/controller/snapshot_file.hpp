// SPDX-License-Identifier: Apache-2.0
// The bytes of snapshot files (and of bootstrap.checkpoint, which is one): a control batch with the
// header, and the voters where kraft.version has them; batches of records; a control batch with the
// footer. A file without its footer is not whole. Pure.
#pragma once

#include <functional>
#include <memory>

#include <cairn/metadata/snapshot.hpp>
#include <cairn/raft/types.hpp>

#include "batches.hpp"

namespace cairn::controller {

struct SnapshotContent {
  std::int64_t last_timestamp = 0;  // of the log's last record that is in it
  std::int16_t kraft_version = 0;
  raft::VoterSet voters;  // written only with kraft_version >= 1
  Epoch epoch{0};
  std::int64_t now = 0;
};

/// Builds a snapshot a portion at a time, so that its actor can turn to other work in between.
class SnapshotWriter {
 public:
  SnapshotWriter(SnapshotContent content, std::shared_ptr<const metadata::Image> image);
  SnapshotWriter(SnapshotContent content, std::vector<metadata::Record> records);

  /// The next bytes of the file; empty when it is complete.
  Bytes next();

 private:
  enum class Part { header, records, footer, end };

  SnapshotContent content_;
  std::function<std::vector<metadata::Record>()> source_;
  Part part_ = Part::header;
  Offset offset_{0};
};

struct SnapshotRecords {
  std::int64_t last_timestamp = 0;
  std::optional<std::int16_t> kraft_version;
  std::optional<raft::VoterSet> voters;
};
/// Walks a whole file; `take` gets each data batch's records. corrupt_message without a footer.
Result<SnapshotRecords> read_snapshot(
    BytesView file, const std::function<Result<>(std::vector<metadata::Record>)>& take);

}  // namespace cairn::controller
