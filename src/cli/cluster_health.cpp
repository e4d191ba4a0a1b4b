// SPDX-License-Identifier: Apache-2.0
// cairn cluster health: exit code 0 if nothing needs somebody, 1 if something does.
#include <fmt/format.h>

#include "cluster_commands.hpp"
#include "output.hpp"
#include "sighting.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using runtime::Task;

Task<int> health(Session& session, Globals globals, double patience_seconds) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  // A quorum without a leader does not answer: that is found after a few seconds, not all.
  options->api_timeout = std::min<Duration>(options->api_timeout, std::chrono::seconds(5));
  options->request_timeout = std::min(options->request_timeout, options->api_timeout);
  Admin admin(session.shard, session.network, *options);
  auto& clock = session.shard.clock();
  const Instant deadline = clock.now() + std::chrono::duration_cast<Duration>(
                                             std::chrono::duration<double>(patience_seconds));
  auto seen = co_await look_at(admin);
  while (!session.stop.is_set() && clock.now() < deadline && (!seen || !judge(*seen).empty())) {
    if (!co_await clock.sleep_for(std::chrono::milliseconds(200))) break;
    seen = co_await look_at(admin);
  }
  co_await admin.stop();
  if (!seen) co_return report(globals, "look at the cluster", seen.error());
  const auto problems = judge(*seen);
  Printer out;
  out.buffer() =
      globals.json ? health_as_json(*seen, problems) + '\n' : health_as_text(*seen, problems);
  co_return problems.empty() ? 0 : 1;
}

}  // namespace

void add_cluster_health(CLI::App& cluster, Program& program) {
  auto patience = std::make_shared<double>(0);
  auto* command = add_command(cluster, "health",
                              "Name what needs somebody; exit code 0 if nothing does, 1 if not",
                              "cairn cluster health --wait 30");
  command
      ->add_option("--wait", *patience, "Seconds to wait for health, at most; default: look once")
      ->check(CLI::NonNegativeNumber);
  add_json(*command, program);
  command->callback([&program, patience] {
    program.chosen = [&program, patience](Session& session) {
      return health(session, program.globals, *patience);
    };
  });
}

}  // namespace cairn::cli
