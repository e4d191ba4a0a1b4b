// SPDX-License-Identifier: Apache-2.0
// Feature levels: what this software supports, what may be finalized, and which schema versions of
// records a metadata.version writes (facts: kraft.md §2.3, §2.4). Only features whose duties Cairn
// fulfils have a range above 0-0. kraft.version is kept by the quorum, not by records.
#pragma once

#include <span>
#include <string_view>

#include <cairn/metadata/decision.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/topics.hpp>
#include <cairn/protocol/messages/update_features.hpp>

namespace cairn::metadata {

inline constexpr std::string_view metadata_version_feature = "metadata.version";
inline constexpr std::string_view kraft_version_feature = "kraft.version";
inline constexpr std::string_view elr_feature = "eligible.leader.replicas.version";
inline constexpr std::int16_t min_metadata_version = 7;      // 3.3-IV3
inline constexpr std::int16_t latest_metadata_version = 30;  // 4.3-IV0

struct SupportedFeature {
  std::string_view name;
  FeatureRange range;
};
/// What this process can do, by name; metadata.version first.
std::span<const SupportedFeature> supported_features();
/// The range of one; 0-0 if it is not in the list.
FeatureRange supported_range(std::string_view feature);

/// Whether a level that Kafka 4.3.1 finalizes and this process does not serve may stay as it is in
/// a cluster that was taken over: the record is kept, clients are not told of it, and nobody needs
/// to support it. Levels beyond 4.3.1's, and of features it does not know, may not.
bool may_stay_unserved(std::string_view feature, std::int16_t level);
/// What of an image is kept and not served, for people: "group.version=1, share.version=1"; empty
/// if all is served.
std::string unserved_features(const Image& image);
/// The same for records that nothing here acts on yet: "2 ACLs, 1 SCRAM credential".
std::string unserved_records(const Image& image);

/// "4.3-IV0"; empty for a level without a name.
std::string_view metadata_version_name(std::int16_t level);

/// The record versions that a metadata.version writes.
struct RecordVersions {
  std::int16_t register_broker;
  std::int16_t partition;
  std::int16_t partition_change;
};
RecordVersions record_versions(std::int16_t metadata_version);
bool supports_elr(const Image& image);  // the feature is finalized at 1
bool supports_directories(std::int16_t metadata_version);
bool supports_metadata_transactions(std::int16_t metadata_version);
bool bumps_leader_epoch_on_isr_shrink(std::int16_t metadata_version);

/// A BrokerRegistrationChange at the version Kafka gives it for its content.
Record to_record(protocol::BrokerRegistrationChangeRecord change);

struct FeatureDecision {
  Decision<protocol::UpdateFeaturesResponse> decision;
  /// Set when kraft.version is to rise: the quorum appends the control records itself.
  std::optional<std::int16_t> kraft_version;
};
/// `server`: of the node that decides, for the messages and for what it is configured with.
FeatureDecision update_features(const Image& image, const config::ServerConfig& server,
                                const protocol::UpdateFeaturesRequest& request,
                                std::int16_t version, std::int16_t kraft_version);

/// The records of bootstrap.checkpoint for a new cluster: metadata.version and the features that
/// are finalized from the start (none: what is served can be finalized later).
std::vector<Record> bootstrap_records(std::int16_t metadata_version);
/// The records between Begin and End: they become visible together, in however many batches.
std::vector<Record> in_transaction(std::string_view name, std::vector<Record> records);

}  // namespace cairn::metadata
