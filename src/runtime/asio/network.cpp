// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cairn/runtime/asio.hpp>

#include "lookups.hpp"
#include "stream.hpp"

namespace cairn::runtime::asio {
namespace {

using Acceptor = boost::asio::basic_socket_acceptor<Tcp, Executor>;
using PauseTimer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
constexpr std::chrono::milliseconds accept_pause(100);

Task<bool> is_cancelled() {
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

bool passes(const boost::system::error_code& error) {
  using namespace boost::asio;
  return error == error::no_descriptors || error == error::no_buffer_space ||
         error == error::no_memory || error == error::connection_aborted ||
         error == boost::system::errc::too_many_files_open_in_system;
}

/// The kernel takes what it can give; a size it cannot is no reason to refuse a connection.
template <class AnySocket>
void set_buffers(AnySocket& socket, const SocketOptions& options) {
  boost::system::error_code ignored;
  if (options.send_buffer > 0) {
    socket.set_option(boost::asio::socket_base::send_buffer_size(options.send_buffer), ignored);
  }
  if (options.receive_buffer > 0) {
    socket.set_option(boost::asio::socket_base::receive_buffer_size(options.receive_buffer),
                      ignored);
  }
}

class TcpListener : public Listener {
 public:
  TcpListener(Context& context, Acceptor acceptor, SocketOptions options)
      : context_(context), acceptor_(std::move(acceptor)), options_(options) {
    boost::system::error_code ignored;
    local_ = to_endpoint(acceptor_.local_endpoint(ignored));
  }

  Task<Result<std::unique_ptr<Stream>>> accept() override {
    while (acceptor_.is_open() && !co_await is_cancelled()) {
      Socket socket(context_.get_executor());
      boost::system::error_code error;
      co_await acceptor_.async_accept(socket, boost::asio::redirect_error(use_task, error));
      if (!error) {
        set_buffers(socket, options_);
        co_return std::make_unique<TcpStream>(std::move(socket));
      }
      if (!passes(error)) break;
      logging::warn("cannot accept connections at {}: {}", to_string(local_), error.message());
      PauseTimer pause(context_.get_executor(), accept_pause);
      co_await pause.async_wait(boost::asio::redirect_error(use_task, error));
    }
    co_return fail(ErrorCode::network_exception, "the listener was closed");
  }

  Endpoint local() const override { return local_; }
  void close() override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  Context& context_;
  Acceptor acceptor_;
  SocketOptions options_;
  Endpoint local_;
};

/// The addresses of a host.
Task<Result<std::vector<Tcp::endpoint>>> resolve(Lookups& lookups, Endpoint endpoint) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(endpoint.host, error);
  std::vector<Tcp::endpoint> found;
  if (!error) {
    found.emplace_back(address, endpoint.port);
    co_return found;
  }
  const std::vector<std::string> addresses = co_await lookups.addresses(endpoint.host);
  for (const std::string& one : addresses) {
    found.emplace_back(boost::asio::ip::make_address(one), endpoint.port);
  }
  if (found.empty()) co_return fail(ErrorCode::network_exception, "the host name is not known");
  co_return found;
}

Result<Acceptor> bind_to(Context& context, const Tcp::endpoint& address,
                         const SocketOptions& options) {
  Acceptor acceptor(context.get_executor());
  boost::system::error_code error;
  acceptor.open(address.protocol(), error);
  if (error) return fail(ErrorCode::network_exception, "the address family is not supported");
  acceptor.set_option(Acceptor::reuse_address(true), error);
  if (address.address().is_v6()) {
    // All addresses means both families; ::1 means what it says.
    const bool only = !address.address().is_unspecified();
    acceptor.set_option(boost::asio::ip::v6_only(only), error);
  }
  set_buffers(acceptor, options);  // before the window is negotiated
  acceptor.bind(address, error);
  if (error == boost::asio::error::address_in_use) {
    return fail(ErrorCode::network_exception, "the port is in use");
  }
  if (error == boost::asio::error::access_denied) {
    return fail(ErrorCode::network_exception, "permission denied for the port");
  }
  if (error) return fail(ErrorCode::network_exception, "the address is not one of this machine");
  acceptor.listen(options.backlog, error);
  if (error) return fail(ErrorCode::network_exception, "the port is in use");
  return acceptor;
}

}  // namespace

Network::Network(Context& context) : Network(context, look_up) {}
Network::Network(Context& context, LookUp look_up)
    : context_(context), lookups_(std::make_unique<Lookups>(context, std::move(look_up))) {}
Network::~Network() = default;

Task<Result<std::unique_ptr<Listener>>> Network::listen(Endpoint at) {
  if (at.host.empty()) {
    auto both = bind_to(context_, {boost::asio::ip::address_v6::any(), at.port}, options_);
    if (both) co_return std::make_unique<TcpListener>(context_, *std::move(both), options_);
    at.host = "0.0.0.0";  // a machine without IPv6; a taken port fails again
  }
  CO_TRY(const std::vector<Tcp::endpoint> addresses, co_await resolve(*lookups_, at));
  CO_TRY(Acceptor acceptor, bind_to(context_, addresses.front(), options_));
  co_return std::make_unique<TcpListener>(context_, std::move(acceptor), options_);
}

Task<Result<std::unique_ptr<Stream>>> Network::connect(Endpoint to) {
  if (co_await is_cancelled()) {
    co_return fail(ErrorCode::network_exception, "the task was cancelled");
  }
  CO_TRY(const std::vector<Tcp::endpoint> addresses, co_await resolve(*lookups_, to));
  bool refused = !addresses.empty();
  for (const Tcp::endpoint& address : addresses) {
    if (co_await is_cancelled()) break;
    Socket socket(context_.get_executor());
    boost::system::error_code error;
    co_await socket.async_connect(address, boost::asio::redirect_error(use_task, error));
    if (!error) co_return std::make_unique<TcpStream>(std::move(socket));
    refused = refused && error == boost::asio::error::connection_refused;
  }
  if (refused) co_return fail(ErrorCode::network_exception, refused_reason);
  co_return fail(ErrorCode::network_exception, "the node does not answer at this address");
}

}  // namespace cairn::runtime::asio
