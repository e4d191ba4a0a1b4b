// SPDX-License-Identifier: Apache-2.0
// A follower's side of an incremental fetch session (KIP-227): what is to be fetched from one
// leader, and what of it the leader does not know yet, so that a request names changes only.
// Invariant: after any doubt about what the leader remembers the next request is a full one. Owner:
// one fetcher, which talks over one connection.
#pragma once

#include <compare>
#include <map>
#include <set>
#include <span>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::replication {

struct ReplicaKey {
  TopicId topic;
  PartitionIndex partition;

  auto operator<=>(const ReplicaKey&) const = default;
};

/// One partition as it is asked for.
struct FetchWish {
  Offset fetch_offset;
  Epoch current_leader_epoch;
  Epoch last_fetched_epoch = no_epoch;
  Offset log_start{};
  std::int32_t max_bytes = 0;

  bool operator==(const FetchWish&) const = default;
};

class FetcherSession {
 public:
  struct Request {
    std::int32_t session_id = 0;
    std::int32_t session_epoch = 0;
    std::vector<std::pair<ReplicaKey, FetchWish>> partitions{};
    std::vector<ReplicaKey> forgotten{};

    bool full() const { return session_epoch <= 0; }
  };

  void set(const ReplicaKey& key, const FetchWish& wish);
  void remove(const ReplicaKey& key);
  bool empty() const { return wishes_.empty(); }
  std::size_t size() const { return wishes_.size(); }
  /// What is asked of a partition; null if it is not.
  const FetchWish* wish(const ReplicaKey& key) const;

  /// The next request. It must be settled by on_response or on_failure before the one after it.
  Request next();
  /// Whether the response can be used; if not, the session begins anew. `error` is the response's
  /// own (fetch_session_id_not_found, invalid_fetch_session_epoch, fetch_session_topic_id_error).
  bool on_response(ErrorCode error, std::int32_t session_id, std::span<const ReplicaKey> answered);
  /// No response came.
  void on_failure() { reopen(); }

 private:
  void begin_anew() { id_ = epoch_ = 0; }
  /// A full request that tells the leader to drop the session it may still hold.
  void reopen() { epoch_ = 0; }

  std::int32_t id_ = 0;
  std::int32_t epoch_ = 0;  // of the next request; 0: full
  std::map<ReplicaKey, FetchWish> wishes_;
  std::set<ReplicaKey> known_;    // what the leader's session holds, after the request in flight
  std::set<ReplicaKey> changed_;  // in wishes_, and not as the leader knows it
  std::set<ReplicaKey> gone_;     // the leader knows it, and it is not in wishes_
};

}  // namespace cairn::replication
