// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <cairn/replication/fetch_session.hpp>

namespace cairn::replication {

std::size_t FetchKeyHash::operator()(const FetchKey& key) const {
  const std::size_t topic = key.topic_id.is_zero() ? std::hash<std::string>{}(key.topic)
                                                   : std::hash<Uuid>{}(key.topic_id);
  return topic * 31 + static_cast<std::size_t>(key.partition.value());
}

bool FetchSession::must_answer(FetchPartition& partition, const FetchAnswer& answer) {
  bool must = answer.has_records || answer.diverging;
  if (partition.answered_high_watermark != answer.high_watermark) {
    partition.answered_high_watermark = answer.high_watermark;
    must = true;
  }
  if (partition.answered_log_start != answer.log_start) {
    partition.answered_log_start = answer.log_start;
    must = true;
  }
  if (answer.error != ErrorCode::none) {
    partition.answered_high_watermark = no_offset;  // once it is over, that is news
    must = true;
  }
  return must;
}

void FetchSession::served(Partitions::iterator partition) {
  partitions_.splice(partitions_.end(), partitions_, partition);
}

void FetchSession::put(FetchPartition partition) {
  const auto found = index_.find(partition.key);
  if (found == index_.end()) {
    const FetchKey key = partition.key;
    partitions_.push_back(std::move(partition));
    index_.emplace(key, std::prev(partitions_.end()));
    return;
  }
  // What was answered stays: the client still knows it.
  partition.answered_high_watermark = found->second->answered_high_watermark;
  partition.answered_log_start = found->second->answered_log_start;
  *found->second = std::move(partition);
}

void FetchSession::forget(const FetchKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  partitions_.erase(found->second);
  index_.erase(found);
}

Result<std::shared_ptr<FetchSession>> FetchSessions::begin(const FetchSessionRequest& request,
                                                           std::vector<FetchPartition> partitions,
                                                           const std::vector<FetchKey>& forgotten,
                                                           Instant now) {
  if (request.session_epoch == final_epoch || request.session_epoch == initial_epoch) {
    if (request.session_id != 0) remove(request.session_id);
    return nullptr;
  }
  const auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) {
    return fail(ErrorCode::fetch_session_id_not_found, "no such fetch session");
  }
  FetchSession& session = *found->second;
  if (session.epoch_ != request.session_epoch) {
    return fail(ErrorCode::invalid_fetch_session_epoch, "not the session's next epoch");
  }
  if (session.uses_topic_ids_ != request.uses_topic_ids) {
    return fail(ErrorCode::fetch_session_topic_id_error, "the session names topics another way");
  }
  for (const FetchKey& key : forgotten) session.forget(key);
  for (FetchPartition& partition : partitions) session.put(std::move(partition));
  session.epoch_ =
      session.epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : session.epoch_ + 1;
  touch(session, now);
  return found->second;
}

std::int32_t FetchSessions::create(const FetchSessionRequest& request,
                                   std::vector<FetchPartition> partitions, Random& random,
                                   Instant now) {
  if (max_sessions_ == 0) return 0;
  if (sessions_.size() >= max_sessions_ &&
      !make_room(request.from_follower, partitions.size(), now)) {
    return 0;
  }
  auto session = std::make_shared<FetchSession>();
  do {
    session->id_ =
        static_cast<std::int32_t>(random.between(1, std::numeric_limits<std::int32_t>::max()));
  } while (sessions_.contains(session->id_));
  session->privileged_ = request.from_follower;
  session->uses_topic_ids_ = request.uses_topic_ids;
  session->created_ = now;
  for (FetchPartition& partition : partitions) session->put(std::move(partition));
  sessions_.emplace(session->id_, session);
  touch(*session, now);
  return session->id_;
}

FetchSessions::EvictableKey FetchSessions::evictable_key(const FetchSession& session) {
  return {session.privileged_, session.cached_size_, session.id_};
}

void FetchSessions::touch(FetchSession& session, Instant now) {
  unlist(session);
  session.last_used_ = now;
  session.cached_size_ = session.size();
  by_use_.insert({now, session.id_});
  const bool grown_old = now - session.created_ > eviction_age;
  if (!session.privileged_ || grown_old) evictable_by_privileged_.insert(evictable_key(session));
  if (grown_old) evictable_by_all_.insert(evictable_key(session));
  partition_count_ += session.cached_size_;
}

void FetchSessions::unlist(FetchSession& session) {
  if (by_use_.erase({session.last_used_, session.id_}) == 0) return;  // new: in no list yet
  evictable_by_privileged_.erase(evictable_key(session));
  evictable_by_all_.erase(evictable_key(session));
  partition_count_ -= session.cached_size_;
}

void FetchSessions::remove(std::int32_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  unlist(*found->second);
  sessions_.erase(found);
}

/// An idle session goes first; else the least one that the newcomer outranks.
bool FetchSessions::make_room(bool privileged, std::size_t size, Instant now) {
  const auto oldest = by_use_.begin();
  if (oldest != by_use_.end() && now - oldest->first > eviction_age) {
    remove(oldest->second);
    ++evictions_;
    return true;
  }
  const auto& evictable = privileged ? evictable_by_privileged_ : evictable_by_all_;
  if (evictable.empty()) return false;
  const EvictableKey least = *evictable.begin();
  if (EvictableKey{privileged, size, 0} < least) return false;
  remove(least.id);
  ++evictions_;
  return true;
}

}  // namespace cairn::replication
