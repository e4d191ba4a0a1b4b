// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include <cairn/replication/fetcher_session.hpp>

namespace cairn::replication {

void FetcherSession::set(const ReplicaKey& key, const FetchWish& wish) {
  gone_.erase(key);
  const auto [at, fresh] = wishes_.try_emplace(key, wish);
  if (!fresh && at->second == wish && known_.contains(key)) return;
  at->second = wish;
  changed_.insert(key);
}

void FetcherSession::remove(const ReplicaKey& key) {
  if (wishes_.erase(key) == 0) return;
  changed_.erase(key);
  if (known_.contains(key)) gone_.insert(key);
}

const FetchWish* FetcherSession::wish(const ReplicaKey& key) const {
  const auto found = wishes_.find(key);
  return found == wishes_.end() ? nullptr : &found->second;
}

FetcherSession::Request FetcherSession::next() {
  Request request{.session_id = id_, .session_epoch = epoch_};
  if (request.full()) {
    known_.clear();
    for (const auto& [key, wish] : wishes_) {
      request.partitions.emplace_back(key, wish);
      known_.insert(known_.end(), key);
    }
  } else {
    for (const ReplicaKey& key : changed_) {
      request.partitions.emplace_back(key, wishes_.at(key));
      known_.insert(key);
    }
    for (const ReplicaKey& key : gone_) known_.erase(key);
    request.forgotten.assign(gone_.begin(), gone_.end());
  }
  changed_.clear();
  gone_.clear();
  return request;
}

bool FetcherSession::on_response(ErrorCode error, std::int32_t session_id,
                                 std::span<const ReplicaKey> answered) {
  if (error != ErrorCode::none) {
    if (error == ErrorCode::fetch_session_id_not_found) {
      begin_anew();
    } else {
      reopen();
    }
    return false;
  }
  const auto is_known = [this](const ReplicaKey& key) { return known_.contains(key); };
  const bool was_full = epoch_ <= 0;
  if (!std::ranges::all_of(answered, is_known) || (was_full && answered.size() != known_.size())) {
    was_full ? begin_anew() : reopen();
    return false;
  }
  if (session_id == 0) {  // the leader has no room, or closed it
    begin_anew();
  } else if (was_full) {
    id_ = session_id;
    epoch_ = 1;
  } else {
    epoch_ = epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
  }
  return true;
}

}  // namespace cairn::replication
