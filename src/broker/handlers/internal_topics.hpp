// SPDX-License-Identifier: Apache-2.0
// What a topic gets that nobody created by hand: internal topics their own partitions, replicas and
// configuration (from the node's), all others the defaults.
#pragma once

#include <string>

#include <cairn/config/server_config.hpp>
#include <cairn/protocol/messages/create_topics.hpp>

namespace cairn::broker {

protocol::CreateTopicsRequest::CreatableTopic auto_created_topic(const config::ServerConfig& config,
                                                                 const std::string& name);

}  // namespace cairn::broker
