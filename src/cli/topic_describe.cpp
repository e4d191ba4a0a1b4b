// SPDX-License-Identifier: Apache-2.0
// cairn topic describe
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "output.hpp"
#include "sighting.hpp"
#include "topic_commands.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using client::PartitionMetadata;
using client::TopicMetadata;
using runtime::Task;

struct DescribeArguments {
  std::vector<std::string> names;
  bool under_replicated = false;
  bool under_min_isr = false;
  bool unavailable = false;
  bool filters() const { return under_replicated || under_min_isr || unavailable; }
};

std::string ids(const std::vector<BrokerId>& brokers) {
  return fmt::format("{}", fmt::join(brokers, ","));
}

void describe_as_json(Json& json, const TopicMetadata& topic,
                      const std::vector<client::ConfigEntry>& configs) {
  const auto array = [&](const char* name, const std::vector<BrokerId>& brokers) {
    json.key(name).begin_array();
    for (const auto broker : brokers) json.value(broker.value());
    json.end_array();
  };
  json.begin_object().field("topic", topic.name).field("id", topic.id.text());
  json.field("internal", topic.internal).key("configs").begin_object();
  for (const auto& entry : configs) json.field(entry.name, entry.value.value_or(""));
  json.end_object().key("partitions").begin_array();
  for (const auto& partition : topic.partitions) {
    json.begin_object().field("partition", partition.index.value());
    json.field("leader", partition.leader.value());
    json.field("leader_epoch", partition.leader_epoch.value());
    array("replicas", partition.replicas);
    array("isr", partition.isr);
    array("offline", partition.offline);
    json.end_object();
  }
  json.end_array().end_object();
}

std::string leader_as_text(const PartitionMetadata& partition) {
  return partition.leader == no_broker ? "none" : fmt::to_string(partition.leader.value());
}

std::string describe_as_text(const TopicMetadata& topic,
                             const std::vector<client::ConfigEntry>& configs) {
  std::string set;
  for (const auto& entry : configs) {
    set += fmt::format("{}{}={}", set.empty() ? "" : " ", entry.name, entry.value.value_or("?"));
  }
  const auto replicas = topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
  std::string out =
      fmt::format("topic {}  id {}  partitions {}  replicas {}{}{}\n", topic.name, topic.id,
                  topic.partitions.size(), replicas, set.empty() ? "" : "  set: ", set);
  Table table({">PARTITION", ">LEADER", "REPLICAS", "IN SYNC", "OFFLINE"});
  for (const auto& partition : topic.partitions) {
    table.add({fmt::to_string(partition.index.value()), leader_as_text(partition),
               ids(partition.replicas), ids(partition.isr), ids(partition.offline)});
  }
  return out + table.text();
}

/// The topics with what a person asked for; what cannot be described is said and left out.
Task<std::expected<std::vector<TopicMetadata>, int>> topics_to_describe(
    const Globals& globals, Admin& admin, std::vector<std::string> names, int& code) {
  Result<std::vector<TopicMetadata>> topics;
  if (names.empty()) {
    topics = co_await admin.list_topics();
  } else {
    topics = co_await admin.describe_topics(std::move(names));
  }
  if (!topics) co_return std::unexpected(report(globals, "describe topics", topics.error()));
  std::erase_if(*topics, [&](const TopicMetadata& topic) {
    if (topic.error == ErrorCode::none) return false;
    code = report("describe topic " + topic.name, topic.error,
                  "see `cairn topic list` for those there are");
    return true;
  });
  co_return *std::move(topics);
}

Task<int> describe_whole(const Globals& globals, Admin& admin, const DescribeArguments& arguments) {
  int code = 0;
  const auto topics = co_await topics_to_describe(globals, admin, arguments.names, code);
  if (!topics) co_return topics.error();
  Printer out;
  Json json;
  json.begin_array();
  for (const auto& topic : *topics) {
    auto configs = co_await admin.describe_configs(client::ResourceKind::topic, topic.name);
    std::vector<client::ConfigEntry> own;
    constexpr std::int8_t set_on_topic = 1;
    if (configs) {
      for (auto& entry : *configs) {
        if (entry.source == set_on_topic) own.push_back(std::move(entry));
      }
    }
    if (globals.json) {
      describe_as_json(json, topic, own);
    } else {
      out.buffer() += describe_as_text(topic, own);
    }
  }
  json.end_array();
  if (globals.json) out.buffer() = json.text() + '\n';
  co_return code;
}

