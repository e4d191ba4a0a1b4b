// SPDX-License-Identifier: Apache-2.0
// cairn group list|describe|reset|delete
#include <fmt/format.h>

#include <cairn/client/admin.hpp>

#include "format.hpp"
#include "output.hpp"
#include "program.hpp"

namespace cairn::cli {

namespace {

using client::Admin;
using runtime::Task;

struct GroupArguments {
  std::vector<std::string> groups;
  std::vector<std::string> topics;
  std::string to;
  std::optional<std::int64_t> by;
  bool dry_run = false;
};

/// A partition of a group: where it stands, and who reads it.
struct Row {
  std::optional<Offset> committed;
  std::optional<Offset> end;
  const client::GroupMember* member = nullptr;
  std::optional<std::int64_t> lag() const {
    return committed && end ? std::optional(*end - *committed) : std::nullopt;
  }
};
using Rows = std::map<TopicPartition, Row>;

Task<int> list(Session& session, Globals globals, GroupArguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto groups = co_await admin.list_groups();
  co_await admin.stop();
  if (!groups) co_return report(globals, "list groups", groups.error());
  Table table({"GROUP", "STATE", "TYPE", "PROTOCOL", ">COORDINATOR"});
  Json json;
  json.begin_array();
  for (const auto& group : *groups) {
    table.add({group.id, group.state, group.type, group.protocol_type,
               fmt::to_string(group.coordinator.value())});
    json.begin_object().field("group", group.id).field("state", group.state);
    json.field("type", group.type).field("protocol_type", group.protocol_type);
    json.field("coordinator", group.coordinator.value()).end_object();
  }
  json.end_array();
  Printer out;
  out.buffer() = globals.json ? json.text() + '\n' : table.text();
  co_return 0;
}

Task<Result<Rows>> read_rows(Admin& admin, const client::GroupDescription& group) {
  CO_TRY(const auto committed, co_await admin.group_offsets(group.id));
  Rows rows;
  std::map<TopicPartition, std::int64_t> ends_wanted;
  constexpr std::int64_t latest = -1;
  for (const auto& [partition, offset] : committed) rows[partition].committed = offset.offset;
  for (const auto& member : group.members) {
    for (const auto& partition : member.partitions) rows[partition].member = &member;
  }
  for (const auto& [partition, row] : rows) ends_wanted[partition] = latest;
  if (rows.empty()) co_return rows;
  CO_TRY(const auto ends, co_await admin.list_offsets(std::move(ends_wanted)));
  for (const auto& [partition, end] : ends) {
    if (end) rows[partition].end = end->offset;
  }
  co_return rows;
}

std::string text_of(const std::optional<Offset>& offset) {
  return offset ? fmt::to_string(offset->value()) : "-";
}

std::string describe_as_text(const client::GroupDescription& group, const Rows& rows) {
  std::int64_t total = 0;
  Table table({"TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG", "MEMBER", "HOST"});
  for (const auto& [partition, row] : rows) {
    total += row.lag().value_or(0);
    table.add({partition.topic, fmt::to_string(partition.partition.value()), text_of(row.committed),
               text_of(row.end), row.lag() ? fmt::to_string(*row.lag()) : "-",
               row.member ? row.member->instance_id.value_or(row.member->member_id) : "-",
               row.member ? row.member->host : "-"});
  }
  std::string out =
      fmt::format("group {}  state {}  members {}  lag {}  coordinator {}{}{}\n", group.id,
                  group.state, group.members.size(), total, group.coordinator,
                  group.assignor.empty() ? "" : "  assignor ", group.assignor);
  if (!table.empty()) out += table.text();
  for (const auto& member : group.members) {
    if (member.partitions.empty()) {
      out += fmt::format("idle member {}  host {}\n", member.member_id, member.host);
    }
  }
  return out;
}

void describe_as_json(Json& json, const client::GroupDescription& group, const Rows& rows) {
  const auto number = [&](const char* name, const std::optional<std::int64_t>& value) {
    json.key(name);
    value ? json.value(*value) : json.null();
  };
  const auto offset = [](const std::optional<Offset>& value) {
    return value ? std::optional(value->value()) : std::nullopt;
  };
  json.begin_object().field("group", group.id).field("state", group.state);
  json.field("protocol_type", group.protocol_type).field("assignor", group.assignor);
  json.field("coordinator", group.coordinator.value()).key("members").begin_array();
  for (const auto& member : group.members) {
    json.begin_object().field("member_id", member.member_id).key("instance_id");
    member.instance_id ? json.value(*member.instance_id) : json.null();
    json.field("client_id", member.client_id).field("host", member.host).end_object();
  }
  json.end_array().key("partitions").begin_array();
  for (const auto& [partition, row] : rows) {
    json.begin_object().field("topic", partition.topic);
    json.field("partition", partition.partition.value());
    number("committed", offset(row.committed));
    number("end", offset(row.end));
    number("lag", row.lag());
    json.key("member");
    row.member ? json.value(row.member->member_id) : json.null();
    json.end_object();
  }
  json.end_array().end_object();
}

Task<int> describe(Session& session, Globals globals, GroupArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  int code = 0;
  Printer out;
  Json json;
  json.begin_array();
  auto groups = co_await admin.describe_groups(arguments.groups);
  if (!groups) code = report(globals, "describe groups", groups.error());
  for (std::size_t i = 0; groups && i < groups->size(); i++) {
    const auto& group = (*groups)[i];
    if (group.error != ErrorCode::none) {
      code = report("describe group " + group.id, group.error, group.message);
      continue;
    }
    auto rows = co_await read_rows(admin, group);
    if (!rows) {
      code = report(globals, "read the offsets of group " + group.id, rows.error());
    } else if (globals.json) {
      describe_as_json(json, group, *rows);
    } else {
      out.buffer() += describe_as_text(group, *rows);
    }
  }
  co_await admin.stop();
  json.end_array();
  if (globals.json) out.buffer() = json.text() + '\n';
  co_return code;
}

Task<int> remove(Session& session, Globals globals, GroupArguments arguments) {
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  auto answers = co_await admin.delete_groups(arguments.groups);
  co_await admin.stop();
  if (!answers) co_return report(globals, "delete groups", answers.error());
  int code = 0;
  for (const auto& answer : *answers) {
    if (answer.error == ErrorCode::none) {
      fmt::print("deleted group {}\n", answer.name);
    } else {
      code = report("delete group " + answer.name, answer.error, answer.message);
    }
  }
  co_return code;
}

/// The partitions that "topic" or "topic:partition" each name; without any, those committed.
Task<Result<client::Partitions>> partitions_to_reset(Admin& admin, std::string group,
                                                     std::vector<std::string> topics) {
  client::Partitions out;
  if (topics.empty()) {
    CO_TRY(const auto committed, co_await admin.group_offsets(group));
    for (const auto& [partition, offset] : committed) out.push_back(partition);
    if (out.empty()) {
      co_return fail(ErrorCode::resource_not_found, "nothing is committed: name topics by --topic");
    }
    co_return out;
  }
  for (const auto& text : topics) {
    const auto colon = text.rfind(':');
    std::int32_t index = 0;
    if (colon != std::string::npos && CLI::detail::lexical_cast(text.substr(colon + 1), index)) {
      out.push_back({text.substr(0, colon), PartitionIndex(index)});
      continue;
    }
    CO_TRY(const auto described, co_await admin.describe_topics({text}));
    if (described.front().error != ErrorCode::none) {
      co_return fail(described.front().error, "one of the topics to reset does not exist");
    }
    for (const auto& partition : described.front().partitions) {
      out.push_back({text, partition.index});
    }
  }
  co_return out;
}

Task<Result<std::map<TopicPartition, Offset>>> offsets_at(Admin& admin,
                                                          client::Partitions partitions,
                                                          std::int64_t timestamp) {
  std::map<TopicPartition, std::int64_t> wanted;
  for (const auto& partition : partitions) wanted[partition] = timestamp;
  CO_TRY(const auto found, co_await admin.list_offsets(std::move(wanted)));
  std::map<TopicPartition, Offset> out;
  for (const auto& [partition, place] : found) {
    if (!place) co_return std::unexpected(place.error());
    out[partition] = place->offset;
  }
  co_return out;
}

Task<Result<client::CommittedOffsets>> targets(Admin& admin, client::Partitions partitions,
                                               client::CommittedOffsets committed,
                                               GroupArguments arguments, StartPoint to) {
  constexpr std::int64_t latest = -1;
  constexpr std::int64_t earliest = -2;
  using Kind = StartPoint::Kind;
  CO_TRY(const auto begins, co_await offsets_at(admin, partitions, earliest));
  CO_TRY(const auto ends, co_await offsets_at(admin, partitions, latest));
  std::map<TopicPartition, Offset> at_time;
  if (!arguments.by && to.kind == Kind::time) {
    CO_TRY(at_time, co_await offsets_at(admin, partitions, to.number));
  }
  client::CommittedOffsets out;
  for (const auto& partition : partitions) {
    const Offset begin = begins.at(partition);
    const Offset end = ends.at(partition);
    Offset target = begin;
    if (arguments.by) {
      const auto from = committed.find(partition);
      target = (from == committed.end() ? begin : from->second.offset) + *arguments.by;
    } else if (to.kind == Kind::end) {
      target = end;
    } else if (to.kind == Kind::offset) {
      target = Offset(to.number);
    } else if (to.kind == Kind::before_end) {
      target = end - to.number;
    } else if (to.kind == Kind::time) {
      target = at_time.at(partition) == no_offset ? end : at_time.at(partition);
    }
    out[partition].offset = std::clamp(target, begin, end);
  }
  co_return out;
}

void print_plan(const Globals& globals, const client::CommittedOffsets& before,
                const client::CommittedOffsets& after) {
  Table table({"TOPIC", ">PARTITION", ">FROM", ">TO"});
  Json json;
  json.begin_array();
  for (const auto& [partition, target] : after) {
    const auto old = before.find(partition);
    const auto from = old == before.end() ? std::nullopt : std::optional(old->second.offset);
    table.add({partition.topic, fmt::to_string(partition.partition.value()), text_of(from),
               fmt::to_string(target.offset.value())});
    json.begin_object().field("topic", partition.topic);
    json.field("partition", partition.partition.value()).key("from");
    from ? json.value(from->value()) : json.null();
    json.field("to", target.offset.value()).end_object();
  }
  json.end_array();
  Printer out;
  out.buffer() = globals.json ? json.text() + '\n' : table.text();
}

Task<Result<>> reset_one(Admin& admin, Globals globals, GroupArguments arguments, StartPoint to,
                         std::string group) {
  CO_TRY(auto partitions, co_await partitions_to_reset(admin, group, arguments.topics));
  CO_TRY(const auto before, co_await admin.group_offsets(group));
  CO_TRY(const auto after, co_await targets(admin, partitions, before, arguments, to));
  if (!arguments.dry_run) {
    CO_TRY(const auto outcome, co_await admin.alter_group_offsets(group, after));
    for (const auto& [partition, code] : outcome) {
      if (code == ErrorCode::unknown_member_id) {
        co_return fail(ErrorCode::non_empty_group, "the group has members: stop them first");
      }
      if (code != ErrorCode::none) co_return fail(code, "the coordinator refused the offset");
    }
  }
  print_plan(globals, before, after);
  co_return Result<>{};
}

Task<int> reset(Session& session, Globals globals, GroupArguments arguments) {
  if (arguments.to.empty() == !arguments.by) {
    co_return refuse("give one of --to and --by");
  }
  auto to = StartPoint::parse(arguments.by ? "beginning" : arguments.to);
  if (!to) co_return refuse("--to: " + std::string(to.error().why));
  auto options = globals.client_options();
  if (!options) co_return refuse(options.error().why);
  Admin admin(session.shard, session.network, *options);
  int code = 0;
  for (const auto& group : arguments.groups) {
    const auto done = co_await reset_one(admin, globals, arguments, *to, group);
    if (!done) code = report(globals, "reset group " + group, done.error());
  }
  co_await admin.stop();
  co_return code;
}

using GroupAction = Task<int> (*)(Session&, Globals, GroupArguments);

void choose(CLI::App* command, Program& program, std::shared_ptr<GroupArguments> arguments,
            GroupAction action) {
  command->callback([&program, arguments, action] {
    program.chosen = [&program, arguments, action](Session& session) {
      return action(session, program.globals, *arguments);
    };
  });
}

}  // namespace

void add_group(CLI::App& app, Program& program) {
  auto arguments = std::make_shared<GroupArguments>();
  auto* group = app.add_subcommand("group", "List, describe, reset and delete consumer groups");
  group->require_subcommand(1);
  const auto names = [&](CLI::App* command) {
    command->add_option("GROUP", arguments->groups, "Group ids")->required();
  };

  auto* command = add_command(*group, "list", "List groups", "cairn group list");
  add_json(*command, program);
  choose(command, program, arguments, list);

  command = add_command(*group, "describe", "Show members, offsets and lag",
                        "cairn group describe billing");
  names(command);
  add_json(*command, program);
  choose(command, program, arguments, describe);

  command = add_command(*group, "reset", "Set the offsets of a group that has no members",
                        "cairn group reset billing --topic orders --to @2026-01-31T12:00:00Z");
  names(command);
  command->add_option("--topic", arguments->topics,
                      "topic or topic:partition; default: all that is committed");
  command->add_option("--to", arguments->to, "beginning, end, an offset, -N or @TIME");
  command->add_option("--by", arguments->by, "Shift by so many records, back if negative");
  command->add_flag("--dry-run", arguments->dry_run, "Only show what it would do");
  add_json(*command, program);
  choose(command, program, arguments, reset);

  command = add_command(*group, "delete", "Delete groups that have no members",
                        "cairn group delete billing");
  names(command);
  choose(command, program, arguments, remove);
}

}  // namespace cairn::cli
