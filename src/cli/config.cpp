// SPDX-License-Identifier: Apache-2.0
// cairn config get|set
#include <algorithm>

#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using client::ResourceKind;
using runtime::Task;

struct ConfigArguments {
  std::string kind;
  std::string name;
  std::vector<std::string> keys;
  std::vector<std::string> removed;
  bool all = false;
  bool documented = false;
};

ResourceKind kind_of(const std::string& name) {
  if (name == "broker") return ResourceKind::broker;
  if (name == "group") return ResourceKind::group;
  return ResourceKind::topic;
}

/// "default" stands for all brokers.
std::string resource_name(const ConfigArguments& arguments) {
  return arguments.kind == "broker" && arguments.name == "default" ? "" : arguments.name;
}

/// Kafka's ConfigSource.
const char* source_name(std::int8_t source) {
  switch (source) {
    case 1:
      return "topic";
    case 2:
      return "broker (dynamic)";
    case 3:
      return "all brokers (dynamic)";
    case 4:
      return "broker (file)";
    case 5:
      return "default";
    case 6:
      return "broker logger";
    case 7:
      return "client metrics";
    case 8:
      return "group";
    default:
      return "unknown";
  }
}

bool is_shown(const ConfigArguments& arguments, const client::ConfigEntry& entry) {
  if (!arguments.keys.empty()) return true;
  return arguments.all || !entry.is_default();
}

Task<int> get(Session& session, Globals globals, ConfigArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto entries = co_await admin.describe_configs(kind_of(arguments.kind), resource_name(arguments),
                                                 arguments.keys);
  co_await admin.stop();
  const std::string what = arguments.kind + " " + arguments.name;
  if (!entries) co_return report(globals, "read the configuration of " + what, entries.error());
  for (const auto& key : arguments.keys) {
    if (std::ranges::find(*entries, key, &client::ConfigEntry::name) == entries->end()) {
      co_return report("read " + key, ErrorCode::invalid_config,
                       "a " + arguments.kind + " has no such key; `cairn config get " + what +
                           " --all` shows those it has");
    }
  }
  std::ranges::sort(*entries, {}, &client::ConfigEntry::name);
  Table table({"KEY", "VALUE", "SOURCE"});
  Json json;
  json.begin_array();
  std::string described;
  for (const auto& entry : *entries) {
    if (!is_shown(arguments, entry)) continue;
    const auto value = entry.sensitive ? "(hidden)" : entry.value.value_or("");
    table.add({entry.name, value, source_name(entry.source)});
    described += fmt::format("{} = {}  ({})\n    {}\n", entry.name, value,
                             source_name(entry.source), entry.documentation);
    json.begin_object().field("key", entry.name).key("value");
    entry.value ? json.value(*entry.value) : json.null();
    json.field("source", source_name(entry.source)).field("read_only", entry.read_only);
    json.field("sensitive", entry.sensitive).end_object();
  }
  json.end_array();
  Printer out;
  out.buffer() = globals.json           ? json.text() + '\n'
                 : arguments.documented ? described
                                        : table.text();
  co_return 0;
}

Task<int> set(Session& session, Globals globals, ConfigArguments arguments) {
  client::Configs changes;
  for (const auto& text : arguments.keys) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      co_return refuse(fmt::format("expected key=value, found '{}'", text));
    }
    changes[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& key : arguments.removed) changes[key] = std::nullopt;
  if (changes.empty()) co_return refuse("nothing to set: give key=value or --unset KEY");
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto answer = co_await admin.alter_configs(kind_of(arguments.kind), resource_name(arguments),
                                             std::move(changes));
  co_await admin.stop();
  const std::string doing = "configure " + arguments.kind + " " + arguments.name;
  if (!answer) co_return report(globals, doing, answer.error());
  if (answer->error != ErrorCode::none) co_return report(doing, answer->error, answer->message);
  fmt::print("configured {} {}\n", arguments.kind, arguments.name);
  co_return 0;
}

using ConfigAction = Task<int> (*)(Session&, Globals, ConfigArguments);

CLI::App* declare(CLI::App* command, Program& program, std::shared_ptr<ConfigArguments> arguments,
                  ConfigAction action) {
  command->add_option("KIND", arguments->kind, "topic, broker or group")
      ->required()
      ->check(CLI::IsMember({"topic", "broker", "group"}));
  command
      ->add_option("NAME", arguments->name,
                   "A topic, a broker's id (or `default`, which is all of them) or a group")
      ->required();
  command->callback([&program, arguments, action] {
    program.chosen = [&program, arguments, action](Session& session) {
      return action(session, program.globals, *arguments);
    };
  });
  return command;
}

}  // namespace

void add_config(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<ConfigArguments>();
  auto* config = app.add_subcommand("config", "Read and change settings of topics and brokers");
  config->require_subcommand(1);

  auto* command = declare(add_command(*config, "get", "Show settings that differ from the default",
                                      "cairn config get topic orders retention.ms"),
                          program, arguments, get);
  command->add_option("KEY", arguments->keys, "Only these");
  command->add_flag("--all", arguments->all, "Defaults too");
  command->add_flag("--explain", arguments->documented, "With what each key means");
  add_json(*command, program);

  command = declare(add_command(*config, "set", "Change settings",
                                "cairn config set topic orders retention.ms=86400000"),
                    program, arguments, set);
  command->add_option("KEY=VALUE", arguments->keys, "Settings");
  command->add_option("--unset", arguments->removed, "Keys that go back to their default");
}

}  // namespace cairn::cli
