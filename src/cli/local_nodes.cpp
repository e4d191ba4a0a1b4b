// SPDX-License-Identifier: Apache-2.0
#include "local_nodes.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace cairn::cli {

using runtime::Task;

namespace {

/// Whether a process is this node of this cluster. A program that was replaced since has "
/// (deleted)" behind its path.
bool is_node(const runtime::RunningProcess& process, const std::string& config_file) {
  std::string_view name = process.program;
  if (name.ends_with(" (deleted)")) name.remove_suffix(std::string_view(" (deleted)").size());
  return name.substr(name.rfind('/') + 1) == "cairnd" &&
         std::ranges::count(process.arguments, config_file) > 0;
}

runtime::ProcessId parse_pid(BytesView content) {
  const std::string_view text = as_text(content);
  runtime::ProcessId id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

}  // namespace

Task<LocalNode> LocalNodes::look(int id) {
  LocalNode node;
  node.id = id;
  const auto pid = co_await runtime::read_file(session_.disk, cluster_.pid_file(id));
  if (!pid) co_return node;
  node.process = session_.processes.look(parse_pid(*pid));
  if (!node.process || !is_node(*node.process, cluster_.config_file(id))) {
    node.process.reset();
    node.stale_file = true;
    co_return node;
  }
  const auto said = co_await runtime::read_file(session_.disk, cluster_.ready_file(id));
  node.serves = said && as_text(*said).starts_with("ready ");
  co_return node;
}

Task<std::vector<LocalNode>> LocalNodes::look_at_all() {
  std::vector<LocalNode> out;
  for (int id = 1; id <= cluster_.brokers; id++) {
    LocalNode node = co_await look(id);
    out.push_back(std::move(node));
  }
  co_return out;
}

Task<std::optional<int>> LocalNodes::taken_port(int id) {
  for (const int port :
       {cluster_.broker_port(id), cluster_.controller_port(id), cluster_.metrics_port(id)}) {
    runtime::Endpoint endpoint{"127.0.0.1", static_cast<std::uint16_t>(port)};
    const auto listener = co_await session_.network.listen(std::move(endpoint));
    if (!listener) co_return port;
  }
  co_return std::nullopt;
}

Task<Result<>> LocalNodes::prepare(int id) {
  CO_TRY(co_await session_.disk.create_directory(cluster_.folder(id)));
  CO_TRY(const auto status, co_await session_.disk.stat(cluster_.config_file(id)));
  if (status.exists) co_return Result<>{};
  Bytes text = to_bytes(cluster_.configuration(id));
  co_return co_await runtime::replace_file(session_.disk, cluster_.config_file(id),
                                           std::move(text));
}

Task<Result<runtime::ProcessId>> LocalNodes::start(int id, std::string program) {
  runtime::Processes::Launch launch;
  launch.program = std::move(program);
  launch.arguments = {"--config", cluster_.config_file(id)};
  launch.output = cluster_.ready_file(id);
  launch.errors = cluster_.log_file(id);
  launch.without = "KAFKA_";  // these would overrule the node's own file
  CO_TRY(const auto pid, session_.processes.launch(std::move(launch)));
  Bytes text = to_bytes(fmt::format("{}\n", pid));
  CO_TRY(co_await runtime::replace_file(session_.disk, cluster_.pid_file(id), std::move(text)));
  co_return pid;
}

Task<bool> LocalNodes::await_end(int id, Instant deadline) {
  auto& clock = session_.shard.clock();
  while (true) {
    const LocalNode node = co_await look(id);
    if (!node.process) co_return true;
    if (clock.now() >= deadline) co_return false;
    if (!co_await clock.sleep_for(std::chrono::milliseconds(20))) co_return false;
  }
}

Task<> LocalNodes::forget(int id) {
  static_cast<void>(co_await session_.disk.remove(cluster_.pid_file(id)));  // it may be gone
}

Task<std::string> LocalNodes::log_tail(int id) {
  constexpr int lines = 8;
  const auto content = co_await runtime::read_file(session_.disk, cluster_.log_file(id));
  if (!content) co_return "";
  std::string_view text = as_text(*content);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) co_return "";
  std::size_t begin = text.size();
  for (int i = 0; i < lines && begin != std::string_view::npos && begin > 0; i++) {
    begin = text.rfind('\n', begin - 1);
  }
  co_return std::string(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

}  // namespace cairn::cli
