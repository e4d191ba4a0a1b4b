// SPDX-License-Identifier: Apache-2.0
// Decisions about topics: create, delete, add partitions. Each looks at the newest appended Image
// and returns records and the answer with Kafka's error codes and messages, a topic at a time: one
// that is refused does not hold up the others. Nothing here changes anything.
#pragma once

#include <string>
#include <string_view>

#include <cairn/base/random.hpp>
#include <cairn/config/server_config.hpp>
#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/protocol/messages/create_partitions.hpp>
#include <cairn/protocol/messages/create_topics.hpp>
#include <cairn/protocol/messages/delete_topics.hpp>

namespace cairn::metadata {

/// Above this many partitions in one request Kafka refuses the whole request.
inline constexpr std::int32_t max_partitions_per_request = 10'000;

/// An error for a person, with a code for a program; none means none.
struct ApiError {
  ErrorCode code = ErrorCode::none;
  std::string message;

  bool ok() const { return code == ErrorCode::none; }
};

/// __consumer_offsets, __transaction_state, __share_group_state: clients see them marked as
/// internal.
bool is_internal_topic(std::string_view name);

Decision<protocol::CreateTopicsResponse> create_topics(const Image& image,
                                                       const protocol::CreateTopicsRequest& request,
                                                       const config::ServerConfig& server,
                                                       Random& random);

/// `by_id` names of topics come from the image. Both the names of versions 1-5 and the states of 6
/// are understood.
Decision<protocol::DeleteTopicsResponse> delete_topics(const Image& image,
                                                       const protocol::DeleteTopicsRequest& request,
                                                       const config::ServerConfig& server,
                                                       std::int16_t version);

Decision<protocol::CreatePartitionsResponse> create_partitions(
    const Image& image, const protocol::CreatePartitionsRequest& request, Random& random);

}  // namespace cairn::metadata
