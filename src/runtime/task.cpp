// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/post.hpp>

#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

Context::~Context() { destroy_tasks(); }

void Context::destroy_tasks() {
  destroying_tasks_ = true;
  // Dropping a handler posts the destruction of its task's frames; shutting down the context then
  // destroys what is posted, and what that posts in turn.
  while (!suspended_.empty()) {
    Waiter& waiter = suspended_.front();
    static_cast<Hook<InContext>&>(waiter).unlink();
    const Waiter::Handler dropped = std::move(*waiter.handler_);
    waiter.handler_.reset();
  }
  shutdown();
}

void Waiter::park(Handler handler, Cancellation cancellation) {
  handler_.emplace(std::move(handler));
  if (why_ != Wake::pending) return resume();
  if (cancellation == Cancellation::wakes) {
    if (handler_->get_cancellation_state().cancelled() != boost::asio::cancellation_type::none) {
      return wake(Wake::cancelled);
    }
    auto slot = handler_->get_cancellation_slot();
    if (slot.is_connected()) {
      slot.assign([this](boost::asio::cancellation_type) { wake(Wake::cancelled); });
    }
  }
  static_cast<Context&>(handler_->get_executor().context()).suspended_.push_back(*this);
}

void Waiter::wake(Wake why) {
  if (why_ != Wake::pending) return;
  why_ = why;
  static_cast<Hook<InEvent>&>(*this).unlink();
  static_cast<Hook<InContext>&>(*this).unlink();
  if (handler_) resume();
}

void Waiter::resume() {
  const Executor executor = handler_->get_executor();
  Handler handler = std::move(*handler_);
  handler_.reset();
  boost::asio::post(executor, [handler = std::move(handler)]() mutable { handler(); });
}

}  // namespace cairn::runtime
