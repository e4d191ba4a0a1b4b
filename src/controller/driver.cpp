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
  driver_ended.set();
}

/// One round: what the node said, then what was decided, then what is due; or a wait for any of
/// them.
runtime::Task<Result<>> Controller::Core::turn() {
  if (!outputs.empty()) {
    raft::Output output = std::move(outputs.front());
    outputs.pop_front();
    co_return co_await carry_out(std::move(output));
  }
  if (!outbox.empty()) co_return co_await write_outbox();
  if (clean_due) co_return co_await clean_log();
  if (kraft_upgrade) co_return co_await upgrade_kraft();
  fence_silent_brokers();
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

/// The order is the safety: durable state, log, flush, and only then words to others and commits.
runtime::Task<Result<>> Controller::Core::carry_out(raft::Output output) {
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
  ASSERT(output.sends.empty() && output.replies.empty(), "a quorum of one speaks to nobody");
  if (output.high_watermark) {
    CO_TRY(co_await commit(*output.high_watermark));
  }
  co_return Result<>{};
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
  // Fetched records and snapshots come from other voters.
  co_return fail(ErrorCode::unsupported_version, "the quorum has only this voter");
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

runtime::Task<Result<>> Controller::Core::write_outbox() {
  Bytes batches = std::exchange(outbox, {});
  const Offset end = next_offset;
  bytes_since_snapshot += batches.size();
  CO_TRY(co_await log.append(std::move(batches)));
  if (!node->is_leader()) co_return Result<>{};
  raft::Output shared = node->appended(end, now());
  if (!shared.empty()) outputs.push_back(std::move(shared));
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
  CO_TRY(co_await append_voters(own_voter_set(identity.directory), level));
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
  committed_end = high_watermark;
  publisher.publish(committed.image());
  progress.set();
  co_return Result<>{};
}

void Controller::Core::wait_until(std::optional<Instant>& earliest) const {
  const auto also = [&](Instant when) {
    if (!earliest || when < *earliest) earliest = when;
  };
  if (!active()) return;
  const metadata::Image& image = *committed.image();
  const bool others = image.brokers.size() > (image.broker(config.node_id) != nullptr ? 1u : 0u);
  if (others) {
    if (const auto deadline = heartbeats.next_deadline(image)) also(*deadline);
  }
  if (bytes_since_snapshot > 0 && config.metadata_log.max_snapshot_interval.count() > 0) {
    also(last_snapshot + config.metadata_log.max_snapshot_interval);
  }
  if (writes_no_ops()) also(last_append + config.metadata_log.max_idle_interval);
}

void Controller::Core::fence_silent_brokers() {
  if (!active()) return;
  // Our own broker lives as long as this process; a registration of a former one does not count.
  const metadata::Broker* own = latest().broker(config.node_id);
  if (own != nullptr && own->incarnation == identity.incarnation) {
    heartbeats.touch(own->id, own->epoch, now(), committed.image()->offset);
  }
  for (const BrokerId id : heartbeats.silent(latest(), now())) {
    if (id == config.node_id) continue;
    logging::warn("fencing broker.id={}: no heartbeat within broker.session.timeout.ms", id);
    heartbeats.forget(id);
    enqueue(metadata::fence_broker(latest(), broker_context(), id));
  }
}

/// NoOps tell followers that the leader is alive and how far they lag. A quorum of one has nobody
/// to tell, and two flushes a second would be most of an idle node's cost: there they are written
/// only if metadata.max.idle.interval.ms was set by hand.
bool Controller::Core::writes_no_ops() const {
  if (config.metadata_log.max_idle_interval.count() <= 0) return false;
  return node->voters().size() > 1 || config.settings.contains("metadata.max.idle.interval.ms");
}

void Controller::Core::maybe_write_no_op() {
  if (!active() || !writes_no_ops()) return;
  if (now() - last_append < config.metadata_log.max_idle_interval) return;
  enqueue({{protocol::NoOpRecord{}, 0}});
}

void Controller::Core::maybe_snapshot() {
  if (snapshot_running || bytes_since_snapshot == 0 || stopping) return;
  const auto& limits = config.metadata_log;
  const bool large =
      limits.max_record_bytes_between_snapshots > 0 &&
      bytes_since_snapshot >= static_cast<std::uint64_t>(limits.max_record_bytes_between_snapshots);
  const bool old = limits.max_snapshot_interval.count() > 0 &&
                   now() - last_snapshot >= limits.max_snapshot_interval;
  const bool has_metadata = committed.image()->metadata_version() > 0;
  if ((!large && !old) || !has_metadata || committed.in_transaction()) return;
  snapshot_running = true;
  bytes_since_snapshot = 0;
  last_snapshot = now();
  tasks.spawn(take_snapshot());
}

runtime::Task<> Controller::Core::take_snapshot() {
  auto id = co_await log.write_snapshot(committed.image(), node->voters(), node->kraft_version());
  snapshot_running = false;
  if (id) {
    node->snapshot_taken(*id);
    clean_due = true;
  } else {
    logging::error("writing a metadata snapshot failed: {}", id.error().why);
  }
  work.set();
}

runtime::Task<Result<>> Controller::Core::clean_log() {
  clean_due = false;
  CO_TRY(const Offset start, co_await log.clean());
  node->log_start_moved(start);
  co_return Result<>{};
}

}  // namespace cairn::controller
