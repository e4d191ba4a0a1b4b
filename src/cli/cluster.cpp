// SPDX-License-Identifier: Apache-2.0
// cairn cluster info; the commands beside it are in the files of their names.
#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "cluster_commands.hpp"
#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using runtime::Task;

/// What a broker has to do.
struct Share {
  int leads = 0;
  int holds = 0;
};

Task<int> info(Session& session, Globals globals) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto cluster = co_await admin.describe_cluster();
  Result<std::vector<client::TopicMetadata>> topics;
  if (cluster) topics = co_await admin.list_topics();
  co_await admin.stop();
  if (!cluster) co_return report(globals, "describe the cluster", cluster.error());
  if (!topics) co_return report(globals, "list topics", topics.error());
  std::map<BrokerId, Share> shares;
  int partitions = 0;
  int leaderless = 0;
  int under_replicated = 0;
  for (const auto& topic : *topics) {
    for (const auto& partition : topic.partitions) {
      partitions++;
      leaderless += partition.leader == no_broker;
      under_replicated += partition.isr.size() < partition.replicas.size();
      shares[partition.leader].leads++;
      for (const auto replica : partition.replicas) shares[replica].holds++;
    }
  }
  Json json;
  json.begin_object().field("cluster_id", cluster->cluster_id);
  json.field("controller", cluster->controller.value());
  json.field("topics", static_cast<std::int64_t>(topics->size())).field("partitions", partitions);
  json.field("leaderless", leaderless).field("under_replicated", under_replicated);
  json.key("brokers").begin_array();
  Table table({">BROKER", "ADDRESS", "RACK", "STATE", ">LEADS", ">REPLICAS"});
  const auto add = [&](const client::BrokerNode& broker, bool fenced) {
    const Share share = shares[broker.id];
    table.add({fmt::to_string(broker.id.value()), to_string(broker.endpoint),
               broker.rack.value_or("-"), fenced ? "fenced" : "serves", fmt::to_string(share.leads),
               fmt::to_string(share.holds)});
    json.begin_object().field("id", broker.id.value()).field("host", broker.endpoint.host);
    json.field("port", std::int64_t{broker.endpoint.port}).key("rack");
    broker.rack ? json.value(*broker.rack) : json.null();
    json.field("fenced", fenced);
    json.field("leads", share.leads).field("replicas", share.holds).end_object();
  };
  for (const auto& broker : cluster->brokers) add(broker, false);
  for (const auto& broker : cluster->fenced) add(broker, true);
  json.end_array().end_object();
  Printer out;
  if (globals.json) {
    out.line(json.text());
  } else {
    out.line(fmt::format(
        "cluster {}  controller {}  topics {}  partitions {}{}{}", cluster->cluster_id,
        cluster->controller, topics->size(), partitions,
        leaderless > 0 ? fmt::format("  without leader {}", leaderless) : "",
        under_replicated > 0 ? fmt::format("  under-replicated {}", under_replicated) : ""));
    out.buffer() += table.text();
  }
  co_return 0;
}

}  // namespace

void add_cluster(CLI::App& app, Program& program) {
  auto* cluster =
      app.add_subcommand("cluster", "Look at the cluster, move replicas, elect leaders");
  cluster->require_subcommand(1);
  auto* command = add_command(*cluster, "info", "Show brokers, topics and what needs attention",
                              "cairn cluster info");
  add_json(*command, program);
  command->callback([&program] {
    program.chosen = [&program](Session& session) { return info(session, program.globals); };
  });
  add_cluster_health(*cluster, program);
  add_cluster_quorum(*cluster, program);
  add_cluster_reassign(*cluster, program);
  add_cluster_elect(*cluster, program);
}

}  // namespace cairn::cli
