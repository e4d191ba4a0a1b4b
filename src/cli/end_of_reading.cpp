// SPDX-License-Identifier: Apache-2.0
#include "end_of_reading.hpp"

#include <algorithm>

namespace cairn::cli {

runtime::Task<Result<>> EndOfReading::note(client::Partitions partitions) {
  CO_TRY(const auto ends, co_await consumer_.end_offsets(std::move(partitions)));
  for (const auto& [partition, end] : ends) ends_[partition] = end.offset;
  co_return Result<>{};
}

runtime::Task<Result<>> EndOfReading::look(bool poll_was_quiet) {
  const auto assignment = consumer_.assignment();
  const bool idle = poll_was_quiet && assignment.empty() && consumer_.settled();
  idle_polls_ = idle ? idle_polls_ + 1 : 0;
  std::erase_if(ends_, [&](const auto& entry) { return !assignment.contains(entry.first); });
  client::Partitions fresh;
  for (const auto& partition : assignment) {
    if (!ends_.contains(partition)) fresh.push_back(partition);
  }
  if (fresh.empty()) co_return Result<>{};
  co_return co_await note(std::move(fresh));
}

void EndOfReading::trim(client::PolledRecords& polled) const {
  const auto end = ends_.find(polled.partition);
  if (end == ends_.end()) return;
  std::erase_if(polled.records, [&](const auto& record) { return record.offset >= end->second; });
}

bool EndOfReading::reached() const {
  // While the group is being joined, having no partition says nothing.
  if (!consumer_.settled()) return false;
  const auto assignment = consumer_.assignment();
  constexpr int idle_enough = 5;  // a second or so: others have the partitions
  if (assignment.empty()) return idle_polls_ >= idle_enough;
  return std::ranges::all_of(assignment, [&](const TopicPartition& partition) {
    const auto position = consumer_.position(partition);
    const auto end = ends_.find(partition);
    return position && end != ends_.end() && *position >= end->second;
  });
}

}  // namespace cairn::cli
