// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cairn/metadata/features.hpp>

namespace cairn::metadata {
namespace {

struct MetadataVersion {
  std::int16_t level;
  std::string_view name;
  bool changes_records;  // a downgrade across it would lose metadata
};

constexpr std::array metadata_versions = {
    MetadataVersion{7, "3.3-IV3", true},   MetadataVersion{8, "3.4-IV0", true},
    MetadataVersion{9, "3.5-IV0", false},  MetadataVersion{10, "3.5-IV1", false},
    MetadataVersion{11, "3.5-IV2", true},  MetadataVersion{12, "3.6-IV0", false},
    MetadataVersion{13, "3.6-IV1", true},  MetadataVersion{14, "3.6-IV2", true},
    MetadataVersion{15, "3.7-IV0", true},  MetadataVersion{16, "3.7-IV1", false},
    MetadataVersion{17, "3.7-IV2", true},  MetadataVersion{18, "3.7-IV3", false},
    MetadataVersion{19, "3.7-IV4", false}, MetadataVersion{20, "3.8-IV0", false},
    MetadataVersion{21, "3.9-IV0", false}, MetadataVersion{22, "4.0-IV0", false},
    MetadataVersion{23, "4.0-IV1", true},  MetadataVersion{24, "4.0-IV2", false},
    MetadataVersion{25, "4.0-IV3", false}, MetadataVersion{26, "4.1-IV0", false},
    MetadataVersion{27, "4.1-IV1", false}, MetadataVersion{28, "4.2-IV0", false},
    MetadataVersion{29, "4.2-IV1", false}, MetadataVersion{30, "4.3-IV0", true},
};

constexpr std::array supported = {
    SupportedFeature{metadata_version_feature, {min_metadata_version, latest_metadata_version}},
    SupportedFeature{elr_feature, {0, 1}},
    SupportedFeature{kraft_version_feature, {0, 1}},
};

/// What Kafka 4.3.1 can finalize beside what is served: a new cluster of its has all of it.
constexpr std::array known_to_kafka = {
    SupportedFeature{"group.version", {0, 1}},
    SupportedFeature{"transaction.version", {0, 2}},
    SupportedFeature{"share.version", {0, 1}},
    SupportedFeature{"streams.version", {0, 1}},
};

enum class Upgrade : std::int8_t {
  unknown = 0,
  upgrade = 1,
  safe_downgrade = 2,
  unsafe_downgrade = 3
};

ApiError invalid_version(std::string_view feature, std::int16_t level, std::string_view why) {
  return {ErrorCode::invalid_update_version,
          fmt::format("Invalid update version {} for feature {}. {}", level, feature, why)};
}

ApiError unsupported_downgrade(std::int16_t from, std::int16_t to, std::string_view why) {
  return {ErrorCode::invalid_update_version,
          fmt::format("Unsupported metadata.version downgrade from {} to {}. {}", from, to, why)};
}

/// Why a node with this range cannot run at the level; empty if it can.
std::string why_unsupported(std::int16_t level, const std::string& who, FeatureRange range) {
  if (range.contains(level)) return {};
  if (range.max == 0) return who + " does not support this feature.";
  return fmt::format("{} only supports versions {}-{}", who, range.min, range.max);
}

/// Asks this process, then every registered broker (fenced ones too) and controller.
std::string why_unsupported(const Image& image, BrokerId self, const std::string& feature,
                            std::int16_t level) {
  std::string why =
      why_unsupported(level, fmt::format("Local controller {}", self), supported_range(feature));
  if (!why.empty()) return why;
  for (const auto& [id, broker] : image.brokers) {
    const auto at = broker.features.find(feature);
    const FeatureRange range = at == broker.features.end() ? FeatureRange{} : at->second;
    why = why_unsupported(level, fmt::format("Broker {}", id), range);
    if (!why.empty()) return why;
  }
  for (const auto& [id, controller] : image.controllers) {
    FeatureRange range;
    for (const auto& has : controller.features) {
      if (has.name == feature) range = {has.min_supported_version, has.max_supported_version};
    }
    why = why_unsupported(level, fmt::format("Controller {}", id), range);
    if (!why.empty()) return why;
  }
  return {};
}

ApiError check_direction(const std::string& feature, std::int16_t from, std::int16_t to,
                         Upgrade upgrade) {
  if (to < from && upgrade == Upgrade::upgrade) {
    return invalid_version(feature, to,
                           "Can't downgrade the version of this feature without setting the "
                           "upgrade type to either safe or unsafe downgrade.");
  }
  if (to > from && upgrade != Upgrade::upgrade) {
    return invalid_version(feature, to, "Can't downgrade to a newer version.");
  }
  return {};
}

ApiError check_metadata_version(std::int16_t from, std::int16_t to, Upgrade upgrade) {
  const bool loses = std::ranges::any_of(metadata_versions, [&](const MetadataVersion& version) {
    return to < version.level && version.level <= from && version.changes_records;
  });
  if (!loses) return {};
  return unsupported_downgrade(
      from, to,
      upgrade == Upgrade::unsafe_downgrade
          ? "Unsafe metadata downgrade is not supported in this version."
          : "Refusing to perform the requested downgrade because it might delete metadata "
            "information.");
}

struct FeatureStep {
  ApiError error;
  std::vector<Record> records;
  std::optional<std::int16_t> kraft_version;
};

/// With eligible leader replicas the controller must know every topic's min.insync.replicas: there
/// is a value for all brokers, and none for one broker alone (KIP-966).
std::vector<Record> elr_safety_records(const Image& image, const config::ServerConfig& server) {
  constexpr std::string_view key = "min.insync.replicas";
  std::vector<Record> records;
  const auto set = [&](const std::string& broker, std::optional<std::string> value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(ResourceType::broker);
    record.resource_name = broker;
    record.name = key;
    record.value = std::move(value);
    records.push_back({std::move(record), 0});
  };
  if (!image.overrides(ResourceType::broker, "")->contains(key)) {
    set("", config::value_of(server, key).value_or("1"));
  }
  for (const auto& [resource, overrides] : image.configs) {
    if (resource.type != ResourceType::broker || resource.name.empty()) continue;
    if (overrides->contains(key)) set(resource.name, std::nullopt);
  }
  return records;
}

FeatureStep update_feature(const Image& image, const config::ServerConfig& server,
                           const std::string& feature, std::int16_t level, Upgrade upgrade,
                           std::int16_t kraft_version) {
  if (upgrade == Upgrade::unknown || upgrade > Upgrade::unsafe_downgrade) {
    return {
        invalid_version(feature, level, "The controller does not support the given upgrade type."),
        {},
        {}};
  }
  const bool is_kraft = feature == kraft_version_feature;
  const std::int16_t now = is_kraft ? kraft_version : image.feature(feature);
  if (level < 0) {
    return {invalid_version(feature, level, "A feature version cannot be less than 0."), {}, {}};
  }
  if (const std::string why = why_unsupported(image, server.node_id, feature, level);
      !why.empty()) {
    return {invalid_version(feature, level, why), {}, {}};
  }
  if (ApiError error = check_direction(feature, now, level, upgrade); !error.ok()) {
    return {std::move(error), {}, {}};
  }
  if (is_kraft) {
    if (level < now) {
      return {
          invalid_version(feature, level, "Can't downgrade the version of this feature."), {}, {}};
    }
    if (level == now) return {};
    return {{}, {Record{protocol::NoOpRecord{}, 0}}, level};
  }
  if (feature == metadata_version_feature) {
    if (ApiError error = check_metadata_version(now, level, upgrade); !error.ok()) {
      return {std::move(error), {}, {}};
    }
  }
  std::vector<Record> records;
  if (feature == elr_feature && level > 0) records = elr_safety_records(image, server);
  protocol::FeatureLevelRecord record;
  record.name = feature;
  record.feature_level = level;
  records.push_back({std::move(record), 0});
  return {{}, std::move(records), {}};
}

}  // namespace

std::span<const SupportedFeature> supported_features() { return supported; }

FeatureRange supported_range(std::string_view feature) {
  const auto at = std::ranges::find(supported, feature, &SupportedFeature::name);
  return at == supported.end() ? FeatureRange{} : at->range;
}

bool may_stay_unserved(std::string_view feature, std::int16_t level) {
  if (supported_range(feature).contains(level)) return false;
  const auto at = std::ranges::find(known_to_kafka, feature, &SupportedFeature::name);
  return at != known_to_kafka.end() && at->range.contains(level);
}

std::string unserved_features(const Image& image) {
  std::string names;
  for (const auto& [name, level] : image.features) {
    if (!may_stay_unserved(name, level)) continue;
    names += fmt::format("{}{}={}", names.empty() ? "" : ", ", name, level);
  }
  return names;
}

std::string unserved_records(const Image& image) {
  std::string names;
  const auto add = [&names](std::size_t count, std::string_view one) {
    if (count == 0) return;
    names += fmt::format("{}{} {}{}", names.empty() ? "" : ", ", count, one, count > 1 ? "s" : "");
  };
  add(image.acls.size(), "ACL");
  add(image.scram.size(), "SCRAM credential");
  add(image.tokens.size(), "delegation token");
  add(image.quotas.size(), "client quota");
  return names;
}

std::string_view metadata_version_name(std::int16_t level) {
  const auto at = std::ranges::find(metadata_versions, level, &MetadataVersion::level);
  return at == metadata_versions.end() ? std::string_view{} : at->name;
}

RecordVersions record_versions(std::int16_t level) {
  RecordVersions versions{1, 0, 0};
  if (level >= 8) versions.register_broker = 2;
  if (level >= 17) versions = {3, 1, 1};
  if (level >= 23) versions.partition = versions.partition_change = 2;
  if (level >= 30) versions.register_broker = 4;
  return versions;
}

bool supports_elr(const Image& image) {
  return image.feature(elr_feature) > 0 && image.metadata_version() >= 23;
}
bool supports_directories(std::int16_t level) { return level >= 17; }
bool supports_metadata_transactions(std::int16_t level) { return level >= 13; }
bool bumps_leader_epoch_on_isr_shrink(std::int16_t level) { return level < 12; }

Record to_record(protocol::BrokerRegistrationChangeRecord change) {
  std::int16_t version = 0;
  if (change.in_controlled_shutdown != 0) version = 1;
  if (!change.log_dirs.empty()) version = 2;
  if (change.cordoned_log_dirs) version = 3;
  return {std::move(change), version};
}

FeatureDecision update_features(const Image& image, const config::ServerConfig& server,
                                const protocol::UpdateFeaturesRequest& request,
                                std::int16_t version, std::int16_t kraft_version) {
  FeatureDecision out;
  protocol::UpdateFeaturesResponse& response = out.decision.response;
  for (const auto& update : request.feature_updates) {
    // Version 0 has a flag instead of the type.
    const auto upgrade = version >= 1             ? Upgrade(update.upgrade_type)
                         : update.allow_downgrade ? Upgrade::safe_downgrade
                                                  : Upgrade::upgrade;
    FeatureStep step = update_feature(image, server, update.feature, update.max_version_level,
                                      upgrade, kraft_version);
    if (!step.error.ok()) {
      response.error_code = step.error.code;
      response.error_message =
          "The update failed for all features since the following feature had an error: " +
          step.error.message;
      out.decision.records.clear();
      out.kraft_version.reset();
      break;
    }
    std::ranges::move(step.records, std::back_inserter(out.decision.records));
    if (step.kraft_version) out.kraft_version = step.kraft_version;
  }
  if (version <= 1) {
    for (const auto& update : request.feature_updates) {
      auto& result = response.results.emplace_back();
      result.feature = update.feature;
      result.error_code = response.error_code;
      result.error_message = response.error_message;
    }
  }
  if (version >= 1 && request.validate_only) {
    out.decision.records.clear();
    out.kraft_version.reset();
  }
  return out;
}

std::vector<Record> bootstrap_records(std::int16_t metadata_version) {
  protocol::FeatureLevelRecord record;
  record.name = metadata_version_feature;
  record.feature_level = metadata_version;
  return {Record{std::move(record), 0}};
}

std::vector<Record> in_transaction(std::string_view name, std::vector<Record> records) {
  protocol::BeginTransactionRecord begin;
  begin.name = std::string(name);
  std::vector<Record> bracketed;
  bracketed.reserve(records.size() + 2);
  bracketed.push_back({std::move(begin), 0});
  std::ranges::move(records, std::back_inserter(bracketed));
  bracketed.push_back({protocol::EndTransactionRecord{}, 0});
  return bracketed;
}

}  // namespace cairn::metadata
