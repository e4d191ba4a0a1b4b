// SPDX-License-Identifier: Apache-2.0
// Hands committed images to the shards that asked for them, in order, one at a time each; an image
// that was overtaken while its subscriber was busy is left out. A subscriber that must not see what
// is not surely the newest gets nothing before open(). Owned by the controller's core, used on its
// shard.
#pragma once

#include <memory>
#include <vector>

#include <cairn/controller/controller.hpp>
#include <cairn/runtime/event.hpp>
#include <cairn/runtime/task_group.hpp>

namespace cairn::controller {

class Publisher {
 public:
  explicit Publisher(runtime::Shard& shard) : shard_(shard) {}

  void subscribe(runtime::Shard& to, Deliver deliver, FirstImage first);
  /// One task a subscriber.
  void start(runtime::TaskGroup& tasks);
  void publish(std::shared_ptr<const metadata::Image> image);
  /// From here on every subscriber is served.
  void open();
  const std::shared_ptr<const metadata::Image>& latest() const { return latest_; }

  /// Waits until every subscriber that is served has it, or the time is up.
  runtime::Task<> delivered(Offset offset, std::optional<Instant> deadline);
  /// The offset that all subscribers have; -1 while not all are served.
  Offset applied() const;

 private:
  struct Subscriber {
    runtime::Shard* shard;
    Deliver deliver;
    Offset delivered = no_offset;
    bool open = true;
  };

  runtime::Task<> serve(Subscriber& subscriber);
  bool all_have(Offset offset) const;

  runtime::Shard& shard_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::shared_ptr<const metadata::Image> latest_ = std::make_shared<metadata::Image>();
  runtime::Event published_, delivered_;
};

}  // namespace cairn::controller
