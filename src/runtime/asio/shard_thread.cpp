// SPDX-License-Identifier: Apache-2.0
#include <random>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {

struct ShardThread::State {
  State(int index, std::uint64_t seed)
      : clock(make_clock(context)), shard(index, context, *clock, Random(seed)) {}

  Context context;
  std::unique_ptr<Clock> clock;
  Shard shard;
  boost::asio::executor_work_guard<Executor> work{context.get_executor()};
  std::thread thread;
};

ShardThread::ShardThread(int index, std::uint64_t seed)
    : state_(std::make_unique<State>(index, seed)) {}

ShardThread::~ShardThread() {
  stop();
  join();
  state_->context.destroy_tasks();
}

Context& ShardThread::context() { return state_->context; }
Shard& ShardThread::shard() { return state_->shard; }
void ShardThread::run() { state_->context.run(); }

void ShardThread::start(const std::string& thread_name) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // signals are for the main thread
  state_->thread = std::thread([state = state_.get()] { state->context.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(state_->thread.native_handle(), thread_name.substr(0, 15).c_str());
}

void ShardThread::stop() { state_->context.stop(); }

void ShardThread::join() {
  if (state_->thread.joinable()) state_->thread.join();
}

std::size_t prepare_process() {
  ::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

void return_unused_memory() { ::malloc_trim(0); }

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

Task<int> wait_for_stop_signal(Context& context) {
  boost::asio::basic_signal_set<Executor> signals(context.get_executor(), SIGINT, SIGTERM);
  boost::system::error_code error;
  const int signal = co_await signals.async_wait(boost::asio::redirect_error(use_task, error));
  co_return error ? 0 : signal;
}

namespace {

Task<> run_then_stop(ShardThread& shard, Task<> task) {
  co_await std::move(task);
  shard.stop();
}

}  // namespace

void run_until_done(const std::function<Task<>(Shard&)>& make) {
  ShardThread thread(0, 1);
  thread.shard().tasks().spawn(run_then_stop(thread, make(thread.shard())));
  thread.run();
}

}  // namespace cairn::runtime::asio
