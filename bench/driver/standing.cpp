// SPDX-License-Identifier: Apache-2.0
// What a server costs before it does anything: start, memory, connections, partitions.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cairn/protocol/messages/produce.hpp>

#include "common/measure.hpp"
#include "options.hpp"

namespace cairn::bench {
namespace {

constexpr std::int64_t retry_ns = 1'000'000;
constexpr std::int64_t most_wait_ns = 120'000'000'000;

pid_t start(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) {
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 0);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    execvp(words[0], words.data());
    _exit(127);
  }
  return pid;
}

/// One attempt to get a record acknowledged; any failure is a reason to try again.
bool try_produce(const HostPort& address, Bytes& frame) {
  const Descriptor socket = try_connect(address.host, address.port);
  if (socket.number() < 0) return false;
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (send(socket.number(), frame.data(), frame.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(frame.size())) {
    return false;
  }
  Bytes response(4096);
  const ssize_t got = recv(socket.number(), response.data(), response.size(), 0);
  if (got <= 4) return false;
  const BytesView body = BytesView(response).subspan(4, static_cast<std::size_t>(got) - 4);
  return parse_produce_answer(body).error == ErrorCode::none;
}

double seconds_to_first_ack(const Options& options) {
  const HostPort address = parse_host_port(options.bootstrap);
  BatchShape shape{.batch_bytes = 1, .record_bytes = 100};
  ProduceFrame frame(options.topic, 0, -1, build_batch(shape, 0));
  const std::int64_t began = now_ns();
  const pid_t pid = start(options.command);
  while (!try_produce(address, frame.bytes())) {
    if (waitpid(pid, nullptr, WNOHANG) == pid) give_up("the server ended before it served");
    if (now_ns() - began > most_wait_ns) give_up("the server does not acknowledge");
    sleep_until_ns(now_ns() + retry_ns);
  }
  const double seconds = static_cast<double>(now_ns() - began) / 1e9;
  kill(pid, SIGTERM);
  waitpid(pid, nullptr, 0);
  return seconds;
}

}  // namespace

void measure_start(const Options& options) {
  if (options.command.empty()) give_up("start needs the server's command after --");
  Row(row_name(options, "start")).number("seconds", seconds_to_first_ack(options)).print();
}

void measure_memory(const Options& options) {
  const HostPort address = parse_host_port(options.bootstrap);
  const std::int64_t before = process_memory_kib(options.pids);
  std::vector<Descriptor> idle;
  for (std::size_t i = 0; i < options.connections; ++i) {
    idle.push_back(connect_to(address.host, address.port));
  }
  sleep_until_ns(now_ns() + 1'000'000'000);
  const std::int64_t grown = process_memory_kib(options.pids) - before;
  Row row(row_name(options, "memory"));
  row.count("server_kib", before);
  if (!idle.empty()) {
    row.number("kib_per_connection", static_cast<double>(grown) / static_cast<double>(idle.size()));
  }
  row.print();
}

void measure_create(const Options& options) {
  constexpr int topics = 100;
  constexpr std::int32_t each = 10;
  Cluster cluster(options.bootstrap);
  const std::int64_t memory = process_memory_kib(options.pids);
  const auto configs = configs_of(options);
  const auto seconds_since = [](std::int64_t from) {
    return static_cast<double>(now_ns() - from) / 1e9;
  };
  const std::int64_t began = now_ns();
  for (int i = 0; i < topics; ++i) {
    cluster.request_topic(fmt::format("{}-{}", options.topic, i), each, configs);
  }
  const double many = seconds_since(began);
  for (int i = 0; i < topics; ++i) {
    cluster.wait_for_leaders(fmt::format("{}-{}", options.topic, i), each);
  }
  const std::int64_t again = now_ns();
  cluster.request_topic(options.topic + "-one", topics * each, configs);
  const double one = seconds_since(again);
  cluster.wait_for_leaders(options.topic + "-one", topics * each);
  const double serving = seconds_since(again);
  sleep_until_ns(now_ns() + 1'000'000'000);
  Row(row_name(options, "create"))
      .number("topics_100_seconds", many)
      .number("topic_1_acknowledged_seconds", one)
      .number("topic_1_led_seconds", serving)
      .number("kib_per_partition", static_cast<double>(process_memory_kib(options.pids) - memory) /
                                       (2.0 * topics * each))
      .print();
}

}  // namespace cairn::bench
