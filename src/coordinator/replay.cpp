// SPDX-License-Identifier: Apache-2.0
#include <cairn/coordinator/replay.hpp>
#include <cairn/record/batch.hpp>
#include <cairn/record/control.hpp>
#include <cairn/record/legacy.hpp>

namespace cairn::coordinator {

Result<> Replay::feed(BytesView batches, Offset from) {
  Bytes converted;
  if (record::legacy_size_from_front(batches)) {
    converted = record::up_convert_all(batches);
    batches = converted;
  }
  record::BatchIterator iterator(batches);
  while (const auto batch = iterator.next()) {
    if (batch->is_control()) {
      const auto marker = record::parse_marker_batch(*batch);
      if (!marker) continue;  // of another kind: it says nothing about transactions
      TRY(end_transaction(batch->producer_id(), marker->type == record::ControlType::commit));
      continue;
    }
    Result<> applied;
    const auto take = [&](const record::RecordView& record) {
      if (!applied || record.offset < from) return;
      if (!record.key) {
        applied = fail(ErrorCode::corrupt_message, "a coordinator's record has no key");
      } else if (batch->is_transactional()) {
        const auto value = record.value ? std::optional(to_bytes(*record.value)) : std::nullopt;
        held_[batch->producer_id()].push_back({to_bytes(*record.key), value, record.offset});
      } else {
        ++records_;
        applied = apply_(*record.key, record.value, record.offset);
      }
    };
    TRY(record::for_each_record(*batch, {}, take));
    TRY(applied);
  }
  return iterator.status();
}

Result<> Replay::end_transaction(ProducerId producer, bool commit) {
  auto held = held_.extract(producer);
  if (held.empty() || !commit) return {};
  for (const Held& record : held.mapped()) {
    ++records_;
    const auto value = record.value ? std::optional<BytesView>(*record.value) : std::nullopt;
    TRY(apply_(record.key, value, record.offset));
  }
  return {};
}

std::size_t Replay::undecided() const {
  std::size_t count = 0;
  for (const auto& [producer, records] : held_) count += records.size();
  return count;
}

}  // namespace cairn::coordinator
