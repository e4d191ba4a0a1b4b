// SPDX-License-Identifier: Apache-2.0
#include <cairn/coordinator/group_coordinator.hpp>
#include <cairn/group/placement.hpp>

namespace cairn::coordinator {
namespace {

group::GroupConfig machine_config(const config::ServerConfig& server) {
  return {.group_min_session_timeout = server.group.min_session_timeout,
          .group_max_session_timeout = server.group.max_session_timeout,
          .group_initial_rebalance_delay = server.group.initial_rebalance_delay,
          .group_max_size = server.group.max_size,
          .offset_metadata_max_bytes = server.offsets.metadata_max_bytes,
          .offsets_retention = server.offsets.retention,
          .offsets_retention_check_interval = server.offsets.retention_check_interval};
}

}  // namespace

ErrorCode coordinator_error(ErrorCode of_log) {
  switch (of_log) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::not_enough_replicas:
    case ErrorCode::not_enough_replicas_after_append:
    case ErrorCode::request_timed_out:
      return ErrorCode::coordinator_not_available;
    case ErrorCode::not_leader_or_follower:
    case ErrorCode::fenced_leader_epoch:
    case ErrorCode::unknown_leader_epoch:
    case ErrorCode::kafka_storage_error:
      return ErrorCode::not_coordinator;
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::invalid_fetch_size:
      return ErrorCode::unknown_server_error;
    default:
      return of_log;
  }
}

GroupCoordinator::GroupCoordinator(runtime::Shard& shard, const config::ServerConfig& config)
    : shard_(shard), config_(config), tasks_(shard.context()) {}

GroupCoordinator::~GroupCoordinator() = default;

void GroupCoordinator::start() { tasks_.spawn(watch_deadlines()); }

runtime::Task<> GroupCoordinator::stop() {
  stopping_ = true;
  for (auto& [index, actor] : std::exchange(actors_, {})) {
    actor->stop();
    tasks_.spawn(retire(std::move(actor)));
  }
  tasks_.cancel();
  co_await tasks_.join();
}

runtime::Task<> GroupCoordinator::retire(ActorPtr actor) { co_await actor->join(); }

void GroupCoordinator::on_leading(const std::shared_ptr<partition::Partition>& partition,
                                  Epoch epoch) {
  if (stopping_ || partition->id().topic != offsets_topic) return;
  const PartitionIndex index = partition->id().partition;
  if (const auto found = actors_.find(index); found != actors_.end()) {
    if (found->second->epoch() >= epoch && found->second->state() != GroupActor::State::stopped) {
      return;
    }
    on_resigned(partition);
  }
  ActorOptions options;
  options.partition = partition->id();
  options.epoch = epoch;
  options.load_bytes = static_cast<std::size_t>(config_.offsets.load_buffer_size);
  options.commit_timeout = config_.offsets.commit_timeout;
  // Kafka's numbers are those that stand in a batch; the key has been checked.
  const auto codec = config::value_of(config_, "offsets.topic.compression.codec");
  options.codec = static_cast<record::Codec>(std::stoi(codec.value_or("0")));
  options.deadline_moved = [this](Instant earliest) {
    if (earliest < next_wake_) deadline_moved_.set();
  };
  auto actor = std::make_shared<GroupActor>(shard_, log_of(partition, epoch),
                                            group::GroupMachine(machine_config(config_)),
                                            std::move(options));
  actor->start();
  actors_.emplace(index, std::move(actor));
}

void GroupCoordinator::on_resigned(const std::shared_ptr<partition::Partition>& partition) {
  if (partition->id().topic != offsets_topic) return;
  const auto found = actors_.find(partition->id().partition);
  if (found == actors_.end()) return;
  found->second->stop();
  tasks_.spawn(retire(std::move(found->second)));
  actors_.erase(found);
}

