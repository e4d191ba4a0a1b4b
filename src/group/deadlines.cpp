// SPDX-License-Identifier: Apache-2.0
#include <cairn/group/deadlines.hpp>

namespace cairn::group {

void Deadlines::arm(DeadlineKey key, Instant at) {
  const auto [entry, fresh] = at_.try_emplace(key, at);
  if (!fresh) {
    if (entry->second == at) return;
    order_.erase({entry->second, key});
    entry->second = at;
  }
  order_.emplace(at, std::move(key));
}

void Deadlines::cancel(const DeadlineKey& key) {
  const auto entry = at_.find(key);
  if (entry == at_.end()) return;
  order_.erase({entry->second, key});
  at_.erase(entry);
}

void Deadlines::cancel_group(std::string_view group) {
  auto entry = at_.lower_bound({std::string(group), DeadlineKind::session, ""});
  while (entry != at_.end() && entry->first.group == group &&
         entry->first.kind <= DeadlineKind::sync) {
    order_.erase({entry->second, entry->first});
    entry = at_.erase(entry);
  }
}

std::optional<Instant> Deadlines::earliest() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first;
}

std::optional<DeadlineKey> Deadlines::take_due(Instant now) {
  if (order_.empty() || order_.begin()->first > now) return std::nullopt;
  auto node = order_.extract(order_.begin());
  at_.erase(node.value().second);
  return std::move(node.value().second);
}

}  // namespace cairn::group
