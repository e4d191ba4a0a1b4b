// SPDX-License-Identifier: Apache-2.0
#include <cairn/protocol/records/control/kraft_version_record.hpp>
#include <cairn/protocol/records/control/leader_change_message.hpp>
#include <cairn/protocol/records/control/snapshot_footer_record.hpp>
#include <cairn/protocol/records/control/snapshot_header_record.hpp>
#include <cairn/protocol/records/control/voters_record.hpp>
#include <cairn/raft/control_records.hpp>
#include <cairn/record/control.hpp>

namespace cairn::raft {
namespace {

protocol::LeaderChangeMessage to_message(const LeaderChange& change) {
  protocol::LeaderChangeMessage message;
  message.leader_id = change.leader.value();
  for (const BrokerId id : change.voters) message.voters.emplace_back().voter_id = id.value();
  for (const BrokerId id : change.granting_voters) {
    message.granting_voters.emplace_back().voter_id = id.value();
  }
  return message;
}

protocol::SnapshotHeaderRecord to_message(const SnapshotHeader& header) {
  protocol::SnapshotHeaderRecord message;
  message.last_contained_log_timestamp = header.last_contained_log_timestamp;
  return message;
}

protocol::SnapshotFooterRecord to_message(const SnapshotFooter&) { return {}; }

protocol::KRaftVersionRecord to_message(const KRaftVersion& version) {
  protocol::KRaftVersionRecord message;
  message.kraft_version = version.level;
  return message;
}

protocol::VotersRecord to_message(const VoterSet& voters) {
  protocol::VotersRecord message;
  for (const Voter& voter : voters.voters()) {
    auto& entry = message.voters.emplace_back();
    entry.voter_id = voter.key.id.value();
    entry.voter_directory_id = voter.key.directory;
    for (const Endpoint& endpoint : voter.endpoints) {
      auto& end = entry.endpoints.emplace_back();
      end.name = endpoint.listener;
      end.host = endpoint.host;
      end.port = endpoint.port;
    }
    entry.kraft_version_feature.min_supported_version = voter.min_kraft_version;
    entry.kraft_version_feature.max_supported_version = voter.max_kraft_version;
  }
  return message;
}

LeaderChange from_message(const protocol::LeaderChangeMessage& message) {
  LeaderChange change;
  change.leader = BrokerId(message.leader_id);
  for (const auto& voter : message.voters) change.voters.emplace_back(voter.voter_id);
  for (const auto& voter : message.granting_voters) {
    change.granting_voters.emplace_back(voter.voter_id);
  }
  return change;
}

VoterSet from_message(const protocol::VotersRecord& message) {
  std::vector<Voter> voters;
  for (const auto& entry : message.voters) {
    Voter voter;
    voter.key = {BrokerId(entry.voter_id), entry.voter_directory_id};
    for (const auto& end : entry.endpoints) {
      voter.endpoints.push_back({end.name, end.host, end.port});
    }
    voter.min_kraft_version = entry.kraft_version_feature.min_supported_version;
    voter.max_kraft_version = entry.kraft_version_feature.max_supported_version;
    voters.push_back(std::move(voter));
  }
  return VoterSet(std::move(voters));
}

Result<ControlRecord> decode(const record::RecordView& view) {
  using record::ControlType;
  TRY(const ControlType type, record::parse_control_type(view));
  switch (type) {
    case ControlType::leader_change: {
      TRY(const auto message, record::parse_leader_change(view));
      return from_message(message);
    }
    case ControlType::snapshot_header: {
      TRY(const auto message, record::parse_snapshot_header(view));
      return SnapshotHeader{message.last_contained_log_timestamp};
    }
    case ControlType::snapshot_footer: {
      TRY(record::parse_snapshot_footer(view));
      return SnapshotFooter{};
    }
    case ControlType::kraft_version: {
      TRY(const auto message, record::parse_kraft_version(view));
      return KRaftVersion{message.kraft_version};
    }
    case ControlType::kraft_voters: {
      TRY(const auto message, record::parse_voters(view));
      return from_message(message);
    }
    case ControlType::abort:
    case ControlType::commit:
      break;
  }
  return fail(ErrorCode::unsupported_version, "the metadata log cannot hold this control record");
}

}  // namespace

Bytes encode_control_batch(std::span<const ControlRecord> records, Offset base_offset, Epoch epoch,
                           std::int64_t timestamp) {
  record::BatchOptions options;
  options.base_offset = base_offset;
  options.leader_epoch = epoch;
  options.control = true;
  options.fixed_timestamp = timestamp;
  record::BatchBuilder builder(options);
  for (const ControlRecord& control : records) {
    std::visit(
        [&](const auto& value) { record::append_control(builder, timestamp, to_message(value)); },
        control);
  }
  return builder.build();
}

Result<std::vector<ControlRecord>> decode_control_batch(const record::BatchView& batch) {
  TRY(record::RecordReader reader, record::RecordReader::open(batch));
  std::vector<ControlRecord> records;
  while (const auto view = reader.next()) {
    TRY(ControlRecord control, decode(*view));
    records.push_back(std::move(control));
  }
  TRY(reader.status());
  return records;
}

}  // namespace cairn::raft
