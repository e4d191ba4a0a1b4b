// SPDX-License-Identifier: Apache-2.0
// One segment: a .log file and its indexes. Files open when they are used; indexes are in memory
// only while they are used or not yet written, and are rebuilt from the batches when a file is
// missing or damaged. Invariant: a batch is in the indexes only after it was written. Owner:
// PartitionLog, which alone changes it; a read holds a shared_ptr.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <cairn/base/mutant.hpp>
#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>
#include <cairn/record/batch.hpp>
#include <cairn/storage/environment.hpp>

namespace cairn::storage {

struct SegmentIndexes {
  explicit SegmentIndexes(Offset base) : offsets(base), times(base) {}

  log::OffsetIndex offsets;
  log::TimeIndex times;
  std::vector<log::AbortedTransaction> aborted;
  // Entries that are in the files.
  std::size_t offsets_written = 0;
  std::size_t times_written = 0;
  std::size_t aborted_written = 0;

  bool all_written() const {
    return offsets_written == offsets.entries() && times_written == times.entries() &&
           aborted_written == aborted.size();
  }
};

enum class Durability : std::uint8_t { written, synced };

class Segment {
 public:
  Segment(Environment& environment, Offset base_offset, std::uint64_t size)
      : base_offset(base_offset), size(size), allocated(size), environment_(environment) {}

  /// The .log file. `directory` is the partition's.
  runtime::Task<Result<std::shared_ptr<runtime::File>>> file(
      const std::string& directory, runtime::OpenMode mode = runtime::OpenMode::write);
  std::shared_ptr<runtime::File> open_file() { return environment_.open_files.find(slot_); }
  void close_file() { slot_.close(); }

  /// The indexes, from memory, from their files, or rebuilt.
  runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> indexes(const std::string& directory);
  /// Makes them anew from the batches, whatever the files say. REQUIRES: rolled.
  runtime::Task<Result<>> renew_indexes(const std::string& directory);
  bool has_indexes() const { return indexes_ != nullptr; }
  const SegmentIndexes* indexes_in_memory() const { return indexes_.get(); }
  void set_indexes(std::shared_ptr<SegmentIndexes> indexes) { indexes_ = std::move(indexes); }
  /// Writes what is only in memory. REQUIRES: the writer's turn.
  runtime::Task<Result<>> spill(const std::string& directory, Durability durability);
  /// Index files of a segment that is no longer written survive a crash afterwards.
  runtime::Task<Result<>> sync_indexes(const std::string& directory);
  void drop_written_indexes() {
    if (indexes_ && indexes_->all_written() && !stale_index_files) indexes_.reset();
  }

  /// Takes a batch that now lies at `position`, as Kafka's LogSegment.append: an index entry is due
  /// when more than `interval` bytes were written since the last. REQUIRES: has_indexes().
  void note_batch(const record::BatchView& batch, std::uint64_t position, std::uint32_t interval);
  void note_aborted(const log::AbortedTransaction& transaction);
  /// The time index's final entry, at roll and close. REQUIRES: has_indexes().
  void finish_time_index();
  /// Cuts file and indexes; the largest timestamp is found anew. REQUIRES: has_indexes().
  runtime::Task<Result<>> truncate(const std::string& directory, std::uint64_t to, Offset end);
  /// Frees space that was allocated and not used.
  runtime::Task<Result<>> trim(const std::string& directory);

  /// The largest timestamp and the batch that has it; {-1, base} if no record has one.
  runtime::Task<Result<log::TimestampOffset>> largest_timestamp(const std::string& directory);
  /// The same, but when the file was written last if no record has a timestamp (for retention).
  runtime::Task<Result<std::int64_t>> age_timestamp(const std::string& directory);
  /// The first batch's timestamp, for the roll by time; nothing while empty.
  runtime::Task<Result<std::optional<std::int64_t>>> first_batch_timestamp(
      const std::string& directory);

  std::string path(const std::string& directory, log::FileKind kind,
                   log::FileState state = log::FileState::live) const {
    return directory + "/" + log::file_name(base_offset, kind, state);
  }

  const Offset base_offset;
  std::uint64_t size;
  std::uint64_t allocated;  // reserved on the disk from 0; at least `size`
  std::int64_t created_ms = 0;
  std::int64_t jitter_ms = 0;
  std::optional<std::int64_t> first_timestamp;
  log::TimestampOffset max_timestamp;
  bool max_timestamp_known = false;
  bool entry_synced = false;       // the directory entry survives a crash
  bool indexes_synced = false;     // and the index files do, as they are now
  bool stale_index_files = false;  // of batches that were cut: not to be read before a spill()
  bool rolled = false;
  bool deleted = false;  // its files have other names now; who holds it lets go
  /// A file of its name may be another segment's: look for it anew.
  bool gone() const { return deleted && !MUTANT("L33-swap-readers"); }
  bool has_transaction_index = false;
  bool transactions_lost = false;  // it was damaged: PartitionLog::rebuild_aborted() is due
  std::uint32_t bytes_since_index = 0;
  std::optional<std::uint64_t> damage_reported;  // where, so that it is said once
  std::uint64_t unproven = 0;  // bytes of an earlier life that no scan has checked

 private:
  runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> read_indexes(std::string directory);
  runtime::Task<Result<std::shared_ptr<SegmentIndexes>>> rebuild_indexes(std::string directory);
  runtime::Task<Result<>> spill_one(std::string path, std::uint64_t offset, Bytes more,
                                    Durability durability);

  Environment& environment_;
  FileSlot slot_;
  std::shared_ptr<SegmentIndexes> indexes_;
};

}  // namespace cairn::storage
