// SPDX-License-Identifier: Apache-2.0
// Tells the controller in which log directory each replica lies where its record says something
// else: new partitions of a node with several directories, those that were moved, those found
// elsewhere at start (KIP-858). And which directories have failed.
#include <algorithm>
#include <map>
#include <utility>

#include <cairn/base/log.hpp>

#include "parts.hpp"

namespace cairn::server {

using runtime::Task;

namespace {

constexpr std::size_t reported_at_once = 2'250;  // as Kafka
constexpr Duration first_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(10);

protocol::AssignReplicasToDirsRequest request_of(
    const std::vector<storage::LogDirectories::Place>& places) {
  std::map<DirectoryId, std::map<TopicId, std::vector<std::int32_t>>> by_directory;
  for (const auto& [key, directory] : places) {
    by_directory[directory][key.topic].push_back(key.partition.value());
  }
  protocol::AssignReplicasToDirsRequest request;
  for (const auto& [id, topics] : by_directory) {
    auto& directory = request.directories.emplace_back();
    directory.id = id;
    for (const auto& [topic_id, partitions] : topics) {
      auto& topic = directory.topics.emplace_back();
      topic.topic_id = topic_id;
      for (const std::int32_t index : partitions) {
        topic.partitions.push_back({.partition_index = index});
      }
    }
  }
  return request;
}

}  // namespace

/// The controller knows the directories of the registration; those that have failed since, it is
/// told with heartbeats.
void Node::Parts::report_failed_directories() {
  const std::vector<DirectoryId> online = directories.directory_ids();
  std::vector<DirectoryId> lost;
  std::ranges::copy_if(registered_directories, std::back_inserter(lost), [&](const auto& id) {
    return std::ranges::find(online, id) == online.end();
  });
  if (lost.empty()) return;
  runtime::post(seams.control, [this, lost = std::move(lost)]() mutable {
    controller->report_failed_directories(std::move(lost));
  });
}

Task<> Node::Parts::report_places() {
  Duration pause = first_pause;
  ErrorCode said = ErrorCode::none;
  for (;;) {
    while (!directories.any_misplaced()) {
      if (!co_await directories.placement_changed().wait()) co_return;
    }
    const auto places = directories.take_misplaced(reported_at_once);
    auto request = request_of(places);
    request.broker_id = config.node_id.value();
    request.broker_epoch = broker_epoch.value();
    auto assign = [this, request] { return controller->ask_assign_replicas_to_dirs(request); };
    const auto response = co_await runtime::call_on(seams.data, seams.control, assign);
    const ErrorCode error = response ? response->error_code : response.error().code;
    if (error == ErrorCode::unsupported_version) continue;  // no records of places
    if (error == ErrorCode::none) {
      pause = first_pause;
      continue;
    }
    if (std::exchange(said, error) != error) {  // no controller for a while: not worth a line each
      logging::warn("the controller did not take the directories of {} replicas: {}", places.size(),
                    to_string(error));
    }
    for (const auto& [key, directory] : places) directories.report_later(key);
    if (!co_await seams.data.clock().sleep_for(pause)) co_return;
    pause = std::min(pause * 2, longest_pause);
  }
}

}  // namespace cairn::server
