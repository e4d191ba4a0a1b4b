// SPDX-License-Identifier: Apache-2.0
// Incremental fetch sessions (KIP-227): what a fetcher asked for is remembered, so that a request
// names only changes and a response only partitions with something new. A session is a list in the
// fetcher's order; partitions that gave records go to its end, so that all get their turn. The
// cache is bounded; eviction prefers idle sessions, then lesser ones. Owner: partition's table.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/random.hpp>
#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>

namespace cairn::replication {

/// By id from Fetch 13 on, by name before.
struct FetchKey {
  TopicId topic_id;
  std::string topic;  // empty when only the id is known
  PartitionIndex partition;

  bool operator==(const FetchKey& other) const {
    return partition == other.partition &&
           (topic_id.is_zero() && other.topic_id.is_zero() ? topic == other.topic
                                                           : topic_id == other.topic_id);
  }
};
struct FetchKeyHash {
  std::size_t operator()(const FetchKey& key) const;
};

/// What is asked of one partition, and what was answered last.
struct FetchPartition {
  FetchKey key;
  std::int32_t max_bytes = 0;
  Offset fetch_offset{0};
  Epoch current_leader_epoch = no_epoch;
  Epoch last_fetched_epoch = no_epoch;
  Offset follower_log_start = no_offset;
  // As answered: an incremental response repeats none of it.
  Offset answered_high_watermark = no_offset;
  Offset answered_log_start = no_offset;
};

/// The outcome of one partition, as far as the session must know it.
struct FetchAnswer {
  bool has_records = false;
  bool diverging = false;
  ErrorCode error = ErrorCode::none;
  Offset high_watermark = no_offset;
  Offset log_start = no_offset;
};

class FetchSession {
 public:
  using Partitions = std::list<FetchPartition>;

  std::int32_t id() const { return id_; }
  std::int32_t epoch() const { return epoch_; }  // that the next request must carry
  bool uses_topic_ids() const { return uses_topic_ids_; }
  std::size_t size() const { return index_.size(); }
  /// In the order to be served.
  Partitions& partitions() { return partitions_; }

  /// Whether the incremental response must hold this partition; remembers what it will be told.
  static bool must_answer(FetchPartition& partition, const FetchAnswer& answer);
  /// Its turn comes last now.
  void served(Partitions::iterator partition);

 private:
  friend class FetchSessions;

  void put(FetchPartition partition);
  void forget(const FetchKey& key);

  std::int32_t id_ = 0;
  std::int32_t epoch_ = 1;
  bool privileged_ = false;  // a follower's
  bool uses_topic_ids_ = false;
  Instant created_{};
  Instant last_used_{};
  std::size_t cached_size_ = 0;
  Partitions partitions_;
  std::unordered_map<FetchKey, Partitions::iterator, FetchKeyHash> index_;
};

/// What a request says of its session.
struct FetchSessionRequest {
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;  // -1 no session wanted, 0 a new one, else the next of it
  bool from_follower = false;
  bool uses_topic_ids = false;
};

class FetchSessions {
 public:
  static constexpr std::int32_t final_epoch = -1;
  static constexpr std::int32_t initial_epoch = 0;
  static constexpr Duration eviction_age = std::chrono::minutes(2);

  explicit FetchSessions(std::size_t max_sessions) : max_sessions_(max_sessions) {}

  /// The session that goes on, changed as the request says; null when the request stands alone (it
  /// must be answered in full). fetch_session_id_not_found, invalid_fetch_session_epoch,
  /// fetch_session_topic_id_error. The session may be evicted while a response is prepared: hold
  /// it.
  Result<std::shared_ptr<FetchSession>> begin(const FetchSessionRequest& request,
                                              std::vector<FetchPartition> partitions,
                                              const std::vector<FetchKey>& forgotten, Instant now);
  /// A session for a full request with epoch 0, once it was answered; its id, 0 if there is no
  /// room.
  std::int32_t create(const FetchSessionRequest& request, std::vector<FetchPartition> partitions,
                      Random& random, Instant now);

  std::size_t size() const { return sessions_.size(); }
  std::size_t partition_count() const { return partition_count_; }
  std::size_t evictions() const { return evictions_; }

 private:
  using UseKey = std::pair<Instant, std::int32_t>;
  struct EvictableKey {
    bool privileged = false;
    std::size_t size = 0;
    std::int32_t id = 0;
    auto operator<=>(const EvictableKey&) const = default;
  };

  static EvictableKey evictable_key(const FetchSession& session);
  void touch(FetchSession& session, Instant now);
  void unlist(FetchSession& session);
  void remove(std::int32_t id);
  bool make_room(bool privileged, std::size_t size, Instant now);

  std::size_t max_sessions_;
  std::size_t partition_count_ = 0;
  std::size_t evictions_ = 0;
  std::unordered_map<std::int32_t, std::shared_ptr<FetchSession>> sessions_;
  std::set<UseKey> by_use_;
  std::set<EvictableKey> evictable_by_all_;
  std::set<EvictableKey> evictable_by_privileged_;
};

}  // namespace cairn::replication
