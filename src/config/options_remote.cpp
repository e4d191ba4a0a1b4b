// SPDX-License-Identifier: Apache-2.0
// Broker keys: remote (tiered) storage.
#include "option_tables.hpp"

namespace cairn::config::tables {

using enum UpdateMode;
using enum Visibility;
using enum Effect;

std::span<const Option> remote() {
  static constexpr Option table[] = {
      {"remote.fetch.max.wait.ms", Type::int32, "500", at_least(1), cluster_wide, listed, none, "",
       "Longest wait for remote storage in a Fetch."},
      {"remote.list.offsets.request.timeout.ms", Type::int64, "30000", at_least(1), cluster_wide,
       listed, none, "", "Longest wait for remote storage in ListOffsets."},
      {"remote.log.index.file.cache.total.size.bytes", Type::int64, "1073741824", at_least(1),
       cluster_wide, listed, none, "", "Disk space for cached indexes of remote segments."},
      {"remote.log.index.file.cache.ttl.ms", Type::int64, "900000", at_least(-1), read_only,
       internal, none, "", "Idle time after which a cached remote index is dropped."},
      {"remote.log.manager.copier.thread.pool.size", Type::int32, "10", at_least(1), cluster_wide,
       listed, none, "", "Threads that copy segments to remote storage."},
      {"remote.log.manager.copy.max.bytes.per.second", Type::int64, "9223372036854775807",
       at_least(1), cluster_wide, listed, none, "", "Bytes a second copied to remote storage."},
      {"remote.log.manager.copy.quota.window.num", Type::int32, "11", at_least(1), read_only,
       listed, none, "", "Samples kept to measure copying to remote storage."},
      {"remote.log.manager.copy.quota.window.size.seconds", Type::int32, "1", at_least(1),
       read_only, listed, none, "",
       "Length of a sample when copying to remote storage is measured."},
      {"remote.log.manager.expiration.thread.pool.size", Type::int32, "10", at_least(1),
       cluster_wide, listed, none, "", "Threads that delete expired remote segments."},
      {"remote.log.manager.fetch.max.bytes.per.second", Type::int64, "9223372036854775807",
       at_least(1), cluster_wide, listed, none, "", "Bytes a second read from remote storage."},
      {"remote.log.manager.fetch.quota.window.num", Type::int32, "11", at_least(1), read_only,
       listed, none, "", "Samples kept to measure reading from remote storage."},
      {"remote.log.manager.fetch.quota.window.size.seconds", Type::int32, "1", at_least(1),
       read_only, listed, none, "",
       "Length of a sample when reading from remote storage is measured."},
      {"remote.log.manager.follower.thread.pool.size", Type::int32, "2", at_least(1), cluster_wide,
       listed, none, "", "Threads of followers' remote storage work."},
      {"remote.log.manager.task.interval.ms", Type::int64, "30000", at_least(1), read_only, listed,
       none, "", "How often remote storage work is looked for."},
      {"remote.log.manager.task.retry.backoff.max.ms", Type::int64, "30000", at_least(1), read_only,
       internal, none, "", "Longest wait before remote storage work is tried again."},
      {"remote.log.manager.task.retry.backoff.ms", Type::int64, "500", at_least(1), read_only,
       internal, none, "", "First wait before remote storage work is tried again."},
      {"remote.log.manager.task.retry.jitter", Type::float64, "0.2", between(0, 0.5), read_only,
       internal, none, "", "Random share of the wait before remote storage work is tried again."},
      {"remote.log.manager.thread.pool.size", Type::int32, "2", at_least(1), read_only, listed,
       none, "", "Threads that schedule remote storage work."},
      {"remote.log.metadata.custom.metadata.max.bytes", Type::int32, "128", at_least(0), read_only,
       listed, none, "", "Largest custom metadata of a remote segment."},
      {"remote.log.metadata.manager.class.name", Type::string,
       "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
       non_empty, read_only, listed, none, "",
       "Java class that keeps the metadata of remote segments."},
      {"remote.log.metadata.manager.class.path", Type::string, nullptr, any, read_only, listed,
       none, "", "Class path of the remote metadata class."},
      {"remote.log.metadata.manager.impl.prefix", Type::string, "rlmm.config.", non_empty,
       read_only, listed, none, "", "Prefix of keys handed to the remote metadata class."},
      {"remote.log.metadata.manager.listener.name", Type::string, nullptr, non_empty, read_only,
       listed, none, "", "Listener that the remote metadata class connects to."},
      {"remote.log.reader.max.pending.tasks", Type::int32, "100", at_least(1), read_only, listed,
       none, "", "Most reads from remote storage that may wait."},
      {"remote.log.reader.threads", Type::int32, "10", at_least(1), cluster_wide, listed, none, "",
       "Threads that read from remote storage."},
      {"remote.log.storage.manager.class.name", Type::string, nullptr, non_empty, read_only, listed,
       none, "", "Java class that stores remote segments."},
      {"remote.log.storage.manager.class.path", Type::string, nullptr, any, read_only, listed, none,
       "", "Class path of the remote storage class."},
      {"remote.log.storage.manager.impl.prefix", Type::string, "rsm.config.", non_empty, read_only,
       listed, none, "", "Prefix of keys handed to the remote storage class."},
      {"remote.log.storage.system.enable", Type::boolean, "false", any, read_only, listed, none, "",
       "Whether segments may move to remote storage."},
  };
  return table;
}

}  // namespace cairn::config::tables
