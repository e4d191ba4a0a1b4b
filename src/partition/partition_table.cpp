// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/partition/partition_table.hpp>
#include <cairn/partition/replication.hpp>

namespace cairn::partition {

using metadata::ResourceType;
using runtime::Task;

namespace {

/// Where the metadata says that the broker's replica lies; zero if it does not say.
DirectoryId directory_of(const metadata::Partition& partition, BrokerId id) {
  for (std::size_t i = 0; i < partition.directories.size(); ++i) {
    if (partition.replicas[i] == id) return partition.directories[i];
  }
  return {};
}

}  // namespace

PartitionTable::PartitionTable(runtime::Shard& shard, storage::LogDirectories& directories,
                               const config::ServerConfig& config)
    : shard_(shard),
      directories_(directories),
      static_config_(config),
      config_(std::make_shared<const config::ServerConfig>(config)),
      fetch_sessions_(static_cast<std::size_t>(std::max(config.fetch.max_session_slots, 0))),
      tasks_(shard.context()) {}

PartitionTable::~PartitionTable() = default;

void PartitionTable::connect(runtime::Network& network, ControllerChannel& controller) {
  replication_ = std::make_unique<Replication>(shard_, network, controller, static_config_);
  replication_->fetchers().save_log_starts_with([this] { return directories_.write_log_starts(); });
}

// ---- images ----

Task<storage::StartResult<>> PartitionTable::load(std::shared_ptr<const metadata::Image> image) {
  adopt_broker_configs(*image);
  const storage::KnownLogs known = [this, image](
                                       const TopicPartition& partition,
                                       const TopicId& id) -> std::optional<storage::KnownLog> {
    const metadata::Topic* topic = MUTANT("L37") ? image->topic(partition.topic) : image->topic(id);
    if (topic == nullptr || topic->name != partition.topic) return std::nullopt;
    const metadata::Partition* state = topic->partition(partition.partition);
    if (state == nullptr || !state->has_replica(static_config_.node_id)) return std::nullopt;
    return storage::KnownLog{.options = effective(*image, topic->name).options,
                             .directory = directory_of(*state, static_config_.node_id)};
  };
  directories_.on_recovered([this](const storage::LogKey& key) {
    if (!stopping_) tasks_.spawn(adopt_recovered(key));
  });
  co_return co_await directories_.load(known);
}

/// The log of a partition that the image knows is ready at last, or will never be.
Task<> PartitionTable::adopt_recovered(storage::LogKey key) {
  co_await begin_change();
  if (image_ && !stopping_) {
    const std::shared_ptr<const metadata::Image> image = image_;
    const metadata::Topic* topic = image->topic(key.topic);
    const metadata::Partition* state = topic ? topic->partition(key.partition) : nullptr;
    if (state) {
      const Effective wanted = effective(*image, topic->name);
      co_await apply_partition(*topic, key.partition, *state, wanted);
    }
  }
  end_change();
}

Task<> PartitionTable::begin_change() {
  while (changing_ && co_await change_ended_.wait()) {
  }
  changing_ = true;
}

void PartitionTable::end_change() {
  changing_ = false;
  change_ended_.set_one();
}

Task<> PartitionTable::apply(std::shared_ptr<const metadata::Image> image) {
  co_await begin_change();
  co_await apply_changes(std::move(image));
  end_change();
}

Task<> PartitionTable::apply_changes(std::shared_ptr<const metadata::Image> image) {
  if (replication_) replication_->adopt(image);
  const metadata::Changes changes = metadata::difference(image_.get(), *image);
  bool brokers_changed = false;
  for (const metadata::ConfigResource& resource : changes.configs) {
    brokers_changed |= resource.type == ResourceType::broker;
  }
  if (brokers_changed) adopt_broker_configs(*image);
  for (const metadata::TopicChange& change : changes.topics) {
    if (change.after == nullptr) {
      co_await remove_topic(*change.before);
    } else {
      co_await apply_topic(*image, change);
    }
  }
  if (brokers_changed) {
    for (const auto& [id, topic] : topics_) {
      if (const metadata::Topic* now = image->topic(id)) reconfigure(*image, *now);
    }
  }
  image_ = std::move(image);
}

void PartitionTable::adopt_broker_configs(const metadata::Image& image) {
  const auto own = image.overrides(ResourceType::broker, fmt::format("{}", static_config_.node_id));
  const auto all = image.overrides(ResourceType::broker, "");
  config_ = std::make_shared<const config::ServerConfig>(
      config::with_dynamic(static_config_, *own, *all));
  plain_.reset();
  directories_.configure(*config_);
  if (replication_) replication_->configure(config_->replica);
}

PartitionTable::Effective PartitionTable::effective(const metadata::Image& image,
                                                    std::string_view topic) {
  const auto overrides = image.overrides(ResourceType::topic, topic);
  if (overrides->empty() && plain_) return *plain_;
  const config::TopicConfig config = config::topic_config(*config_, *overrides);
  Effective effective{.options = storage::log_options(config, config_->log.producer_id_expiration),
                      .min_isr = config.min_insync_replicas,
                      .throttled_leaders = config.throttled_leaders,
                      .throttled_followers = config.throttled_followers};
  if (overrides->empty()) plain_ = effective;
  return effective;
}

void PartitionTable::configure(Partition& partition, const Effective& wanted) const {
  const std::int32_t index = partition.id().partition.value();
  const std::int32_t self = static_config_.node_id.value();
  partition.configure(wanted.options, wanted.min_isr,
                      {.leader = wanted.throttled_leaders.contains(index, self),
                       .follower = wanted.throttled_followers.contains(index, self)});
}

Task<> PartitionTable::remove_topic(const metadata::Topic& topic) {
  const auto found = topics_.find(topic.id);
  if (found == topics_.end()) co_return;
  for (std::size_t i = 0; i < found->second.partitions.size(); ++i) {
    co_await remove_partition(found->second, topic.id, i, Gone::deleted);
  }
  if (const auto name = ids_.find(topic.name); name != ids_.end() && name->second == topic.id) {
    ids_.erase(name);
  }
  topics_.erase(topic.id);
  co_await directories_.forget_removed();
}

Task<> PartitionTable::apply_topic(const metadata::Image& image,
                                   const metadata::TopicChange& change) {
  const metadata::Topic& topic = *change.after;
  const auto count = static_cast<std::size_t>(topic.partition_count());
  Topic& local = topics_[topic.id];
  local.name = topic.name;
  ids_[topic.name] = topic.id;
  if (local.partitions.size() < count) {
    local.partitions.resize(count);
    local.broken.resize(count);
  }
  const Effective wanted = effective(image, topic.name);
  for (std::size_t i = 0; i < count; ++i) {
    const PartitionIndex index(static_cast<std::int32_t>(i));
    const metadata::Partition* now = topic.partition(index);
    const metadata::Partition* before = change.before ? change.before->partition(index) : nullptr;
    if (now == nullptr || (before != nullptr && *before == *now && !local.broken[i])) continue;
    co_await apply_partition(topic, index, *now, wanted);
  }
  if (change.config_changed) reconfigure(image, topic);
}

Task<> PartitionTable::apply_partition(const metadata::Topic& topic, PartitionIndex index,
                                       const metadata::Partition& state, const Effective& wanted) {
  Topic& local = topics_[topic.id];
  const auto i = static_cast<std::size_t>(index.value());
  const BrokerId self = static_config_.node_id;
  if (!state.has_replica(self)) {
    co_await remove_partition(local, topic.id, i, Gone::elsewhere);
    co_await directories_.forget_removed();
    co_return;
  }
  if (local.partitions[i] == nullptr) {
    // adopt_recovered() comes back to it.
    if (directories_.recovering({topic.id, index})) co_return;
    auto log = directories_.create({topic.id, index}, {topic.name, index}, wanted.options,
                                   directory_of(state, self));
    local.broken[i] = !log.has_value();
    if (!log) {
      logging::error("a partition has no log partition={}-{} error={} reason=\"{}\"", topic.name,
                     index, to_string(log.error().code), log.error().why);
      co_return;
    }
    local.partitions[i] =
        std::make_shared<Partition>(shard_, topic.id, std::move(*log), local.traffic);
    if (replication_) local.partitions[i]->connect(*replication_);
    configure(*local.partitions[i], wanted);
    ++count_;
  }
  const std::shared_ptr<Partition> partition = local.partitions[i];
  if (state.leader != self) {
    const bool led = partition->leads();
    partition->follow(state.leader, state.leader_epoch);
    if (led) resign(partition);
    co_return;
  }
  const bool new_epoch = !partition->leads() || partition->leader_epoch() != state.leader_epoch;
  replication::Leadership leadership{
      .self = self,
      .leader_epoch = state.leader_epoch,
      .partition_epoch = state.partition_epoch,
      .replicas = state.replicas,
      .isr = state.isr,
      .adding = state.adding_replicas.size(),
      .reassigning = !state.adding_replicas.empty() || !state.removing_replicas.empty()};
  const auto leads = co_await partition->lead(std::move(leadership));
  if (!leads) {
    logging::error("cannot lead partition={} epoch={} error={} reason=\"{}\"", partition->id(),
                   state.leader_epoch, to_string(leads.error().code), leads.error().why);
    co_return;
  }
  if (!new_epoch) co_return;
  for (PartitionListener* listener : listeners_)
    listener->on_leading(partition, state.leader_epoch);
}

Task<> PartitionTable::remove_partition(Topic& topic, const TopicId& id, std::size_t index,
                                        Gone why) {
  const std::shared_ptr<Partition> partition = std::exchange(topic.partitions[index], nullptr);
  topic.broken[index] = false;
  const PartitionIndex number(static_cast<std::int32_t>(index));
  if (partition != nullptr) {
    --count_;
    resign(partition);
    co_await partition->retire(why);
  } else if (!directories_.recovering({id, number})) {
    co_return;
  }
  const auto removed = co_await directories_.remove({id, number});
  if (!removed) {
    logging::warn("a partition that is gone stays on disk partition={}-{} reason=\"{}\"",
                  topic.name, number, removed.error().why);
  }
}

void PartitionTable::resign(const std::shared_ptr<Partition>& partition) {
  for (PartitionListener* listener : listeners_) listener->on_resigned(partition);
}

void PartitionTable::reconfigure(const metadata::Image& image, const metadata::Topic& topic) {
  const auto found = topics_.find(topic.id);
  if (found == topics_.end()) return;
  const Effective wanted = effective(image, topic.name);
  for (const auto& partition : found->second.partitions) {
    if (partition != nullptr) configure(*partition, wanted);
  }
}

Task<> PartitionTable::stop() {
  stopping_ = true;
  co_await tasks_.join();
  if (replication_) co_await replication_->stop();
  std::vector<std::shared_ptr<Partition>> all;
  for_each([&all](const std::shared_ptr<Partition>& partition) { all.push_back(partition); });
  for (const std::shared_ptr<Partition>& partition : all) co_await partition->stop();
}

// ---- look-up ----

std::shared_ptr<Partition> PartitionTable::find(const TopicId& topic, PartitionIndex index) const {
  const auto found = topics_.find(topic);
  const auto i = static_cast<std::size_t>(index.value());  // a negative index is out of range
  if (found == topics_.end() || i >= found->second.partitions.size()) return nullptr;
  return found->second.partitions[i];
}

std::shared_ptr<Partition> PartitionTable::find(std::string_view topic,
                                                PartitionIndex index) const {
  const auto id = ids_.find(topic);
  return id == ids_.end() ? nullptr : find(id->second, index);
}

ErrorCode PartitionTable::why_missing(const TopicId& topic, PartitionIndex index) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return ErrorCode::unknown_topic_id;
  const auto i = static_cast<std::size_t>(index.value());
  if (i >= found->second.partitions.size()) return ErrorCode::unknown_topic_or_partition;
  return found->second.broken[i] ? ErrorCode::kafka_storage_error
                                 : ErrorCode::not_leader_or_follower;
}

