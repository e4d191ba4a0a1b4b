// SPDX-License-Identifier: Apache-2.0
// The client's half of an incremental fetch session (KIP-227) with one broker: the first request
// names every partition, later ones only what changed. Pure.
//
//   none (0, 0) --answer with an id--> open (id, 1) --answer--> (id, 2) ...
//      ^-- session unknown to the broker     |
//   renew (id, 0) <-- no answer -------------+      (asks the broker to replace the session)
//
// Invariant: in_session_ is what the broker reads for us if it got the last request.
// Owner: Fetcher, one for each broker.
#pragma once

#include <map>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/protocol/messages/fetch.hpp>

namespace cairn::client {

struct FetchWant {
  TopicId topic_id;
  Offset offset;
  Epoch leader_epoch = no_epoch;  // the leader's, as metadata has it
  std::int32_t max_bytes = 0;

  bool operator==(const FetchWant&) const = default;
};

using FetchWants = std::map<TopicPartition, FetchWant>;

class FetchSession {
 public:
  /// Fills session and topics of a request that shall read `wants`.
  void prepare(protocol::FetchRequest& request, const FetchWants& wants);
  /// Takes an answer's session. False: the session is gone, and nothing else of the answer counts.
  bool accept(const protocol::FetchResponse& response);
  /// No answer came: who knows what the broker thinks.
  void interrupted();
  /// Whether a request now would say nothing new and read nothing.
  bool idle(const FetchWants& wants) const { return wants.empty() && in_session_.empty(); }
  /// What the last request asked of a partition; null if it did not.
  const FetchWant* asked(const TopicPartition& partition) const;

 private:
  FetchWants in_session_;
  std::int32_t id_ = 0;
  std::int32_t epoch_ = 0;
};

}  // namespace cairn::client
