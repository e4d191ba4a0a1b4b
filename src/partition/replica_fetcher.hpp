// SPDX-License-Identifier: Apache-2.0
// One connection to one leader's broker, and the partitions that are followed over it: ask for all
// in one Fetch, take what came, flush what must be on disk before its end is told, ask again.
// Invariant: a partition is asked for by one fetcher, and nothing of an answer is used after the
// partition went elsewhere. Owner: ReplicaFetchers.
#pragma once

#include <memory>
#include <set>

#include <cairn/partition/partition.hpp>
#include <cairn/partition/replica_fetchers.hpp>
#include <cairn/protocol/messages/fetch.hpp>
#include <cairn/protocol/messages/list_offsets.hpp>
#include <cairn/replication/follower_state.hpp>
#include <cairn/transport/peer.hpp>

namespace cairn::partition {

/// A partition that is followed, in one leader epoch.
struct Followed {
  std::shared_ptr<Partition> partition;
  replication::ReplicaKey key;
  BrokerId leader;
  replication::FollowerState state;
  bool joins = true;     // with those who join; else with its steady fetcher
  bool busy = false;     // an answer is being worked on
  bool dropped = false;  // by follow, forget or stop
  bool started = false;
};

enum class FetchLane { steady, joining };

/// The versions that a metadata.version fixes; brokers do not ask for them (kraft.md §5).
std::int16_t fetch_version(std::int16_t metadata_version);
std::int16_t list_offsets_version(std::int16_t metadata_version);

class ReplicaFetcher {
 public:
  ReplicaFetcher(ReplicaFetchers& group, BrokerId leader, FetchLane lane);
  ~ReplicaFetcher();

  void add(std::shared_ptr<Followed> one);
  void remove(const replication::ReplicaKey& key);
  /// Looks again: someone may have caught up, or the leader's address may be known now.
  void wake() { changed_.set(); }
  /// The leader's broker is another process now, or elsewhere.
  void reconnect();
  runtime::Task<> run();
  void disconnect();
  runtime::Task<> close();

  BrokerId leader() const { return leader_; }
  const std::map<replication::ReplicaKey, std::shared_ptr<Followed>>& partitions() const {
    return partitions_;
  }

 private:
  using FetchedData = protocol::FetchResponse::PartitionData;

  runtime::Task<> flush_before_asking();
  runtime::Task<> start(std::shared_ptr<Followed> one);
  runtime::Task<> flush(std::shared_ptr<Followed> one);
  void note_wishes();
  bool held_back(const Followed& one, Instant now) const;
  std::optional<Instant> next_retry() const;
  Duration patience() const;
  runtime::Task<> fetch_once();
  runtime::Task<bool> connect();
  protocol::FetchRequest make_request(const replication::FetcherSession::Request& asked) const;
  runtime::Task<> take(const protocol::FetchResponse& response);
  runtime::Task<> take_one(std::shared_ptr<Followed> one, replication::FetchWish asked,
                           const FetchedData& data);
  runtime::Task<> take_records(std::shared_ptr<Followed> one, replication::FetchWish asked,
                               const FetchedData& data);
  runtime::Task<> cut(std::shared_ptr<Followed> one, Offset to, Offset leader_high_watermark);
  runtime::Task<> settle_range(std::shared_ptr<Followed> one);
  runtime::Task<Result<Offset>> ask_offset(std::shared_ptr<Followed> one, std::int64_t timestamp);
  void failed(const std::shared_ptr<Followed>& one, const Error& error);
  void all_failed();

  ReplicaFetchers& group_;
  BrokerId leader_;
  FetchLane lane_;
  std::map<replication::ReplicaKey, std::shared_ptr<Followed>> partitions_;
  std::set<replication::ReplicaKey> unasked_;  // not in the session as they stand now
  replication::FetcherSession session_;
  std::unique_ptr<transport::Peer> peer_;
  bool log_starts_moved_ = false;  // into a segment, by the answer that is being worked on
  bool other_process_ = false;
  runtime::Event changed_;
};

}  // namespace cairn::partition
