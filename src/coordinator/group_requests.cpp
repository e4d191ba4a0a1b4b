// SPDX-License-Identifier: Apache-2.0
// The requests of a GroupCoordinator: to the group's actor and back, errors put into the answer's
// own words.
#include <cairn/coordinator/group_coordinator.hpp>

namespace cairn::coordinator {
namespace {

using group::GroupMachine;
using Machine = GroupMachine;
using GroupActor = Actor<GroupMachine>;

/// A request is read when its turn comes and once more if it fails: it is shared, never copied.
template <class Request>
std::shared_ptr<const Request> shared(Request&& request) {
  return std::make_shared<const Request>(std::move(request));
}

template <class Response>
runtime::Task<Result<Response>> perform(Result<std::shared_ptr<GroupActor>> actor,
                                        GroupActor::Input input) {
  if (!actor) co_return std::unexpected(actor.error());
  Result<Machine::Reply> reply = co_await (*actor)->perform(std::move(input));
  if (!reply) co_return fail(coordinator_error(reply.error().code), reply.error().why);
  co_return std::get<Response>(*std::move(reply));
}

}  // namespace

runtime::Task<protocol::JoinGroupResponse> GroupCoordinator::join(
    Caller caller, protocol::JoinGroupRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked, caller = std::move(caller)](Machine& machine, RequestId id,
                                                                Now now, Random& random) {
    return machine.join(id, caller, *asked, now, random);
  };
  auto reply =
      co_await perform<protocol::JoinGroupResponse>(actor_for(asked->group_id), std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::JoinGroupResponse refused;
  refused.error_code = reply.error().code;
  refused.protocol_name.reset();
  refused.member_id = asked->member_id;
  co_return refused;
}

runtime::Task<protocol::SyncGroupResponse> GroupCoordinator::sync(
    protocol::SyncGroupRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked](Machine& machine, RequestId id, Now now, Random&) {
    return machine.sync(id, *asked, now);
  };
  auto reply =
      co_await perform<protocol::SyncGroupResponse>(actor_for(asked->group_id), std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::SyncGroupResponse refused;
  refused.error_code = reply.error().code;
  co_return refused;
}

runtime::Task<protocol::HeartbeatResponse> GroupCoordinator::heartbeat(
    protocol::HeartbeatRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked](Machine& machine, RequestId id, Now now, Random&) {
    return machine.heartbeat(id, *asked, now);
  };
  auto reply =
      co_await perform<protocol::HeartbeatResponse>(actor_for(asked->group_id), std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::HeartbeatResponse refused;
  // Sessions start anew after a load: a member that is heard meanwhile has nothing to fear.
  const bool loading = reply.error().code == ErrorCode::coordinator_load_in_progress;
  refused.error_code = loading ? ErrorCode::none : reply.error().code;
  co_return refused;
}

runtime::Task<protocol::LeaveGroupResponse> GroupCoordinator::leave(
    protocol::LeaveGroupRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked](Machine& machine, RequestId id, Now now, Random&) {
    return machine.leave(id, *asked, now);
  };
  auto reply =
      co_await perform<protocol::LeaveGroupResponse>(actor_for(asked->group_id), std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::LeaveGroupResponse refused;
  refused.error_code = reply.error().code;
  co_return refused;
}

runtime::Task<protocol::OffsetCommitResponse> GroupCoordinator::commit_offsets(
    std::int16_t version, protocol::OffsetCommitRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked, version](Machine& machine, RequestId id, Now now, Random&) {
    return machine.commit_offsets(id, version, *asked, now);
  };
  auto reply = co_await perform<protocol::OffsetCommitResponse>(actor_for(asked->group_id),
                                                                std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::OffsetCommitResponse refused;
  for (const auto& topic : asked->topics) {
    auto& to = refused.topics.emplace_back();
    to.name = topic.name;
    to.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      auto& one = to.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.error_code = reply.error().code;
    }
  }
  co_return refused;
}

runtime::Task<protocol::OffsetDeleteResponse> GroupCoordinator::delete_offsets(
    protocol::OffsetDeleteRequest request) {
  const auto asked = shared(std::move(request));
  GroupActor::Input input = [asked](Machine& machine, RequestId id, Now, Random&) {
    return machine.delete_offsets(id, *asked);
  };
  auto reply = co_await perform<protocol::OffsetDeleteResponse>(actor_for(asked->group_id),
                                                                std::move(input));
  if (reply) co_return *std::move(reply);
  protocol::OffsetDeleteResponse refused;
  refused.error_code = reply.error().code;
  co_return refused;
}

runtime::Task<protocol::DeleteGroupsResponse::DeletableGroupResult> GroupCoordinator::delete_group(
    std::string group) {
  using Answer = protocol::DeleteGroupsResponse::DeletableGroupResult;
  GroupActor::Input input = [group](Machine& machine, RequestId id, Now, Random&) {
    return machine.delete_group(id, group);
  };
  auto reply = co_await perform<Answer>(actor_for(group), std::move(input));
  if (reply) co_return *std::move(reply);
  Answer refused;
  refused.group_id = group;
  refused.error_code = reply.error().code;
  co_return refused;
}

runtime::Task<Machine::FetchedGroup> GroupCoordinator::fetch_offsets(FetchGroup request) {
  const auto actor = actor_for(request.group_id);
  ErrorCode why = code_of(actor);
  if (actor) {
    const auto question = [&request](const Machine& machine) {
      return machine.fetch_offsets(request);
    };
    auto fetched = co_await (*actor)->ask(question);
    if (fetched) co_return *std::move(fetched);
    why = coordinator_error(fetched.error().code);
  }
  Machine::FetchedGroup refused;
  refused.group_id = request.group_id;
  refused.error_code = why;
  co_return refused;
}

runtime::Task<Machine::DescribedGroup> GroupCoordinator::describe(std::string group,
                                                                  std::int16_t version) {
  const auto actor = actor_for(group);
  ErrorCode why = code_of(actor);
  if (actor) {
    const auto question = [&group, version](const Machine& machine) {
      return machine.describe(group, version);
    };
    auto described = co_await (*actor)->ask(question);
    if (described) co_return *std::move(described);
    why = coordinator_error(described.error().code);
  }
  Machine::DescribedGroup refused;
  refused.group_id = group;
  refused.error_code = why;
  co_return refused;
}

runtime::Task<protocol::ListGroupsResponse> GroupCoordinator::list(
    protocol::ListGroupsRequest request) {
  protocol::ListGroupsResponse reply;
  const auto actors = actors_;  // may change while we wait
  const auto question = [&request](const Machine& machine) {
    return machine.list(request.states_filter, request.types_filter);
  };
  for (const auto& [index, actor] : actors) {
    auto listed = co_await actor->ask(question);
    if (listed) {
      std::ranges::move(*listed, std::back_inserter(reply.groups));
    } else if (listed.error().code != ErrorCode::not_coordinator) {
      protocol::ListGroupsResponse refused;
      refused.error_code = coordinator_error(listed.error().code);
      co_return refused;
    }
  }
  co_return reply;
}

}  // namespace cairn::coordinator
