// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <boost/asio/steady_timer.hpp>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {
namespace {

/// One timer of Asio's at the head of our heap.
class SystemClock : public Clock {
 public:
  explicit SystemClock(Context& context) : timer_(context) {}

  Instant now() const override {
    return Instant(std::chrono::steady_clock::now().time_since_epoch());
  }
  WallTime wall() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }

 private:
  void earliest_changed() override { arm(); }

  void arm() {
    const std::optional<Instant> deadline = next_deadline();
    if (!deadline || (armed_for_ && *armed_for_ <= *deadline)) return;
    armed_for_ = deadline;
    timer_.expires_at(std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(
            deadline->time_since_epoch())));
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (cancelled) return;  // armed anew, or the clock is gone
      armed_for_.reset();
      fire(now());
      arm();
    });
  }

  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  Timer timer_;
  std::optional<Instant> armed_for_;
};

}  // namespace

std::unique_ptr<Clock> make_clock(Context& context) {
  return std::make_unique<SystemClock>(context);
}

}  // namespace cairn::runtime::asio
