// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/assert.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/log/producer_state.hpp>

namespace cairn::log {
namespace {

using record::BatchView;

bool follows(std::int32_t last, std::int32_t next) {
  return next == record::advance_sequence(last, 1);
}

std::unexpected<Error> out_of_order(const char* why) {
  return fail(ErrorCode::out_of_order_sequence_number, why);
}

/// KIP-98, KIP-360: a new epoch begins at 0; a producer that this log does not know, or of whom it
/// knows no batch of this epoch because a marker fenced the older one, is checked by epoch alone.
Result<> check_sequence(const ProducerEntry& entry, const BatchView& batch) {
  if (batch.producer_epoch() != entry.epoch) {
    if (batch.base_sequence() == 0 || entry.epoch == no_producer_epoch) return {};
    return out_of_order("a new producer epoch must begin with sequence 0");
  }
  const std::int32_t last = entry.last_sequence();
  const bool in_order =
      last == no_sequence ? batch.base_sequence() == 0 : follows(last, batch.base_sequence());
  if (in_order) return {};
  return out_of_order("the sequence number does not follow the producer's last one");
}

std::optional<Duplicate> find_duplicate(const ProducerEntry& entry, const BatchView& batch) {
  if (batch.producer_epoch() != entry.epoch || batch.base_sequence() < 0) return std::nullopt;
  for (const ProducerBatch& known : entry.kept()) {
    if (known.first_sequence() == batch.base_sequence() &&
        known.last_sequence == batch.last_sequence()) {
      return Duplicate{known.first_offset(), known.last_offset, known.timestamp};
    }
  }
  return std::nullopt;
}

Result<> check_marker(const ProducerEntry& entry, const BatchView& batch) {
  if (batch.producer_epoch() < entry.epoch) {
    return fail(ErrorCode::invalid_producer_epoch, "the marker is of an older producer epoch");
  }
  TRY(const auto marker, record::parse_marker_batch(batch));
  if (marker.coordinator_epoch < entry.coordinator_epoch) {
    return fail(ErrorCode::transaction_coordinator_fenced,
                "the marker is of an older transaction coordinator");
  }
  return {};
}

/// What `known` has of the same epoch before the batches of `entry`.
void remember_older(ProducerEntry& entry, const ProducerEntry& known) {
  if (known.epoch != entry.epoch || entry.batch_count == 0) return;
  const std::span<const ProducerBatch> kept = known.kept();
  for (auto batch = kept.rbegin(); batch != kept.rend(); ++batch) {
    if (batch->last_offset >= entry.batches.front().first_offset()) continue;
    if (!entry.add_before(*batch)) return;
  }
}

/// Timestamps are what clients said, so their difference may not fit 64 bits.
bool is_expired(const ProducerEntry& entry, std::int64_t now_ms, std::int64_t expiration_ms) {
  const __int128 age = static_cast<__int128>(now_ms) - entry.last_timestamp;
  return !entry.transaction_first_offset && age >= expiration_ms;
}

}  // namespace

std::int32_t ProducerBatch::first_sequence() const {
  if (last_sequence < 0) return no_sequence;
  return record::advance_sequence(last_sequence, -std::int64_t{offset_delta});
}

std::int32_t ProducerEntry::last_sequence() const {
  return batch_count == 0 ? no_sequence : batches[batch_count - 1U].last_sequence;
}

Offset ProducerEntry::last_offset() const {
  return batch_count == 0 ? no_offset : batches[batch_count - 1U].last_offset;
}

std::int32_t ProducerEntry::last_offset_delta() const {
  return batch_count == 0 ? 0 : batches[batch_count - 1U].offset_delta;
}

void ProducerEntry::add(const ProducerBatch& batch) {
  if (batch_count == kept_batches) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --batch_count;
  }
  batches[batch_count++] = batch;
}

bool ProducerEntry::add_before(const ProducerBatch& batch) {
  if (batch_count == 0 || batch_count == kept_batches || batch.last_sequence < 0) return false;
  const ProducerBatch& oldest = batches.front();
  if (oldest.last_sequence < 0 || batch.last_offset >= oldest.first_offset()) return false;
  if (!follows(batch.last_sequence, oldest.first_sequence())) return false;
  std::shift_right(batches.begin(), batches.end(), 1);
  batches.front() = batch;
  ++batch_count;
  return true;
}

Result<std::optional<Duplicate>> ProducerState::check(const BatchView& batch) const {
  if (!batch.has_producer()) return std::nullopt;
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end()) return std::nullopt;
  const ProducerEntry& entry = found->second;
  if (batch.is_control()) {
    TRY(check_marker(entry, batch));
    return std::nullopt;
  }
  if (!MUTANT("I6-duplicate")) {
    if (const auto duplicate = find_duplicate(entry, batch)) return duplicate;
  }
  if (batch.producer_epoch() < entry.epoch) {
    return fail(ErrorCode::invalid_producer_epoch, "the producer has a newer epoch");
  }
  // Group coordinators write transactional offset commits without sequences.
  if (batch.base_sequence() >= 0) {
    TRY(check_sequence(entry, batch));
  }
  if (entry.transaction_first_offset && !batch.is_transactional()) {
    return fail(ErrorCode::invalid_txn_state, "the producer's transaction is open");
  }
  return std::nullopt;
}

