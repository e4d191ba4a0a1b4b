// SPDX-License-Identifier: Apache-2.0
// The .snapshot file of producer state; its name is the offset it stands for. Of each producer's
// batches only the last is kept, as in Kafka. A snapshot that fails its CRC is void: the next older
// one is used.
#pragma once

#include <cairn/log/producer_state.hpp>

namespace cairn::log {

Bytes encode_producer_snapshot(std::span<const ProducerEntry> entries);
/// corrupt_message if version, CRC or length do not fit.
Result<std::vector<ProducerEntry>> decode_producer_snapshot(BytesView file);

}  // namespace cairn::log
