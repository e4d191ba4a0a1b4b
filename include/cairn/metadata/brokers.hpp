// SPDX-License-Identifier: Apache-2.0
// The life of brokers as the active controller sees it: registration, heartbeat, fencing,
// controlled shutdown, leaving; and the blocks of producer ids they ask for. When a broker was last
// heard is soft state (Heartbeats): it changes by named inputs only and starts empty in a new
// active controller.
//
//   (none) --register--> FENCED --heartbeat, caught up--> UNFENCED --wants to stop-->
//   CONTROLLED_SHUTDOWN UNFENCED, CONTROLLED_SHUTDOWN --silence, wants fence--> FENCED
//   --unregister--> (none)
#pragma once

#include <map>
#include <optional>
#include <vector>

#include <cairn/base/time.hpp>
#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/topics.hpp>
#include <cairn/protocol/messages/allocate_producer_ids.hpp>
#include <cairn/protocol/messages/broker_heartbeat.hpp>
#include <cairn/protocol/messages/broker_registration.hpp>
#include <cairn/protocol/messages/controller_registration.hpp>
#include <cairn/protocol/messages/unregister_broker.hpp>

namespace cairn::metadata {

/// When each broker was heard last, and how far it has applied.
class Heartbeats {
 public:
  explicit Heartbeats(Duration session_timeout) : session_timeout_(session_timeout) {}

  void touch(BrokerId id, BrokerEpoch epoch, Instant now, Offset applied);
  void forget(BrokerId id) { contacts_.erase(id); }
  /// A new active controller gives everybody a full session.
  void start(const Image& image, Instant now);

  bool has_valid_session(BrokerId id, BrokerEpoch epoch, Instant now) const;
  /// Brokers that are active in the image and silent for longer than the session, in order of id.
  std::vector<BrokerId> silent(const Image& image, Instant now) const;
  /// When the next session may end; none without sessions.
  std::optional<Instant> next_deadline(const Image& image) const;
  /// The lowest applied offset of the active brokers.
  Offset lowest_applied(const Image& image) const;

  void set_shutdown_offset(BrokerId id, Offset offset);
  std::optional<Offset> shutdown_offset(BrokerId id) const;

 private:
  struct Contact {
    BrokerEpoch epoch;
    Instant last;
    Offset applied = no_offset;
    std::optional<Offset> shutdown_offset;  // of the record that began its controlled shutdown
  };
  std::map<BrokerId, Contact> contacts_;
  Duration session_timeout_;
};

/// What every broker decision needs to know beside the image.
struct BrokerContext {
  const config::ServerConfig& server;
  std::string cluster_id;
  Offset next_offset;  // of the next record to be written: a new broker's epoch
  Instant now;
  std::int16_t kraft_version = 1;
};

Decision<protocol::BrokerRegistrationResponse> register_broker(
    const Image& image, const Heartbeats& heartbeats, const BrokerContext& context,
    const protocol::BrokerRegistrationRequest& request);

Decision<protocol::BrokerHeartbeatResponse> broker_heartbeat(
    const Image& image, const Heartbeats& heartbeats, const BrokerContext& context,
    const protocol::BrokerHeartbeatRequest& request);

/// Takes a silent broker out of everything it leads or follows.
std::vector<Record> fence_broker(const Image& image, const BrokerContext& context, BrokerId id);

Decision<protocol::UnregisterBrokerResponse> unregister_broker(
    const Image& image, const BrokerContext& context,
    const protocol::UnregisterBrokerRequest& request);

Decision<protocol::ControllerRegistrationResponse> register_controller(
    const Image& image, const protocol::ControllerRegistrationRequest& request);

inline constexpr std::int32_t producer_id_block_size = 1000;
Decision<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
    const Image& image, const protocol::AllocateProducerIdsRequest& request);

}  // namespace cairn::metadata
