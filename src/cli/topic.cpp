// SPDX-License-Identifier: Apache-2.0
// cairn topic create|list|alter|delete; describe is in topic_describe.cpp.
#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "output.hpp"
#include "topic_commands.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using runtime::Task;

struct TopicArguments {
  std::vector<std::string> names;
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
  std::vector<std::string> configs;
  std::vector<std::string> removed_configs;
  std::vector<std::string> assignments;
  bool internal = false;
  bool if_absent = false;
  bool if_present = false;
  bool validate_only = false;
};

/// "key=value" each. False, and said, if one has no '='.
bool read_configs(const std::vector<std::string>& texts, client::Configs& into) {
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      refuse(fmt::format("expected key=value, found '{}'", text));
      return false;
    }
    into[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return true;
}

/// "1,2,3" for each partition in turn.
bool read_assignments(const std::vector<std::string>& texts, client::NewTopic& topic) {
  for (const auto& text : texts) {
    std::vector<BrokerId> replicas;
    for (const auto& id : CLI::detail::split(text, ',')) {
      std::int32_t number = 0;
      if (!CLI::detail::lexical_cast(id, number)) {
        refuse(fmt::format("expected broker ids as 1,2,3, found '{}'", text));
        return false;
      }
      replicas.emplace_back(number);
    }
    topic.assignment[static_cast<std::int32_t>(topic.assignment.size())] = std::move(replicas);
  }
  return true;
}

/// Says what became of each; 1 if one failed that must not.
int conclude(const std::vector<client::Answered>& answers, const std::string& verb,
             ErrorCode tolerated) {
  int code = 0;
  for (const auto& answer : answers) {
    if (answer.error == ErrorCode::none) {
      fmt::print("{}d topic {}\n", verb, answer.name);
    } else if (answer.error != tolerated) {
      code = report(fmt::format("{} topic {}", verb, answer.name), answer.error, answer.message);
    }
  }
  return code;
}

Task<int> create(Session& session, Globals globals, TopicArguments arguments) {
  std::vector<client::NewTopic> topics;
  for (const auto& name : arguments.names) {
    client::NewTopic topic;
    topic.name = name;
    topic.partitions = arguments.partitions;
    topic.replication_factor = arguments.replication_factor;
    if (!read_configs(arguments.configs, topic.configs)) co_return 2;
    if (!read_assignments(arguments.assignments, topic)) co_return 2;
    topics.push_back(std::move(topic));
  }
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  const auto effect = arguments.validate_only ? Admin::Effect::validate_only : Admin::Effect::real;
  auto answers = co_await admin.create_topics(std::move(topics), effect);
  co_await admin.stop();
  if (!answers) co_return report(globals, "create the topic", answers.error());
  co_return conclude(*answers, "create",
                     arguments.if_absent ? ErrorCode::topic_already_exists : ErrorCode::none);
}

Task<int> remove(Session& session, Globals globals, TopicArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto answers = co_await admin.delete_topics(arguments.names);
  co_await admin.stop();
  if (!answers) co_return report(globals, "delete the topic", answers.error());
  co_return conclude(
      *answers, "delete",
      arguments.if_present ? ErrorCode::unknown_topic_or_partition : ErrorCode::none);
}

std::size_t replication_of(const client::TopicMetadata& topic) {
  return topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
}

Task<int> list(Session& session, Globals globals, TopicArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto topics = co_await admin.list_topics();
  co_await admin.stop();
  if (!topics) co_return report(globals, "list topics", topics.error());
  Printer out;
  Json json;
  Table table({"TOPIC", ">PARTITIONS", ">REPLICAS"});
  json.begin_array();
  for (const auto& topic : *topics) {
    if (topic.internal && !arguments.internal) continue;
    json.begin_object().field("topic", topic.name);
    json.field("partitions", static_cast<std::int64_t>(topic.partitions.size()));
    json.field("replicas", static_cast<std::int64_t>(replication_of(topic)));
    json.field("internal", topic.internal).field("id", topic.id.text()).end_object();
    table.add({topic.name, fmt::to_string(topic.partitions.size()),
               fmt::to_string(replication_of(topic))});
  }
  json.end_array();
  out.buffer() = globals.json ? json.text() + '\n' : table.text();
  co_return 0;
}

