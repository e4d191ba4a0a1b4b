// SPDX-License-Identifier: Apache-2.0
#include <cairn/server/node.hpp>

#include "parts.hpp"

namespace cairn::server {

Node::Node(Seams seams, config::ServerConfig config)
    : parts_(std::make_unique<Parts>(seams, std::move(config))) {}

Node::~Node() = default;

runtime::Task<std::expected<void, std::string>> Node::start() { return parts_->start(); }
void Node::interrupt() { parts_->interrupt(); }
runtime::Task<> Node::stop(Duration patience) { return parts_->stop(patience); }
const std::vector<BoundListener>& Node::listeners() const { return parts_->listeners; }
runtime::Latch& Node::failed() { return parts_->failed; }
controller::Controller* Node::controller() const { return parts_->controller.get(); }
partition::PartitionTable* Node::partitions() const {
  return parts_->loaded ? &parts_->partitions : nullptr;
}
const config::ServerConfig& Node::config() const { return parts_->config; }

std::string Node::ready_line() const {
  std::string line = fmt::format("ready node.id={} listeners=", parts_->config.node_id);
  const bool clients = parts_->config.broker_role;
  std::string_view separator;
  for (const BoundListener& listener : parts_->listeners) {
    if (listener.for_controllers == clients) continue;
    line += fmt::format("{}{}://{}", separator, listener.name, to_string(listener.at));
    separator = ",";
  }
  return line;
}

}  // namespace cairn::server
