// SPDX-License-Identifier: Apache-2.0
// The log directories of a node (log.dirs) and all partitions' logs in them: lock, identity, load,
// create, delete, move, checkpoints, retention. Invariants: one owner of every checkpoint file; a
// clean marker is believed once and only for what was loaded whole; a partition has a directory
// once it was written to, synced before what is in it counts as flushed. __cluster_metadata-0 is
// the controller's: skipped here, an error where it does not belong. Owner: the node, on its data
// shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <cairn/log/checkpoint.hpp>
#include <cairn/runtime/shard.hpp>
#include <cairn/storage/cleaner.hpp>
#include <cairn/storage/log_places.hpp>
#include <cairn/storage/meta_properties.hpp>
#include <cairn/storage/partition_log.hpp>

namespace cairn::storage {

class LogDirectory;

class LogDirectories : private Cleaner::Logs {
 public:
  LogDirectories(Environment& environment, runtime::Shard& shard, LogDirectoriesOptions options);
  ~LogDirectories() override;

  // --- start, in this order ---

  /// Makes missing directories, locks all, reads every meta.properties; they must agree.
  runtime::Task<StartResult<>> lock();
  /// Cluster id and node id as found; nothing if no directory was formatted before. A node that has
  /// not found its cluster yet has an empty cluster id.
  std::optional<MetaProperties> found() const;
  /// Whether every directory has a meta.properties with a directory id.
  bool formatted() const;
  /// Checks what was found against these, and writes meta.properties where one (or its directory
  /// id, or its cluster id) is missing. An empty cluster id gives the directories their own ids, so
  /// that they are the same directories after a crash, and leaves the cluster open.
  runtime::Task<StartResult<>> format(std::string cluster_id, BrokerId node_id);
  /// Finds every partition's log, directories in parallel. A log the metadata does not know becomes
  /// a stray; half-deleted ones go. On return the logs of directories that were stopped cleanly are
  /// open, the others recover, num.recovery.threads.per.data.dir at a time in each directory, and
  /// the background work runs.
  runtime::Task<StartResult<>> load(KnownLogs known);
  /// Told of each log whose recovery has ended, well (find() has it) or not (create() refuses).
  /// Before load().
  void on_recovered(std::function<void(const LogKey&)> tell) { tell_recovered_ = std::move(tell); }
  /// Whether the log was found and is not ready yet.
  bool recovering(const LogKey& key) const { return recovering_.contains(key); }
  std::size_t recovering_count() const { return recovering_.size(); }
  /// Until all have recovered. False: the task was cancelled.
  runtime::Task<bool> wait_recovered();

  // --- partitions ---

  std::shared_ptr<PartitionLog> find(const LogKey& key) const;
  /// Finds or makes the log of a partition: in directory `wanted` if that is one of ours, else in
  /// the one with the fewest. What it makes is unwritten: no I/O. kafka_storage_error if `wanted`
  /// is a directory that may be one of those offline, or the log was there at the start and could
  /// not be opened; not_leader_or_follower while it recovers.
  Result<std::shared_ptr<PartitionLog>> create(LogKey key, TopicPartition partition,
                                               SharedLogOptions options, DirectoryId wanted = {});
  /// Renames the directory to ...-delete at once and removes it after file.delete.delay.ms.
  runtime::Task<Result<>> remove(LogKey key);
  /// After removals, before a namesake is made: no checkpoint speaks of what is gone.
  runtime::Task<> forget_removed();
  /// Starts moving a log into the directory `path` while it serves, in place of a move elsewhere;
  /// into its own directory: ends such a move. log_dir_not_found, kafka_storage_error,
  /// not_leader_or_follower.
  runtime::Task<Result<>> move(LogKey key, std::string path);
  /// Whether log.dirs names it.
  bool has_path(std::string_view path) const { return directory_at(path) != nullptr; }
  std::vector<std::shared_ptr<PartitionLog>> logs() const;

  // --- the node ---

  std::vector<DirectoryId> directory_ids() const;  // online ones, in order of log.dirs
  DirectoryId directory_id_of(const PartitionLog& log) const;
  std::size_t online_count() const;
  bool metadata_directory_online() const;
  /// The broker epoch that clean markers held at start; -1 if any was missing or they differ. Known
  /// once the directories are locked: a broker registers before it loads its logs.
  BrokerEpoch previous_broker_epoch() const { return previous_broker_epoch_; }
  /// Woken whenever a directory goes offline: look at online_count().
  runtime::Event& directory_failed() { return directory_failed_; }
  runtime::Task<std::vector<DirectoryReport>> describe();
  /// Logs that may not lie where the metadata says; woken when there are some.
  struct Place {
    LogKey key;
    DirectoryId directory;
  };
  std::vector<Place> take_misplaced(std::size_t most);
  bool any_misplaced() const { return !misplaced_.empty(); }
  void report_later(const LogKey& key);
  runtime::Event& placement_changed() { return placement_changed_; }
  DirectoryHealth& metadata_health();

  runtime::Task<> write_checkpoints();  // all kinds, now
  runtime::Task<> write_log_starts();   // so that DeleteRecords outlives a crash
  runtime::Task<> apply_retention();    // now, to all logs
  Cleaner& cleaner() { return cleaner_; }
  /// Takes over what may change at run time: the delay of deletions, the cleaner's limits, and the
  /// threads of recovery for a load to come.
  void configure(const config::ServerConfig& config);
  /// Ends background work, closes every log, writes the checkpoints and, if the load had finished,
  /// the clean markers.
  runtime::Task<> stop(BrokerEpoch broker_epoch);

 private:
  enum class Checkpoint : std::uint8_t { recovery_point, log_start, high_watermark, clean_point };
  struct Found;
  struct FoundCopy;
  struct Recovering;
  struct Move;