std::optional<CompletedTransaction> ProducerState::apply(const BatchView& batch) {
  end_offset_ = std::max(end_offset_, batch.next_offset());
  if (!batch.has_producer()) return std::nullopt;
  if (batch.is_control()) return apply_marker(batch);
  apply_data(batch);
  return std::nullopt;
}

ProducerEntry& ProducerState::entry_for(ProducerId id) {
  ProducerEntry& entry = producers_[id];
  entry.id = id;
  return entry;
}

void ProducerState::apply_data(const BatchView& batch) {
  ProducerEntry& entry = entry_for(batch.producer_id());
  if (entry.epoch != batch.producer_epoch()) {
    entry.epoch = batch.producer_epoch();
    entry.batch_count = 0;
  }
  entry.add({.last_sequence = batch.last_sequence(),
             .last_offset = batch.last_offset(),
             .offset_delta = batch.last_offset_delta(),
             .timestamp = batch.max_timestamp()});
  entry.last_timestamp = batch.max_timestamp();
  if (batch.is_transactional() && !entry.transaction_first_offset) {
    entry.transaction_first_offset = batch.base_offset();
    open_.emplace(batch.base_offset(), entry.id);
  }
}

std::optional<CompletedTransaction> ProducerState::apply_marker(const BatchView& batch) {
  // The cleaner empties a control batch once its whole transaction is gone; the epoch still counts.
  const bool emptied = batch.record_count() == 0;
  const auto marker = record::parse_marker_batch(batch);
  if (!marker && !emptied) return std::nullopt;
  ProducerEntry& entry = entry_for(batch.producer_id());
  if (entry.epoch != batch.producer_epoch()) {
    entry.epoch = batch.producer_epoch();
    entry.batch_count = 0;
  }
  if (emptied) {
    entry.last_timestamp = std::max(entry.last_timestamp, batch.max_timestamp());
    return std::nullopt;
  }
  entry.coordinator_epoch = marker->coordinator_epoch;
  entry.last_timestamp = batch.max_timestamp();
  if (!entry.transaction_first_offset) return std::nullopt;

  const CompletedTransaction completed{.producer_id = entry.id,
                                       .first_offset = *entry.transaction_first_offset,
                                       .last_offset = batch.base_offset(),
                                       .aborted = marker->type == record::ControlType::abort};
  entry.transaction_first_offset.reset();
  open_.erase(completed.first_offset);
  unreplicated_.emplace(completed.first_offset, completed);
  return completed;
}

Offset ProducerState::last_stable_offset(const CompletedTransaction& completed) const {
  for (const auto& [first_offset, producer] : open_) {
    if (producer != completed.producer_id) return first_offset;
  }
  return completed.last_offset + 1;
}

std::optional<Offset> ProducerState::first_unstable_offset() const {
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.begin()->first;
  if (!unreplicated_.empty()) {
    const Offset decided = unreplicated_.begin()->first;
    first = first ? std::min(*first, decided) : decided;
  }
  return first;
}

void ProducerState::on_high_watermark(Offset high_watermark) {
  std::erase_if(unreplicated_, [high_watermark](const auto& transaction) {
    return transaction.second.last_offset < high_watermark;
  });
}

std::size_t ProducerState::expire(std::int64_t now_ms) {
  return std::erase_if(producers_, [this, now_ms](const auto& producer) {
    return is_expired(producer.second, now_ms, options_.expiration_ms);
  });
}

void ProducerState::clear(Offset end_offset) {
  producers_.clear();
  open_.clear();
  unreplicated_.clear();
  end_offset_ = end_offset;
}

void ProducerState::load(std::span<const ProducerEntry> snapshot, Offset end_offset,
                         std::int64_t now_ms) {
  const auto known = std::exchange(producers_, {});
  open_.clear();
  for (const ProducerEntry& entry : snapshot) {
    if (is_expired(entry, now_ms, options_.expiration_ms)) continue;
    ProducerEntry& taken = producers_[entry.id] = entry;
    if (const auto before = known.find(entry.id); before != known.end()) {
      remember_older(taken, before->second);
    }
    if (entry.transaction_first_offset) {
      open_.emplace(*entry.transaction_first_offset, entry.id);
    }
  }
  end_offset_ = end_offset;
}

void ProducerState::on_log_start(Offset log_start) {
  on_high_watermark(log_start);
  end_offset_ = std::max(end_offset_, log_start);
}

std::vector<ProducerEntry> ProducerState::entries() const {
  std::vector<ProducerEntry> entries;
  entries.reserve(producers_.size());
  for (const auto& [id, entry] : producers_) entries.push_back(entry);
  std::ranges::sort(entries, {}, &ProducerEntry::id);
  return entries;
}

std::optional<ProducerEntry> ProducerState::entry(ProducerId id) const {
  const auto found = producers_.find(id);
  if (found == producers_.end()) return std::nullopt;
  return found->second;
}

bool ProducerState::has_late_transaction(std::int64_t time_ms) const {
  return std::ranges::any_of(open_, [this, time_ms](const auto& transaction) {
    const auto found = producers_.find(transaction.second);
    return found != producers_.end() && found->second.last_timestamp < time_ms;
  });
}

}  // namespace cairn::log
