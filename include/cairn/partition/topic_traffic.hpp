// SPDX-License-Identifier: Apache-2.0
// What went through one topic on this broker since it was created, or since the start. Partitions
// share their topic's, so that counting needs no look-up and is forgotten with the topic. Owner:
// PartitionTable's topic, and with it its partitions.
#pragma once

#include <cairn/base/metrics.hpp>

namespace cairn::partition {

struct TopicTraffic {
  Counter messages_in;  // records appended by producers
  Counter bytes_in;     // their batches
  Counter bytes_out;    // batches sent to consumers

  bool any() const { return messages_in.value > 0 || bytes_out.value > 0; }
};

}  // namespace cairn::partition
