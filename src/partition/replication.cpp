// SPDX-License-Identifier: Apache-2.0
#include <cairn/partition/partition.hpp>
#include <cairn/partition/replication.hpp>

namespace cairn::partition {

Replication::Replication(runtime::Shard& shard, runtime::Network& network,
                         ControllerChannel& controller, const config::ServerConfig& config)
    : shard_(shard),
      image_(std::make_shared<const metadata::Image>()),
      eligible_([this](BrokerId id) -> std::optional<BrokerEpoch> {
        const metadata::Broker* broker = image_->broker(id);
        if (broker == nullptr || !broker->active()) return std::nullopt;
        return broker->epoch;
      }),
      fetchers_(shard, network, config),
      isr_changes_(
          shard, controller,
          {.id = config.node_id, .epoch = [this, id = config.node_id] { return epoch_of(id); }},
          config.replica.lag_time_max) {}

void Replication::adopt(std::shared_ptr<const metadata::Image> image) {
  image_ = std::move(image);
  fetchers_.adopt(image_);
}

BrokerEpoch Replication::epoch_of(BrokerId id) const {
  const metadata::Broker* broker = image_->broker(id);
  return broker == nullptr ? no_broker_epoch : broker->epoch;
}

void Replication::configure(const config::ReplicaConfig& config) {
  leader_throttle_.set_rate(config.leader_throttled_rate, shard_.clock().now());
  fetchers_.set_throttled_rate(config.follower_throttled_rate);
}

runtime::Task<> Replication::stop() {
  co_await fetchers_.stop();
  co_await isr_changes_.stop();
}

}  // namespace cairn::partition
