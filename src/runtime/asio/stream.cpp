// SPDX-License-Identifier: Apache-2.0
#include "stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <limits.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace cairn::runtime::asio {
namespace {

constexpr std::size_t gather_limit = std::min(IOV_MAX, 256);

std::unexpected<Error> broken() {
  return fail(ErrorCode::network_exception, "the connection was closed or reset");
}

std::unexpected<Error> stopped() {
  return fail(ErrorCode::network_exception, "the task was cancelled");
}

/// What is left of a gathered write.
class Remaining {
 public:
  explicit Remaining(std::span<const BytesView> parts) : parts_(parts) { advance(0); }

  bool empty() const { return parts_.empty(); }
  /// Fills `batch` with the next pieces; how many.
  std::size_t gather(std::span<iovec> batch) const {
    const std::size_t count = std::min(batch.size(), parts_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const BytesView part = parts_[i].subspan(i == 0 ? skip_ : 0);
      batch[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    return count;
  }
  void advance(std::size_t written) {
    while (!parts_.empty() && written >= parts_.front().size() - skip_) {
      written -= parts_.front().size() - skip_;
      skip_ = 0;
      parts_ = parts_.subspan(1);
    }
    skip_ += written;
  }

 private:
  std::span<const BytesView> parts_;
  std::size_t skip_ = 0;  // bytes of the first part that are written
};

}  // namespace

Endpoint to_endpoint(const Tcp::endpoint& address) {
  auto ip = address.address();
  if (ip.is_v6() && ip.to_v6().is_v4_mapped()) {
    ip = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, ip.to_v6());
  }
  return {ip.to_string(), address.port()};
}

TcpStream::TcpStream(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;  // a peer that is gone already shows at the first read
  socket_.set_option(Tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  const auto remote = socket_.remote_endpoint(ignored);
  if (!ignored) peer_ = to_endpoint(remote);
  const auto here = socket_.local_endpoint(ignored);
  if (!ignored) local_ = to_endpoint(here);
}

Task<Result<std::size_t>> TcpStream::read_some(MutableBytes into) {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return stopped();
  interrupted_ = false;
  boost::system::error_code error;
  const std::size_t read = co_await socket_.async_read_some(
      boost::asio::buffer(into.data(), into.size()), boost::asio::redirect_error(use_task, error));
  if (!error) co_return read;
  if (error == boost::asio::error::eof) co_return std::size_t{0};
  if (error == boost::asio::error::operation_aborted && interrupted_) {
    co_return fail(ErrorCode::network_exception, interrupted_reason);
  }
  co_return broken();
}

Task<Result<>> TcpStream::wait_readable() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return stopped();
  boost::system::error_code error;
  co_await socket_.async_wait(Socket::wait_read, boost::asio::redirect_error(use_task, error));
  if (error) co_return broken();
  co_return Result<>{};
}

void TcpStream::interrupt_read() {
  interrupted_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Task<Result<>> TcpStream::write(std::span<const BytesView> parts) {
  Remaining remaining(parts);
  std::array<iovec, gather_limit> batch;
  while (!remaining.empty()) {
    msghdr message{};
    message.msg_iov = batch.data();
    message.msg_iovlen = remaining.gather(batch);
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      remaining.advance(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return broken();
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none) co_return stopped();
    boost::system::error_code error;
    co_await socket_.async_wait(Socket::wait_write, boost::asio::redirect_error(use_task, error));
    // interrupt_read() ends this wait too: then just go on.
    if (error && (error != boost::asio::error::operation_aborted || !socket_.is_open())) {
      co_return broken();
    }
  }
  co_return Result<>{};
}

void TcpStream::close() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace cairn::runtime::asio
