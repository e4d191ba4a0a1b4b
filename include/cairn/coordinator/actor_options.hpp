// SPDX-License-Identifier: Apache-2.0
// What an actor is told of its partition and its limits when it is made. A value; the facade fills
// it from the configuration.
#pragma once

#include <cstddef>
#include <functional>

#include <cairn/base/ids.hpp>
#include <cairn/base/time.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::coordinator {

struct ActorOptions {
  TopicPartition partition;
  Epoch epoch;
  std::size_t load_bytes = std::size_t{5} << 20;  // offsets.load.buffer.size
  Duration commit_timeout{};                      // offsets.commit.timeout.ms
  record::Codec codec = record::Codec::none;      // offsets.topic.compression.codec
  /// Called after each change with the machine's earliest deadline.
  std::function<void(Instant)> deadline_moved;
};

}  // namespace cairn::coordinator
