// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <cairn/metadata/image.hpp>

#include "wire.hpp"

namespace cairn::metadata {

bool Partition::has_replica(BrokerId id) const { return contains(replicas, id); }

bool Partition::in_isr(BrokerId id) const { return contains(isr, id); }

const Endpoint* Broker::endpoint(std::string_view listener) const {
  const auto at = std::ranges::find(endpoints, listener, &Endpoint::listener);
  return at == endpoints.end() ? nullptr : &*at;
}

std::int16_t Image::feature(std::string_view name) const {
  const std::int16_t* level = features.find(name);
  return level == nullptr ? std::int16_t{0} : *level;
}

const Topic* Image::topic(const TopicId& id) const {
  const auto* found = topics.find(id);
  return found == nullptr ? nullptr : found->get();
}

const Topic* Image::topic(std::string_view name) const {
  const TopicId* id = topic_ids.find(name);
  return id == nullptr ? nullptr : topic(*id);
}

const Partition* Image::partition(const TopicId& id, PartitionIndex index) const {
  const Topic* found = topic(id);
  return found == nullptr ? nullptr : found->partition(index);
}

bool Image::is_active(BrokerId id) const {
  const Broker* found = broker(id);
  return found != nullptr && found->active();
}

std::shared_ptr<const Overrides> Image::overrides(ResourceType type, std::string_view name) const {
  static const auto nothing = std::make_shared<const Overrides>();
  const auto* found = configs.find(ConfigResource{type, std::string(name)});
  return found == nullptr ? nothing : *found;
}

Changes difference(const Image* before, const Image& after) {
  static const Image nothing;
  const Image& from = before == nullptr ? nothing : *before;
  Changes changes;
  std::set<std::string, std::less<>> configured;
  using Configs = decltype(Image::configs);
  Configs::difference(from.configs, after.configs, [&](const auto* old, const auto* now) {
    changes.configs.push_back(now != nullptr ? now->first : old->first);
    const ConfigResource& resource = changes.configs.back();
    if (resource.type == ResourceType::topic) configured.insert(resource.name);
  });

  std::vector<TopicChange> later;
  using Topics = decltype(Image::topics);
  Topics::difference(from.topics, after.topics, [&](const auto* old, const auto* now) {
    TopicChange change;
    if (old != nullptr) change.before = old->second;
    if (now != nullptr) change.after = now->second;
    if (!change.after) return changes.topics.push_back(std::move(change));
    const auto at = configured.find(change.after->name);
    if (at != configured.end()) {
      change.config_changed = true;
      configured.erase(at);
    }
    later.push_back(std::move(change));
  });
  for (const std::string& name : configured) {  // only the configuration changed
    const TopicId* id = after.topic_ids.find(name);
    if (id == nullptr) continue;
    const auto& topic = *after.topics.find(*id);
    later.push_back({topic, topic, true});
  }
  std::ranges::move(later, std::back_inserter(changes.topics));
  changes.brokers = !from.brokers.same_as(after.brokers);
  changes.features = !from.features.same_as(after.features);
  return changes;
}

}  // namespace cairn::metadata
