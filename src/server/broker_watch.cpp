// SPDX-License-Identifier: Apache-2.0
#include "broker_watch.hpp"

#include <cairn/base/log.hpp>
#include <cairn/protocol/header.hpp>
#include <cairn/protocol/message.hpp>

namespace cairn::server {

using runtime::Task;

namespace {

constexpr Duration closed_patience = std::chrono::milliseconds(200);
constexpr Duration activation_patience = std::chrono::milliseconds(500);
/// Between two heartbeats, by default, and a little more: whoever was heard so lately need not come
/// again for having a new controller.
constexpr Duration lately = std::chrono::milliseconds(2500);
constexpr Duration connect_patience = std::chrono::milliseconds(100);

/// The broker that a frame is a heartbeat of, if it is one.
std::optional<BrokerId> sender_of_heartbeat(BytesView frame) {
  constexpr auto heartbeat = static_cast<std::int16_t>(protocol::ApiKey::broker_heartbeat);
  if (frame.size() < sizeof(std::int16_t) ||
      load_big_endian<std::int16_t>(frame.data()) != heartbeat) {
    return std::nullopt;
  }
  protocol::Reader reader(frame);
  const auto header = protocol::read_request_header(reader);
  if (!header) return std::nullopt;
  const auto request = protocol::decode<protocol::BrokerHeartbeatRequest>(
      reader.rest(), header->request_api_version);
  return request ? std::optional(BrokerId(request->broker_id)) : std::nullopt;
}

class WatchedSession : public transport::Session {
 public:
  WatchedSession(std::unique_ptr<transport::Session> inner, BrokerWatch& watch)
      : inner_(std::move(inner)), watch_(watch), number_(watch.next_connection()) {}
  ~WatchedSession() override {
    if (carries_heartbeats_) watch_.closed(number_);
  }

  bool may_overlap(const transport::Frame& request) const override {
    return inner_->may_overlap(request);
  }
  Task<transport::Reply> serve(transport::Frame request, runtime::Latch& next_may_start) override {
    if (const auto sender = sender_of_heartbeat(request.bytes)) {
      carries_heartbeats_ = true;
      watch_.heard(*sender, number_);
    }
    return inner_->serve(std::move(request), next_may_start);
  }

 private:
  std::unique_ptr<transport::Session> inner_;
  BrokerWatch& watch_;
  std::uint64_t number_;
  bool carries_heartbeats_ = false;
};

struct Probe {
  bool refused = false;
  runtime::Latch done;
};

Task<> probe(runtime::Network& network, runtime::Endpoint at, Probe& result) {
  const auto stream = co_await network.connect(std::move(at));
  result.refused = !stream && runtime::is_refused(stream.error());
  result.done.set();
}

}  // namespace

std::unique_ptr<transport::Session> WatchedService::open_session(const runtime::Endpoint& peer) {
  return std::make_unique<WatchedSession>(inner_->open_session(peer), watch_);
}

BrokerWatch::BrokerWatch(runtime::Network& network, const config::ServerConfig& config,
                         controller::Controller& controller)
    : network_(network),
      config_(config),
      controller_(controller),
      shard_(controller.shard()),
      tasks_(shard_.context()) {}

Task<> BrokerWatch::stop() {
  tasks_.cancel();
  co_await tasks_.join();
}

void BrokerWatch::publish(std::shared_ptr<const metadata::Image> image) {
  image_ = std::move(image);
  if (!controller_.is_active() || image_->brokers.size() < 2) return;
  if (config_.controller.auto_leader_rebalance && !std::exchange(restoring_, true)) {
    tasks_.spawn(restore_leaders());
  }
  const Epoch epoch = controller_.quorum_status().epoch;
  if (std::exchange(active_in_, epoch) == epoch) return;
  const Instant now = shard_.clock().now();
  for (const auto& [id, broker] : image_->brokers) {
    if (id != config_.node_id) doubt(id, now + activation_patience, now - lately);
  }
}

void BrokerWatch::heard(BrokerId id, std::uint64_t connection) {
  Contact& contact = contacts_[id];
  contact.connection = connection;
  contact.heard = shard_.clock().now();
  contact.open = true;
}

void BrokerWatch::closed(std::uint64_t connection) {
  for (auto& [id, contact] : contacts_) {
    if (contact.connection != connection) continue;
    contact.open = false;
    const Instant now = shard_.clock().now();
    if (controller_.is_active()) doubt(id, now + closed_patience, now);
  }
}

bool BrokerWatch::lives(BrokerId id, Instant since) const {
  const auto known = contacts_.find(id);
  return known != contacts_.end() && known->second.open && known->second.heard >= since;
}

void BrokerWatch::doubt(BrokerId id, Instant until, Instant since) {
  const metadata::Broker* broker = image_ ? image_->broker(id) : nullptr;
  if (tasks_.stopping() || broker == nullptr || broker->fenced || lives(id, since)) return;
  if (std::exchange(contacts_.try_emplace(id, Contact{.open = false}).first->second.doubted, true))
    return;
  tasks_.spawn(wait_for_sign(id, until, since));
}

Task<> BrokerWatch::wait_for_sign(BrokerId id, Instant until, Instant since) {
  constexpr Duration between_looks = std::chrono::milliseconds(25);
  bool gone = false;
  while (!gone && shard_.clock().now() < until && !lives(id, since)) {
    gone = co_await is_refused(id);
    if (gone || !co_await shard_.clock().sleep_for(between_looks)) break;
  }
  contacts_[id].doubted = false;
  if (co_await runtime::cancelled() || lives(id, since)) co_return;
  co_await fence(id, gone ? "nothing listens at its address"
                          : "its connection has closed, or it did not come to this controller");
}

/// Its process is gone, as far as the network can say. No answer says nothing.
Task<bool> BrokerWatch::is_refused(BrokerId id) {
  const metadata::Broker* broker = image_->broker(id);
  const metadata::Endpoint* endpoint =
      broker ? broker->endpoint(config_.inter_broker_listener_name) : nullptr;
  if (endpoint == nullptr) co_return false;
  Probe result;
  runtime::TaskGroup probing(shard_.context());
  probing.spawn(probe(network_, {endpoint->host, endpoint->port}, result));
  const Instant deadline = shard_.clock().now() + connect_patience;
  if (!co_await result.done.wait_until(shard_.clock(), deadline)) probing.cancel();
  co_await probing.join();
  co_return result.refused;
}

Task<> BrokerWatch::fence(BrokerId id, const char* why) {
  const metadata::Broker* broker = image_->broker(id);
  if (broker == nullptr || broker->fenced || !controller_.is_active()) co_return;
  logging::warn("fencing broker.id={}: {}", id, why);
  protocol::BrokerHeartbeatRequest request;
  request.broker_id = id.value();
  request.broker_epoch = broker->epoch.value();
  request.current_metadata_offset = no_offset.value();
  request.want_fence = true;
  auto fencing = controller_.broker_heartbeat(std::move(request));
  co_await std::move(fencing);
}

/// auto.leader.rebalance.enable: every partition whose preferred replica may lead is led by it.
Task<> BrokerWatch::restore_leaders() {
  while (co_await shard_.clock().sleep_for(config_.controller.leader_imbalance_check_interval)) {
    if (!controller_.is_active()) break;
    protocol::ElectLeadersRequest preferred;
    preferred.topic_partitions.reset();
    auto electing = controller_.elect_leaders(std::move(preferred));
    co_await std::move(electing);
  }
  restoring_ = false;
}

}  // namespace cairn::server