  std::vector<LogDirectory*> all() const;
  std::vector<std::shared_ptr<PartitionLog>> logs_on_disk() const;
  LogDirectory* directory_for_new(DirectoryId wanted) const;
  LogDirectory* directory_of(const PartitionLog& log) const;

  runtime::Task<StartResult<>> lock_one(LogDirectory& directory);
  runtime::Task<StartResult<>> read_identity(LogDirectory& directory);
  runtime::Task<> read_previous_epoch();
  StartResult<> check_identities() const;
  runtime::Task<StartResult<>> format_one(LogDirectory& directory, std::string cluster_id,
                                          BrokerId node_id);
  runtime::Task<> keep_name(const LogDirectory& directory);
  runtime::Task<> load_directory(LogDirectory& directory, const KnownLogs& known,
                                 StartResult<>& result);
  runtime::Task<StartResult<std::vector<Found>>> find_logs(LogDirectory& directory,
                                                           const KnownLogs& known);
  runtime::Task<> load_clean(LogDirectory& directory, Found& found);
  runtime::Task<Result<>> load_log(LogDirectory& directory, Found& found,
                                   std::shared_ptr<RecoveryProgress> progress);
  void start_recovery(LogDirectory& directory, std::vector<Found> found);
  void expose_recovery(LogDirectory& directory);
  runtime::Task<> recover_logs(LogDirectory& directory, std::size_t thread);
  runtime::Task<> report_recovery(LogDirectory& directory);
  void end_recovery(LogDirectory& directory);
  runtime::Task<bool> recover_log(Recovering& recovering);
  void count_recovered(LogDirectory& directory);
  runtime::Task<> give_up_recovery(LogKey key);
  runtime::Task<> stop_recovery();
  runtime::Task<Result<std::string>> set_aside_deleted(LogDirectory& directory,
                                                       TopicPartition partition, std::string path);
  void add_recovering(const LogDirectory& directory, Checkpoint kind,
                      std::vector<log::PartitionOffset>& entries) const;
  runtime::Task<> lose(LogKey key);
  void note_forgotten(const LogDirectory& directory, const std::vector<Found>& found);
  runtime::Task<Result<bool>> holds_data(std::string path);

  LogDirectory* directory_at(std::string_view path) const;
  std::shared_ptr<Move> begin_move(const LogKey& key, std::shared_ptr<PartitionLog> log,
                                   LogDirectory& to, std::string path, bool clean);
  runtime::Task<> give_up_move(LogKey key);
  runtime::Task<> run_move(LogKey key, std::shared_ptr<Move> move, OpenLog request);
  runtime::Task<bool> copy_and_swap(LogKey key, std::shared_ptr<Move> move);
  runtime::Task<> write_move_checkpoints();
  void note_moved(const LogKey& key, LogDirectory& from, LogDirectory& to);
  runtime::Task<> drop_copy(std::shared_ptr<Move> move);
  runtime::Task<> set_aside_for_deletion(LogDirectory& directory, TopicPartition partition,
                                         std::string path);
  runtime::Task<> resume_moves();
  runtime::Task<> drop_found_copies(LogKey key);
  runtime::Task<> adopt_orphan(FoundCopy& copy);
  runtime::Task<bool> replaces(std::shared_ptr<PartitionLog> present,
                               std::shared_ptr<PartitionLog> other, DirectoryId assigned);
  runtime::Task<> close_copies();
  std::vector<DirectoryReport::Copy> copies_in(const LogDirectory& directory) const;

  void start_background();
  runtime::Task<> watch(LogDirectory& directory);
  runtime::Task<> repeat(std::chrono::milliseconds first, std::chrono::milliseconds every,
                         runtime::Task<> (LogDirectories::*work)());
  runtime::Task<> write_recovery_points();
  runtime::Task<> write_high_watermarks();
  runtime::Task<> expire_producers();
  runtime::Task<> write_checkpoint(Checkpoint kind);
  runtime::Task<Result<>> write_checkpoint_of(LogDirectory& directory, Checkpoint kind);
  std::vector<log::PartitionOffset> checkpoint_entries(const LogDirectory& directory,
                                                       Checkpoint kind) const;
  runtime::Task<> close_log(std::shared_ptr<PartitionLog> log);
  std::vector<std::shared_ptr<PartitionLog>> logs_to_clean() const override {
    return logs_on_disk();
  }
  runtime::Task<> save_clean_points() override;

  Environment& environment_;
  runtime::Shard& shard_;
  LogDirectoriesOptions options_;
  IoThrottle moves_throttle_;
  std::vector<std::unique_ptr<LogDirectory>> directories_;  // order of log.dirs
  std::unique_ptr<LogDirectory> metadata_only_;             // metadata.log.dir outside log.dirs
  std::map<LogKey, std::shared_ptr<PartitionLog>> logs_;
  std::map<LogKey, std::unique_ptr<Recovering>> recovering_;
  std::set<LogKey> lost_;  // were there at the start and could not be opened
  std::function<void(const LogKey&)> tell_recovered_;
  runtime::Event recovered_;
  BrokerEpoch previous_broker_epoch_ = no_broker_epoch;
  bool loaded_ = false;
  bool stopping_ = false;
  std::uint64_t checkpointed_moves_ = 0;
  std::map<LogKey, std::shared_ptr<Move>> moves_;
  std::vector<FoundCopy> found_copies_;  // whose log is not ready yet
  std::set<LogKey> misplaced_;
  bool removed_since_checkpoint_ = false;
  runtime::Event placement_changed_;
  runtime::Event directory_failed_;
  Cleaner cleaner_;
  runtime::TaskGroup recoveries_;  // not cancelled: they are told to give up, and end in order
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::storage
