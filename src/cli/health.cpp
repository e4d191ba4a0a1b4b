// SPDX-License-Identifier: Apache-2.0
#include "health.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "output.hpp"

namespace cairn::cli {

namespace {

using Kind = Problem::Kind;

constexpr std::int64_t voter_patience_ms = 5000;

bool contains(const std::vector<BrokerId>& brokers, BrokerId id) {
  return std::ranges::find(brokers, id) != brokers.end();
}

std::string joined(const std::vector<BrokerId>& brokers) {
  return fmt::format("{}", fmt::join(brokers, ","));
}

Problem on_node(Kind kind, std::string subject, std::string what, BrokerId node) {
  Problem problem;
  problem.kind = kind;
  problem.subject = std::move(subject);
  problem.what = std::move(what);
  problem.node = node;
  return problem;
}

/// A voter lags if it has not had all that the leader had for a while. By time, since at any
/// instant some are a record behind.
void judge_quorum(const Result<client::QuorumDescription>& quorum, std::vector<Problem>& problems) {
  if (!quorum || quorum->leader == no_broker) {
    const auto why = quorum ? "it knows of none" : quorum.error().why;
    problems.push_back(on_node(Kind::no_quorum_leader, "",
                               fmt::format("the quorum has no leader that answers: {}", why),
                               no_broker));
    return;
  }
  const auto leader = std::ranges::find(quorum->voters, quorum->leader, &client::QuorumReplica::id);
  if (leader == quorum->voters.end()) return;  // it is resigning; there is no time to compare with
  for (const auto& voter : quorum->voters) {
    if (voter.id == leader->id || voter.log_end >= leader->log_end) continue;
    const bool never = voter.last_caught_up == no_timestamp;
    const std::int64_t behind_ms = leader->last_caught_up - voter.last_caught_up;
    if (never ? voter.log_end >= Offset(0) : behind_ms < voter_patience_ms) continue;
    const std::string since =
        never ? "was not heard of since the leader was elected"
              : fmt::format("is {:.0f} s behind", static_cast<double>(behind_ms) / 1000);
    problems.push_back(
        on_node(Kind::lagging_voter, fmt::format("voter {}", voter.id), since, voter.id));
  }
}

void judge_partition(const Sighting& sighting, const std::string& topic,
                     const client::PartitionMetadata& partition, std::vector<Problem>& problems) {
  const TopicPartition id{topic, partition.index};
  const auto move = sighting.moves.find(id);
  const auto missing =
      missing_replicas(partition, move == sighting.moves.end() ? nullptr : &move->second);
  const auto wanted = sighting.min_isr.find(topic);
  const std::int32_t min_isr = wanted == sighting.min_isr.end() ? 1 : wanted->second;
  Problem problem;
  problem.subject = fmt::format("{}", id);
  if (partition.leader == no_broker) {
    problem.what = fmt::format("is offline: replicas {}, last in sync {}",
                               joined(partition.replicas), joined(partition.isr));
  } else if (under_min_isr(partition, min_isr)) {
    problem.kind = Kind::under_min_isr;
    problem.what = fmt::format("refuses acks=all: in sync {}, min.insync.replicas {}",
                               joined(partition.isr), min_isr);
  } else if (!missing.empty()) {
    problem.kind = Kind::under_replicated;
    problem.what = fmt::format("is under-replicated: in sync {}, not {}", joined(partition.isr),
                               joined(missing));
  } else {
    return;
  }
  problem.partition = id;
  problem.metadata = partition;
  problem.missing = missing;
  problems.push_back(std::move(problem));
}

std::int64_t partitions_of(const Sighting& sighting) {
  std::int64_t count = 0;
  for (const auto& topic : sighting.topics) {
    count += static_cast<std::int64_t>(topic.partitions.size());
  }
  return count;
}

void add_ids(Json& json, const char* name, const std::vector<BrokerId>& ids) {
  json.key(name).begin_array();
  for (const auto id : ids) json.value(id.value());
  json.end_array();
}

}  // namespace

std::vector<BrokerId> missing_replicas(const client::PartitionMetadata& partition,
                                       const client::Reassignment* move) {
  std::vector<BrokerId> out;
  for (const auto replica : partition.replicas) {
    if (contains(partition.isr, replica)) continue;
    if (move && contains(move->adding, replica)) continue;
    out.push_back(replica);
  }
  return out;
}

bool under_min_isr(const client::PartitionMetadata& partition, std::int32_t min_isr) {
  const auto wanted =
      std::min(static_cast<std::size_t>(std::max(min_isr, 1)), partition.replicas.size());
  return partition.isr.size() < wanted;
}

const char* name_of(Problem::Kind kind) {
  switch (kind) {
    case Kind::no_quorum_leader:
      return "no_quorum_leader";
    case Kind::lagging_voter:
      return "lagging_voter";
    case Kind::fenced_broker:
      return "fenced_broker";
    case Kind::unknown_topic:
      return "unknown_topic";
    case Kind::offline:
      return "offline";
    case Kind::under_min_isr:
      return "under_min_isr";
    case Kind::under_replicated:
      return "under_replicated";
  }
  return "";
}

std::vector<Problem> judge(const Sighting& sighting) {
  std::vector<Problem> problems;
  judge_quorum(sighting.quorum, problems);
  for (const auto& broker : sighting.cluster.fenced) {
    problems.push_back(on_node(
        Kind::fenced_broker, fmt::format("broker {}", broker.id),
        fmt::format("is fenced: it does not serve (registered at {})", to_string(broker.endpoint)),
        broker.id));
  }
  for (const auto& topic : sighting.topics) {
    if (topic.error != ErrorCode::none) {
      problems.push_back(on_node(Kind::unknown_topic, topic.name,
                                 fmt::format("cannot be described: {}", to_string(topic.error)),
                                 no_broker));
    }
    for (const auto& partition : topic.partitions) {
      judge_partition(sighting, topic.name, partition, problems);
    }
  }
  std::ranges::sort(problems, {}, [](const Problem& problem) {
    return std::tuple(problem.kind, problem.node, problem.partition, problem.subject);
  });
  return problems;
}

std::string health_as_text(const Sighting& sighting, const std::vector<Problem>& problems) {
  std::string out = fmt::format(
      "{}  cluster {}  brokers {}  partitions {}{}\n", problems.empty() ? "healthy" : "NOT healthy",
      sighting.cluster.cluster_id, sighting.cluster.brokers.size(), partitions_of(sighting),
      sighting.moves.empty() ? "" : fmt::format("  being moved {}", sighting.moves.size()));
  for (const auto& problem : problems) {
    out += fmt::format("  {}{}{}\n", problem.subject, problem.subject.empty() ? "" : " ",
                       problem.what);
  }
  return out;
}

std::string health_as_json(const Sighting& sighting, const std::vector<Problem>& problems) {
  Json json;
  json.begin_object().field("healthy", problems.empty());
  json.field("cluster_id", sighting.cluster.cluster_id);
  json.field("brokers", static_cast<std::int64_t>(sighting.cluster.brokers.size()));
  json.field("partitions", partitions_of(sighting));
  json.field("moves", static_cast<std::int64_t>(sighting.moves.size()));
  json.key("problems").begin_array();
  for (const auto& problem : problems) {
    json.begin_object().field("kind", name_of(problem.kind));
    if (problem.node != no_broker) json.field("node", problem.node.value());
    if (problem.kind == Kind::unknown_topic) json.field("topic", problem.subject);
    if (problem.kind >= Kind::offline) {
      json.field("topic", problem.partition.topic);
      json.field("partition", problem.partition.partition.value());
      json.field("leader", problem.metadata.leader.value());
      add_ids(json, "replicas", problem.metadata.replicas);
      add_ids(json, "isr", problem.metadata.isr);
      add_ids(json, "missing", problem.missing);
    }
    const auto sentence =
        problem.subject.empty() ? problem.what : problem.subject + " " + problem.what;
    json.field("what", sentence).end_object();
  }
  return std::move(json.end_array().end_object().text());
}

}  // namespace cairn::cli
