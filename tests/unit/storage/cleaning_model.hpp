// SPDX-License-Identifier: Apache-2.0
// A compacted log on a simulated machine beside a model of all that was ever appended to it, and
// the checks of I26 and L33 between them. A check returns what is wrong, or nothing. Owner: a test.
#pragma once

#include <map>
#include <set>

#include <cairn/record/control.hpp>
#include <cairn/storage/cleaner.hpp>

#include "stage.hpp"

namespace cairn::storage::testing {

struct KeyedRecord {
  std::string key;
  std::optional<std::string> value;

  bool operator==(const KeyedRecord&) const = default;
};

/// One batch as it was appended.
struct Written {
  Offset base = no_offset, last = no_offset;
  std::vector<KeyedRecord> records = {};
  ProducerId producer = no_producer;
  std::int32_t sequence = no_sequence;
  bool transactional = false;
  std::optional<record::ControlType> marker = {};
};

class CleaningModel {
 public:
  static constexpr std::int64_t delete_retention = 3'000;
  static constexpr std::string_view sound = "";

  explicit CleaningModel(std::uint64_t seed) : random_(seed * 7'919), stage_(seed) {
    stage_.options.roll.segment_bytes = 1'500;
    stage_.options.index_interval_bytes = 200;
    stage_.options.cleaning.compact = true;
    stage_.options.cleaning.delete_retention_ms = delete_retention;
    stage_.options.deletes_by_policy = false;
    EXPECT_TRUE(stage_.open());
  }

  Stage& stage() { return stage_; }
  Random& random() { return random_; }
  const std::vector<Written>& history() const { return history_; }

  /// A random step, and what the log looks like after it.
  std::string step();
  std::string check();
  /// The steps so far.
  const std::string& trace() const { return trace_; }

  void append_plain();
  void append_idempotent();
  void append_transactional();
  void end_transaction();
  void flush();
  void clean();
  void clean_while_others_write_and_read();
  void die_while_cleaning();
  void restart();
  void cut_prefix();

 private:
  using Records = std::map<Offset, KeyedRecord>;
  struct Seen {
    Records data;       // all that is there
    Records committed;  // as a consumer that reads committed data has it
    std::string wrong;
  };

  static runtime::Task<Result<CleaningReport>> clean_owned(Environment& environment,
                                                           std::shared_ptr<PartitionLog> log,
                                                           CleanerOptions options);
  runtime::Task<Result<CleaningReport>> cleaning();
  Bytes encode(const Written& batch);
  void append(Written batch);
  std::vector<KeyedRecord> some_records();
  ProducerId transactional_producer();
  bool in_transaction(ProducerId producer) const;
  std::int32_t next_sequence(ProducerId producer) const;
  void forget_behind(Offset end);

  Seen read_all();
  std::string take_batch(const record::BatchView& batch, Seen& seen,
                         std::vector<log::AbortedTransaction>& aborted,
                         std::set<ProducerId>& aborting);
  /// Data by offset: of committed transactions and of none; of those that are open or aborted.
  void split(Records& committed, Records& others) const;
  std::string compare(const Seen& seen) const;
  std::string compare_keys(const Seen& seen, const Records& committed) const;
  std::string compare_producers() const;
  std::string compare_producer(ProducerId producer) const;
  void lose_snapshots();

  Random random_;
  Stage stage_;
  std::vector<Written> history_;
  std::string trace_;
  std::string met_;                           // what was wrong in the middle of a step
  bool snapshots_lost_ = false;               // once: producers are what batches tell
  Offset cleaned_below_{0};                   // no cleaning reached this far
  std::map<Offset, std::int64_t> cleanings_;  // bound -> when one first reached it
};

}  // namespace cairn::storage::testing
