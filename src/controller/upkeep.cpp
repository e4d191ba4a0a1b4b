// SPDX-License-Identifier: Apache-2.0
// What the driver looks after when nobody asks: silent brokers, signs of life, snapshots and the
// log's beginning.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/metadata/partitions.hpp>

#include "core.hpp"

namespace cairn::controller {

void Controller::Core::wait_until(std::optional<Instant>& earliest) const {
  const auto also = [&](Instant when) {
    if (!earliest || when < *earliest) earliest = when;
  };
  if (may_snapshot() && config.metadata_log.max_snapshot_interval.count() > 0) {
    also(last_snapshot + config.metadata_log.max_snapshot_interval);
  }
  if (!active()) return;
  const metadata::Image& image = *committed.image();
  const bool others = image.brokers.size() > (image.broker(config.node_id) != nullptr ? 1u : 0u);
  if (others) {
    if (const auto deadline = heartbeats.next_deadline(image)) also(*deadline);
  }
  if (looks_for_leaderless()) {
    also(last_look_for_leaderless + config.controller.unclean_leader_election_interval);
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

/// Alone there is nobody to elect but whom its start elects.
bool Controller::Core::looks_for_leaderless() const { return latest().brokers.size() > 1; }

/// A topic may have been allowed unclean elections since its partitions lost their leaders.
void Controller::Core::maybe_elect_leaderless() {
  if (!active() || !looks_for_leaderless()) return;
  if (now() - last_look_for_leaderless < config.controller.unclean_leader_election_interval) return;
  last_look_for_leaderless = now();
  auto records = metadata::elect_leaderless(latest(), config);
  if (!records.empty()) enqueue(std::move(records));
}

bool Controller::Core::may_snapshot() const {
  return !snapshot_running && bytes_since_snapshot > 0 && !stopping &&
         committed.image()->metadata_version() > 0 && !committed.in_transaction();
}

void Controller::Core::maybe_snapshot() {
  if (!may_snapshot()) return;
  const auto& limits = config.metadata_log;
  const bool large =
      limits.max_record_bytes_between_snapshots > 0 &&
      bytes_since_snapshot >= static_cast<std::uint64_t>(limits.max_record_bytes_between_snapshots);
  const bool old = limits.max_snapshot_interval.count() > 0 &&
                   now() - last_snapshot >= limits.max_snapshot_interval;
  if (!large && !old) return;
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
