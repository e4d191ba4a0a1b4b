// SPDX-License-Identifier: Apache-2.0
// What passes between a consumer's poll() and its membership: joining, giving up and taking over
// partitions, and the commits around it.
#include <algorithm>

#include <cairn/base/log.hpp>

#include "consumer_state.hpp"
#include "errors.hpp"

namespace cairn::client {

namespace {

std::vector<TopicPartition> difference(const std::set<TopicPartition>& from,
                                       const std::set<TopicPartition>& without) {
  std::vector<TopicPartition> out;
  std::ranges::set_difference(from, without, std::back_inserter(out));
  return out;
}

}  // namespace

Result<> Consumer::State::subscribe(std::vector<std::string> topics, RebalanceListener* listener) {
  TRY(subscribe_any(listener));
  pattern_.reset();
  std::ranges::sort(topics);
  topics.erase(std::ranges::unique(topics).begin(), topics.end());
  topics_ = std::move(topics);
  for (const auto& topic : topics_) cluster_.follow(topic);
  return {};
}

Result<> Consumer::State::subscribe_pattern(std::string pattern, RebalanceListener* listener) {
  re2::RE2::Options quiet;
  quiet.set_log_errors(false);
  auto compiled = std::make_unique<re2::RE2>(pattern, quiet);
  if (!compiled->ok()) {
    return fail(ErrorCode::invalid_regular_expression, "the pattern is no RE2 regular expression");
  }
  TRY(subscribe_any(listener));
  pattern_ = std::move(compiled);
  topics_.clear();
  matched_version_ = 0;
  cluster_.follow_all();
  return {};
}

Result<> Consumer::State::subscribe_any(RebalanceListener* listener) {
  if (options_.group_id.empty()) {
    return fail(ErrorCode::invalid_group_id,
                "to subscribe, a consumer needs a group: set group.id");
  }
  if (options_.assignors.empty()) {
    return fail(ErrorCode::invalid_config, "partition.assignment.strategy names no assignor");
  }
  listener_ = listener;
  if (!membership_) {
    membership_.emplace(link_, options_, activity_);
  } else {
    membership_->request_join("the subscription changed");
  }
  return {};
}

/// One turn of what the membership wants done; poll() comes back until nothing is left.
runtime::Task<Result<>> Consumer::State::tend_membership() {
  if (membership_->take_lost()) co_await drop_lost();
  if (const auto failure = membership_->take_failure()) {
    if (failure->code == ErrorCode::fenced_instance_id) co_await drop_lost();
    co_return std::unexpected(*failure);
  }
  if (pattern_) match_pattern();
  if (membership_->counts_changed()) membership_->request_join("partitions were added or removed");
  if (auto joined = membership_->take_joined()) {
    co_await apply_assignment({joined->partitions.begin(), joined->partitions.end()});
  }
  const bool has_topics = !pattern_ || matched_version_ > 0;
  if (membership_->wants_join() && has_topics) co_await prepare_join();
  co_return Result<>{};
}

void Consumer::State::match_pattern() {
  if (cluster_.version() == matched_version_) return;
  const bool first = matched_version_ == 0;
  matched_version_ = cluster_.version();
  std::vector<std::string> matching;
  for (const auto& [name, topic] : cluster_.metadata().topics()) {
    if (!topic.internal && re2::RE2::FullMatch(name, *pattern_)) matching.push_back(name);
  }
  if (matching == topics_) return;
  topics_ = std::move(matching);
  if (!first) membership_->request_join("other topics match the pattern now");
}

/// Lets go of what must not be held while the group rebalances, then starts the join.
runtime::Task<> Consumer::State::prepare_join() {
  co_await commit_before_revoking();
  std::set<TopicPartition> keep;
  if (membership_->cooperative()) {
    for (const auto& partition : positions_.assigned()) {
      if (std::ranges::binary_search(topics_, partition.topic)) keep.insert(partition);
    }
  }
  const auto revoked = difference(positions_.assigned(), keep);
  if (listener_ && !revoked.empty()) co_await listener_->revoked(revoked);
  positions_.assign(keep);
  if (!membership_->wants_join()) co_return;  // lost, closed or failed while the listener ran
  membership_->begin_join(topics_, {keep.begin(), keep.end()});
}

runtime::Task<> Consumer::State::apply_assignment(std::set<TopicPartition> to) {
  const auto had = positions_.assigned();
  const auto added = difference(to, had);
  const auto revoked = difference(had, to);
  if (!revoked.empty()) {
    // Cooperative: these go to others, who get them once we have joined again without them.
    for (const auto& partition : revoked) positions_.find(partition)->revoking = true;
    co_await commit_before_revoking();
    if (listener_) co_await listener_->revoked(revoked);
    membership_->request_join("partitions were revoked");
  }
  for (const auto& partition : to) cluster_.follow(partition.topic);
  positions_.assign(to);
  logging::debug("group={} assigned={} added={} revoked={}", options_.group_id, to.size(),
                 added.size(), revoked.size());
  if (listener_) co_await listener_->assigned(added);
}

runtime::Task<> Consumer::State::drop_lost() {
  const auto had = positions_.assigned();
  positions_.assign({});
  if (listener_ && !had.empty()) co_await listener_->lost({had.begin(), had.end()});
}

runtime::Task<> Consumer::State::commit_before_revoking() {
  if (!options_.auto_commit || positions_.empty() || membership_->generation() < 0) co_return;
  const auto committed = co_await commit(positions_.committable());
  if (!committed) {
    logging::warn("group={} commit before a rebalance failed: {} ({})", options_.group_id,
                  to_string(committed.error().code), committed.error().why);
  }
}

void Consumer::State::commit_if_due() {
  if (!options_.auto_commit || options_.group_id.empty() || committing_) return;
  const Instant now = cluster_.now();
  if (!next_commit_) next_commit_ = now + options_.auto_commit_interval;
  if (now < *next_commit_) return;
  next_commit_ = now + options_.auto_commit_interval;
  if (membership_ && !membership_->stable()) return;
  auto offsets = positions_.committable();
  if (offsets.empty()) return;
  committing_ = true;
  tasks_.spawn(commit_in_background(std::move(offsets)));
}

runtime::Task<> Consumer::State::commit_in_background(CommittedOffsets offsets) {
  const auto committed = co_await commit(std::move(offsets));
  if (!committed) {
    logging::warn("group={} automatic commit failed: {} ({})", options_.group_id,
                  to_string(committed.error().code), committed.error().why);
  }
  committing_ = false;
}

}  // namespace cairn::client
