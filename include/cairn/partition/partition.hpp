// SPDX-License-Identifier: Apache-2.0
// One partition on its shard: the log, who leads it, the high watermark, and those who wait for it.
// Invariants: what is served or acknowledged lies below the high watermark of the epoch it was
// asked in; while nothing moves it has no task, no timer and no open file. Owner: PartitionTable;
// handlers hold a shared_ptr across co_await.
#pragma once

#include <memory>
#include <optional>

#include <cairn/partition/topic_traffic.hpp>
#include <cairn/replication/follower_state.hpp>
#include <cairn/replication/leader_state.hpp>
#include <cairn/runtime/shard.hpp>
#include <cairn/storage/partition_log.hpp>

namespace cairn::partition {

enum class RequiredAcks : std::int16_t { all = -1, none = 0, leader = 1 };

struct PartitionAppend {
  MutableBytes batches;  // stamped in place; stays until append() returns
  RequiredAcks acks = RequiredAcks::all;
  record::Origin origin = record::Origin::client;
  std::int16_t produce_version = 12;
  /// Refuse unless the partition still leads in this epoch; none: whatever it is now.
  std::optional<Epoch> expected_epoch = std::nullopt;
  std::vector<record::RecordError>* errors = nullptr;
};

struct PartitionAppended : storage::Appended {
  Epoch leader_epoch = no_epoch;  // to be given to wait_committed
};

/// What a leader sent to its follower.
struct FetchedRecords {
  Epoch epoch;        // of the leader that was asked
  Offset at;          // where the log ended when it was asked
  BytesView records;  // the last batch may be cut short
  Offset leader_high_watermark;
  Offset leader_log_start;
};

/// Whether the broker's throttled rates hold for its replica while it or its follower catches up.
struct ThrottledAs {
  bool leader = false, follower = false;
  bool operator==(const ThrottledAs&) const = default;
};

/// The topic was deleted, or its replicas were moved to other brokers.
enum class Gone { deleted, elsewhere };

class FetchWait;
class Replication;
struct InPartitionWatches;
struct InCommitWaits;

/// A fetch's interest in one partition. Lives in its FetchWait.
struct FetchWatch : runtime::Hook<InPartitionWatches> {
  FetchWait* fetch = nullptr;
  std::size_t index = 0;  // the caller's number for the partition
  storage::ReadBound bound = storage::ReadBound::high_watermark;
  bool moved = false;
};

class Partition : public std::enable_shared_from_this<Partition> {
 public:
  Partition(runtime::Shard& shard, TopicId topic_id, std::shared_ptr<storage::PartitionLog> log,
            std::shared_ptr<TopicTraffic> traffic = std::make_shared<TopicTraffic>());
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  ~Partition();

  const TopicPartition& id() const { return log_->partition(); }
  const TopicId& topic_id() const { return topic_id_; }
  replication::ReplicaKey key() const { return {topic_id_, id().partition}; }
  storage::PartitionLog& log() { return *log_; }
  const storage::PartitionLog& log() const { return *log_; }
  /// The topic's, shared by its partitions.
  TopicTraffic& traffic() { return *traffic_; }

  // --- leadership (called by PartitionTable, in the order of the metadata) ---

  /// Leads from now on: the epoch is in the epoch cache, on disk, before anything is served. The
  /// same epoch again changes ISR and replicas only.
  runtime::Task<Result<>> lead(replication::Leadership leadership);
  /// To follow other brokers and to change the ISR, before the first lead or follow. Without it a
  /// partition does neither.
  void connect(Replication& replication) { replication_ = &replication; }
  /// Another broker leads, or nobody: waiters get NOT_LEADER_OR_FOLLOWER, and what the leader has
  /// is fetched. The same leader and epoch again change nothing.
  void follow(BrokerId leader, Epoch leader_epoch);
  /// No more of it here: waiters get UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER_OR_FOLLOWER if
  /// others have it; what runs is waited for.
  runtime::Task<> retire(Gone why);
  /// Ends flushes and waits; the log may be closed then.
  runtime::Task<> stop();
  void configure(storage::SharedLogOptions options, std::int32_t min_isr,
                 ThrottledAs throttled = {});

  bool leads() const { return leader_.has_value(); }
  BrokerId leader() const { return leader_id_; }
  Epoch leader_epoch() const { return leader_epoch_; }
  const replication::LeaderState* leader_state() const { return leader_ ? &*leader_ : nullptr; }
  std::int32_t min_isr() const { return min_isr_; }
  ThrottledAs throttled() const { return throttled_; }

  /// not_leader_or_follower; fenced_leader_epoch or unknown_leader_epoch if `current` is given
  /// (not -1) and differs; kafka_storage_error if the log's directory is offline.
  Result<> check_leader(Epoch current = no_epoch) const;
  /// The same of any replica, leader or not.
  Result<> check_replica(Epoch current = no_epoch) const;

  // --- writing ---

