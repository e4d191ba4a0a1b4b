// SPDX-License-Identifier: Apache-2.0
// Producer ids for InitProducerId, in blocks from the controller, so that an id is given out once
// in the cluster's life and a request rarely waits for the controller. Those that need a block at
// the same time share one request for it. Owner: Broker.
#pragma once

#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>
#include <cairn/runtime/event.hpp>

namespace cairn::broker {

class Broker;

class ProducerIds {
 public:
  /// The next id. The controller's error if a block was needed and refused.
  runtime::Task<Result<ProducerId>> next(Broker& broker);

 private:
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;  // exclusive
  bool fetching_ = false;
  runtime::Event fetched_;
};

}  // namespace cairn::broker
