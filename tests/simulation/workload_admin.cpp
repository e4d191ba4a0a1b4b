// SPDX-License-Identifier: Apache-2.0
// Administrators of a run: topics made, trimmed, configured, deleted and made again. A request
// whose outcome stays unknown is asked again until it is known: what topics there are in the end is
// not left to chance.
#include <cairn/base/log.hpp>
#include <cairn/client/admin.hpp>

#include "workload.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

client::NewTopic new_topic(const std::string& name, const TopicPlan& plan) {
  client::NewTopic topic;
  topic.name = name;
  topic.partitions = plan.partitions;
  topic.replication_factor = plan.replication_factor;
  for (const auto& [key, value] : plan.configs) topic.configs[key] = value;
  return topic;
}

/// The one answer of a request about one topic; request_timed_out if there was none.
ErrorCode answer_of(const Result<std::vector<client::Answered>>& answers) {
  if (!answers || answers->empty()) return ErrorCode::request_timed_out;
  return answers->front().error;
}

/// Deletes a topic and creates it again; each is asked until it is certain.
runtime::Task<> pass_on(runtime::Shard& shard, client::Admin& admin, Stage& stage, std::string name,
                        TopicPlan plan) {
  History& history = stage.history;
  history.lives[name].back().delete_invoked = ++history.step;
  for (;;) {
    const auto answers = co_await admin.delete_topics({name});
    const ErrorCode code = answer_of(answers);
    if (code == ErrorCode::none || code == ErrorCode::unknown_topic_or_partition) break;
    co_await shard.clock().sleep_for(200ms);
  }
  history.lives[name].back().delete_completed = ++history.step;
  logging::debug("topic {} is deleted", name);
  co_await shard.clock().sleep_for(std::chrono::milliseconds(shard.random().below(3'000)));
  history.lives[name].push_back({.create_invoked = ++history.step});
  for (;;) {
    std::vector<client::NewTopic> wanted;
    wanted.push_back(new_topic(name, plan));
    const auto answers = co_await admin.create_topics(std::move(wanted));
    const ErrorCode code = answer_of(answers);
    if (code == ErrorCode::none || code == ErrorCode::topic_already_exists) break;
    co_await shard.clock().sleep_for(200ms);
  }
  history.lives[name].back().create_completed = ++history.step;
  logging::debug("topic {} is created", name);
}

runtime::Task<> trim(runtime::Shard& shard, client::Admin& admin, Stage& stage, TopicPartition of) {
  const std::map<TopicPartition, std::int64_t> latest{{of, -1}};
  const auto ends = co_await admin.list_offsets(latest);
  if (!ends || !ends->contains(of) || !ends->at(of)) co_return;
  const Offset end = ends->at(of)->offset;
  const Offset before(
      static_cast<std::int64_t>(shard.random().below(static_cast<std::uint64_t>(end.value()) + 1)));
  const std::size_t index = stage.history.trims.size();
  stage.history.trims.push_back({.of = of, .before = before});
  const std::map<TopicPartition, Offset> wanted{{of, before}};
  const auto trimmed = co_await admin.delete_records(wanted);
  const bool done = trimmed && trimmed->contains(of) && trimmed->at(of).has_value();
  if (done) stage.history.trims[index].outcome = Outcome::ok;
  logging::debug("deleting records of {} below {}: {}", of, before, done ? "done" : "unknown");
}

void loosen(RetentionLimits& limits, std::int64_t ms, std::int64_t bytes) {
  const auto least = [](std::int64_t& limit, std::int64_t now) {
    if (now >= 0 && (limit < 0 || now < limit)) limit = now;
  };
  least(limits.shortest_ms, ms);
  least(limits.least_bytes, bytes);
}

runtime::Task<> reconfigure(runtime::Shard& shard, client::Admin& admin, Stage& stage,
                            std::string topic) {
  Random& random = shard.random();
  client::Configs changes;
  changes["segment.ms"] = fmt::format("{}", random.between(300, 8'000));
  changes["segment.bytes"] = fmt::format("{}", random.between(1 << 20, 1 << 22));
  const std::int64_t ms = random.chance(0.5) ? random.between(8'000, 30'000) : -1;
  const std::int64_t bytes = random.chance(0.5) ? random.between(10'000, 60'000) : -1;
  changes["retention.ms"] = fmt::format("{}", ms);
  changes["retention.bytes"] = fmt::format("{}", bytes);
  changes["index.interval.bytes"] = fmt::format("{}", random.below(5'000));
  loosen(stage.history.retention[topic], ms, bytes);
  const auto altered =
      co_await admin.alter_configs(client::ResourceKind::topic, topic, std::move(changes));
  static_cast<void>(altered);  // whether it came to be or not, it was allowed to
}

/// Gives a topic one partition more.
runtime::Task<> grow(client::Admin& admin, Stage& stage, std::string topic,
                     std::int32_t partitions) {
  std::int32_t now = partitions;
  for (const TopicPartition& added : stage.added) now += added.topic == topic ? 1 : 0;
  const auto grown = co_await admin.create_partitions(topic, now + 1);
  // One that may have been made counts as well once it is asked for again.
  const bool there =
      grown && (grown->error == ErrorCode::none || grown->error == ErrorCode::invalid_partitions);
  if (there) stage.added.push_back({topic, PartitionIndex(now)});
}

}  // namespace

runtime::Task<> create_topics(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                              std::map<std::string, TopicPlan> topics) {
  ++stage.running;
  client::Admin admin(shard, network, client_options(stage, "admin"));
  std::vector<client::NewTopic> wanted;
  for (const auto& [name, plan] : topics) {
    wanted.push_back(new_topic(name, plan));
    if (plan.kind != TopicKind::plain) stage.history.kinds[name] = plan.kind;
    if (plan.kind == TopicKind::passing) {
      stage.history.lives[name].push_back({.create_invoked = ++stage.history.step});
    }
    if (plan.kind != TopicKind::trimmed) continue;
    const auto limit = [&](const char* key) {
      const auto found = plan.configs.find(key);
      return found == plan.configs.end() ? -1 : std::stoll(found->second);
    };
    loosen(stage.history.retention[name], limit("retention.ms"), limit("retention.bytes"));
  }
  auto created = co_await admin.create_topics(std::move(wanted));
  if (!created) ++stage.failures;
  if (created) {
    for (const client::Answered& answer : *created) {
      const bool there =
          answer.error == ErrorCode::none || answer.error == ErrorCode::topic_already_exists;
      stage.failures += there ? 0 : 1;
    }
  }
  for (auto& [name, lives] : stage.history.lives) {
    lives.back().create_completed = ++stage.history.step;
  }
  co_await admin.stop();
  --stage.running;
}

runtime::Task<> administer(runtime::Shard& shard, runtime::Network& network, Stage& stage,
                           AdminPlan plan) {
  ++stage.running;
  client::Admin admin(shard, network, client_options(stage, "administrator"));
  Random& random = shard.random();
  while (!stage.stop) {
    co_await shard.clock().sleep_for(std::chrono::milliseconds(random.between(200, 4'000)));
    const std::uint64_t what = random.below(4);
    if (what == 0 && !plan.passing.empty()) {
      std::string name = plan.passing[random.below(plan.passing.size())];
      TopicPlan topic = plan.topics.at(name);
      co_await pass_on(shard, admin, stage, std::move(name), std::move(topic));
    } else if (what == 1 && !plan.growing.empty() && stage.added.size() < 3) {
      std::string name = plan.growing[random.below(plan.growing.size())];
      const std::int32_t partitions = plan.topics.at(name).partitions;
      co_await grow(admin, stage, std::move(name), partitions);
    } else if (!plan.trimmed.empty()) {
      TopicPartition of = plan.trimmed[random.below(plan.trimmed.size())];
      if (what == 1) {
        co_await reconfigure(shard, admin, stage, of.topic);
      } else {
        co_await trim(shard, admin, stage, std::move(of));
      }
    }
  }
  co_await shard.clock().sleep_for(1s);  // a broker hears of a topic a little after it was made
  const auto listed = co_await admin.list_topics();
  if (!listed) {
    logging::warn("listing the topics: {}", listed.error().why);
    ++stage.failures;
  } else {
    for (const client::TopicMetadata& topic : *listed) {
      stage.history.final_topics.push_back(topic.name);
    }
  }
  co_await admin.stop();
  --stage.running;
}

}  // namespace cairn::simulation
