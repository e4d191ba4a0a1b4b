// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>

#include "replica_fetcher.hpp"

namespace cairn::partition {

using replication::ReplicaKey;
using runtime::Task;

namespace {

constexpr std::string_view lag_metric = "kafka_server_fetcherlagmetrics_consumerlag";
constexpr std::string_view max_lag_metric = "kafka_server_replicafetchermanager_maxlag";
constexpr std::string_view failed_metric =
    "kafka_server_replicafetchermanager_failedpartitionscount";

Labels of_all_replicas() { return {{"clientId", "Replica"}}; }

}  // namespace

ReplicaFetchers::ReplicaFetchers(runtime::Shard& shard, runtime::Network& network,
                                 const config::ServerConfig& config)
    : shard_(shard),
      network_(network),
      config_(config),
      image_(std::make_shared<const metadata::Image>()),
      bytes_in_(shard.metrics().counter("kafka_server_brokertopicmetrics_replicationbytesin_total",
                                        "Bytes of batches received from leaders")),
      requests_(shard.metrics().counter("kafka_server_fetcherstats_requests_total",
                                        "Fetch requests sent to leaders")),
      tasks_(shard.context()) {
  shard_.metrics().observe(max_lag_metric, "The most that a follower here is behind its leader",
                           of_all_replicas(), [this] { return static_cast<double>(max_lag()); });
  shard_.metrics().observe(failed_metric, "Replicas here that cannot follow any more",
                           of_all_replicas(), [this] { return static_cast<double>(failed_); });
}

ReplicaFetchers::~ReplicaFetchers() { shard_.metrics().remove(of_all_replicas()); }

void ReplicaFetchers::adopt(std::shared_ptr<const metadata::Image> image) {
  const std::shared_ptr<const metadata::Image> before = std::exchange(image_, std::move(image));
  for (const auto& [id, fetcher] : fetchers_) {
    const metadata::Broker* was = before->broker(id.leader);
    const metadata::Broker* is = image_->broker(id.leader);
    if (was == is) continue;
    const bool same = was != nullptr && is != nullptr && was->epoch == is->epoch &&
                      was->endpoints == is->endpoints;
    if (!same) fetcher->reconnect();
  }
}

void ReplicaFetchers::follow(std::shared_ptr<Partition> partition, BrokerId leader, Epoch epoch) {
  const ReplicaKey key = partition->key();
  const auto known = followed_.find(key);
  if (known != followed_.end() && known->second->leader == leader &&
      known->second->state.leader_epoch() == epoch) {
    return;
  }
  forget(key);
  if (tasks_.stopping()) return;
  auto one = std::make_shared<Followed>(
      Followed{.partition = std::move(partition),
               .key = key,
               .leader = leader,
               .state = {epoch, {.limit = config_.replica.fetch_backoff}}});
  followed_.emplace(key, one);
  expose(*one);
  fetcher({leader, joining}).add(std::move(one));
}

void ReplicaFetchers::forget(const ReplicaKey& key) {
  const auto found = followed_.find(key);
  if (found == followed_.end()) return;
  const std::shared_ptr<Followed> one = found->second;
  followed_.erase(found);
  one->dropped = true;
  shard_.metrics().remove(labels_of(*one));
  fetcher_of(*one).remove(key);
}

void ReplicaFetchers::set_throttled_rate(std::int64_t bytes_per_second) {
  throttle_.set_rate(bytes_per_second, shard_.clock().now());
  look_again();
}

void ReplicaFetchers::look_again() {
  for (const auto& [id, fetcher] : fetchers_) fetcher->wake();
}

Task<> ReplicaFetchers::stop() {
  while (!followed_.empty()) {
    const ReplicaKey key = followed_.begin()->first;
    forget(key);
  }
  for (const auto& [id, fetcher] : fetchers_) fetcher->disconnect();
  tasks_.cancel();
  co_await tasks_.join();
  for (const auto& [id, fetcher] : fetchers_) co_await fetcher->close();
}

std::int64_t ReplicaFetchers::max_lag() const {
  std::int64_t most = 0;
  for (const auto& [key, one] : followed_) {
    most = std::max(most, one->state.lag(one->partition->log().log_end()));
  }
  return most;
}

ReplicaFetcher& ReplicaFetchers::fetcher(FetcherId id) {
  std::unique_ptr<ReplicaFetcher>& fetcher = fetchers_[id];
  if (!fetcher) {
    const FetchLane lane = id.number == joining ? FetchLane::joining : FetchLane::steady;
    fetcher = std::make_unique<ReplicaFetcher>(*this, id.leader, lane);
    tasks_.spawn(fetcher->run());
  }
  return *fetcher;
}

/// Of num.replica.fetchers, always the same for a partition.
ReplicaFetchers::FetcherId ReplicaFetchers::steady_of(const Followed& one) const {
  const auto count = static_cast<std::size_t>(std::max(config_.replica.fetchers, 1));
  const std::size_t hash =
      std::hash<Uuid>{}(one.key.topic) * 31 + static_cast<std::size_t>(one.key.partition.value());
  return {one.leader, static_cast<std::int32_t>(hash % count)};
}

ReplicaFetcher& ReplicaFetchers::fetcher_of(const Followed& one) {
  return fetcher(one.joins ? FetcherId{one.leader, joining} : steady_of(one));
}

void ReplicaFetchers::hand_over(ReplicaFetcher& to) {
  const auto from = fetchers_.find({to.leader(), joining});
  if (from == fetchers_.end()) return;
  std::vector<std::shared_ptr<Followed>> moving;
  for (const auto& [key, one] : from->second->partitions()) {
    if (one->busy || !one->state.caught_up()) continue;
    if (&fetcher(steady_of(*one)) == &to) moving.push_back(one);
  }
  for (const std::shared_ptr<Followed>& one : moving) {
    from->second->remove(one->key);
    one->joins = false;
    to.add(one);
  }
}

void ReplicaFetchers::move_to_joining(const std::shared_ptr<Followed>& one) {
  if (one->joins || one->dropped) return;
  fetcher(steady_of(*one)).remove(one->key);
  one->joins = true;
  fetcher({one->leader, joining}).add(one);
}

/// Its log cannot be used any more: nothing is asked until it is followed anew.
void ReplicaFetchers::fail(const std::shared_ptr<Followed>& one) {
  if (one->dropped) return;
  logging::error("a replica follows no longer partition={}", one->partition->id());
  ++failed_;
  forget(one->key);
}

// ---- metrics ----

Labels ReplicaFetchers::labels_of(const Followed& one) const {
  const TopicPartition& id = one.partition->id();
  return {
      {"clientId", fmt::format("ReplicaFetcherThread-{}-{}", steady_of(one).number, one.leader)},
      {"topic", id.topic},
      {"partition", fmt::format("{}", id.partition)}};
}

void ReplicaFetchers::expose(const Followed& one) {
  shard_.metrics().observe(
      lag_metric, "Records that the follower is behind its leader", labels_of(one),
      [&one] { return static_cast<double>(one.state.lag(one.partition->log().log_end())); });
}

}  // namespace cairn::partition
