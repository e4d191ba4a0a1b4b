// SPDX-License-Identifier: Apache-2.0
// One client connection as the broker sees it: who it is, and each frame's way through header,
// route and handler. Kafka's rules for what cannot be served: an API or a version we do not have
// closes the connection, except for ApiVersions, whose answer tells the client what we have. Owner:
// the connection.
#pragma once

#include <cairn/broker/listener_service.hpp>

#include "request_metrics.hpp"
#include "route.hpp"

namespace cairn::broker {

class ClientSession : public transport::Session {
 public:
  ClientSession(ListenerService& service, RequestMetrics& metrics, runtime::Endpoint peer)
      : service_(service), metrics_(metrics), peer_(std::move(peer)) {}

  bool may_overlap(const transport::Frame& request) const override;
  runtime::Task<transport::Reply> serve(transport::Frame request,
                                        runtime::Latch& next_may_start) override;

 private:
  RequestContext context_of(const protocol::RequestHeader& header) const;
  bool is_served_here(const protocol::ApiEntry& api) const;
  transport::Reply refuse(const protocol::RequestHeader* header, const char* why);

  ListenerService& service_;
  RequestMetrics& metrics_;
  runtime::Endpoint peer_;
  ClientSoftware software_;
  replication::FetchGather gather_;
};

}  // namespace cairn::broker
