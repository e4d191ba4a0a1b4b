// SPDX-License-Identifier: Apache-2.0
// The `cairn` program: gives the command line the real machine.
#include <cstdlib>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cairn/base/log.hpp>
#include <cairn/runtime/asio.hpp>

#include "cli.hpp"

namespace {

using namespace cairn;

/// Standard input, read without blocking the client. A pipe or terminal is opened anew, so that its
/// being non-blocking is not seen by whoever else has it.
class StandardInput : public cli::Input {
 public:
  explicit StandardInput(runtime::Context& context) : context_(context) {}

  runtime::Task<Result<std::size_t>> read_some(MutableBytes into) override {
    if (!descriptor_) open_descriptor();
    boost::system::error_code error;
    const std::size_t count = co_await descriptor_->async_read_some(
        boost::asio::buffer(into.data(), into.size()),
        boost::asio::redirect_error(runtime::use_task, error));
    if (error == boost::asio::error::eof) co_return std::size_t{0};
    if (error) co_return fail(ErrorCode::unknown_server_error, "standard input cannot be read");
    co_return count;
  }

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<runtime::Executor>;

  void open_descriptor() {
    int own = ::open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC);
    if (own < 0 || ::lseek(STDIN_FILENO, 0, SEEK_CUR) > 0) {  // a file that was read from already
      if (own >= 0) ::close(own);
      own = ::dup(STDIN_FILENO);
    }
    descriptor_.emplace(context_.get_executor(), own);
  }

  runtime::Context& context_;
  std::optional<Descriptor> descriptor_;
};

runtime::Task<> watch_for_stop(runtime::Context& context, runtime::Latch& stop) {
  if (co_await runtime::cancelled()) co_return;  // the command was over before this began
  if (co_await runtime::asio::wait_for_stop_signal(context) != 0) stop.set();
}

runtime::Task<> run_command(const cli::Command& command, cli::Session& session, int& exit_code,
                            runtime::asio::ShardThread& thread) {
  runtime::TaskGroup watching(session.shard.context());
  watching.spawn(watch_for_stop(session.shard.context(), session.stop));
  exit_code = co_await command(session);
  watching.cancel();
  co_await watching.join();
  thread.stop();
}

class RealMachine : public cli::Machine {
 public:
  int run(const cli::Command& command) override {
    runtime::asio::Pool pool(1, 1);
    runtime::asio::ShardThread thread(0, runtime::asio::random_seed());
    runtime::asio::Network network(thread.context());
    runtime::asio::Disk disk(thread.context(), pool);
    runtime::asio::Processes processes;
    StandardInput input(thread.context());
    runtime::Latch stop;
    cli::Session session{thread.shard(), network, disk, processes, input, stop};
    int exit_code = 1;
    thread.shard().tasks().spawn(run_command(command, session, exit_code, thread));
    thread.run();
    return exit_code;
  }
  std::optional<std::string> variable(const char* name) override {
    const char* value = std::getenv(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
  }
  bool errors_go_to_terminal() override { return ::isatty(STDERR_FILENO) != 0; }
  void log_to_stderr() override { runtime::asio::log_to_stderr(logging::Level::debug); }
};

}  // namespace

int main(int argc, char** argv) {
  RealMachine machine;
  return cli::run(argc, argv, machine);
}
