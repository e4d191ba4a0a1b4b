// SPDX-License-Identifier: Apache-2.0
#include "lookups.hpp"

#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <pthread.h>
#include <signal.h>

#include <cairn/runtime/event.hpp>

namespace cairn::runtime::asio {

struct Lookups::Lookup {
  std::mutex mutex;
  Context* context;  // null once the network has gone: nobody is there to be told

  // Of the context's thread.
  std::vector<std::string> found;
  Latch ended;

  explicit Lookup(Context& of) : context(&of) {}
};

Lookups::Lookups(Context& context, LookUp look_up)
    : context_(context), look_up_(std::move(look_up)) {}

Lookups::~Lookups() {
  for (const auto& [host, lookup] : lookups_) {
    const std::lock_guard lock(lookup->mutex);
    lookup->context = nullptr;
  }
}

void Lookups::begin(const std::shared_ptr<Lookup>& lookup, const std::string& host) {
  auto ask = [lookup, host, ask_system = look_up_] {
    std::vector<std::string> found = ask_system(host);
    const std::lock_guard lock(lookup->mutex);
    if (lookup->context == nullptr) return;
    boost::asio::post(*lookup->context, [lookup, found = std::move(found)]() mutable {
      lookup->found = std::move(found);
      lookup->ended.set();
    });
  };
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // signals are for the main thread
  try {
    std::thread(std::move(ask)).detach();
  } catch (const std::system_error&) {
    lookup->ended.set();  // no thread to be had: as if nobody knew the name
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Task<std::vector<std::string>> Lookups::addresses(std::string host) {
  std::shared_ptr<Lookup>& kept = lookups_[host];
  if (kept == nullptr || kept->ended.is_set()) {
    kept = std::make_shared<Lookup>(context_);
    begin(kept, host);
  }
  const std::shared_ptr<Lookup> lookup = kept;
  co_await lookup->ended.wait();
  co_return lookup->found;
}

std::vector<std::string> look_up(const std::string& host) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::resolver resolver(context);
  boost::system::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : resolver.resolve(host, "", error)) {
    found.push_back(entry.endpoint().address().to_string());
  }
  return found;
}

}  // namespace cairn::runtime::asio
