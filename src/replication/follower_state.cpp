// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/mutant.hpp>
#include <cairn/replication/follower_state.hpp>

namespace cairn::replication {

Offset truncation_point(const log::EpochCache& own, Offset own_end, log::EpochEnd diverging) {
  // One answer taken for the whole truth, as before KIP-279.
  if (MUTANT("L2")) return std::min(own_end, diverging.end_offset);
  const log::EpochEnd mine = own.end_offset_for(diverging.epoch, own_end);
  if (mine.epoch == no_epoch || mine.end_offset == no_offset) {
    // An epoch above all of ours cannot be: the leader names one at or below what we claimed.
    return std::min(own_end, diverging.end_offset);
  }
  if (mine.epoch != diverging.epoch) return std::min(own_end, mine.end_offset);
  return std::min({own_end, mine.end_offset, diverging.end_offset});
}

std::int64_t FollowerState::lag(Offset log_end) const {
  if (leader_high_watermark_ == no_offset) return 0;
  return std::max<std::int64_t>(leader_high_watermark_ - log_end, 0);
}

std::optional<Offset> FollowerState::cut_at_start(const FollowerLog& log) const {
  if (MUTANT("L1")) return log.high_watermark;
  return std::nullopt;
}

FetchWish FollowerState::wish(const FollowerLog& log, std::int32_t max_bytes) const {
  const auto latest = log.epochs.latest();
  const bool blind = cut_ && MUTANT("L2");
  return {.fetch_offset = log.log_end,
          .current_leader_epoch = leader_epoch_,
          .last_fetched_epoch = latest && !blind ? latest->epoch : no_epoch,
          .log_start = log.log_start,
          .max_bytes = max_bytes};
}

bool FollowerState::must_flush(const FollowerLog& log) const {
  if (log.flushed >= log.log_end || MUTANT("L9-follower")) return false;
  return leader_high_watermark_ == no_offset || log.log_end >= leader_high_watermark_;
}

FollowerStep FollowerState::on_answer(const FetchWish& asked, const FetchedPartition& answer,
                                      const FollowerLog& log, Instant now) {
  const FetchWish present = wish(log, asked.max_bytes);
  if (asked.current_leader_epoch != leader_epoch_ || asked.fetch_offset != present.fetch_offset ||
      asked.last_fetched_epoch != present.last_fetched_epoch) {
    return AskAnew{};
  }
  if (answer.error == ErrorCode::offset_out_of_range) return AskRange{};
  if (answer.error != ErrorCode::none) {
    on_failure(now);
    return Wait{};
  }
  if (answer.diverging.epoch >= Epoch(0)) {
    caught_up_ = false;
    const Offset to = truncation_point(log.epochs, log.log_end, answer.diverging);
    // An epoch that began at the log's end and has no records goes too, though nothing is cut.
    const auto latest = log.epochs.latest();
    if (to < log.log_end || (latest && latest->start_offset >= to)) return Cut{to};
    on_failure(now);  // an answer that cannot be
    return Wait{};
  }
  return Take{};
}

RangeStep FollowerState::on_range(Offset leader_start, Offset leader_end, const FollowerLog& log) {
  caught_up_ = false;
  if (leader_end < log.log_end) return Cut{leader_end};
  if (leader_start > log.log_end) return RestartAt{leader_start};
  return AskAnew{};
}

void FollowerState::on_taken(Offset leader_high_watermark, Offset log_end) {
  wait_ = Duration::zero();  // not before: the leader may be well and our disk full
  leader_high_watermark_ = leader_high_watermark;
  caught_up_ = leader_high_watermark != no_offset && log_end >= leader_high_watermark;
  cut_ = false;
}

void FollowerState::on_failure(Instant now) {
  caught_up_ = false;
  wait_ = std::clamp(wait_ * 2, std::min(backoff_.first, backoff_.limit), backoff_.limit);
  retry_at_ = now + wait_;
}

}  // namespace cairn::replication
