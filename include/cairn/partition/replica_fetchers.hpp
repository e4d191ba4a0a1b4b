// SPDX-License-Identifier: Apache-2.0
// Follows the leaders of this broker's replicas. For each leader's broker there are
// num.replica.fetchers steady fetchers and one for those who join: a partition starts there, and
// moves to its steady fetcher once it has all that was committed. So whoever catches up, however
// much it is, holds nobody up that is in sync. An idle fetcher has no timer and asks nothing.
// Owner: Replication.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include <cairn/base/metrics.hpp>
#include <cairn/config/server_config.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/replication/fetcher_session.hpp>
#include <cairn/replication/throttle.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::partition {

class Partition;
class ReplicaFetcher;
struct Followed;

class ReplicaFetchers {
 public:
  ReplicaFetchers(runtime::Shard& shard, runtime::Network& network,
                  const config::ServerConfig& config);
  ReplicaFetchers(const ReplicaFetchers&) = delete;
  ReplicaFetchers& operator=(const ReplicaFetchers&) = delete;
  ~ReplicaFetchers();

  /// Addresses, versions and broker epochs to be used from now on.
  void adopt(std::shared_ptr<const metadata::Image> image);
  /// Fetches from `leader` in this leader epoch, in place of what was followed before.
  void follow(std::shared_ptr<Partition> partition, BrokerId leader, Epoch epoch);
  void forget(const replication::ReplicaKey& key);
  /// Bytes a second that throttled replicas take together while they catch up.
  void set_throttled_rate(std::int64_t bytes_per_second);
  /// Which replicas are throttled, or how much, has changed.
  void look_again();
  /// What makes moved log starts durable, before the leader is told of them: it answers
  /// DeleteRecords by that (I27).
  void save_log_starts_with(std::function<runtime::Task<>()> save) { save_log_starts_ = save; }
  runtime::Task<> stop();

  std::size_t size() const { return followed_.size(); }
  /// The most that any follower here is behind what its leader has committed.
  std::int64_t max_lag() const;
  std::size_t failed_count() const { return failed_; }

 private:
  friend class ReplicaFetcher;
  struct FetcherId {
    BrokerId leader;
    std::int32_t number = 0;  // -1: for those who join
    auto operator<=>(const FetcherId&) const = default;
  };
  static constexpr std::int32_t joining = -1;

  ReplicaFetcher& fetcher(FetcherId id);
  FetcherId steady_of(const Followed& one) const;
  ReplicaFetcher& fetcher_of(const Followed& one);
  /// Takes from those who join whoever belongs to this fetcher and has caught up.
  void hand_over(ReplicaFetcher& to);
  void move_to_joining(const std::shared_ptr<Followed>& one);
  void fail(const std::shared_ptr<Followed>& one);
  void expose(const Followed& one);
  Labels labels_of(const Followed& one) const;

  runtime::Shard& shard_;
  runtime::Network& network_;
  const config::ServerConfig& config_;
  std::shared_ptr<const metadata::Image> image_;
  std::map<replication::ReplicaKey, std::shared_ptr<Followed>> followed_;
  std::map<FetcherId, std::unique_ptr<ReplicaFetcher>> fetchers_;
  replication::Throttle throttle_;
  std::function<runtime::Task<>()> save_log_starts_;
  std::size_t failed_ = 0;
  Counter& bytes_in_;
  Counter& requests_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::partition
