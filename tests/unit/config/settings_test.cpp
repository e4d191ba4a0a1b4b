// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cairn/config/settings.hpp>

namespace cairn::config {
namespace settings_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> lines(const std::vector<Setting>& settings) {
  std::vector<std::string> out;
  for (const auto& each : settings) out.push_back(each.key + "=" + each.value + " @" + each.where);
  return out;
}

std::vector<std::string> yaml(std::string_view text, Problems& problems) {
  return lines(parse_yaml(text, "c.yaml", problems));
}

std::vector<std::string> properties(std::string_view text) {
  Problems problems;
  auto out = lines(parse_properties(text, "s.properties", problems));
  EXPECT_THAT(problems, IsEmpty());
  return out;
}

Problems added(std::vector<Setting> layer) {
  Problems problems;
  StaticConfig config;
  config.add(std::move(layer), problems);
  return problems;
}

Problems added(std::string key, std::string value) {
  return added({{.key = std::move(key),
                 .value = std::move(value),
                 .origin = Origin::file,
                 .where = "c.yaml:1"}});
}

}  // namespace settings_test

using namespace settings_test;

TEST(Yaml, reads_flat_keys_and_remembers_their_lines) {
  Problems problems;
  EXPECT_THAT(yaml("# a node\nnode.id: 1\n\nlog.dirs: \"/a\"\n", problems),
              ElementsAre("node.id=1 @c.yaml:2", "log.dirs=/a @c.yaml:4"));
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Yaml, joins_sequences_with_commas) {
  Problems problems;
  EXPECT_THAT(yaml("log.dirs: [/a, /b]\nprocess.roles:\n  - broker\n  - controller\n", problems),
              ElementsAre("log.dirs=/a,/b @c.yaml:1", "process.roles=broker,controller @c.yaml:2"));
}

TEST(Yaml, of_nothing_is_nothing) {
  Problems problems;
  EXPECT_THAT(yaml("", problems), IsEmpty());
  EXPECT_THAT(yaml("# only a comment\n", problems), IsEmpty());
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Yaml, says_how_a_nested_map_is_written) {
  Problems problems;
  yaml("node.id: 1\nlog:\n  dirs: /a\n", problems);
  EXPECT_THAT(problems,
              ElementsAre("c.yaml:2: log holds a map, but keys are flat as in Kafka: write "
                          "\"log.dirs: ...\" on a line of its own"));
}

TEST(Yaml, refuses_a_key_that_stands_twice) {
  Problems problems;
  yaml("node.id: 1\nnode.id: 2\n", problems);
  EXPECT_THAT(problems, ElementsAre("c.yaml:2: node.id is given twice; keep one of them"));
}

TEST(Yaml, that_is_none_is_one_line_with_its_place) {
  Problems problems;
  yaml("node.id: 1\nlog.dirs: [\n", problems);
  EXPECT_THAT(problems, ElementsAre(HasSubstr("this is not YAML")));
  problems.clear();
  yaml("just words", problems);
  EXPECT_THAT(problems, ElementsAre(HasSubstr("lines of \"key: value\"")));
}

TEST(Properties, end_a_key_at_equals_colon_or_blank) {
  EXPECT_THAT(properties("a=1\nb : 2\nc 3\nd\n"),
              ElementsAre("a=1 @s.properties:1", "b=2 @s.properties:2", "c=3 @s.properties:3",
                          "d= @s.properties:4"));
}

TEST(Properties, skip_comments_and_blank_lines) {
  EXPECT_THAT(properties("# x\n! y\n\n   \n  a=1\r\n"), ElementsAre("a=1 @s.properties:5"));
}

TEST(Properties, continue_lines_and_count_from_the_first) {
  EXPECT_THAT(
      properties("a=1,\\\n   2,\\\n   3\nb=x\\\\\nc=y"),
      ElementsAre("a=1,2,3 @s.properties:1", "b=x\\ @s.properties:4", "c=y @s.properties:5"));
}

TEST(Properties, undo_escapes) {
  EXPECT_THAT(properties("a\\=b=t\\tn\\u00e4\\ud83d\\ude00\\q"),
              ElementsAre("a=b=t\tn\xc3\xa4\xf0\x9f\x98\x80q @s.properties:1"));
}

TEST(Properties, refuse_a_broken_unicode_escape) {
  Problems problems;
  EXPECT_THAT(parse_properties("a=\\u12", "s.properties", problems), IsEmpty());
  EXPECT_THAT(problems, ElementsAre("s.properties:1: \\u needs four hexadecimal digits"));
}