ErrorCode PartitionTable::why_missing(std::string_view topic, PartitionIndex index) const {
  const auto id = ids_.find(topic);
  return id == ids_.end() ? ErrorCode::unknown_topic_or_partition : why_missing(id->second, index);
}

const std::string* PartitionTable::name_of(const TopicId& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? nullptr : &found->second.name;
}

TopicId PartitionTable::id_of(std::string_view topic) const {
  const auto id = ids_.find(topic);
  return id == ids_.end() ? TopicId{} : id->second;
}

/// In order of name, so that what is done to all of them replays.
std::vector<const PartitionTable::Topic*> PartitionTable::sorted_topics() const {
  std::vector<const Topic*> sorted;
  sorted.reserve(ids_.size());
  for (const auto& [name, id] : ids_) sorted.push_back(&topics_.at(id));
  std::ranges::sort(sorted, {}, &Topic::name);
  return sorted;
}

void PartitionTable::for_each(
    const std::function<void(const std::shared_ptr<Partition>&)>& visit) const {
  for (const Topic* topic : sorted_topics()) {
    for (const auto& partition : topic->partitions) {
      if (partition != nullptr) visit(partition);
    }
  }
}

void PartitionTable::for_each_topic(
    const std::function<void(const std::string&, const TopicTraffic&)>& visit) const {
  for (const Topic* topic : sorted_topics()) visit(topic->name, *topic->traffic);
}

std::size_t PartitionTable::broken_count() const {
  std::size_t broken = 0;
  for (const auto& [id, topic] : topics_) {
    broken += static_cast<std::size_t>(std::ranges::count(topic.broken, true));
  }
  return broken;
}

}  // namespace cairn::partition
