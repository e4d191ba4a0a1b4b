// SPDX-License-Identifier: Apache-2.0
// AlterReplicaLogDirs (key 34), versions 1-2: moves replicas of this broker into other log
// directories (KIP-113). Answered once the copies have begun; DescribeLogDirs shows how far they
// are.
#include <map>

#include <cairn/log/names.hpp>
#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using protocol::AlterReplicaLogDirsResponse;

/// Their -future directory's name must fit too: a dash, the number, a dot, 32 digits, "-future".
bool fits_a_directory_name(const std::string& topic, PartitionIndex index) {
  constexpr std::size_t longest = 255, digits_and_suffix = 41;
  return topic.size() + fmt::format("{}", index).size() + digits_and_suffix <= longest;
}

/// A replica that is on its way here has a code of its own, for which reassign-partitions waits.
ErrorCode as_told_here(ErrorCode code) {
  return code == ErrorCode::not_leader_or_follower ? ErrorCode::replica_not_available : code;
}

runtime::Task<ErrorCode> move_one(Broker& broker, std::string topic, PartitionIndex index,
                                  std::string path) {
  if (!fits_a_directory_name(topic, index)) co_return ErrorCode::invalid_topic_exception;
  const auto partition = broker.partitions.find(topic, index);
  storage::LogDirectories& directories = broker.partitions.directories();
  if (!partition) {
    // A path that is wrong is told first, as Kafka does.
    if (!directories.has_path(path)) co_return ErrorCode::log_dir_not_found;
    co_return as_told_here(broker.partitions.why_missing(topic, index));
  }
  const auto moved = co_await directories.move({partition->topic_id(), index}, std::move(path));
  co_return moved ? ErrorCode::none : as_told_here(moved.error().code);
}

}  // namespace

runtime::Task<AlterReplicaLogDirsResponse> handle(Broker& broker, const RequestContext&,
                                                  protocol::AlterReplicaLogDirsRequest request) {
  AlterReplicaLogDirsResponse response;
  std::map<std::string, std::size_t> place;
  for (const auto& directory : request.dirs) {
    for (const auto& topic : directory.topics) {
      const auto [at, fresh] = place.emplace(topic.name, response.results.size());
      if (fresh) response.results.emplace_back().topic_name = topic.name;
      for (const std::int32_t index : topic.partitions) {
        const ErrorCode code =
            co_await move_one(broker, topic.name, PartitionIndex(index), directory.path);
        response.results[at->second].partitions.push_back(
            {.partition_index = index, .error_code = code});
      }
    }
  }
  co_return response;
}

}  // namespace cairn::broker
