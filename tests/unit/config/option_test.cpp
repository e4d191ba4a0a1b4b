// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include <cairn/config/option.hpp>

#include "kafka_keys.inc"

namespace cairn::config {
namespace option_test {

constexpr Scope all_scopes[] = {Scope::broker, Scope::topic, Scope::group, Scope::client_metrics,
                                Scope::quota};

std::string_view facts_of(Scope scope) {
  switch (scope) {
    case Scope::broker:
      return facts::broker;
    case Scope::topic:
      return facts::topic;
    case Scope::group:
      return facts::group;
    case Scope::client_metrics:
      return facts::client_metrics;
    case Scope::quota:
      return facts::quota;
  }
  return {};
}

bool is_our_own_default(std::string_view key) {
  return key == "flush.messages" || key == "log.flush.interval.messages";
}

}  // namespace option_test

TEST(Options, hold_every_key_of_kafka_with_its_type_and_default) {
  for (const auto scope : option_test::all_scopes) {
    std::istringstream lines{std::string(option_test::facts_of(scope))};
    std::size_t keys = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.empty()) continue;
      ++keys;
      const auto type_at = line.find('|');
      const auto default_at = line.find('|', type_at + 1);
      const auto name = line.substr(0, type_at);
      const auto* option = find(scope, name);
      ASSERT_NE(option, nullptr) << name;
      EXPECT_EQ(to_string(option->type), line.substr(type_at + 1, default_at - type_at - 1))
          << name;
      if (option_test::is_our_own_default(name)) continue;
      const std::string value = option->default_value != nullptr ? option->default_value : "~";
      EXPECT_EQ(value, line.substr(default_at + 1)) << name;
    }
    EXPECT_GT(keys, 0u);
  }
}

TEST(Options, add_only_documented_keys_of_our_own) {
  std::vector<std::string> own;
  for (const auto& option : options(Scope::broker)) {
    const auto line = "\n" + std::string(option.name) + "|";
    if (facts::broker.find(line) == facts::broker.npos) own.emplace_back(option.name);
  }
  EXPECT_EQ(own, (std::vector<std::string>{"allow.everyone.if.no.acl.found", "cairn.cluster.id",
                                           "cairn.http.listener", "super.users"}));
}

TEST(Options, pass_their_own_defaults) {
  for (const auto scope : option_test::all_scopes) {
    for (const auto& option : options(scope)) {
      if (option.default_value == nullptr) continue;
      const auto checked = check_value(option, option.default_value);
      EXPECT_TRUE(checked) << checked.error().message;
      EXPECT_EQ(canonical(option, option.default_value), option.default_value) << option.name;
    }
  }
}

TEST(Options, are_sorted_and_documented) {
  for (const auto scope : option_test::all_scopes) {
    EXPECT_TRUE(std::ranges::is_sorted(options(scope), {}, &Option::name));
    for (const auto& option : options(scope)) {
      EXPECT_TRUE(option.doc.ends_with('.')) << option.name;
    }
  }
}

TEST(Options, flush_before_the_ack_by_default) {
  EXPECT_STREQ(find(Scope::topic, "flush.messages")->default_value, "1");
  EXPECT_STREQ(find(Scope::broker, "log.flush.interval.messages")->default_value, "1");
}

TEST(Options, are_found_behind_a_listener_prefix) {
  EXPECT_EQ(find(Scope::broker, "listener.name.internal.max.connections"),
            find(Scope::broker, "max.connections"));
  EXPECT_EQ(find(Scope::broker, "listener.name.internal.scram-sha-256.sasl.jaas.config"),
            find(Scope::broker, "sasl.jaas.config"));
  EXPECT_EQ(find(Scope::broker, "listener.name.internal.nothing"), nullptr);
  EXPECT_EQ(find(Scope::broker, "listener.name.max.connections"), nullptr);
  EXPECT_EQ(find(Scope::topic, "listener.name.internal.max.connections"), nullptr);
}

TEST(Options, suggest_the_nearest_spelling) {
  EXPECT_EQ(nearest(Scope::broker, "log.retension.ms"), "log.retention.ms");
  EXPECT_EQ(nearest(Scope::broker, "logdirs"), "log.dirs");
  EXPECT_EQ(nearest(Scope::topic, "retention.msec"), "retention.ms");
  EXPECT_EQ(nearest(Scope::broker, "zzzzzzzzzzzzzzzzzzzzz"), "");
  EXPECT_EQ(nearest(Scope::broker, std::string(100'000, 'x')), "");
}

TEST(Options, print_values_as_java_does) {
  const auto canonical_of = [](std::string_view key, std::string_view value) {
    return canonical(*find(Scope::topic, key), value);
  };
  EXPECT_EQ(canonical_of("retention.ms", " +77 "), "77");
  EXPECT_EQ(canonical_of("preallocate", "TRUE"), "true");
  EXPECT_EQ(canonical_of("min.cleanable.dirty.ratio", "1"), "1.0");
  EXPECT_EQ(canonical_of("min.cleanable.dirty.ratio", "0.0001"), "1.0E-4");
  EXPECT_EQ(canonical_of("cleanup.policy", " compact , delete,compact"), "compact,delete");
}

}  // namespace cairn::config
