// SPDX-License-Identifier: Apache-2.0
// An Image as the records of a snapshot, in Kafka's order: features, brokers, controllers, topics
// with their partitions, configurations, quotas, producer ids, ACLs, SCRAM, tokens. Replaying them
// into an empty Image gives an equal one. Handed out in portions, so that a large image never holds
// up its actor. Owned by who writes the snapshot.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <cairn/metadata/image.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::metadata {

class SnapshotSource {
 public:
  explicit SnapshotSource(std::shared_ptr<const Image> image);

  /// At least `limit` further records if there are that many; empty at the end.
  std::vector<Record> next(std::size_t limit);

 private:
  /// Adds the next record or few of its part; false when the part is through.
  using Step = std::function<bool(std::vector<Record>&)>;

  std::shared_ptr<const Image> image_;
  std::vector<Step> parts_;
  std::size_t part_ = 0;
};

/// The record that says what a partition is now.
Record to_record(const TopicId& topic, PartitionIndex index, const Partition& partition,
                 std::int16_t metadata_version);
/// The record that says what a broker is now.
Record to_record(const Broker& broker, std::int16_t metadata_version);

}  // namespace cairn::metadata
