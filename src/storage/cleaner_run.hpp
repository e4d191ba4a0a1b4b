// SPDX-License-Identifier: Apache-2.0
// One cleaning of one log. First the keys of the dirty part go into a map, then groups of segments
// are copied without what is superseded, and each copy replaces its group. Everything up to the
// swap runs beside the log's writer, which may change the log meanwhile: the swap has the writer's
// turn and looks first. Invariant: between any two disk operations a crash leaves the old segments
// or the new one, whole (cleaner_recovery.hpp). Owner: clean_log().
//
//   x.log.cleaned, synced -> all x.*.swap, synced -> old files away, synced -> x.log -> x.index ...
#pragma once

#include <cairn/storage/cleaner.hpp>
#include <cairn/storage/partition_log.hpp>

#include "cleaner_segment.hpp"

namespace cairn::storage {

class CleaningRun {
 public:
  CleaningRun(Environment& environment, std::shared_ptr<PartitionLog> log,
              const CleanerOptions& options, IoThrottle& throttle);

  runtime::Task<Result<CleaningReport>> run(log::CleaningRange range);

  /// The log's segments as the rules want them.
  static runtime::Task<Result<log::CleaningRange>> range_of(PartitionLog& log);

 private:
  using Segments = std::vector<std::shared_ptr<Segment>>;

  runtime::Task<Result<>> collect_keys(log::CleaningRange range);
  runtime::Task<Result<bool>> collect_segment(std::shared_ptr<Segment> segment,
                                              std::uint64_t position, log::KeyCollector& keys);
  runtime::Task<Result<>> clean_groups(log::CleaningRange range);
  runtime::Task<Result<>> clean_group(Segments group, Offset end, log::BatchFilter& filter);
  runtime::Task<Result<>> copy_group(const Segments& group, Offset end, log::BatchFilter& filter,
                                     CleanedSegment& cleaned);
  runtime::Task<Result<>> copy_segment(std::shared_ptr<Segment> segment, log::BatchFilter& filter,
                                       CleanedSegment& cleaned);
  runtime::Task<Result<>> swap_in(const Segments& group, CleanedSegment& cleaned);
  runtime::Task<Result<>> rename_files(const Segments& group, const CleanedSegment& cleaned);
  runtime::Task<> install(const Segments& group, const CleanedSegment& cleaned);
  runtime::Task<Result<>> remove_old_files(const Segments& group);

  /// Still the log that the run began with.
  Result<> check_unchanged() const;
  runtime::Task<Result<>> breathe(std::size_t bytes);
  runtime::Task<Result<log::LastOfProducers>> last_of_producers(Offset end);

  Environment& environment_;
  std::shared_ptr<PartitionLog> log_;
  const CleanerOptions options_;
  IoThrottle& throttle_;
  const std::string directory_;
  const std::uint64_t generation_;
  Segments segments_;  // those that may be cleaned
  std::unique_ptr<log::OffsetMap> map_;
  log::CleanedTransactions transactions_;
  bool changed_ = false;  // the group at hand is not what it was
  CleaningReport report_;
};

}  // namespace cairn::storage
