// SPDX-License-Identifier: Apache-2.0
// cairnd: makes the real seams, runs one Node on them until a signal comes.
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include <cairn/base/log.hpp>
#include <cairn/runtime/asio.hpp>
#include <cairn/server/node.hpp>

#include "command_line.hpp"
#include "configuration.hpp"

namespace cairn::server {
namespace {

constexpr Duration drain_patience = std::chrono::seconds(5);

Environment process_environment() {
  Environment variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable = *at;
    const std::size_t equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return variables;
}

void complain(std::string_view line) {
  std::fprintf(stderr, "cairnd: %.*s\n", static_cast<int>(line.size()), line.data());
}

/// What the process runs on.
struct Machine {
  runtime::asio::Pool pool;
  runtime::asio::ShardThread data{0, runtime::asio::random_seed()};
  runtime::asio::ShardThread control{1, runtime::asio::random_seed()};
  runtime::asio::Disk data_disk{data.context(), pool};
  runtime::asio::Disk control_disk{control.context(), pool};
  runtime::asio::Network data_network{data.context()};
  runtime::asio::Network control_network{control.context()};

  Seams seams() {
    return {data.shard(),
            data_disk,
            data_network,
            control.shard(),
            control_disk,
            control_network,
            runtime::asio::machine_memory(),
            runtime::asio::host_name()};
  }
};

/// What the configuration says of sockets. Kafka's own defaults (50, 100 KiB) would cost bursts of
/// connections and throughput, so they hold only where somebody wrote them down.
runtime::asio::SocketOptions socket_options(const config::ServerConfig& config) {
  runtime::asio::SocketOptions options;
  const config::SocketConfig& socket = config.socket;
  const auto set = [&](std::string_view key) { return config.settings.contains(key); };
  if (set("socket.send.buffer.bytes")) options.send_buffer = socket.send_buffer_bytes;
  if (set("socket.receive.buffer.bytes")) options.receive_buffer = socket.receive_buffer_bytes;
  if (set("socket.listen.backlog.size")) options.backlog = socket.listen_backlog_size;
  return options;
}

/// What has become of the node so far.
struct Course {
  bool started = false;
  bool refused = false;  // it could not start
  bool broken = false;   // it can no longer serve
  bool signalled = false;
  runtime::Event changed;

  bool over() const { return refused || (started && (broken || signalled)); }
};

runtime::Task<> watch_signals(runtime::Context& context, Node& node, Course& course) {
  const int signal = co_await runtime::asio::wait_for_stop_signal(context);
  if (signal == 0) co_return;
  logging::info("stopping: signal {}", signal);
  course.signalled = true;
  node.interrupt();
  course.changed.set();
  // Whoever signals twice does not want to wait. The logs are made for that.
  if (co_await runtime::asio::wait_for_stop_signal(context) != 0) std::_Exit(1);
}

runtime::Task<> watch_failure(Node& node, Course& course) {
  if (!co_await node.failed().wait()) co_return;
  course.broken = true;
  course.changed.set();
}

runtime::Task<> start_node(Node& node, Course& course) {
  const auto result = co_await node.start();
  if (!result && !course.signalled) complain(result.error());
  (result ? course.started : course.refused) = true;
  course.changed.set();
}

runtime::Task<int> run_node(Machine& machine, config::ServerConfig config) {
  for (const std::string& notice : config.notices()) logging::warn("{}", notice);
  machine.data_network.configure(socket_options(config));
  Node node(machine.seams(), std::move(config));
  Course course;
  runtime::TaskGroup tasks(machine.data.context());
  tasks.spawn(watch_signals(machine.data.context(), node, course));
  tasks.spawn(watch_failure(node, course));
  tasks.spawn(start_node(node, course));
  while (!course.started && !course.over()) co_await course.changed.wait();
  if (course.started) {
    std::printf("%s\n", node.ready_line().c_str());
    std::fflush(stdout);
    runtime::asio::return_unused_memory();  // the replay of a large metadata log leaves much
  }
  while (!course.over()) co_await course.changed.wait();
  co_await node.stop(drain_patience);
  tasks.cancel();
  co_await tasks.join();
  co_return (course.refused && !course.signalled) || course.broken ? 1 : 0;
}

runtime::Task<> run(Machine& machine, CommandLine line, int& exit_code) {
  exit_code = 1;
  const bool print = line.print_config;
  auto config =
      co_await load_configuration(machine.data_disk, std::move(line), process_environment());
  if (!config) {
    for (const std::string& problem : config.error()) complain(problem);
  } else if (print) {
    std::fputs(config::print_config(*config, config::PrintFormat::text).c_str(), stdout);
    exit_code = 0;
  } else {
    exit_code = co_await run_node(machine, *std::move(config));
  }
  machine.data.stop();
}

}  // namespace
}  // namespace cairn::server

int main(int argc, char** argv) {
  using namespace cairn;
  int exit_code = 0;
  const auto line = server::parse_command_line(argc, argv, exit_code);
  if (!line) return exit_code;
  runtime::asio::log_to_stderr(line->log_level);
  runtime::asio::prepare_process();
  server::Machine machine;
  machine.control.start("controller");
  machine.data.shard().tasks().spawn(server::run(machine, *line, exit_code));
  machine.data.run();
  machine.control.stop();
  machine.control.join();
  return exit_code;
}
