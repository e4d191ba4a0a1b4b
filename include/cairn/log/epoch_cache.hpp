// SPDX-License-Identifier: Apache-2.0
// Which leader epoch wrote which offsets of a log. Entries rise strictly in both epoch and start
// offset; the last one goes on to the log's end. Owned by the log's one writer, kept on disk as
// leader-epoch-checkpoint, and rebuilt from the batches when that is lost.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::log {

struct EpochEntry {
  Epoch epoch;
  Offset start_offset;

  auto operator<=>(const EpochEntry&) const = default;
};

/// An epoch and the offset after its last record; {-1, -1} when the log cannot say.
struct EpochEnd {
  Epoch epoch = no_epoch;
  Offset end_offset = no_offset;

  bool operator==(const EpochEnd&) const = default;
};

class EpochCache {
 public:
  EpochCache() = default;
  /// Takes entries in any state: each is assigned in turn.
  explicit EpochCache(std::span<const EpochEntry> entries);

  /// Records that `epoch` begins at `start_offset`, if the last entry is not already of this epoch
  /// (or a later one that starts before). Entries that contradict it (same or higher epoch, or same
  /// or higher start) are dropped, as Kafka does. True if anything changed: the checkpoint is then
  /// due.
  bool assign(Epoch epoch, Offset start_offset);

  /// Kafka's endOffsetFor: the end of the largest epoch at or below `epoch`. For the latest epoch
  /// that is `log_end`; below the first entry the answer is {epoch, first start offset}; above the
  /// latest, or for an empty cache, undefined (OffsetForLeaderEpoch, Fetch's diverging epoch,
  /// ListOffsets).
  EpochEnd end_offset_for(Epoch epoch, Offset log_end) const;

  /// Where a follower that last fetched `last_fetched_epoch` up to `fetch_offset` leaves this log:
  /// the diverging epoch and end offset for its Fetch response, or nothing if it is a prefix of it.
  /// Undefined ({-1, -1}) divergence says: the leader cannot answer, the follower is out of range.
  std::optional<EpochEnd> diverging(Epoch last_fetched_epoch, Offset fetch_offset,
                                    Offset log_end) const;

  /// Drops entries that start at or above `end_offset`. True if anything changed.
  bool truncate_from_end(Offset end_offset);
  /// Drops entries that end at or below `start_offset`; the entry that spans it then starts there.
  bool truncate_from_start(Offset start_offset);
  void clear() { entries_.clear(); }

  std::optional<EpochEntry> latest() const;
  std::optional<EpochEntry> earliest() const;
  std::optional<Epoch> previous_epoch() const;  // the one before the latest
  std::optional<Epoch> epoch_of(Offset offset) const;
  /// The entry of the smallest epoch above `epoch`.
  std::optional<EpochEntry> higher(Epoch epoch) const;
  /// The entry of the largest epoch below `epoch`.
  std::optional<EpochEntry> lower(Epoch epoch) const;
  std::span<const EpochEntry> entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  bool operator==(const EpochCache&) const = default;

 private:
  std::vector<EpochEntry> entries_;
};

}  // namespace cairn::log
