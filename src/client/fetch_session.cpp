// SPDX-License-Identifier: Apache-2.0
#include "fetch_session.hpp"

#include <limits>

namespace cairn::client {

namespace {

using protocol::FetchRequest;

FetchRequest::FetchPartition to_partition(PartitionIndex index, const FetchWant& want) {
  FetchRequest::FetchPartition out;
  out.partition = index.value();
  out.current_leader_epoch = want.leader_epoch.value();
  out.fetch_offset = want.offset.value();
  out.partition_max_bytes = want.max_bytes;
  return out;
}

void add(FetchRequest& request, const TopicPartition& partition, const FetchWant& want) {
  if (request.topics.empty() || request.topics.back().topic != partition.topic) {
    auto& topic = request.topics.emplace_back();
    topic.topic = partition.topic;
    topic.topic_id = want.topic_id;
  }
  request.topics.back().partitions.push_back(to_partition(partition.partition, want));
}

void forget(FetchRequest& request, const TopicPartition& partition, const FetchWant& want) {
  auto& forgotten = request.forgotten_topics_data;
  if (forgotten.empty() || forgotten.back().topic != partition.topic ||
      forgotten.back().topic_id != want.topic_id) {
    auto& topic = forgotten.emplace_back();
    topic.topic = partition.topic;
    topic.topic_id = want.topic_id;
  }
  forgotten.back().partitions.push_back(partition.partition.value());
}

}  // namespace

void FetchSession::prepare(FetchRequest& request, const FetchWants& wants) {
  request.session_id = id_;
  request.session_epoch = epoch_;
  const bool full = epoch_ == 0;
  for (const auto& [partition, want] : wants) {
    const auto known = in_session_.find(partition);
    if (full || known == in_session_.end() || known->second != want) add(request, partition, want);
  }
  if (!full) {
    for (const auto& [partition, had] : in_session_) {
      const auto still = wants.find(partition);
      const bool replaced = still != wants.end() && still->second.topic_id != had.topic_id;
      if (still == wants.end() || replaced) forget(request, partition, had);
    }
  }
  in_session_ = wants;
}

bool FetchSession::accept(const protocol::FetchResponse& response) {
  using enum ErrorCode;
  if (response.error_code == fetch_session_id_not_found ||
      response.error_code == invalid_fetch_session_epoch ||
      response.error_code == fetch_session_topic_id_error) {
    // An unknown session needs no closing; the other two leave one behind that a renewal closes.
    if (response.error_code == fetch_session_id_not_found) id_ = 0;
    epoch_ = 0;
    in_session_.clear();
    return false;
  }
  if (response.error_code != none) {
    interrupted();
    return true;
  }
  if (epoch_ == 0) {
    id_ = response.session_id;
    epoch_ = id_ == 0 ? 0 : 1;
  } else {
    epoch_ = epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
  }
  return true;
}

void FetchSession::interrupted() {
  epoch_ = 0;
  in_session_.clear();
}

const FetchWant* FetchSession::asked(const TopicPartition& partition) const {
  const auto found = in_session_.find(partition);
  return found == in_session_.end() ? nullptr : &found->second;
}

}  // namespace cairn::client