Task<int> alter(Session& session, Globals globals, TopicArguments arguments) {
  client::Configs changes;
  if (!read_configs(arguments.configs, changes)) co_return 2;
  for (const auto& key : arguments.removed_configs) changes[key] = std::nullopt;
  if (changes.empty() && arguments.partitions < 0) {
    co_return refuse("nothing to alter: give --partitions, --config or --unset");
  }
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  int code = 0;
  for (const auto& name : arguments.names) {
    if (arguments.partitions >= 0) {
      auto answer = co_await admin.create_partitions(name, arguments.partitions);
      if (!answer) {
        code = report(globals, "add partitions to " + name, answer.error());
      } else if (answer->error != ErrorCode::none) {
        code = report("add partitions to " + name, answer->error, answer->message);
      }
    }
    if (!changes.empty()) {
      auto answer = co_await admin.alter_configs(client::ResourceKind::topic, name, changes);
      if (!answer) {
        code = report(globals, "configure " + name, answer.error());
      } else if (answer->error != ErrorCode::none) {
        code = report("configure " + name, answer->error, answer->message);
      }
    }
    if (code == 0) fmt::print("altered topic {}\n", name);
  }
  co_await admin.stop();
  co_return code;
}

using TopicAction = Task<int> (*)(Session&, Globals, TopicArguments);

void choose(CLI::App* command, Program& program, std::shared_ptr<TopicArguments> arguments,
            TopicAction action) {
  command->callback([&program, arguments, action] {
    program.chosen = [&program, arguments, action](Session& session) {
      return action(session, program.globals, *arguments);
    };
  });
}

}  // namespace

void add_topic(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<TopicArguments>();
  auto* topic = app.add_subcommand("topic", "Create, list, describe, alter and delete topics");
  topic->require_subcommand(1);
  const auto names = [&](CLI::App* command) {
    command->add_option("TOPIC", arguments->names, "Names")->required();
  };
  const auto configs = [&](CLI::App* command) {
    command->add_option("-c,--config", arguments->configs, "key=value; may be given again");
  };

  auto* command = add_command(*topic, "create", "Create topics",
                              "cairn topic create orders --partitions 6 -c retention.ms=3600000");
  names(command);
  command->add_option("-p,--partitions", arguments->partitions, "Default: the broker's");
  command->add_option("-r,--replicas", arguments->replication_factor, "Default: the broker's");
  command->add_option("--assign", arguments->assignments,
                      "Broker ids of each partition in turn, as 1,2,3; may be given again");
  configs(command);
  command->add_flag("--if-not-exists", arguments->if_absent, "Be content if one exists");
  command->add_flag("--validate-only", arguments->validate_only, "Ask whether it would be done");
  choose(command, program, arguments, create);

  command = add_command(*topic, "list", "List topics", "cairn topic list --json");
  command->add_flag("--internal", arguments->internal, "Also those of the cluster itself");
  add_json(*command, program);
  choose(command, program, arguments, list);

  add_topic_describe(*topic, program);

  command = add_command(*topic, "alter", "Add partitions, change settings",
                        "cairn topic alter orders --partitions 12 -c retention.bytes=1000000");
  names(command);
  command->add_option("-p,--partitions", arguments->partitions, "The new total");
  configs(command);
  command->add_option("--unset", arguments->removed_configs, "Keys that go back to their default");
  choose(command, program, arguments, alter);

  command =
      add_command(*topic, "delete", "Delete topics and their records", "cairn topic delete orders");
  names(command);
  command->add_flag("--if-exists", arguments->if_present, "Be content if one does not exist");
  choose(command, program, arguments, remove);
}

}  // namespace cairn::cli
