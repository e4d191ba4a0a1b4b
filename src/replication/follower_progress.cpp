// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/replication/follower_progress.hpp>

namespace cairn::replication {

void FollowerProgress::on_fetch(const FollowerFetch& fetch) {
  if (fetch.fetch_offset >= fetch.leader_end_before) {
    last_caught_up_ = std::max(last_caught_up_, fetch.at);
  } else if (fetch.fetch_offset >= leader_end_at_last_fetch_) {
    // It has by now what was there when it asked before: it had kept up then.
    last_caught_up_ = std::max(last_caught_up_, last_fetch_);
  }
  log_end_ = fetch.fetch_offset;
  log_start_ = fetch.follower_log_start;
  leader_end_at_last_fetch_ = fetch.leader_end_before;
  last_fetch_ = fetch.at;
  broker_epoch_ = fetch.broker_epoch;
}

void FollowerProgress::reset(Instant now, bool in_isr) {
  *this = FollowerProgress{};
  if (in_isr) last_caught_up_ = now;
}

bool FollowerProgress::keeps_up(Offset leader_end, Instant now, Duration max_lag) const {
  return log_end_ == leader_end || now - last_caught_up_ <= max_lag;
}

}  // namespace cairn::replication
