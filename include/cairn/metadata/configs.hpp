// SPDX-License-Identifier: Apache-2.0
// Decisions about configurations of topics, brokers, groups and client metrics: AlterConfigs
// (replaces all that is set) and IncrementalAlterConfigs (set, delete, append, subtract). Values
// are validated by the config module as Kafka's controller does; a resource is changed whole or not
// at all.
#pragma once

#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/topics.hpp>
#include <cairn/protocol/messages/alter_configs.hpp>
#include <cairn/protocol/messages/incremental_alter_configs.hpp>

namespace cairn::metadata {

Decision<protocol::AlterConfigsResponse> alter_configs(const Image& image,
                                                       const protocol::AlterConfigsRequest& request,
                                                       const config::ServerConfig& server);

Decision<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const Image& image, const protocol::IncrementalAlterConfigsRequest& request,
    const config::ServerConfig& server);

}  // namespace cairn::metadata
