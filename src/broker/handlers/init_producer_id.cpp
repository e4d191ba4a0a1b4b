// SPDX-License-Identifier: Apache-2.0
// InitProducerId (key 22), versions 0-5 (6, two-phase commit, is not advertised): a fresh producer
// id for idempotence, or, for a producer that has one, the same answer anew. Transactional ids are
// refused: there is no transaction coordinator on this broker.
#include "data.hpp"

namespace cairn::broker {

runtime::Task<protocol::InitProducerIdResponse> handle(Broker& broker, const RequestContext&,
                                                       protocol::InitProducerIdRequest request) {
  protocol::InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (request.transactional_id) {
    response.error_code = request.transactional_id->empty()
                              ? ErrorCode::invalid_request
                              : ErrorCode::transactional_id_authorization_failed;
    co_return response;
  }
  // Without a transactional id nobody fences anybody: whoever asks again gets a new identity
  // (KIP-360).
  const auto id = co_await broker.producer_ids.next(broker);
  if (!id) {
    response.error_code = id.error().code;
    co_return response;
  }
  response.producer_id = id->value();
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace cairn::broker
