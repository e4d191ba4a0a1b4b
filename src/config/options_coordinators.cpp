// SPDX-License-Identifier: Apache-2.0
// Broker keys: transactions and share state.
#include "option_tables.hpp"

namespace cairn::config::tables {

using enum UpdateMode;
using enum Visibility;
using enum Effect;

std::span<const Option> coordinators() {
  static constexpr Option table[] = {
      {"add.partitions.to.txn.retry.backoff.max.ms", Type::int32, "100", at_least(0), read_only,
       listed, none, "",
       "Longest wait between tries to verify a transaction's partitions on the server."},
      {"add.partitions.to.txn.retry.backoff.ms", Type::int32, "20", at_least(1), read_only, listed,
       none, "", "First wait between tries to verify a transaction's partitions on the server."},
      {"share.coordinator.append.linger.ms", Type::int32, "-1", at_least(-1), read_only, listed,
       none, "",
       "Time a share coordinator gathers records before it writes them; -1 decides by itself."},
      {"share.coordinator.cached.buffer.max.bytes", Type::int32, "1048588", at_least(524288),
       cluster_wide, listed, none, "", "Largest write buffer a share coordinator keeps for reuse."},
      {"share.coordinator.cold.partition.snapshot.interval.ms", Type::int32, "300000", at_least(1),
       read_only, internal, none, "", "How often idle share partitions get a snapshot."},
      {"share.coordinator.load.buffer.size", Type::int32, "5242880", at_least(1), read_only, listed,
       none, "", "Bytes read at a time when a share coordinator loads."},
      {"share.coordinator.snapshot.update.records.per.snapshot", Type::int32, "500",
       between(0, 500), read_only, listed, none, "",
       "Updates of share state between two snapshots."},
      {"share.coordinator.state.topic.compression.codec", Type::int32, "0", any, read_only, listed,
       none, "", "Codec of batches in the share state topic, by number."},
      {"share.coordinator.state.topic.min.isr", Type::int16, "2", at_least(1), read_only, listed,
       none, "", "In-sync replicas needed to write the share state topic."},
      {"share.coordinator.state.topic.num.partitions", Type::int32, "50", at_least(1), read_only,
       listed, none, "", "Partitions of the share state topic."},
      {"share.coordinator.state.topic.prune.interval.ms", Type::int32, "300000", at_least(1),
       read_only, internal, none, "", "How often the share state topic is cut."},
      {"share.coordinator.state.topic.replication.factor", Type::int16, "3", at_least(1), read_only,
       listed, none, "", "Replicas of the share state topic."},
      {"share.coordinator.state.topic.segment.bytes", Type::int32, "104857600", at_least(1),
       read_only, listed, none, "", "Segment size of the share state topic."},
      {"share.coordinator.threads", Type::int32, "1", at_least(1), read_only, listed, none, "",
       "Threads of the share coordinator."},
      {"share.coordinator.write.timeout.ms", Type::int32, "5000", at_least(1), read_only, listed,
       none, "", "Wait for share state to be replicated."},
      {"share.fetch.purgatory.purge.interval.requests", Type::int32, "1000", any, read_only, listed,
       none, "", "How many waiting ShareFetch requests pass between two clean-ups."},
      {"transaction.abort.timed.out.transaction.cleanup.interval.ms", Type::int32, "10000",
       at_least(1), read_only, listed, none, "",
       "How often transactions that ran out of time are aborted."},
      {"transaction.max.timeout.ms", Type::int32, "900000", at_least(1), read_only, listed, none,
       "", "Longest transaction timeout a client may ask for."},
      {"transaction.partition.verification.enable", Type::boolean, "true", any, cluster_wide,
       listed, none, "", "Whether a partition checks that a transaction is really open."},
      {"transaction.remove.expired.transaction.cleanup.interval.ms", Type::int32, "3600000",
       at_least(1), read_only, listed, none, "",
       "How often expired transactional ids are removed."},
      {"transaction.state.log.load.buffer.size", Type::int32, "5242880", at_least(1), read_only,
       listed, none, "", "Bytes read at a time when a transaction coordinator loads."},
      {"transaction.state.log.min.isr", Type::int32, "2", at_least(1), read_only, listed, none, "",
       "In-sync replicas needed to write the transaction topic."},
      {"transaction.state.log.num.partitions", Type::int32, "50", at_least(1), read_only, listed,
       none, "", "Partitions of the transaction topic; fixed once it exists."},
      {"transaction.state.log.replication.factor", Type::int16, "3", at_least(1), read_only, listed,
       none, "", "Replicas of the transaction topic."},
      {"transaction.state.log.segment.bytes", Type::int32, "104857600", at_least(1), read_only,
       listed, none, "", "Segment size of the transaction topic."},
      {"transaction.two.phase.commit.enable", Type::boolean, "false", any, read_only, listed, none,
       "", "Whether transactions of two-phase commit are allowed."},
      {"transactional.id.expiration.ms", Type::int32, "604800000", at_least(1), read_only, listed,
       none, "", "Idle time after which a transactional id is forgotten."},
  };
  return table;
}

}  // namespace cairn::config::tables
