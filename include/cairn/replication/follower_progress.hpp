// SPDX-License-Identifier: Apache-2.0
// What a leader knows of one follower: how far its log reaches and since when it has kept up. Reset
// with every leader epoch. A follower of ours fetches only what it has flushed, so its fetch offset
// is its flushed end (design §1.5). Owner: LeaderState.
#pragma once

#include <cairn/base/ids.hpp>
#include <cairn/base/time.hpp>

namespace cairn::replication {

/// One fetch of a follower, as the leader saw it.
struct FollowerFetch {
  Offset fetch_offset;  // the follower's log end
  Offset follower_log_start;
  Offset leader_end_before;  // the leader's log end, read before the fetch was answered
  Instant at;
  BrokerEpoch broker_epoch = no_broker_epoch;
};

class FollowerProgress {
 public:
  /// REQUIRES: the fetch's log does not diverge (L3): ask the epoch cache first.
  void on_fetch(const FollowerFetch& fetch);
  /// A new leader epoch: nothing is known, but a member of the ISR counts as caught up now.
  void reset(Instant now, bool in_isr);

  Offset log_end() const { return log_end_; }  // no_offset: unknown
  Offset log_start() const { return log_start_; }
  Instant last_caught_up() const { return last_caught_up_; }
  BrokerEpoch broker_epoch() const { return broker_epoch_; }
  /// Caught up within `max_lag`, or at the leader's end right now.
  bool keeps_up(Offset leader_end, Instant now, Duration max_lag) const;

 private:
  Offset log_end_ = no_offset;
  Offset log_start_ = no_offset;
  Offset leader_end_at_last_fetch_{0};
  Instant last_fetch_{};
  Instant last_caught_up_{};
  BrokerEpoch broker_epoch_ = no_broker_epoch;
};

}  // namespace cairn::replication
