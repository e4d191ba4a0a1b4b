// SPDX-License-Identifier: Apache-2.0
// Looks up the names of hosts. That takes as long as the name servers please (20 s where none
// answers) and cannot be broken off: each name has a thread of its own, no name waits for another,
// and whoever asked may turn away, be it that the process ends. Owner: a Network.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {

class Lookups {
 public:
  Lookups(Context& context, LookUp look_up);
  ~Lookups();  // waits for nobody

  /// The addresses of a host, as text; none if it is not known, or the task was cancelled. Who asks
  /// for a name that is being looked up waits for the same answer.
  Task<std::vector<std::string>> addresses(std::string host);

 private:
  struct Lookup;
  void begin(const std::shared_ptr<Lookup>& lookup, const std::string& host);

  Context& context_;
  LookUp look_up_;
  std::map<std::string, std::shared_ptr<Lookup>> lookups_;
};

/// Asks the system.
std::vector<std::string> look_up(const std::string& host);

}  // namespace cairn::runtime::asio
