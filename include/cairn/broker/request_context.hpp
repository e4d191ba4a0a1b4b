// SPDX-License-Identifier: Apache-2.0
// What a handler knows of a request beside its body. Handlers get it by reference; it lives until
// their task ends. A Produce handler calls let_next_start() once the order of its append is fixed,
// so that the connection's next request may begin while this one waits for its acknowledgement.
// Owner: the session that serves the request.
#pragma once

#include <cstdint>
#include <string>

#include <cairn/base/time.hpp>
#include <cairn/protocol/api_key.hpp>
#include <cairn/replication/fetch_gather.hpp>
#include <cairn/runtime/event.hpp>

namespace cairn::broker {

struct RequestContext {
  protocol::ApiKey api_key{};
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string client_id;
  std::string client_host;  // "127.0.0.1"
  std::uint16_t client_port = 0;
  std::string principal = "User:ANONYMOUS";
  std::string listener_name;
  bool controller_listener = false;
  std::string client_software_name;  // of ApiVersions; empty before
  std::string client_software_version;
  Instant received;
  runtime::Latch* next_may_start = nullptr;    // null: this request does not overlap
  replication::FetchGather* gather = nullptr;  // the connection's; null: a fetch gathers nothing
  Duration* waited = nullptr;                  // for others (RequestTimes)

  void let_next_start() const {
    if (next_may_start != nullptr) next_may_start->set();
  }
  void note_wait(Duration time) const {
    if (waited != nullptr) *waited += time;
  }
};

}  // namespace cairn::broker
