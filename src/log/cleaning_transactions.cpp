// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/mutant.hpp>
#include <cairn/log/cleaning_transactions.hpp>
#include <cairn/record/control.hpp>

namespace cairn::log {

void CleanedTransactions::add_aborted(std::span<const AbortedTransaction> transactions) {
  for (const AbortedTransaction& transaction : transactions) {
    // Markers have offsets of their own: each names its transaction.
    const bool known = std::ranges::find(to_come_, transaction.last_offset,
                                         &AbortedTransaction::last_offset) != to_come_.end();
    const auto aborting = aborting_.find(transaction.producer_id);
    const bool begun = aborting != aborting_.end() &&
                       aborting->second.transaction.last_offset == transaction.last_offset;
    if (!known && !begun) to_come_.push_back(transaction);
  }
  std::ranges::sort(to_come_, {}, &AbortedTransaction::first_offset);
}

void CleanedTransactions::begin_up_to(Offset offset) {
  while (!to_come_.empty() && to_come_.front().first_offset <= offset) {
    const AbortedTransaction& next = to_come_.front();
    aborting_.try_emplace(next.producer_id, Aborting{next});
    to_come_.pop_front();
  }
}

bool CleanedTransactions::take_data(const record::BatchView& batch) {
  begin_up_to(batch.last_offset());
  if (!batch.is_transactional()) return false;
  const auto aborting = aborting_.find(batch.producer_id());
  if (aborting == aborting_.end()) {
    committing_.insert(batch.producer_id());
    return false;
  }
  aborting->second.has_data = true;
  return true;
}

bool CleanedTransactions::take_control(const record::BatchView& batch) {
  begin_up_to(batch.last_offset());
  if (batch.record_count() == 0) return true;  // emptied before: its transaction was gone then
  const auto marker = record::parse_marker_batch(batch);
  if (!marker) return false;  // of another kind, or of a newer Kafka
  if (marker->type == record::ControlType::commit) {
    return committing_.erase(batch.producer_id()) == 0 || MUTANT("L33-marker");
  }
  const auto aborting = aborting_.extract(batch.producer_id());
  if (aborting.empty() || !aborting.mapped().has_data) return true;
  kept_.push_back(aborting.mapped().transaction);
  return MUTANT("L33-marker");
}

std::vector<AbortedTransaction> CleanedTransactions::take_kept() {
  return std::exchange(kept_, {});
}

}  // namespace cairn::log
