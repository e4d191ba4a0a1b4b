// SPDX-License-Identifier: Apache-2.0
#include "exposure.hpp"

#include <algorithm>

namespace cairn::server {
namespace {

using http::MetricsText;
using partition::Partition;
using partition::TopicTraffic;
using runtime::Task;

void write_gauge(MetricsText& text, std::string_view name, std::string_view help, double value) {
  text.family(name, MetricKind::gauge, help);
  text.sample(Labels{}, value);
}

// ---- this broker's replicas ----

struct ReplicaCounts {
  double leaders = 0, under_replicated = 0, under_min_isr = 0, at_min_isr = 0, offline = 0,
         reassigning = 0;
};

void count(const Partition& partition, ReplicaCounts& counts) {
  if (!partition.log().healthy()) ++counts.offline;
  const replication::LeaderState* state = partition.leader_state();
  if (state == nullptr) return;
  const std::size_t replicas = state->leadership().replicas.size();
  const auto min_isr = std::min(static_cast<std::size_t>(partition.min_isr()), replicas);
  ++counts.leaders;
  // Those that are being added are not missing.
  counts.under_replicated += state->isr_size() + state->leadership().adding < replicas ? 1 : 0;
  counts.reassigning += state->leadership().reassigning ? 1 : 0;
  counts.under_min_isr += state->isr_size() < min_isr ? 1 : 0;
  counts.at_min_isr += state->isr_size() == min_isr ? 1 : 0;
}

void write_replicas(MetricsText& text, const partition::PartitionTable& table) {
  ReplicaCounts counts{.offline = static_cast<double>(table.broken_count())};
  table.for_each([&counts](const auto& partition) { count(*partition, counts); });
  write_gauge(text, "kafka_server_replicamanager_partitioncount",
              "Partitions with a replica on this broker.", static_cast<double>(table.size()));
  write_gauge(text, "kafka_server_replicamanager_leadercount", "Partitions this broker leads.",
              counts.leaders);
  write_gauge(text, "kafka_server_replicamanager_underreplicatedpartitions",
              "Partitions led here with fewer replicas in sync than they have.",
              counts.under_replicated);
  write_gauge(text, "kafka_server_replicamanager_underminisrpartitioncount",
              "Partitions led here with fewer replicas in sync than min.insync.replicas.",
              counts.under_min_isr);
  write_gauge(text, "kafka_server_replicamanager_atminisrpartitioncount",
              "Partitions led here with just min.insync.replicas replicas in sync.",
              counts.at_min_isr);
  write_gauge(text, "kafka_server_replicamanager_reassigningpartitions",
              "Partitions led here whose replicas are being moved.", counts.reassigning);
  write_gauge(text, "kafka_server_replicamanager_offlinereplicacount",
              "Replicas of this broker whose log cannot be used.", counts.offline);
}

// ---- each partition and each topic ----

void write_family(MetricsText& text, std::span<const std::shared_ptr<Partition>> partitions,
                  std::string_view name, std::string_view help, double (*value)(const Partition&)) {
  text.family(name, MetricKind::gauge, help);
  for (const auto& partition : partitions) {
    const std::string index = fmt::format("{}", partition->id().partition);
    text.sample({{"topic", partition->id().topic}, {"partition", index}}, value(*partition));
  }
}

void write_logs(MetricsText& text, const partition::PartitionTable& table) {
  std::vector<std::shared_ptr<Partition>> all;  // in order of topic and partition
  all.reserve(table.size());
  table.for_each([&all](const std::shared_ptr<Partition>& each) { all.push_back(each); });
  write_family(text, all, "kafka_log_log_logstartoffset", "First offset of the log.",
               [](const Partition& p) { return static_cast<double>(p.log().log_start().value()); });
  write_family(text, all, "kafka_log_log_logendoffset", "Offset the next record will get.",
               [](const Partition& p) { return static_cast<double>(p.log().log_end().value()); });
  write_family(text, all, "kafka_log_log_size", "Bytes of the log's segments.",
               [](const Partition& p) { return static_cast<double>(p.log().size()); });
  write_family(text, all, "kafka_log_log_numlogsegments", "Segments of the log.",
               [](const Partition& p) { return static_cast<double>(p.log().segment_count()); });
}

Task<> write_partitions(Exposed exposed, MetricsText& text) {
  write_replicas(text, exposed.partitions);
  write_logs(text, exposed.partitions);
  co_return;
}

/// What broker::Traffic counts for all topics together, for each that had any.
void write_topics(MetricsText& text, std::string_view family,
                  const partition::PartitionTable& table) {
  const auto add = [&](const Counter TopicTraffic::* counter) {
    table.for_each_topic([&](const std::string& topic, const TopicTraffic& traffic) {
      if (traffic.any()) text.sample({{"topic", topic}}, (traffic.*counter).value);
    });
  };
  if (family == "kafka_server_brokertopicmetrics_messagesin_total") add(&TopicTraffic::messages_in);
  if (family == "kafka_server_brokertopicmetrics_bytesin_total") add(&TopicTraffic::bytes_in);
  if (family == "kafka_server_brokertopicmetrics_bytesout_total") add(&TopicTraffic::bytes_out);
}

// ---- the cluster, as a controller sees it ----

/// Counts over all of an image. They stay right as long as it is the newest.
struct ClusterCounts {
  std::shared_ptr<const metadata::Image> of;
  double topics = 0, partitions = 0, offline = 0, imbalanced = 0, fenced = 0, active = 0;
};

ClusterCounts count(std::shared_ptr<const metadata::Image> image) {
  ClusterCounts counts{.of = image};
  for (const auto& [id, topic] : image->topics) {
    ++counts.topics;
    counts.partitions += topic->partition_count();
    for (const auto& [index, partition] : topic->partitions) {
      counts.offline += partition.leader == no_broker ? 1 : 0;
      counts.imbalanced +=
          !partition.replicas.empty() && partition.leader != partition.replicas.front() ? 1 : 0;
    }
  }
  for (const auto& [id, broker] : image->brokers) ++(broker.fenced ? counts.fenced : counts.active);
  return counts;
}

void add_gauge(std::vector<Sample>& samples, const char* name, const char* help, double value,
               Labels labels = {}) {
  samples.push_back({name, MetricKind::gauge, help, std::move(labels), value, {}});
}

void add_cluster(const ClusterCounts& counts, double is_active, std::vector<Sample>& samples) {
  const auto add = [&](const char* name, const char* help, double value) {
    add_gauge(samples, name, help, value);
  };
  add("kafka_controller_kafkacontroller_activecontrollercount",
      "1 if this node is the active controller.", is_active);
  add("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.", counts.topics);
  add("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.",
      counts.partitions);
  add("kafka_controller_kafkacontroller_offlinepartitionscount",
      "Partitions of the cluster without a leader.", counts.offline);
  add("kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
      "Partitions of the cluster that another than their first replica leads.", counts.imbalanced);
  add("kafka_controller_kafkacontroller_fencedbrokercount", "Registered brokers that do not serve.",
      counts.fenced);
  add("kafka_controller_kafkacontroller_activebrokercount", "Registered brokers that serve.",
      counts.active);
}

/// Where this node stands in the quorum: a voter or an observer of it.
void add_quorum(const controller::QuorumStatus& status, Offset applied,
                std::vector<Sample>& samples) {
  const auto add = [&](const char* name, const char* help, double value, Labels labels = {}) {
    add_gauge(samples, name, help, value, std::move(labels));
  };
  add("kafka_server_raft_metrics_current_state", "1, for the state this node is in.", 1,
      {{"state", std::string(status.role)}});
  add("kafka_server_raft_metrics_current_leader", "The quorum's leader, -1 if unknown.",
      status.leader.value());
  add("kafka_server_raft_metrics_current_epoch", "The quorum's epoch.", status.epoch.value());
  add("kafka_server_raft_metrics_high_watermark", "End of what is committed, as known here.",
      static_cast<double>(status.high_watermark.value()));
  add("kafka_server_raft_metrics_log_end_offset", "End of the metadata log here.",
      static_cast<double>(status.log_end.value()));
  add("kafka_server_raft_metrics_log_end_epoch", "Epoch of its last record.",
      status.last_epoch.value());
  add("kafka_server_raft_metrics_number_of_voters", "Voters of the quorum.",
      static_cast<double>(status.voters));
  add("kafka_server_broker_metadata_metrics_last_applied_record_offset",
      "The last record of the metadata log that is in force here.",
      static_cast<double>(applied.value()));
}

// ---- all shards ----

Task<std::vector<Sample>> samples_of(runtime::Shard& shard) { co_return shard.metrics().samples(); }

struct ControllerView {
  std::shared_ptr<const metadata::Image> image;
  bool active = false;
  controller::QuorumStatus quorum;
};
Task<ControllerView> view_of(const controller::Controller& controller) {
  co_return ControllerView{controller.image(), controller.is_active(), controller.quorum_status()};
}

/// `counts` are those of the answer before, kept for as long as nothing in the cluster changes.
Task<std::vector<Sample>> gather(Exposed exposed, std::shared_ptr<ClusterCounts> counts) {
  std::vector<Sample> all = exposed.data.metrics().samples();
  auto ask = [&control = exposed.control] { return samples_of(control); };
  std::vector<Sample> more = co_await runtime::call_on(exposed.data, exposed.control, ask);
  std::ranges::move(more, std::back_inserter(all));
  if (exposed.controller == nullptr) co_return all;
  auto look = [&controller = *exposed.controller] { return view_of(controller); };
  const ControllerView view = co_await runtime::call_on(exposed.data, exposed.control, look);
  add_quorum(view.quorum, view.image->offset, all);
  if (!exposed.config.controller_role) co_return all;
  if (counts->of != view.image) *counts = count(view.image);
  add_cluster(*counts, view.active ? 1 : 0, all);
  co_return all;
}

}  // namespace

http::Routes make_routes(Exposed exposed) {
  http::Routes routes;
  auto counts = std::make_shared<ClusterCounts>();
  http::add_metrics_route(
      routes,
      {.gather = [exposed, counts] { return gather(exposed, counts); },
       .write_partitions = [exposed](MetricsText& text) { return write_partitions(exposed, text); },
       .write_topics = [&table = exposed.partitions](
                           MetricsText& text,
                           std::string_view family) { write_topics(text, family, table); }});
  http::add_health_routes(routes, [&serving = exposed.serving] {
    return http::Readiness{.ready = serving, .why = serving ? "" : "the node is starting"};
  });
  return routes;
}

}  // namespace cairn::server
