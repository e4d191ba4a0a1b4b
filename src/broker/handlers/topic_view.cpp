// SPDX-License-Identifier: Apache-2.0
#include "topic_view.hpp"

#include <algorithm>

#include <cairn/log/names.hpp>

namespace cairn::broker {

const metadata::Endpoint* reachable(const metadata::Image& image, BrokerId id,
                                    std::string_view listener) {
  const metadata::Broker* broker = image.broker(id);
  return broker == nullptr || broker->fenced ? nullptr : broker->endpoint(listener);
}

std::vector<std::int32_t> to_numbers(const std::vector<BrokerId>& ids) {
  std::vector<std::int32_t> numbers;
  numbers.reserve(ids.size());
  for (const BrokerId id : ids) numbers.push_back(id.value());
  return numbers;
}

PartitionView view_of(const metadata::Image& image, const metadata::Partition& partition,
                      std::string_view listener, ErrorCode unreachable) {
  PartitionView view;
  view.replicas = to_numbers(partition.replicas);
  view.isr = to_numbers(partition.isr);
  for (const BrokerId id : partition.replicas) {
    if (reachable(image, id, listener) == nullptr) view.offline.push_back(id.value());
  }
  if (reachable(image, partition.leader, listener) != nullptr) {
    view.leader = partition.leader.value();
  } else {
    view.error =
        image.broker(partition.leader) == nullptr ? ErrorCode::leader_not_available : unreachable;
  }
  return view;
}

void hide_unreachable(const metadata::Image& image, std::string_view listener,
                      PartitionView& view) {
  const auto gone = [&](std::int32_t id) {
    return reachable(image, BrokerId(id), listener) == nullptr;
  };
  const auto hidden = std::erase_if(view.replicas, gone) + std::erase_if(view.isr, gone);
  if (hidden > 0 && view.error == ErrorCode::none) view.error = ErrorCode::replica_not_available;
}

ErrorCode why_missing(std::string_view topic) {
  return log::validate_topic_name(topic) ? ErrorCode::unknown_topic_or_partition
                                         : ErrorCode::invalid_topic_exception;
}

}  // namespace cairn::broker