TEST(Files, are_properties_by_their_name) {
  Problems problems;
  EXPECT_THAT(lines(parse_file("a=1", "server.properties", problems)),
              ElementsAre("a=1 @server.properties:1"));
  EXPECT_THAT(lines(parse_file("a: 1", "server.conf", problems)),
              ElementsAre("a=1 @server.conf:1"));
}

TEST(Environment, names_keys_as_the_container_image_does) {
  Problems problems;
  const std::vector<std::pair<std::string, std::string>> variables = {
      {"PATH", "/bin"},
      {"KAFKA_LOG_DIRS", "/a"},
      {"KAFKA_LISTENER_NAME_A__B_SCRAM___SHA_X", "1"},
      {"KAFKA_HEAP_OPTS", "-Xmx1G"},
      {"KAFKA_PORT_9092_TCP", "tcp://10.0.0.1:9092"}};
  EXPECT_THAT(lines(parse_environment(variables, problems)),
              ElementsAre("listener.name.a_b.scram-sha.x=1 @KAFKA_LISTENER_NAME_A__B_SCRAM___SHA_X",
                          "log.dirs=/a @KAFKA_LOG_DIRS"));
  EXPECT_THAT(problems, IsEmpty());
}

TEST(Overrides, are_key_and_value) {
  Problems problems;
  const std::vector<std::string> arguments = {"node.id=7", "broker.rack=a=b", "node.id", "=x"};
  EXPECT_THAT(lines(parse_overrides(arguments, problems)),
              ElementsAre("node.id=7 @--override", "broker.rack=a=b @--override"));
  EXPECT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0], HasSubstr("write --override key=value"));
}

TEST(StaticConfig, lets_the_stronger_origin_win_in_any_order) {
  Problems problems;
  StaticConfig config;
  const auto setting = [](std::string value, Origin origin) {
    return Setting{
        .key = "num.partitions", .value = std::move(value), .origin = origin, .where = ""};
  };
  config.add({setting("1", Origin::command_line)}, problems);
  config.add({setting("2", Origin::environment), setting("3", Origin::file)}, problems);
  EXPECT_EQ(config.find("num.partitions")->value, "1");
  StaticConfig file_only;
  file_only.add({setting("3", Origin::file), setting("4", Origin::file)}, problems);
  EXPECT_EQ(file_only.find("num.partitions")->value, "4");
  EXPECT_EQ(file_only.find("log.dirs"), nullptr);
}

TEST(StaticConfig, names_the_nearest_key_of_an_unknown_one) {
  EXPECT_THAT(
      added("log.dir.s", "/a"),
      ElementsAre("c.yaml:1: log.dir.s is not a configuration key; did you mean log.dirs?"));
}

TEST(StaticConfig, names_the_broker_key_of_a_topic_key) {
  EXPECT_THAT(
      added("retention.ms", "1"),
      ElementsAre("c.yaml:1: retention.ms is not a configuration key of a node but of topics; "
                  "the default for all topics is log.retention.ms"));
}

TEST(StaticConfig, collects_every_problem) {
  EXPECT_EQ(added({{.key = "nonsense.key.of.ours", .value = "1", .where = "a"},
                   {.key = "node.id", .value = "x", .where = "b"},
                   {.key = "num.partitions", .value = "0", .where = "c"}})
                .size(),
            3u);
}

TEST(StaticConfig, says_what_a_value_must_be) {
  EXPECT_THAT(added("num.partitions", "many"),
              ElementsAre("c.yaml:1: num.partitions = \"many\": Not a number of type INT; write a "
                          "whole number"));
  EXPECT_THAT(
      added("num.partitions", "0"),
      ElementsAre("c.yaml:1: num.partitions = \"0\": Value must be at least 1; write a whole "
                  "number"));
  EXPECT_THAT(
      added("delete.topic.enable", "yes"),
      ElementsAre("c.yaml:1: delete.topic.enable = \"yes\": Expected value to be either true "
                  "or false; write true or false"));
  EXPECT_THAT(added("compression.type", "rar"), ElementsAre(HasSubstr("String must be one of: ")));
}

TEST(StaticConfig, turns_units_into_the_number_to_write) {
  EXPECT_THAT(added("log.retention.ms", "7d"),
              ElementsAre(HasSubstr("units are not accepted, as in Kafka: write 604800000")));
  EXPECT_THAT(added("log.retention.hours", "7d"), ElementsAre(HasSubstr("write 168")));
  EXPECT_THAT(added("log.segment.bytes", "512 MB"), ElementsAre(HasSubstr("write 536870912")));
}

TEST(StaticConfig, keeps_secrets_out_of_problems) {
  EXPECT_THAT(added("ssl.keystore.pasword", "hunter2"), ElementsAre(Not(HasSubstr("hunter2"))));
}

}  // namespace cairn::config
