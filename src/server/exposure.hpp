// SPDX-License-Identifier: Apache-2.0
// What a node shows over HTTP: the metrics of its shards, what can be counted when it is asked for
// (replicas, topics, partitions, the cluster), and health. Names are those of Kafka's MBeans.
// Invariant: nothing is kept per topic or partition. Owner: Node::Parts, which outlives the server
// that calls this.
#pragma once

#include <cairn/controller/controller.hpp>
#include <cairn/http/metrics.hpp>
#include <cairn/http/server.hpp>
#include <cairn/partition/partition_table.hpp>

namespace cairn::server {

/// What is looked at, by reference.
struct Exposed {
  runtime::Shard& data;
  runtime::Shard& control;
  const partition::PartitionTable& partitions;
  const std::unique_ptr<controller::Controller>& controller;  // null until the node has one
  const config::ServerConfig& config;
  const bool& serving;  // clients are served by now
};

/// Routes for /metrics and /health.
http::Routes make_routes(Exposed exposed);

}  // namespace cairn::server
