// SPDX-License-Identifier: Apache-2.0
// One overload a record type: its effect on an Image. Records without an effect of their own (NoOp,
// ZkMigrationState, the transaction markers) are dealt with in replay.cpp. An error means that the
// record cannot follow what is in the image: the log is not what its writer believed.
#pragma once

#include <cairn/base/result.hpp>
#include <cairn/metadata/image.hpp>

namespace cairn::metadata {

Result<> apply_to(Image& image, const protocol::TopicRecord& record);
Result<> apply_to(Image& image, const protocol::RemoveTopicRecord& record);
Result<> apply_to(Image& image, const protocol::PartitionRecord& record);
Result<> apply_to(Image& image, const protocol::PartitionChangeRecord& record);
Result<> apply_to(Image& image, const protocol::ClearElrRecord& record);

Result<> apply_to(Image& image, const protocol::RegisterBrokerRecord& record);
Result<> apply_to(Image& image, const protocol::UnregisterBrokerRecord& record);
Result<> apply_to(Image& image, const protocol::FenceBrokerRecord& record);
Result<> apply_to(Image& image, const protocol::UnfenceBrokerRecord& record);
Result<> apply_to(Image& image, const protocol::BrokerRegistrationChangeRecord& record);
Result<> apply_to(Image& image, const protocol::RegisterControllerRecord& record);

Result<> apply_to(Image& image, const protocol::FeatureLevelRecord& record);
Result<> apply_to(Image& image, const protocol::ConfigRecord& record);
Result<> apply_to(Image& image, const protocol::ClientQuotaRecord& record);
Result<> apply_to(Image& image, const protocol::ProducerIdsRecord& record);
Result<> apply_to(Image& image, const protocol::AccessControlEntryRecord& record);
Result<> apply_to(Image& image, const protocol::RemoveAccessControlEntryRecord& record);
Result<> apply_to(Image& image, const protocol::UserScramCredentialRecord& record);
Result<> apply_to(Image& image, const protocol::RemoveUserScramCredentialRecord& record);
Result<> apply_to(Image& image, const protocol::DelegationTokenRecord& record);
Result<> apply_to(Image& image, const protocol::RemoveDelegationTokenRecord& record);

}  // namespace cairn::metadata
