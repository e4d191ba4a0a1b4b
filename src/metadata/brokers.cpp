// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <cairn/metadata/brokers.hpp>
#include <cairn/metadata/features.hpp>
#include <cairn/metadata/partitions.hpp>

#include "assignments.hpp"

namespace cairn::metadata {
namespace {

constexpr std::int8_t begin_flag = 1, end_flag = -1;

void add(std::vector<Record>& to, std::vector<Record> more) {
  std::ranges::move(more, std::back_inserter(to));
}

Record fencing(const Broker& broker, std::int8_t flag) {
  protocol::BrokerRegistrationChangeRecord change;
  change.broker_id = broker.id.value();
  change.broker_epoch = broker.epoch.value();
  change.fenced = flag;
  return to_record(std::move(change));
}

/// Directories of the broker that have failed since its registration named them. Without any left
/// the broker stops, and its silence says the rest.
void lose_directories(const Image& image, const BrokerContext& context, const Broker& broker,
                      std::span<const DirectoryId> lost, std::vector<Record>& records) {
  add(records, leave_directories(image, context.server, broker.id, lost));
  protocol::BrokerRegistrationChangeRecord change;
  change.broker_id = broker.id.value();
  change.broker_epoch = broker.epoch.value();
  for (const DirectoryId& directory : broker.log_dirs) {
    if (std::ranges::find(lost, directory) == lost.end()) change.log_dirs.push_back(directory);
  }
  if (!change.log_dirs.empty()) records.push_back(to_record(std::move(change)));
}

ErrorCode check_directories(const Image& image,
                            const protocol::BrokerRegistrationRequest& request) {
  if (!supports_directories(image.metadata_version())) return ErrorCode::none;
  std::set<DirectoryId> ids(request.log_dirs.begin(), request.log_dirs.end());
  if (ids.empty() || ids.size() != request.log_dirs.size()) return ErrorCode::invalid_registration;
  if (std::ranges::any_of(ids, &DirectoryId::is_reserved)) return ErrorCode::invalid_registration;
  for (const auto& [id, broker] : image.brokers) {
    if (id.value() == request.broker_id) continue;
    for (const DirectoryId& directory : broker.log_dirs) {
      if (ids.contains(directory)) return ErrorCode::invalid_registration;
    }
  }
  return ErrorCode::none;
}

/// The ranges must contain every level that is finalized and that this process, which decides, can
/// answer for itself: what it merely keeps for Kafka, no broker needs here.
ErrorCode check_features(const Image& image, std::int16_t kraft_version,
                         const protocol::BrokerRegistrationRequest& request) {
  std::map<std::string, FeatureRange, std::less<>> ranges;
  for (const auto& feature : request.features) {
    ranges[feature.name] = {feature.min_supported_version, feature.max_supported_version};
  }
  if (!ranges.contains(metadata_version_feature)) return ErrorCode::unsupported_version;
  for (const auto& [name, level] : image.features) {
    const auto at = ranges.find(name);
    const FeatureRange range = at == ranges.end() ? FeatureRange{} : at->second;
    if (range.contains(level) || may_stay_unserved(name, level)) continue;
    return ErrorCode::unsupported_version;
  }
  const auto kraft = ranges.find(kraft_version_feature);
  if (kraft != ranges.end() && !kraft->second.contains(kraft_version)) {
    return ErrorCode::unsupported_version;
  }
  return ErrorCode::none;
}

protocol::RegisterBrokerRecord registration(const Image& image, const Broker* before,
                                            const protocol::BrokerRegistrationRequest& request,
                                            Offset next_offset) {
  protocol::RegisterBrokerRecord record;
  record.broker_id = request.broker_id;
  record.is_migrating_zk_broker = false;
  record.incarnation_id = request.incarnation_id;
  record.broker_epoch = next_offset.value();
  record.rack = request.rack;
  record.fenced = true;
  for (const auto& listener : request.listeners) {
    auto& end = record.end_points.emplace_back();
    end.name = listener.name;
    end.host = listener.host;
    end.port = listener.port;
    end.security_protocol = listener.security_protocol;
  }
  for (const auto& has : request.features) {
    auto& feature = record.features.emplace_back();
    feature.name = has.name;
    feature.min_supported_version = has.min_supported_version;
    feature.max_supported_version = has.max_supported_version;
  }
  if (supports_directories(image.metadata_version())) record.log_dirs = request.log_dirs;
  if (before != nullptr && before->incarnation == request.incarnation_id) {  // amended
    record.broker_epoch = before->epoch.value();
    record.fenced = before->fenced;
    record.in_controlled_shutdown = before->in_controlled_shutdown;
  }
  return record;
}

}  // namespace

Decision<protocol::BrokerRegistrationResponse> register_broker(
    const Image& image, const Heartbeats& heartbeats, const BrokerContext& context,
    const protocol::BrokerRegistrationRequest& request) {
  Decision<protocol::BrokerRegistrationResponse> decision;
  const auto refuse = [&](ErrorCode code) {
    decision.response.error_code = code;
    return decision;
  };
  if (request.cluster_id != context.cluster_id) return refuse(ErrorCode::inconsistent_cluster_id);
  const BrokerId id(request.broker_id);
  const Broker* before = image.broker(id);
  const bool returns = before != nullptr && before->incarnation != request.incarnation_id;
  if (returns && heartbeats.has_valid_session(id, before->epoch, context.now)) {
    return refuse(ErrorCode::duplicate_broker_registration);
  }
  if (request.is_migrating_zk_broker) return refuse(ErrorCode::invalid_registration);
  if (ErrorCode code = check_directories(image, request); code != ErrorCode::none) {
    return refuse(code);
  }
  if (ErrorCode code = check_features(image, context.kraft_version, request);
      code != ErrorCode::none) {
    return refuse(code);
  }
  auto record = registration(image, before, request, context.next_offset);
  decision.response.broker_epoch = record.broker_epoch;
  decision.records.push_back(
      {std::move(record), record_versions(image.metadata_version()).register_broker});
  if (returns) {
    const bool clean = request.previous_broker_epoch == before->epoch.value();
    add(decision.records,
        leave_partitions(image, context.server, id, clean ? Stop::clean : Stop::unclean));
  }
  return decision;
}

Decision<protocol::BrokerHeartbeatResponse> broker_heartbeat(
    const Image& image, const Heartbeats& heartbeats, const BrokerContext& context,
    const protocol::BrokerHeartbeatRequest& request) {
  Decision<protocol::BrokerHeartbeatResponse> decision;
  const BrokerId id(request.broker_id);
  const Broker* broker = image.broker(id);
  if (broker == nullptr || broker->epoch.value() != request.broker_epoch) {
    decision.response.error_code = ErrorCode::stale_broker_epoch;
    return decision;
  }
  const bool caught_up = request.current_metadata_offset >= broker->epoch.value();
  auto& response = decision.response;
  response.is_caught_up = caught_up;
  response.is_fenced = broker->fenced;
  if (request.cordoned_log_dirs && request.cordoned_log_dirs != broker->cordoned_log_dirs) {
    protocol::BrokerRegistrationChangeRecord change;
    change.broker_id = id.value();
    change.broker_epoch = broker->epoch.value();
    change.cordoned_log_dirs = request.cordoned_log_dirs;
    decision.records.push_back(to_record(std::move(change)));
  }
  std::vector<DirectoryId> lost;
  std::ranges::copy_if(request.offline_log_dirs, std::back_inserter(lost), [&](const auto& id) {
    return std::ranges::find(broker->log_dirs, id) != broker->log_dirs.end();
  });
  if (!lost.empty() && !request.want_fence && !request.want_shut_down) {
    // What else it wants waits for its next heartbeat, which is decided on what this one changes.
    lose_directories(image, context, *broker, lost, decision.records);
  } else if (broker->fenced) {
    if (request.want_shut_down) {
      response.should_shut_down = true;
    } else if (!request.want_fence && caught_up) {
      decision.records.push_back(fencing(*broker, end_flag));
      add(decision.records, return_to_partitions(image, context.server, id));
      response.is_fenced = false;
    }
  } else if (request.want_fence) {
    add(decision.records, fence_broker(image, context, id));
    response.is_fenced = true;
  } else if (request.want_shut_down && !broker->in_controlled_shutdown) {
    if (!leads_any(image, id)) {
      response.should_shut_down = true;
    } else {
      protocol::BrokerRegistrationChangeRecord change;
      change.broker_id = id.value();
      change.broker_epoch = broker->epoch.value();
      change.in_controlled_shutdown = begin_flag;
      decision.records.push_back(to_record(std::move(change)));
      add(decision.records, leave_partitions(image, context.server, id, Stop::clean));
    }
  } else if (broker->in_controlled_shutdown) {
    const auto moved_at = heartbeats.shutdown_offset(id);
    response.should_shut_down =
        !leads_any(image, id) && moved_at && heartbeats.lowest_applied(image) >= *moved_at;
  }
  if (response.should_shut_down && !broker->fenced) {  // it is as good as gone
    add(decision.records, fence_broker(image, context, id));
    response.is_fenced = true;
  }
  return decision;
}

std::vector<Record> fence_broker(const Image& image, const BrokerContext& context, BrokerId id) {
  const Broker* broker = image.broker(id);
  if (broker == nullptr || broker->fenced) return {};
  std::vector<Record> records = leave_partitions(image, context.server, id, Stop::clean);
  records.push_back(fencing(*broker, begin_flag));
  return records;
}

Decision<protocol::UnregisterBrokerResponse> unregister_broker(
    const Image& image, const BrokerContext& context,
    const protocol::UnregisterBrokerRequest& request) {
  Decision<protocol::UnregisterBrokerResponse> decision;
  decision.response.error_message.reset();
  const BrokerId id(request.broker_id);
  const Broker* broker = image.broker(id);
  if (broker == nullptr) {
    decision.response.error_code = ErrorCode::broker_id_not_registered;
    decision.response.error_message = fmt::format("Broker ID {} is not currently registered", id);
    return decision;
  }
  decision.records = leave_partitions(image, context.server, id, Stop::unclean);
  protocol::UnregisterBrokerRecord record;
  record.broker_id = id.value();
  record.broker_epoch = broker->epoch.value();
  decision.records.push_back({std::move(record), 0});
  return decision;
}

Decision<protocol::ControllerRegistrationResponse> register_controller(
    const Image& image, const protocol::ControllerRegistrationRequest& request) {
  Decision<protocol::ControllerRegistrationResponse> decision;
  decision.response.error_message.reset();
  if (image.metadata_version() < 15) {
    decision.response.error_code = ErrorCode::unsupported_version;
    decision.response.error_message =
        "The current MetadataVersion is too old to support controller registrations.";
    return decision;
  }
  protocol::RegisterControllerRecord record;
  record.controller_id = request.controller_id;
  record.incarnation_id = request.incarnation_id;
  record.zk_migration_ready = request.zk_migration_ready;
  for (const auto& listener : request.listeners) {
    auto& end = record.end_points.emplace_back();
    end.name = listener.name;
    end.host = listener.host;
    end.port = listener.port;
    end.security_protocol = listener.security_protocol;
  }
  for (const auto& has : request.features) {
    auto& feature = record.features.emplace_back();
    feature.name = has.name;
    feature.min_supported_version = has.min_supported_version;
    feature.max_supported_version = has.max_supported_version;
  }
  decision.records.push_back({std::move(record), 0});
  return decision;
}

Decision<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
    const Image& image, const protocol::AllocateProducerIdsRequest& request) {
  Decision<protocol::AllocateProducerIdsResponse> decision;
  const Broker* broker = image.broker(BrokerId(request.broker_id));
  if (broker == nullptr || broker->epoch.value() != request.broker_epoch) {
    decision.response.error_code = ErrorCode::stale_broker_epoch;
    return decision;
  }
  const std::int64_t first = std::max<std::int64_t>(image.next_producer_id, 0);
  if (first > INT64_MAX - producer_id_block_size) {
    decision.response.error_code = ErrorCode::unknown_server_error;
    return decision;
  }
  protocol::ProducerIdsRecord record;
  record.broker_id = request.broker_id;
  record.broker_epoch = request.broker_epoch;
  record.next_producer_id = first + producer_id_block_size;
  decision.records.push_back({std::move(record), 0});
  decision.response.producer_id_start = first;
  decision.response.producer_id_len = producer_id_block_size;
  return decision;
}

}  // namespace cairn::metadata
