// SPDX-License-Identifier: Apache-2.0
// Opens a log: finishes what a stop left half done, finds the log's end, and rebuilds what is
// missing. After an unclean stop everything behind the recovery point is checked batch by batch and
// cut at the first invalid byte (L39); what lies before it was flushed and is trusted. Owner:
// PartitionLog::open, in its frame; nobody else uses the log yet.
#pragma once

#include <set>

#include <cairn/log/recovery.hpp>
#include <cairn/storage/partition_log.hpp>

#include "segment.hpp"

namespace cairn::storage {

class LogRecovery {
 public:
  LogRecovery(PartitionLog& log, OpenLog request) : log_(log), request_(std::move(request)) {}

  runtime::Task<Result<>> run();

 private:
  /// Where the scan of a segment begins.
  struct ScanStart {
    std::uint64_t position = 0;
    Offset offset;  // base of the batch there
  };

  runtime::Task<Result<>> read_directory();
  void note_retired();
  runtime::Task<Result<>> remove_retired();
  runtime::Task<Result<>> read_partition_metadata();
  runtime::Task<Result<>> write_partition_metadata();
  runtime::Task<Result<>> read_segments();
  runtime::Task<Result<>> read_epochs();
  runtime::Task<Result<>> rebuild_epochs();
  runtime::Task<Result<bool>> trust_clean_end();
  runtime::Task<Result<>> recover();
  bool follows(const Segment& segment) const;
  runtime::Task<Result<ScanStart>> scan_start(std::shared_ptr<Segment> segment);
  runtime::Task<Result<bool>> scan(std::shared_ptr<Segment> segment, ScanStart start);
  runtime::Task<Result<>> restore_times(std::shared_ptr<Segment> segment, std::uint64_t end);
  runtime::Task<Result<>> say_cut(std::shared_ptr<Segment> segment, std::uint64_t position,
                                  log::ScanFault fault);
  runtime::Task<Result<>> take_breath();
  runtime::Task<Result<>> finish_recovered(std::shared_ptr<Segment> segment, bool last);
  runtime::Task<Result<>> rebuild_missing_indexes();
  runtime::Task<Result<>> add_first_segment(Offset base);
  bool has_file(Offset base, log::FileKind kind) const {
    return names_.contains(log::file_name(base, kind));
  }

  PartitionLog& log_;
  OpenLog request_;
  std::set<std::string, std::less<>> names_;
  bool made_ = false;           // the directory did not exist
  bool cut_ = false;            // files behind the log's end were removed
  Offset retired_ = no_offset;  // segments up to this base were let go by retention
  Offset next_offset_{0};
  Epoch epoch_ = no_epoch;
};

}  // namespace cairn::storage
