// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs (key 35), versions 1-5: each log directory with its partitions, their sizes,
// copies on the move and how far they lag (KIP-113), and the space of its volume (KIP-827). An
// offline directory is named with KAFKA_STORAGE_ERROR.
#include <algorithm>
#include <map>
#include <set>

#include <cairn/partition/partition_table.hpp>

#include "data.hpp"

namespace cairn::broker {
namespace {

using Request = protocol::DescribeLogDirsRequest;
using Directory = protocol::DescribeLogDirsResponse::DescribeLogDirsResult;

/// Nothing: all partitions.
std::optional<std::set<TopicPartition>> wanted(const Request& request) {
  if (!request.topics) return std::nullopt;
  std::set<TopicPartition> all;
  for (const auto& topic : *request.topics) {
    for (const std::int32_t index : topic.partitions) {
      all.insert({topic.topic, PartitionIndex(index)});
    }
  }
  return all;
}

/// One directory's replicas, gathered by topic.
class Replicas {
 public:
  Replicas(Directory& into, const std::optional<std::set<TopicPartition>>& only)
      : into_(into), only_(only) {}

  void add(const storage::PartitionLog& log, std::int64_t lag, bool is_copy) {
    const TopicPartition& id = log.partition();
    if (only_ && !only_->contains(id)) return;
    const auto [at, fresh] = place_.emplace(id.topic, into_.topics.size());
    if (fresh) into_.topics.emplace_back().name = id.topic;
    into_.topics[at->second].partitions.push_back(
        {.partition_index = id.partition.value(),
         .partition_size = static_cast<std::int64_t>(log.size()),
         .offset_lag = lag,
         .is_future_key = is_copy});
  }

 private:
  Directory& into_;
  const std::optional<std::set<TopicPartition>>& only_;
  std::map<std::string, std::size_t> place_;
};

Directory describe(const storage::DirectoryReport& report,
                   const std::optional<std::set<TopicPartition>>& only) {
  Directory directory{.log_dir = report.path};
  if (!report.online) {
    directory.error_code = ErrorCode::kafka_storage_error;
    return directory;
  }
  directory.total_bytes = static_cast<std::int64_t>(report.total_bytes);
  directory.usable_bytes = static_cast<std::int64_t>(report.usable_bytes);
  Replicas replicas(directory, only);
  for (const auto& log : report.logs) {
    // Behind the high watermark, as a follower that was told of it and has not fetched yet.
    replicas.add(*log, std::max<std::int64_t>(log->high_watermark() - log->log_end(), 0), false);
  }
  for (const auto& [copy, of] : report.copies) {
    replicas.add(*copy, of->log_end() - copy->log_end(), true);
  }
  return directory;
}

}  // namespace

runtime::Task<protocol::DescribeLogDirsResponse> handle(Broker& broker, const RequestContext&,
                                                        Request request) {
  protocol::DescribeLogDirsResponse response;
  const auto only = wanted(request);
  const auto reports = co_await broker.partitions.directories().describe();
  for (const storage::DirectoryReport& report : reports) {
    response.results.push_back(describe(report, only));
  }
  co_return response;
}

}  // namespace cairn::broker
