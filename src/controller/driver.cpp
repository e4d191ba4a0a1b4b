// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/base/log.hpp>

#include "core.hpp"

namespace cairn::controller {

/// Ends when asked to stop and everything decided is on disk, or at the first broken write.
runtime::Task<> Controller::Core::drive() {
  outputs.push_back(node->start(now()));
  while (!stopping || !outbox.empty() || !outputs.empty()) {
    auto done = co_await turn();
    if (!done) {
      logging::error("the metadata log failed: {}", done.error().why);
      health.fail(done.error(), "the metadata log");
      failed.set();
      progress.set();
      break;
    }
    if (co_await runtime::cancelled()) break;
  }
  dismiss_questions();
  driver_ended.set();
}

/// Nobody will answer them any more.
void Controller::Core::dismiss_questions() {
  for (auto& input : inbox) {
    if (auto* question = std::get_if<std::shared_ptr<QuorumQuestion>>(&input)) {
      (*question)->answered.set();
    }
  }
  for (auto& [number, question] : questions) question->answered.set();
  inbox.clear();
  questions.clear();
}

/// One round: what the node said, then what was decided, then what is due; or a wait for any of
/// them.
runtime::Task<Result<>> Controller::Core::turn() {
  if (!outputs.empty()) {
    raft::Output output = std::move(outputs.front());
    outputs.pop_front();
    co_return co_await carry_out(std::move(output));
  }
  if (!inbox.empty()) {
    take_input();
    while (!outputs.empty()) {
      raft::Output output = std::move(outputs.front());
      outputs.pop_front();
      CO_TRY(co_await carry_out(std::move(output)));
    }
  }
  if (!outbox.empty()) co_return co_await write_outbox();
  if (!inbox.empty()) co_return Result<>{};
  if (clean_due) co_return co_await clean_log();
  if (kraft_upgrade) co_return co_await upgrade_kraft();
  if (std::exchange(resign_wanted, false)) {
    outputs.push_back(node->resign(now()));
    progress.set();
    co_return Result<>{};
  }
  fence_silent_brokers();
  maybe_elect_leaderless();
  maybe_write_no_op();
  maybe_snapshot();
  if (!outbox.empty() || !outputs.empty() || kraft_upgrade || stopping) co_return Result<>{};

  std::optional<Instant> earliest = node->deadline();
  wait_until(earliest);
  if (earliest) {
    co_await work.wait_until(shard.clock(), *earliest);
  } else {
    co_await work.wait();
  }
  raft::Output output = node->tick(now());
  if (!output.empty()) outputs.push_back(std::move(output));
  co_return Result<>{};
}

/// REQUIRES: everything that the node said before was carried out.
void Controller::Core::take_input() {
  auto input = std::move(inbox.front());
  inbox.pop_front();
  raft::Output output;
  if (auto* question = std::get_if<std::shared_ptr<QuorumQuestion>>(&input)) {
    const std::uint64_t number = next_question++;
    questions[number] = *question;
    if (const auto* begin = std::get_if<raft::BeginQuorumEpochRequest>(&(*question)->request)) {
      peers.learn_if_unknown(begin->leader, begin->leader_endpoints);
    }
    output = node->step(number, (*question)->request, now());
  } else {
    auto& answer = std::get<QuorumAnswer>(input);
    held = std::move(answer.owner);
    note_answer(answer);
    if (answer.response) {
      output = node->answered(answer.number, *answer.response, now());
    } else {
      output = node->request_failed(answer.number, now());
      if (answer.refused && node->leader() == answer.from && !node->is_leader()) {
        outputs.push_back(std::move(output));
        output = node->leader_refused(now());
      }
    }
  }
  if (!output.empty()) outputs.push_back(std::move(output));
}

/// Where a leader listens, and whether we talk to our own cluster at all.
void Controller::Core::note_answer(const QuorumAnswer& answer) {
  if (!answer.response) return;
  const ErrorCode error =
      std::visit([](const auto& response) { return response.error; }, *answer.response);
  const raft::LeaderHint& hint =
      std::visit([](const auto& response) -> const raft::LeaderHint& { return response.leader; },
                 *answer.response);
  peers.learn_if_unknown(hint.leader, hint.endpoints);
  if (error != ErrorCode::inconsistent_cluster_id || !stranger.empty()) return;
  stranger = peers.name_of(answer.from);
  logging::error("{} belongs to another cluster; this node belongs to cluster {}", stranger,
                 identity.cluster_id);
  progress.set();
}

/// The order is the safety: durable state, log, flush, and only then words to others and commits.
runtime::Task<Result<>> Controller::Core::carry_out(raft::Output output) {
  const Instant began = now();
  if (output.election) {
    CO_TRY(co_await log.write_election(*output.election, node->kraft_version(), node->voters()));
  }
  if (output.leading == true) {
    CO_TRY(co_await catch_up());
  }
  for (raft::LogChange& change : output.log) {
    CO_TRY(co_await change_log(std::move(change)));
  }
  if (output.leading == true) {
    CO_TRY(co_await update_own_endpoints());
    activate();
  }
  if (output.leading == false) deactivate();
  if (output.flush) {
    const Offset end = log.log_end();
    const std::uint64_t generation = node->generation();
    CO_TRY(co_await log.flush());
    raft::Output next = node->flushed(end, generation, now());
    if (!next.empty()) outputs.push_front(std::move(next));
  }
  if (!output.log.empty() && !is_alone()) peers.learn(node->voters());
  for (raft::Reply& answer : output.replies) {
    CO_TRY(co_await reply(std::move(answer)));
  }
  for (raft::Send& send : output.sends) {
    const Duration timeout = timeout_of(send.request);
    link.send(tasks, std::move(send), timeout);
  }
  node->carried_out(now() - began);
  if (output.high_watermark) {
    CO_TRY(co_await commit(*output.high_watermark));
  }
  role_report.look(*node);
  progress.set();
  co_return Result<>{};
}

/// As long as the node itself waits for the answer.
Duration Controller::Core::timeout_of(const raft::Request& request) const {
  const Duration usual = config.quorum.request_timeout;
  const auto* fetch = std::get_if<raft::FetchRequest>(&request);
  return fetch == nullptr ? usual : usual + fetch->max_wait;
}

/// The node has decided; what it cannot have, bytes, is added here.
runtime::Task<Result<>> Controller::Core::reply(raft::Reply reply) {
  auto waiting = questions.extract(reply.number);
  if (waiting.empty()) co_return Result<>{};
  QuorumQuestion& question = *waiting.mapped();
  if (auto* fetch = std::get_if<raft::FetchResponse>(&reply.response); fetch && fetch->read_from) {
    const auto& request = std::get<raft::FetchRequest>(question.request);
    const auto most =
        static_cast<std::size_t>(std::clamp(request.max_bytes, 1, config.quorum.fetch_max_bytes));
    CO_TRY(question.records, co_await log.read_raw(*fetch->read_from, most));
  }
  auto* part = std::get_if<raft::FetchSnapshotResponse>(&reply.response);
  if (part != nullptr && part->error == ErrorCode::none) {
    const auto& request = std::get<raft::FetchSnapshotRequest>(question.request);
    const auto most = static_cast<std::size_t>(
        std::clamp(request.max_bytes, 1, config.quorum.fetch_snapshot_max_bytes));
    auto read = co_await log.read_part(request.snapshot, request.position, most);
    if (read) {
      part->size = read->size;
      question.records = protocol::Records::owning(std::move(read->bytes));
    } else {
      part->error = read.error().code;
    }
  }
  question.response = std::move(reply.response);
  question.answered.set();
  co_return Result<>{};
}

runtime::Task<std::shared_ptr<QuorumQuestion>> Controller::Core::ask_node(raft::Request request) {
  if (!node || stopping || failed.is_set()) co_return nullptr;
  auto question = std::make_shared<QuorumQuestion>(std::move(request));
  inbox.push_back(question);
  work.set();
  if (!co_await question->answered.wait() || !question->response) co_return nullptr;
  co_return question;
}

runtime::Task<Result<>> Controller::Core::change_log(raft::LogChange change) {
  if (auto* control = std::get_if<raft::AppendControl>(&change)) {
    co_return co_await append_control(std::move(*control));
  }
  if (const auto* truncate = std::get_if<raft::TruncateTo>(&change)) {
    auto truncated = co_await log.truncate(truncate->end);
    next_offset = log.log_end();
    co_return truncated;
  }
  if (const auto* fetched = std::get_if<raft::AppendFetched>(&change)) {
    bytes_since_snapshot += fetched->records.size();
    auto appended_bytes = co_await log.append(to_bytes(fetched->records));
    next_offset = log.log_end();
    co_return appended_bytes;
  }
  if (const auto* chunk = std::get_if<raft::StoreSnapshotChunk>(&change)) {
    co_return co_await log.store_chunk(chunk->id, chunk->position, chunk->bytes);
  }
  co_return co_await install_snapshot(std::get<raft::InstallSnapshot>(change).id);
}

/// The image goes from what it was to the snapshot's in one step.
runtime::Task<Result<>> Controller::Core::install_snapshot(raft::SnapshotId id) {
  CO_TRY(LoadedMetadata loaded, co_await log.install(id));
  std::optional<raft::VoterSet> voters;
  if (!loaded.startup.voters.empty()) voters = loaded.startup.voters.back().second;
  node->snapshot_loaded(std::move(voters), loaded.startup.kraft_version);
  committed = appended = loaded.replay;
  uncommitted.clear();
  next_offset = log.log_end();
  bytes_since_snapshot = 0;
  last_snapshot = now();
  co_return Result<>{};
}

runtime::Task<Result<>> Controller::Core::append_control(raft::AppendControl control) {
  ASSERT(control.base_offset == log.log_end(), "control records go to the end of the log");
  const std::int64_t timestamp = environment.now_ms();
  Bytes batch =
      raft::encode_control_batch(control.records, control.base_offset, control.epoch, timestamp);
  const Offset last = control.base_offset + (static_cast<std::int64_t>(control.records.size()) - 1);
  const Result<> stamped = appended.apply({}, last, control.epoch, timestamp);
  ASSERT(stamped, "no records always apply");
  next_offset = last + 1;
  uncommitted.push_back({next_offset, appended});
  co_return co_await log.append(std::move(batch));
}

/// A new leader starts from all that is in its log, committed or not.
runtime::Task<Result<>> Controller::Core::catch_up() {
  appended = committed;
  uncommitted.clear();
  const Offset end = log.log_end();
  Offset at = committed.image()->offset + 1;
  while (at < end) {
    CO_TRY(const auto batches, co_await log.read(at, end));
    if (batches.empty()) break;
    for (const MetadataLog::ReadBatch& batch : batches) {
      CO_TRY(appended.apply(batch.decoded.records, batch.next_offset - 1, batch.epoch,
                            batch.timestamp));
      at = batch.next_offset;
    }
    bytes_since_snapshot += std::size_t{1} << 20;  // about: what one read gives
  }
  if (at < end) co_return fail(ErrorCode::corrupt_message, "the metadata log cannot be read");
  next_offset = end;
  uncommitted.push_back({end, appended});
  co_return Result<>{};
}

/// A follower's image follows its log.
runtime::Task<Result<>> Controller::Core::replay_committed(Offset end) {
  Offset at = committed.image()->offset + 1;
  while (at < end) {
    CO_TRY(const auto batches, co_await log.read(at, end));
    if (batches.empty()) break;
    for (const MetadataLog::ReadBatch& batch : batches) {
      CO_TRY(committed.apply(batch.decoded.records, batch.next_offset - 1, batch.epoch,
                             batch.timestamp));
      at = batch.next_offset;
    }
  }
  if (at < end) co_return fail(ErrorCode::corrupt_message, "the metadata log cannot be read");
  if (!activated) appended = committed;
  co_return Result<>{};
}

runtime::Task<Result<>> Controller::Core::write_outbox() {
  Bytes batches = std::exchange(outbox, {});
  const Offset end = next_offset;
  bytes_since_snapshot += batches.size();
  CO_TRY(co_await log.append(std::move(batches)));
  if (!node->is_leader()) co_return Result<>{};
  // Followers write it while we flush it; our own end counts once that is done.
  CO_TRY(co_await carry_out(node->appended(end, now())));
  const std::uint64_t generation = node->generation();
  CO_TRY(co_await log.flush());
  raft::Output flushed = node->flushed(end, generation, now());
  if (!flushed.empty()) outputs.push_back(std::move(flushed));
  progress.set();  // there is room in the outbox
  co_return Result<>{};
}

/// A live quorum rises to kraft.version 1: its voters go into the log with their directories.
runtime::Task<Result<>> Controller::Core::upgrade_kraft() {
  const std::int16_t level = *std::exchange(kraft_upgrade, std::nullopt);
  std::optional<raft::VoterSet> voters = voters_with_directories();
  if (!voters || !node->is_leader()) co_return Result<>{};
  CO_TRY(co_await append_voters(*std::move(voters), level));
  // quorum-state has another layout from this level on.
  const raft::ElectionState state{node->epoch(), node->leader(), std::nullopt};
  CO_TRY(co_await log.write_election(state, level, node->voters()));
  const Offset end = log.log_end();
  CO_TRY(co_await log.flush());
  raft::Output output = node->flushed(end, node->generation(), now());
  if (!output.empty()) outputs.push_back(std::move(output));
  co_return Result<>{};
}

runtime::Task<Result<>> Controller::Core::commit(Offset high_watermark) {
  log.set_high_watermark(high_watermark);
  while (!uncommitted.empty() && uncommitted.front().end <= high_watermark) {
    committed = std::move(uncommitted.front().state);
    uncommitted.pop_front();
  }
  if (committed.image()->offset + 1 < high_watermark) {
    CO_TRY(co_await replay_committed(high_watermark));
  }
  committed_end = std::max(committed_end, high_watermark);
  publisher.publish(committed.image());
  progress.set();
  co_return Result<>{};
}

}  // namespace cairn::controller
