// SPDX-License-Identifier: Apache-2.0
#include <cairn/transport/connection_quota.hpp>

namespace cairn::transport {

void ConnectionQuota::configure(ConnectionCaps caps) {
  caps_ = std::move(caps);
  rate_.configure(caps_.rate);
  released_.set();
}

bool ConnectionQuota::admit(const std::string& address) {
  const auto own = caps_.overrides.find(address);
  const std::size_t limit = own == caps_.overrides.end() ? caps_.per_address : own->second;
  const auto known = by_address_.find(address);
  if ((known == by_address_.end() ? 0 : known->second) >= limit) return false;
  ++by_address_[address];
  ++open_;
  return true;
}

void ConnectionQuota::release(const std::string& address) {
  const auto found = by_address_.find(address);
  if (--found->second == 0) by_address_.erase(found);
  --open_;
  released_.set();
}

}  // namespace cairn::transport
