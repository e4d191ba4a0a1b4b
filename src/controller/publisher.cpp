// SPDX-License-Identifier: Apache-2.0
#include "publisher.hpp"

#include <algorithm>

namespace cairn::controller {

void Publisher::subscribe(runtime::Shard& to, Deliver deliver, FirstImage first) {
  subscribers_.push_back(std::make_unique<Subscriber>(
      Subscriber{&to, std::move(deliver), no_offset, first == FirstImage::any}));
}

void Publisher::start(runtime::TaskGroup& tasks) {
  for (const auto& subscriber : subscribers_) tasks.spawn(serve(*subscriber));
}

void Publisher::publish(std::shared_ptr<const metadata::Image> image) {
  latest_ = std::move(image);
  published_.set();
}

void Publisher::open() {
  for (const auto& subscriber : subscribers_) subscriber->open = true;
  published_.set();
}

bool Publisher::all_have(Offset offset) const {
  return std::ranges::all_of(subscribers_, [&](const auto& subscriber) {
    return !subscriber->open || subscriber->delivered >= offset;
  });
}

Offset Publisher::applied() const {
  Offset lowest = latest_->offset;
  for (const auto& subscriber : subscribers_) {
    lowest = std::min(lowest, subscriber->open ? subscriber->delivered : no_offset);
  }
  return lowest;
}

runtime::Task<> Publisher::delivered(Offset offset, std::optional<Instant> deadline) {
  while (!all_have(offset)) {
    const bool woken = deadline ? co_await delivered_.wait_until(shard_.clock(), *deadline)
                                : co_await delivered_.wait();
    if (!woken) co_return;
  }
}

runtime::Task<> Publisher::serve(Subscriber& subscriber) {
  for (;;) {
    while (!subscriber.open || latest_->offset <= subscriber.delivered) {
      if (!co_await published_.wait()) co_return;
    }
    const std::shared_ptr<const metadata::Image> image = latest_;
    auto hand_over = [deliver = &subscriber.deliver, image] { return (*deliver)(image); };
    auto delivery = runtime::call_on(shard_, *subscriber.shard, hand_over);
    co_await std::move(delivery);
    if (co_await runtime::cancelled()) co_return;
    subscriber.delivered = image->offset;
    delivered_.set();
  }
}

}  // namespace cairn::controller