  /// Appends as the leader. A flush follows by itself where acks need it. Errors: check_leader's,
  /// the log's, not_enough_replicas.
  runtime::Task<Result<PartitionAppended>> append(PartitionAppend append);
  /// Waits until `last` is below the high watermark. request_timed_out, not_leader_or_follower if
  /// leadership changed since `epoch`, not_enough_replicas_after_append, kafka_storage_error.
  runtime::Task<Result<>> wait_committed(Offset last, Epoch epoch, Instant deadline);
  bool is_committed(Offset last) const { return last < log_->high_watermark(); }
  /// Whether wait_committed would say yes at once.
  bool is_acknowledged(Offset last, Epoch epoch) const {
    return leader_ && leader_epoch_ == epoch && is_committed(last) && log_->healthy() &&
           leader_->accepts_acks_all(min_isr_).has_value();
  }

  // --- reading ---

  Offset high_watermark() const { return log_->high_watermark(); }
  Offset last_stable() const { return log_->last_stable(); }
  /// Latest offset to tell clients of; offset_not_available while the high watermark has not
  /// reached this epoch's start (L11).
  Result<Offset> latest_offset(storage::ReadBound bound) const;
  /// Tells `watch` when its bound moves. Removed by destroying the watch.
  void add_watch(FetchWatch& watch) { watches_.push_back(watch); }
  bool idle() const { return watches_.empty() && commit_waits_.empty() && tasks_.size() == 0; }

  // --- followers of this leader ---

  /// A follower's fetch, whose log does not diverge: its progress may move the high watermark and
  /// let it into the ISR. check_leader's errors, unknown_leader_epoch if it is no replica,
  /// not_leader_or_follower if a newer incarnation of it is known.
  Result<> on_follower_fetch(BrokerId follower, const replication::FollowerFetch& fetch);
  /// Proposes an ISR without those who have not kept up.
  void shrink_isr();
  /// Whether this follower gets no records for now: it catches up, and what throttled replicas may
  /// have is used up (KIP-73).
  bool holds_back(BrokerId follower) const;
  /// What was sent to a follower, in or out of sync: it counts against the rate.
  void count_sent(std::size_t bytes);
  bool proposes(const replication::IsrProposal& proposal) const;
  replication::IsrOutcome on_isr_answer(const replication::IsrProposal& proposal,
                                        const replication::IsrAnswer& answer);

  // --- as a follower (called by its fetcher) ---

  replication::FollowerLog follower_log() const;
  /// Whether a follower may count only what it has flushed.
  bool flush_counts() const { return log_->options().flush_before_ack(); }
  // Each fails with not_leader_or_follower once another leader epoch has begun, and is waited for
  // before this broker leads.
  runtime::Task<Result<>> take_fetched(FetchedRecords fetched);
  runtime::Task<Result<>> cut_as_follower(Epoch epoch, Offset to, Offset leader_high_watermark);
  runtime::Task<Result<>> restart_as_follower(Epoch epoch, Offset at);
  runtime::Task<Result<>> flush_as_follower(Epoch epoch);

  /// DeleteRecords: moves the log start; offset_out_of_range above the high watermark. -1: to the
  /// high watermark. The new log start.
  runtime::Task<Result<Offset>> delete_records(Offset before);
  /// Waits until no replica that lives has records below `before`; the low watermark.
  /// request_timed_out, or check_leader's errors.
  runtime::Task<Result<Offset>> wait_deleted(Offset before, Instant deadline);

 private:
  struct CommitWait;
  struct FollowerWork;
  struct LeaderAppend;

  Result<> check_follower(Epoch epoch) const;
  runtime::Task<Result<>> append_fetched(BytesView records);
  runtime::Task<> end_following();
  void watch_followers();
  replication::IsrRules isr_rules() const;
  void advance_high_watermark();
  void schedule_flush();
  void start_flush(storage::FlushExtent extent);
  runtime::Task<> flush_until_done(storage::FlushExtent extent);
  runtime::Task<> flush_after(Duration delay);
  void wake_watches(bool end_moved, bool high_watermark_moved);
  void fail_waiters();

  runtime::Shard& shard_;
  TopicId topic_id_;
  std::shared_ptr<storage::PartitionLog> log_;
  std::shared_ptr<TopicTraffic> traffic_;
  std::optional<replication::LeaderState> leader_;
  BrokerId leader_id_ = no_broker;
  Epoch leader_epoch_ = no_epoch;
  std::int32_t min_isr_ = 1;
  ThrottledAs throttled_;
  Replication* replication_ = nullptr;
  int appends_ = 0;         // as a leader, under way
  int follower_works_ = 0;  // under way
  runtime::Event follower_work_ended_;
  runtime::Event low_watermark_moved_;
  std::optional<Gone> retired_;
  bool flush_running_ = false;
  bool flush_timer_running_ = false;  // flush.ms
  runtime::List<FetchWatch, runtime::Hook<InPartitionWatches>> watches_;
  runtime::List<CommitWait, runtime::Hook<InCommitWaits>> commit_waits_;
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::partition
