// SPDX-License-Identifier: Apache-2.0
#include <cairn/broker/broker.hpp>
#include <cairn/broker/producer_ids.hpp>
#include <cairn/controller/controller.hpp>

namespace cairn::broker {

runtime::Task<Result<ProducerId>> ProducerIds::next(Broker& broker) {
  while (next_ == end_) {
    if (fetching_) {
      if (!co_await fetched_.wait()) co_return fail(ErrorCode::request_timed_out, "cancelled");
      continue;
    }
    const auto image = broker.image();
    const metadata::Broker* self = image->broker(broker.node_id());
    if (self == nullptr) {
      co_return fail(ErrorCode::coordinator_not_available, "this broker is not registered yet");
    }
    fetching_ = true;
    protocol::AllocateProducerIdsRequest request{.broker_id = broker.node_id().value(),
                                                 .broker_epoch = self->epoch.value()};
    auto ask = [&broker, request] { return broker.controller.ask_producer_ids(request); };
    const auto block = co_await runtime::call_on(broker.shard, broker.controller_shard, ask);
    fetching_ = false;
    fetched_.set();
    // No controller, or none that can be reached: the client may ask again.
    if (!block) co_return fail(ErrorCode::coordinator_load_in_progress, block.error().why);
    if (block->error_code == ErrorCode::not_controller ||
        block->error_code == ErrorCode::stale_broker_epoch) {
      co_return fail(ErrorCode::coordinator_load_in_progress, "no controller gives ids now");
    }
    if (block->error_code != ErrorCode::none) co_return fail(block->error_code);
    next_ = block->producer_id_start;
    end_ = block->producer_id_start + block->producer_id_len;
  }
  co_return ProducerId(next_++);
}

}  // namespace cairn::broker
