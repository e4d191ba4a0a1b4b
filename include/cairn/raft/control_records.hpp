// SPDX-License-Identifier: Apache-2.0
// The control batches of the metadata log and of snapshots: leader change, kraft.version, voters,
// snapshot header and footer (facts: kraft.md §1.3, §1.7). Each function gives one whole batch, or
// reads the records of one. Pure bytes.
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/raft/types.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::raft {

struct LeaderChange {
  BrokerId leader;
  std::vector<BrokerId> voters, granting_voters;
  bool operator==(const LeaderChange&) const = default;
};
struct SnapshotHeader {
  std::int64_t last_contained_log_timestamp = 0;
  bool operator==(const SnapshotHeader&) const = default;
};
struct SnapshotFooter {
  bool operator==(const SnapshotFooter&) const = default;
};
struct KRaftVersion {
  std::int16_t level = 0;
  bool operator==(const KRaftVersion&) const = default;
};

using ControlRecord =
    std::variant<LeaderChange, SnapshotHeader, SnapshotFooter, KRaftVersion, VoterSet>;

/// One batch at `base_offset` with these records.
Bytes encode_control_batch(std::span<const ControlRecord> records, Offset base_offset, Epoch epoch,
                           std::int64_t timestamp);
/// corrupt_message, or unsupported_version for a control type that the metadata log cannot hold.
Result<std::vector<ControlRecord>> decode_control_batch(const record::BatchView& batch);

}  // namespace cairn::raft