/// Of each topic the partitions that one of the filters wants.
std::vector<TopicMetadata> filtered(std::vector<TopicMetadata> topics,
                                    const DescribeArguments& arguments,
                                    const std::map<TopicPartition, client::Reassignment>& moves,
                                    const std::map<std::string, std::int32_t>& min_isr) {
  for (auto& topic : topics) {
    const auto wanted_isr = min_isr.find(topic.name);
    std::erase_if(topic.partitions, [&](const PartitionMetadata& partition) {
      const auto move = moves.find({topic.name, partition.index});
      const auto* moved = move == moves.end() ? nullptr : &move->second;
      const bool wanted =
          (arguments.under_replicated && !missing_replicas(partition, moved).empty()) ||
          (arguments.unavailable && partition.leader == no_broker) ||
          (arguments.under_min_isr && wanted_isr != min_isr.end() &&
           under_min_isr(partition, wanted_isr->second));
      return !wanted;
    });
  }
  std::erase_if(topics, [](const TopicMetadata& topic) { return topic.partitions.empty(); });
  return topics;
}

void print_partitions(const Globals& globals, const std::vector<TopicMetadata>& topics) {
  Printer out;
  Json json;
  json.begin_array();
  Table table({"TOPIC", ">PARTITION", ">LEADER", "REPLICAS", "IN SYNC", "NOT IN SYNC"});
  for (const auto& topic : topics) {
    if (globals.json) describe_as_json(json, topic, {});
    for (const auto& partition : topic.partitions) {
      table.add({topic.name, fmt::to_string(partition.index.value()), leader_as_text(partition),
                 ids(partition.replicas), ids(partition.isr),
                 ids(missing_replicas(partition, nullptr))});
    }
  }
  json.end_array();
  if (globals.json) {
    out.line(json.text());
  } else {
    out.buffer() = table.empty() ? "no such partition\n" : table.text();
  }
}

Task<int> describe_some(const Globals& globals, Admin& admin, const DescribeArguments& arguments) {
  int code = 0;
  auto topics = co_await topics_to_describe(globals, admin, arguments.names, code);
  if (!topics) co_return topics.error();
  Result<std::map<TopicPartition, client::Reassignment>> moves;
  if (arguments.under_replicated) moves = co_await moves_under_way(admin);
  if (!moves) co_return report(globals, "list the moves under way", moves.error());
  Result<std::map<std::string, std::int32_t>> min_isr;
  if (arguments.under_min_isr) {
    std::vector<std::string> names;
    for (const auto& topic : *topics) names.push_back(topic.name);
    min_isr = co_await min_isr_of(admin, std::move(names));
  }
  if (!min_isr) co_return report(globals, "read min.insync.replicas", min_isr.error());
  print_partitions(globals, filtered(*std::move(topics), arguments, *moves, *min_isr));
  co_return code;
}

Task<int> describe(Session& session, Globals globals, DescribeArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  int code = 0;
  if (arguments.filters()) {
    code = co_await describe_some(globals, admin, arguments);
  } else {
    code = co_await describe_whole(globals, admin, arguments);
  }
  co_await admin.stop();
  co_return code;
}

}  // namespace

void add_topic_describe(CLI::App& topic, Program& program) {
  auto arguments = std::make_shared<DescribeArguments>();
  auto* command = add_command(topic, "describe", "Show partitions, leaders, replicas and settings",
                              "cairn topic describe orders\n"
                              "  cairn topic describe --under-replicated");
  command->add_option("TOPIC", arguments->names, "Names; with one of the filters default: all");
  command->add_flag("--under-replicated", arguments->under_replicated,
                    "Only partitions with replicas that are not in sync");
  command->add_flag("--under-min-isr", arguments->under_min_isr,
                    "Only partitions that refuse acks=all");
  command->add_flag("--unavailable", arguments->unavailable, "Only partitions without a leader");
  add_json(*command, program);
  command->callback([&program, arguments] {
    if (arguments->names.empty() && !arguments->filters()) throw CLI::RequiredError("TOPIC");
    program.chosen = [&program, arguments](Session& session) {
      return describe(session, program.globals, *arguments);
    };
  });
}

}  // namespace cairn::cli
