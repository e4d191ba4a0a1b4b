// SPDX-License-Identifier: Apache-2.0
#include "to_controller.hpp"

namespace cairn::server {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using runtime::Task;

namespace {

constexpr Duration pause_between = std::chrono::milliseconds(20);
constexpr Duration limit = std::chrono::seconds(3);

/// Whether another attempt may reach a controller that decides. What it has decided already it
/// recognises by its epochs.
bool is_passing(const Result<AlterPartitionResponse>& answer) {
  if (answer) return answer->error_code == ErrorCode::not_controller;
  return answer.error().code == ErrorCode::not_controller ||
         answer.error().code == ErrorCode::network_exception;
}

}  // namespace

Task<Result<AlterPartitionResponse>> ToController::alter_partition(AlterPartitionRequest request) {
  const Instant deadline = data_.clock().now() + limit;
  for (;;) {
    auto ask = [&controller = controller_, request] {
      return controller.ask_alter_partition(request);
    };
    Result<AlterPartitionResponse> answer =
        co_await runtime::call_on(data_, controller_.shard(), std::move(ask));
    if (!is_passing(answer) || data_.clock().now() >= deadline) co_return answer;
    if (!co_await data_.clock().sleep_for(pause_between)) co_return answer;
  }
}

}  // namespace cairn::server