void GroupCoordinator::apply(std::shared_ptr<const metadata::Image> image) {
  std::vector<std::pair<std::string, TopicId>> gone;
  if (image_ && !actors_.empty()) {
    for (const auto& change : metadata::difference(image_.get(), *image).topics) {
      if (change.before && !change.after) gone.emplace_back(change.before->name, change.before->id);
    }
  }
  image_ = std::move(image);
  if (gone.empty()) return;
  for (const auto& [index, actor] : actors_) {
    actor->inform([gone](group::GroupMachine& machine, RequestId, Now now, Random&) {
      machine.topics_deleted(gone, now);
      return group::GroupMachine::Decision{};
    });
  }
}

runtime::Task<> GroupCoordinator::watch_deadlines() {
  while (!stopping_) {
    const Instant now = shard_.clock().now();
    next_wake_ = Instant::max();
    for (const auto& [index, actor] : actors_) {
      const auto deadline = actor->next_deadline();
      if (!deadline) continue;
      // What is due is on its way once ticked; the actor tells when it has moved on.
      if (*deadline <= now) {
        actor->tick();
      } else {
        next_wake_ = std::min(next_wake_, *deadline);
      }
    }
    if (next_wake_ == Instant::max()) {
      if (!co_await deadline_moved_.wait()) co_return;
    } else {
      co_await deadline_moved_.wait_until(shard_.clock(), next_wake_);
      if (co_await runtime::cancelled()) co_return;
    }
  }
}

Result<GroupCoordinator::ActorPtr> GroupCoordinator::actor_for(std::string_view group) const {
  const metadata::Topic* topic = image_ ? image_->topic(offsets_topic) : nullptr;
  if (stopping_ || !topic || topic->partition_count() == 0) {
    return fail(ErrorCode::not_coordinator, "there is no __consumer_offsets here");
  }
  const auto found = actors_.find(group::partition_for(group, topic->partition_count()));
  if (found == actors_.end()) {
    return fail(ErrorCode::not_coordinator, "another broker coordinates the group");
  }
  return found->second;
}

bool GroupCoordinator::is_ready_for(std::string_view group) const {
  const auto actor = actor_for(group);
  return actor && (*actor)->check();
}

group::GroupMachine::Totals GroupCoordinator::totals() const {
  group::GroupMachine::Totals sum;
  for (const auto& [index, actor] : actors_) {
    const auto part = actor->machine().totals();
    sum.groups += part.groups;
    sum.offsets += part.offsets;
    sum.foreign_records += part.foreign_records;
    for (const auto& [state, count] : part.by_state) sum.by_state[state] += count;
  }
  return sum;
}

void GroupCoordinator::expose(Metrics& metrics) {
  const auto observe = [&](const char* name, const char* help, auto read) {
    metrics.observe(name, help, {}, [this, read] { return static_cast<double>(read(totals())); });
  };
  using Totals = group::GroupMachine::Totals;
  const auto in = [](group::GroupState state) {
    return [state](const Totals& totals) {
      const auto found = totals.by_state.find(state);
      return found == totals.by_state.end() ? 0 : found->second;
    };
  };
  using enum group::GroupState;
  observe("kafka_coordinator_group_groupmetadatamanager_numgroups", "Groups coordinated here.",
          [](const Totals& t) { return t.groups; });
  observe("kafka_coordinator_group_groupmetadatamanager_numoffsets", "Committed offsets held.",
          [](const Totals& t) { return t.offsets; });
  observe("kafka_coordinator_group_groupmetadatamanager_numgroupsempty", "Groups without members.",
          in(empty));
  observe("kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance",
          "Groups gathering members.", in(preparing_rebalance));
  observe("kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance",
          "Groups awaiting their leader's assignment.", in(completing_rebalance));
  observe("kafka_coordinator_group_groupmetadatamanager_numgroupsstable",
          "Groups whose members have assignments.", in(stable));
  observe("kafka_coordinator_group_groupmetadatamanager_numforeignrecords",
          "Records of kinds of group that are kept but not served.",
          [](const Totals& t) { return t.foreign_records; });
}

}  // namespace cairn::coordinator
