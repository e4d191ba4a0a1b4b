// SPDX-License-Identifier: Apache-2.0
#include "errors.hpp"

namespace cairn::client {

const char* meaning_of(ErrorCode code) {
  using enum ErrorCode;
  switch (code) {
    case none:
      return "";
    case offset_out_of_range:
      return "the offset lies outside the log: seek, or set where to begin";
    case corrupt_message:
      return "the records failed their checksum";
    case unknown_topic_or_partition:
      return "the cluster has no such topic or partition";
    case leader_not_available:
      return "the partition has no leader at present";
    case not_leader_or_follower:
      return "the leader has moved";
    case request_timed_out:
      return "no answer in time";
    case message_too_large:
      return "larger than the topic's max.message.bytes";
    case coordinator_load_in_progress:
      return "the group's coordinator is still loading";
    case coordinator_not_available:
      return "the group has no coordinator at present";
    case not_coordinator:
      return "the group's coordinator has moved";
    case invalid_topic_exception:
      return "not a legal topic name, or a topic nobody may write to";
    case record_list_too_large:
      return "a batch larger than the topic's segment.bytes";
    case not_enough_replicas:
      return "fewer replicas in sync than min.insync.replicas";
    case not_enough_replicas_after_append:
      return "appended, but fewer replicas in sync than min.insync.replicas";
    case illegal_generation:
      return "the group has gone on to another generation";
    case inconsistent_group_protocol:
      return "the group's members share no assignor with this one, or are of another type";
    case invalid_group_id:
      return "not a legal group id";
    case unknown_member_id:
      return "the coordinator does not know this member (any longer)";
    case invalid_session_timeout:
      return "session.timeout.ms lies outside what the broker allows (group.*.session.timeout.ms)";
    case rebalance_in_progress:
      return "the group is rebalancing";
    case topic_authorization_failed:
      return "not allowed on this topic";
    case not_controller:
      return "the controller has moved";
    case invalid_replica_assignment:
      return "not a possible set of replicas: brokers that are registered, each once";
    case reassignment_in_progress:
      return "the partition is being moved";
    case no_reassignment_in_progress:
      return "the partition is not being moved";
    case preferred_leader_not_available:
      return "the preferred leader does not serve, or is not in sync";
    case eligible_leaders_not_available:
      return "no replica that may lead serves";
    case election_not_needed:
      return "the right leader leads already";
    case group_authorization_failed:
      return "not allowed on this group";
    case cluster_authorization_failed:
      return "not allowed on this cluster";
    case invalid_timestamp:
      return "the record's timestamp is too far from the broker's time";
    case topic_already_exists:
      return "a topic of this name exists";
    case invalid_partitions:
      return "not a possible number of partitions";
    case invalid_replication_factor:
      return "not a possible replication factor: as many live brokers are needed";
    case invalid_config:
      return "a configuration key or value that the broker refuses";
    case unsupported_version:
      return "the broker is too old for this, or does not serve it";
    case out_of_order_sequence_number:
      return "records before these are missing in the log";
    case invalid_producer_epoch:
      return "a newer producer has taken over the producer id";
    case kafka_storage_error:
      return "the broker's disk has failed";
    case non_empty_group:
      return "the group still has members: stop them first";
    case group_id_not_found:
      return "there is no such group";
    case topic_deletion_disabled:
      return "the broker has delete.topic.enable=false";
    case unsupported_compression_type:
      return "the broker does not know the codec";
    case group_max_size_reached:
      return "the group is full (group.max.size)";
    case fenced_instance_id:
      return "another member with the same group.instance.id has taken this one's place";
    case group_subscribed_to_topic:
      return "members of the group are subscribed to the topic";
    case invalid_record:
      return "the broker refuses the record (a key may be missing)";
    case unknown_topic_id:
      return "the topic was deleted, or created anew";
    case network_exception:
      return "the connection failed";
    default:
      return "the broker answered with this error";
  }
}

bool wants_metadata(ErrorCode code) {
  using enum ErrorCode;
  switch (code) {
    case unknown_topic_or_partition:
    case leader_not_available:
    case not_leader_or_follower:
    case replica_not_available:
    case broker_not_available:
    case network_exception:
    case request_timed_out:
    case kafka_storage_error:
    case listener_not_found:
    case fenced_leader_epoch:
    case unknown_leader_epoch:
    case unknown_topic_id:
    case inconsistent_topic_id:
    case fetch_session_topic_id_error:
    case offset_not_available:
    case rebootstrap_required:
      return true;
    default:
      return false;
  }
}

bool wants_coordinator(ErrorCode code) {
  using enum ErrorCode;
  return code == not_coordinator || code == coordinator_not_available ||
         code == network_exception || code == request_timed_out || code == broker_not_available;
}

}  // namespace cairn::client
