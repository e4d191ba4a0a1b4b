// SPDX-License-Identifier: Apache-2.0
// The JSON of Kafka's kafka-reassign-partitions, there and back: which replicas each partition
// shall have. Pure. Owner: `cairn cluster reassign`.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::cli {

using Plan = std::map<TopicPartition, std::vector<BrokerId>>;

/// The plan, or what is wrong with the text: a partition twice, a broker twice in one partition, a
/// move between the directories of a broker (which another request makes).
std::expected<Plan, std::string> read_reassignment(std::string_view text);
std::string write_reassignment(const Plan& plan);

/// "1,2,3": brokers, each once; nothing if it is not that.
std::optional<std::vector<BrokerId>> read_broker_ids(std::string_view text);

}  // namespace cairn::cli
