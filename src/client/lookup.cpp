// SPDX-License-Identifier: Apache-2.0
// Where the positions of a consumer's partitions come from: what the group committed, else what
// auto.offset.reset says. Looked up beside poll(); each answer is taken only if the partition still
// waits for it.
#include "consumer_state.hpp"
#include "errors.hpp"

namespace cairn::client {

void Consumer::State::find_positions() {
  if (resolving_) return;
  const Instant now = cluster_.now();
  for (const auto& [partition, progress] : positions_.all()) {
    if (progress.position || progress.revoking || progress.not_before > now) continue;
    resolving_ = true;
    tasks_.spawn(resolve());
    return;
  }
}

runtime::Task<> Consumer::State::resolve() {
  const Instant now = cluster_.now();
  Partitions committed;
  std::map<TopicPartition, std::int64_t> by_offset;
  for (auto& [partition, progress] : positions_.all()) {
    if (progress.position || progress.not_before > now) continue;
    if (progress.lookup == Lookup::committed && options_.group_id.empty()) {
      const auto reset = fetcher_.reset(partition);
      if (!reset) failures_.push_back(reset.error());
    }
    if (progress.lookup == Lookup::committed) {
      if (!options_.group_id.empty()) committed.push_back(partition);
    } else {
      by_offset[partition] = progress.lookup == Lookup::beginning ? special_timestamp::earliest
                                                                  : special_timestamp::latest;
    }
  }
  if (!committed.empty()) co_await resolve_committed(std::move(committed));
  if (!by_offset.empty()) co_await resolve_by_offset(std::move(by_offset));
  resolving_ = false;
  activity_.set();
}

runtime::Task<> Consumer::State::resolve_committed(Partitions partitions) {
  auto found = co_await fetch_offsets(link_, partitions, cluster_.call_deadline());
  for (const auto& partition : partitions) {
    Progress* progress = positions_.find(partition);
    if (!progress || progress->position || progress->lookup != Lookup::committed) continue;
    if (!found) {
      fail_lookup(partition, found.error());
      continue;
    }
    const auto committed = found->find(partition);
    if (committed != found->end()) {
      progress->position = committed->second.offset;
      progress->epoch = committed->second.leader_epoch;
      continue;
    }
    const auto reset = fetcher_.reset(partition);
    if (!reset) failures_.push_back(reset.error());
  }
}

runtime::Task<> Consumer::State::resolve_by_offset(std::map<TopicPartition, std::int64_t> wanted) {
  auto found =
      co_await list_offsets(cluster_, wanted, options_.isolation, cluster_.call_deadline());
  for (const auto& [partition, timestamp] : wanted) {
    Progress* progress = positions_.find(partition);
    const auto lookup = timestamp == special_timestamp::earliest ? Lookup::beginning : Lookup::end;
    if (!progress || progress->position || progress->lookup != lookup) continue;
    const Result<TimestampedOffset> result =
        found ? found->at(partition) : std::unexpected(found.error());
    if (result) {
      progress->position = result->offset;
    } else {
      fail_lookup(partition, result.error());
    }
  }
}

void Consumer::State::fail_lookup(const TopicPartition& partition, Error error) {
  if (auto* progress = positions_.find(partition)) {
    progress->not_before = cluster_.now() + cluster_.options().retry_backoff;
  }
  if (!is_retriable(error.code)) failures_.push_back(error);
}

}  // namespace cairn::client
