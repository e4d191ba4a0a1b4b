// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/mutant.hpp>
#include <cairn/log/producer_recall.hpp>

namespace cairn::log {

namespace {

/// Clients give a batch up after delivery.timeout.ms, two minutes by default. Who wrote last this
/// long before the latest writer is not looked for; what passes of it is taken all the same, so
/// that odd timestamps cost nothing but reach.
constexpr std::int64_t lately_ms = 15 * 60 * 1'000;

/// Whether a batch before the oldest one known may be sent again.
bool wants_more(const ProducerEntry& entry) {
  if (entry.batch_count == 0 || entry.batch_count == ProducerEntry::kept_batches) return false;
  const ProducerBatch& oldest = entry.batches.front();
  return oldest.last_sequence >= 0 && oldest.first_sequence() > 0;  // 0: the epoch began with it
}

}  // namespace

ProducerRecall::Header ProducerRecall::Header::read(BytesView header) {
  const auto batch = record::BatchView::trusted(header.first(record::batch_header_size));
  return {.base_offset = batch.base_offset(),
          .producer = batch.is_control() ? no_producer : batch.producer_id(),
          .epoch = batch.producer_epoch(),
          .batch = {.last_sequence = batch.last_sequence(),
                    .last_offset = batch.last_offset(),
                    .offset_delta = batch.last_offset_delta(),
                    .timestamp = batch.max_timestamp()}};
}

ProducerRecall::ProducerRecall(std::vector<ProducerEntry> snapshot)
    : entries_(std::move(snapshot)) {
  if (MUTANT("I6-recall")) return;
  __int128 latest = std::numeric_limits<std::int64_t>::min();
  for (const ProducerEntry& entry : entries_) {
    latest = std::max<__int128>(latest, entry.last_timestamp);
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!wants_more(entries_[i])) continue;
    const bool awaited = latest - entries_[i].last_timestamp <= lately_ms;
    wanted_.emplace(entries_[i].id, Wanted{i, awaited});
    awaited_ += awaited ? 1 : 0;
  }
}

void ProducerRecall::take(const Header& header) {
  const auto wanted = wanted_.find(header.producer);
  if (wanted == wanted_.end() || !header.counts()) return;
  ProducerEntry& entry = entries_[wanted->second.entry];
  if (header.batch.last_offset >= entry.batches.front().first_offset()) return;  // known already
  const bool joins = header.epoch == entry.epoch && entry.add_before(header.batch);
  if (joins && wants_more(entry)) return;
  awaited_ -= wanted->second.awaited ? 1 : 0;
  wanted_.erase(wanted);
}

}  // namespace cairn::log
