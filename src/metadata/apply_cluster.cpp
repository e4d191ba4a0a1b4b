// SPDX-License-Identifier: Apache-2.0
// Replay of brokers, controllers, features, configurations, quotas and security records.
#include <algorithm>

#include "apply.hpp"

namespace cairn::metadata {
namespace {

/// Replaces one broker by a copy that `change` has worked on; its epoch must be the one registered.
template <class Change>
Result<> change_broker(Image& image, std::int32_t id, std::int64_t epoch, Change&& change) {
  const Broker* before = image.broker(BrokerId(id));
  if (before == nullptr) {
    return fail(ErrorCode::corrupt_message, "a metadata record names an unregistered broker");
  }
  if (before->epoch.value() != epoch) {
    return fail(ErrorCode::corrupt_message, "a metadata record names another broker epoch");
  }
  Broker after = *before;
  change(after);
  image.brokers.set(BrokerId(id), std::move(after));
  return {};
}

}  // namespace

Result<> apply_to(Image& image, const protocol::RegisterBrokerRecord& record) {
  Broker broker;
  broker.id = BrokerId(record.broker_id);
  broker.epoch = BrokerEpoch(record.broker_epoch);
  broker.incarnation = record.incarnation_id;
  for (const auto& end : record.end_points) {
    broker.endpoints.push_back({end.name, end.host, end.port, end.security_protocol});
  }
  for (const auto& feature : record.features) {
    broker.features[feature.name] = {feature.min_supported_version, feature.max_supported_version};
  }
  broker.rack = record.rack;
  broker.fenced = record.fenced;
  broker.in_controlled_shutdown = record.in_controlled_shutdown;
  broker.log_dirs = record.log_dirs;
  broker.cordoned_log_dirs = record.cordoned_log_dirs;
  broker.unknown_tags = record.unknown_tags;
  image.brokers.set(BrokerId(record.broker_id), std::move(broker));
  return {};
}

Result<> apply_to(Image& image, const protocol::UnregisterBrokerRecord& record) {
  TRY(change_broker(image, record.broker_id, record.broker_epoch, [](Broker&) {}));
  image.brokers.erase(BrokerId(record.broker_id));
  return {};
}

Result<> apply_to(Image& image, const protocol::FenceBrokerRecord& record) {
  return change_broker(image, record.id, record.epoch,
                       [](Broker& broker) { broker.fenced = true; });
}

Result<> apply_to(Image& image, const protocol::UnfenceBrokerRecord& record) {
  return change_broker(image, record.id, record.epoch,
                       [](Broker& broker) { broker.fenced = false; });
}

Result<> apply_to(Image& image, const protocol::BrokerRegistrationChangeRecord& record) {
  return change_broker(image, record.broker_id, record.broker_epoch, [&](Broker& broker) {
    if (record.fenced != 0) broker.fenced = record.fenced > 0;
    if (record.in_controlled_shutdown != 0) {
      broker.in_controlled_shutdown = record.in_controlled_shutdown > 0;
    }
    if (!record.log_dirs.empty()) broker.log_dirs = record.log_dirs;
    if (record.cordoned_log_dirs) broker.cordoned_log_dirs = record.cordoned_log_dirs;
  });
}

Result<> apply_to(Image& image, const protocol::RegisterControllerRecord& record) {
  image.controllers.set(BrokerId(record.controller_id), record);
  return {};
}

Result<> apply_to(Image& image, const protocol::FeatureLevelRecord& record) {
  if (record.feature_level == 0) {
    image.features.erase(record.name);
  } else {
    image.features.set(record.name, record.feature_level);
  }
  return {};
}

Result<> apply_to(Image& image, const protocol::ConfigRecord& record) {
  const ConfigResource resource{ResourceType(record.resource_type), record.resource_name};
  auto after = std::make_shared<Overrides>(*image.overrides(resource.type, resource.name));
  if (record.value) {
    (*after)[record.name] = *record.value;
  } else {
    after->erase(record.name);
  }
  if (after->empty()) {
    image.configs.erase(resource);
  } else {
    image.configs.set(resource, std::move(after));
  }
  return {};
}

Result<> apply_to(Image& image, const protocol::ClientQuotaRecord& record) {
  QuotaEntity entity;
  for (const auto& part : record.entity) entity[part.entity_type] = part.entity_name;
  std::map<std::string, double> quotas;
  if (const auto* before = image.quotas.find(entity)) quotas = *before;
  if (record.remove) {
    quotas.erase(record.key);
  } else {
    quotas[record.key] = record.value;
  }
  if (quotas.empty()) {
    image.quotas.erase(entity);
  } else {
    image.quotas.set(std::move(entity), std::move(quotas));
  }
  return {};
}

Result<> apply_to(Image& image, const protocol::ProducerIdsRecord& record) {
  if (record.next_producer_id <= image.next_producer_id) {
    return fail(ErrorCode::corrupt_message, "a block of producer ids was given out twice");
  }
  image.next_producer_id = record.next_producer_id;
  return {};
}

Result<> apply_to(Image& image, const protocol::AccessControlEntryRecord& record) {
  image.acls.set(record.id, record);
  return {};
}

Result<> apply_to(Image& image, const protocol::RemoveAccessControlEntryRecord& record) {
  if (!image.acls.contains(record.id)) {
    return fail(ErrorCode::corrupt_message, "a metadata record removes a missing ACL");
  }
  image.acls.erase(record.id);
  return {};
}

Result<> apply_to(Image& image, const protocol::UserScramCredentialRecord& record) {
  image.scram.set(ScramKey{record.mechanism, record.name}, record);
  return {};
}

Result<> apply_to(Image& image, const protocol::RemoveUserScramCredentialRecord& record) {
  const ScramKey key{record.mechanism, record.name};
  if (!image.scram.contains(key)) {
    return fail(ErrorCode::corrupt_message, "a metadata record removes a missing credential");
  }
  image.scram.erase(key);
  return {};
}

Result<> apply_to(Image& image, const protocol::DelegationTokenRecord& record) {
  image.tokens.set(record.token_id, record);
  return {};
}

Result<> apply_to(Image& image, const protocol::RemoveDelegationTokenRecord& record) {
  image.tokens.erase(record.token_id);
  return {};
}

}  // namespace cairn::metadata
