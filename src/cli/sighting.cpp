// SPDX-License-Identifier: Apache-2.0
#include "sighting.hpp"

#include <charconv>

namespace cairn::cli {

using client::Admin;
using runtime::Task;

Task<Result<std::map<TopicPartition, client::Reassignment>>> moves_under_way(Admin& admin) {
  auto moves = co_await admin.list_reassignments();
  if (!moves && moves.error().code == ErrorCode::unsupported_version) {
    co_return std::map<TopicPartition, client::Reassignment>{};
  }
  co_return moves;
}

Task<Result<std::map<std::string, std::int32_t>>> min_isr_of(Admin& admin,
                                                             std::vector<std::string> topics) {
  constexpr std::size_t at_once = 1000;
  std::map<std::string, std::int32_t> out;
  for (std::size_t first = 0; first < topics.size(); first += at_once) {
    const auto end = std::min(first + at_once, topics.size());
    std::vector<std::string> some(topics.begin() + static_cast<std::ptrdiff_t>(first),
                                  topics.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<std::string> keys = {"min.insync.replicas"};
    CO_TRY(const auto configs,
           co_await admin.describe_topic_configs(std::move(some), std::move(keys)));
    for (const auto& [topic, entries] : configs) {
      for (const auto& entry : entries) {
        const std::string text = entry.value.value_or("");
        std::int32_t value = 1;
        std::from_chars(text.data(), text.data() + text.size(), value);
        out[topic] = value;
      }
    }
  }
  co_return out;
}

Task<Result<Sighting>> look_at(Admin& admin) {
  Sighting sighting;
  CO_TRY(sighting.cluster, co_await admin.describe_cluster());
  CO_TRY(sighting.topics, co_await admin.list_topics());
  std::vector<std::string> names;
  for (const auto& topic : sighting.topics) names.push_back(topic.name);
  CO_TRY(sighting.min_isr, co_await min_isr_of(admin, std::move(names)));
  // The rest is the controller's to know: without one, that is what is wrong.
  sighting.quorum = co_await admin.describe_quorum();
  if (!sighting.quorum) co_return sighting;
  CO_TRY(sighting.moves, co_await moves_under_way(admin));
  co_return sighting;
}

}  // namespace cairn::cli
