// SPDX-License-Identifier: Apache-2.0
#include "partition_queue.hpp"

#include <algorithm>

#include <cairn/base/assert.hpp>

namespace cairn::client {

namespace {

constexpr double ratio_step = 0.05;  // how fast the estimate forgets that data compressed well

bool sent_before(const PendingBatch& batch) { return batch.attempts > 0; }

}  // namespace

record::BatchOptions PartitionQueue::batch_options() const {
  record::BatchOptions options;
  options.codec = options_.codec;
  options.level = options_.level;
  return options;
}

PartitionQueue::Appended PartitionQueue::append(const RecordToSend& record, Instant now) {
  PendingBatch* batch = waiting_.empty() ? nullptr : waiting_.back().get();
  bool closed = false;
  if (batch && !batch->full && !sent_before(*batch)) {
    const auto added =
        batch->builder.size_of(record.timestamp, record.key, record.value, record.headers);
    const auto size = batch->builder.estimated_size(ratio_) +
                      static_cast<std::size_t>(static_cast<double>(added) * ratio_);
    if (size > options_.batch_size) {
      batch->full = true;
      closed = true;
    }
  }
  std::size_t taken = 0;
  if (!batch || batch->full || sent_before(*batch)) {
    auto fresh = std::make_unique<PendingBatch>();
    fresh->order = next_order_++;
    fresh->builder = record::BatchBuilder(batch_options());
    fresh->fate = std::make_shared<Fate>();
    fresh->created = now;
    fresh->not_before = now;
    fresh->fate->partition = partition_.partition;
    batch = waiting_.emplace_back(std::move(fresh)).get();
    taken = record::batch_header_size;
  }
  const auto before = batch->builder.uncompressed_size();
  const auto index = batch->builder.record_count();
  batch->builder.append(record.timestamp, record.key, record.value, record.headers);
  taken += batch->builder.uncompressed_size() - before;
  batch->held_bytes += taken;
  if (batch->builder.estimated_size(ratio_) >= options_.batch_size) batch->full = true;
  return {.delivery = Delivery(batch->fate, index, record.timestamp),
          .bytes = taken,
          .closed_batch = closed || batch->full};
}

std::optional<Instant> PartitionQueue::ready_at(Hurry hurry) const {
  if (waiting_.empty() || (broken_ && !must_settle())) return std::nullopt;
  const auto& front = *waiting_.front();
  // A leader takes any sequence as the first of a producer that it does not know (KIP-360): until
  // one batch is there, a later one must not overtake it.
  const bool known = options_.idempotent && is_known_;
  const auto limit = known ? static_cast<std::size_t>(std::min(options_.max_in_flight, 5)) : 1;
  // A leader remembers the last five batches of a producer. After a failover the eldest may be
  // unanswered at the old leader while later ones are acknowledged by the new one: they count too,
  // or the eldest would come again as a stranger.
  const std::uint64_t span = in_flight_.empty() ? 0 : front.order - in_flight_.front()->order;
  if (std::max<std::uint64_t>(in_flight_.size(), span) >= limit) return std::nullopt;
  if (sent_before(front)) {
    // Sent again it goes alone, or a batch behind it could arrive before it.
    return in_flight_.empty() ? std::optional(front.not_before) : std::nullopt;
  }
  if (front.full || hurry == Hurry::yes || waiting_.size() > 1) return front.created;
  return front.created + options_.linger;
}

PendingBatch& PartitionQueue::take(const Identity& current) {
  ASSERT(!waiting_.empty() && (!broken_ || must_settle()), "take follows ready_at");
  auto batch = std::move(waiting_.front());
  waiting_.pop_front();
  batch->full = true;
  batch->attempts++;
  if (current.id != no_producer && batch->base_sequence == no_sequence) {
    // A new identity begins at 0; it is adopted only while nothing of the old one is unanswered.
    if (identity_ != current && in_flight_.empty()) begin(current);
    batch->base_sequence = next_sequence_;
    batch->identity = identity_;
    next_sequence_ = record::advance_sequence(next_sequence_, batch->builder.record_count());
  }
  if (batch->base_sequence != no_sequence) {
    batch->builder.set_producer(batch->identity.id, batch->identity.epoch, batch->base_sequence,
                                false);
  }
  return *in_flight_.emplace_back(std::move(batch));
}

Bytes PartitionQueue::encode(const PendingBatch& batch) {
  Bytes bytes = batch.builder.build();
  if (options_.codec != record::Codec::none) {
    const auto ratio =
        static_cast<double>(bytes.size()) / static_cast<double>(batch.builder.uncompressed_size());
    ratio_ = std::clamp(std::max(ratio, ratio_ - ratio_step), 0.01, 1.0);
  }
  return bytes;
}

std::size_t PartitionQueue::acknowledged(PendingBatch& batch, Offset base_offset,
                                         std::int64_t append_time, Instant now) {
  const auto owned = land(batch);
  if (owned->identity == identity_) is_known_ = true;
  return settle(*owned, base_offset, append_time, now);
}

std::size_t PartitionQueue::failed(PendingBatch& batch, Error why, Outcome outcome, Instant now) {
  const auto owned = land(batch);
  give_up_sequence(*owned, outcome);
  return settle(*owned, std::unexpected(why), no_timestamp, now);
}

std::size_t PartitionQueue::retry(PendingBatch& batch, Error why, Outcome outcome, Duration backoff,
                                  Instant now) {
  if (outcome == Outcome::unknown) batch.perhaps_written = true;
  if (now + backoff >= batch.created + options_.delivery_timeout) {
    return failed(batch, why, outcome, now);
  }
  batch.not_before = now + backoff;
  put_back(land(batch));
  return 0;
}

bool PartitionQueue::split(PendingBatch& batch) {
  const auto total = batch.builder.record_count();
  if (total < 2) return false;
  auto owned = land(batch);
  const Bytes encoded = owned->builder.build();
  const auto view = record::BatchView::trusted(encoded);
  auto half = [&](std::int32_t first_index) {
    auto piece = std::make_unique<PendingBatch>();
    piece->order = owned->order;
    piece->first_index = owned->first_index + first_index;
    piece->builder = record::BatchBuilder(batch_options());
    piece->fate = owned->fate;
    piece->created = owned->created;
    piece->not_before = owned->created;
    piece->attempts = owned->attempts;
    piece->full = true;
    piece->identity = owned->identity;
    piece->perhaps_written = owned->perhaps_written;
    if (owned->base_sequence != no_sequence) {
      piece->base_sequence = record::advance_sequence(owned->base_sequence, first_index);
    }
    piece->held_bytes = owned->held_bytes / 2;
    return piece;
  };
  auto first = half(0);
  auto second = half(total / 2);
  second->held_bytes = owned->held_bytes - first->held_bytes;
  const record::DecompressionLimit no_limit{.max_output = SIZE_MAX, .max_ratio = SIZE_MAX};
  std::int32_t index = 0;
  const auto copied =
      record::for_each_record(view, no_limit, [&](const record::RecordView& record) {
        const auto headers = record.headers.to_vector();
        auto& into = index++ < total / 2 ? first : second;
        into->builder.append(record.timestamp, record.key, record.value, headers);
      });
  ASSERT(copied, "a batch we built can be read");
  owned->fate->unsettled++;
  put_back(std::move(second));
  put_back(std::move(first));
  ratio_ = 1.0;
  return true;
}

std::size_t PartitionQueue::expire(Instant now) {
  std::size_t freed = 0;
  for (std::size_t i = 0; i < waiting_.size();) {
    auto& batch = *waiting_[i];
    if (batch.created + options_.delivery_timeout > now) {
      i++;
      continue;
    }
    const auto owned = std::move(waiting_[i]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    give_up_sequence(*owned, Outcome::unknown);
    freed += settle(*owned,
                    fail(ErrorCode::request_timed_out,
                         "the record was not delivered within delivery.timeout.ms"),
                    no_timestamp, now);
  }
  return freed;
}

std::optional<Instant> PartitionQueue::expires_at() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front()->created + options_.delivery_timeout;
}

std::size_t PartitionQueue::fail_waiting(Error why, Instant now) {
  std::size_t freed = 0;
  while (!waiting_.empty()) {
    const auto owned = std::move(waiting_.front());
    waiting_.pop_front();
    give_up_sequence(*owned, Outcome::unknown);
    freed += settle(*owned, std::unexpected(why), no_timestamp, now);
  }
  return freed;
}

/// Batches that may be in the log under their sequence: they go out under it again, whatever else
/// has broken, until the broker has said of each whether it is. Under a newer identity it would
/// take them for new ones and store them twice.
bool PartitionQueue::must_settle() const {
  return std::ranges::any_of(waiting_, [this](const auto& batch) {
    return batch->perhaps_written && batch->base_sequence != no_sequence &&
           batch->identity == identity_;
  });
}

bool PartitionQueue::sequence_broken(PendingBatch& batch) {
  const bool eldest = in_flight_.front().get() == &batch &&
                      (waiting_.empty() || waiting_.front()->base_sequence == no_sequence ||
                       waiting_.front()->order >= batch.order);
  // The answer may be to an attempt under an identity that was renewed meanwhile.
  if (!eldest || batch.identity != identity_) return false;
  broken_ = true;
  // Where this one does not follow, it is not there, and neither is any behind it.
  batch.perhaps_written = false;
  for (auto& other : in_flight_) other->perhaps_written = false;
  for (auto& other : waiting_) other->perhaps_written = false;
  return true;
}

void PartitionQueue::renew(const Identity& fresh) {
  ASSERT(in_flight_.empty(), "sequences are drawn anew only when no answer is outstanding");
  for (auto& batch : waiting_) batch->base_sequence = no_sequence;
  begin(fresh);
  broken_ = false;
}

void PartitionQueue::begin(const Identity& identity) {
  identity_ = identity;
  next_sequence_ = 0;
  is_known_ = false;
}

std::unique_ptr<PendingBatch> PartitionQueue::land(PendingBatch& batch) {
  const auto found = std::ranges::find(in_flight_, &batch, &std::unique_ptr<PendingBatch>::get);
  ASSERT(found != in_flight_.end(), "only a batch in flight can land");
  auto owned = std::move(*found);
  in_flight_.erase(found);
  return owned;
}

void PartitionQueue::put_back(std::unique_ptr<PendingBatch> batch) {
  const auto place = std::ranges::find_if(waiting_, [&](const auto& other) {
    return std::pair(other->order, other->first_index) >
           std::pair(batch->order, batch->first_index);
  });
  waiting_.insert(place, std::move(batch));
}

std::size_t PartitionQueue::settle(PendingBatch& batch, Result<Offset> result,
                                   std::int64_t append_time, Instant now) {
  auto& fate = *batch.fate;
  fate.pieces.push_back(
      {.first_index = batch.first_index, .base_offset = result, .append_time = append_time});
  if (--fate.unsettled == 0) {
    fate.settled_at = now;
    fate.settled.set();
  }
  return batch.held_bytes;
}

void PartitionQueue::give_up_sequence(const PendingBatch& batch, Outcome outcome) {
  if (batch.base_sequence == no_sequence || batch.identity != identity_) return;
  const auto end = record::advance_sequence(batch.base_sequence, batch.builder.record_count());
  // Its numbers serve others only if no attempt can have reached the log: there another batch under
  // them would pass for this one sent again, and be acknowledged without being written.
  const bool unused = outcome == Outcome::refused && !batch.perhaps_written;
  if (unused && end == next_sequence_) {
    next_sequence_ = batch.base_sequence;  // it was the last one drawn: no gap
  } else {
    broken_ = true;
  }
}

}  // namespace cairn::client
