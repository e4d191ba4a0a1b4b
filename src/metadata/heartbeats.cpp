// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/metadata/brokers.hpp>

namespace cairn::metadata {

void Heartbeats::touch(BrokerId id, BrokerEpoch epoch, Instant now, Offset applied) {
  Contact& contact = contacts_[id];
  if (contact.epoch != epoch) contact = Contact{epoch, now, applied, std::nullopt};
  contact.last = now;
  contact.applied = std::max(contact.applied, applied);
}

void Heartbeats::start(const Image& image, Instant now) {
  contacts_.clear();
  for (const auto& [id, broker] : image.brokers) {
    if (!broker.fenced) contacts_[id] = Contact{broker.epoch, now, no_offset, std::nullopt};
  }
}

bool Heartbeats::has_valid_session(BrokerId id, BrokerEpoch epoch, Instant now) const {
  const auto at = contacts_.find(id);
  return at != contacts_.end() && at->second.epoch == epoch &&
         now < at->second.last + session_timeout_;
}

std::vector<BrokerId> Heartbeats::silent(const Image& image, Instant now) const {
  std::vector<BrokerId> ids;
  for (const auto& [id, broker] : image.brokers) {
    if (!broker.fenced && !has_valid_session(id, broker.epoch, now)) ids.push_back(id);
  }
  return ids;
}

std::optional<Instant> Heartbeats::next_deadline(const Image& image) const {
  std::optional<Instant> earliest;
  for (const auto& [id, broker] : image.brokers) {
    const auto at = contacts_.find(id);
    if (broker.fenced || at == contacts_.end()) continue;
    const Instant deadline = at->second.last + session_timeout_;
    if (!earliest || deadline < *earliest) earliest = deadline;
  }
  return earliest;
}

Offset Heartbeats::lowest_applied(const Image& image) const {
  Offset lowest(INT64_MAX);
  for (const auto& [id, broker] : image.brokers) {
    if (!broker.active()) continue;
    const auto at = contacts_.find(id);
    lowest = std::min(lowest, at == contacts_.end() ? no_offset : at->second.applied);
  }
  return lowest;
}

void Heartbeats::set_shutdown_offset(BrokerId id, Offset offset) {
  const auto at = contacts_.find(id);
  if (at != contacts_.end()) at->second.shutdown_offset = offset;
}

std::optional<Offset> Heartbeats::shutdown_offset(BrokerId id) const {
  const auto at = contacts_.find(id);
  return at == contacts_.end() ? std::nullopt : at->second.shutdown_offset;
}

}  // namespace cairn::metadata
