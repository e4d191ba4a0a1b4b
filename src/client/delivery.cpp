// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/assert.hpp>
#include <cairn/client/delivery.hpp>

namespace cairn::client {

Result<Delivered> Delivery::result() const {
  ASSERT(settled(), "a record's fate is asked for once it is known");
  const Fate::Piece* mine = nullptr;
  for (const auto& piece : fate_->pieces) {
    if (piece.first_index <= index_ && (!mine || piece.first_index > mine->first_index)) {
      mine = &piece;
    }
  }
  ASSERT(mine, "every record of a settled batch lies in one of its pieces");
  if (!mine->base_offset) return std::unexpected(mine->base_offset.error());
  const auto base = *mine->base_offset;
  return Delivered{
      .partition = fate_->partition,
      .offset = base == no_offset ? no_offset : base + (index_ - mine->first_index),
      .timestamp = mine->append_time == no_timestamp ? timestamp_ : mine->append_time,
  };
}

runtime::Task<Result<Delivered>> Delivery::wait() const {
  const auto fate = fate_;  // the Delivery itself may be gone when we wake
  const Delivery self = *this;
  if (!co_await fate->settled.wait()) {
    co_return fail(ErrorCode::request_timed_out, "cancelled while the record was under way");
  }
  co_return self.result();
}

}  // namespace cairn::client
