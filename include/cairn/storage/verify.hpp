// SPDX-License-Identifier: Apache-2.0
// Looks through the files of a partition or of a log directory that no node uses, and says what is
// wrong with each, where. Reads only. Batches are checked as recovery checks them and opened record
// by record; indexes, epochs and transactions are compared with them. Owner: `cairn log verify`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>
#include <cairn/storage/environment.hpp>

namespace cairn::storage {

/// note: as a crash or an interrupted work leaves it; a start puts it right by itself.
enum class Severity : std::uint8_t { note, damage };

struct Finding {
  std::string file;
  Severity severity = Severity::damage;
  std::string what;
  std::optional<std::uint64_t> position = {};  // byte of the file
  std::optional<Offset> offset = {};           // of the log, where it is known
};

struct PartitionFindings {
  std::string directory;
  std::vector<Finding> findings;
  std::uint64_t segments = 0, batches = 0, records = 0, bytes = 0;
  Offset log_start = no_offset;  // of the first segment
  Offset log_end = no_offset;    // behind the last batch that is whole
  /// The first segment with damage in any of its files: from here on recovery has to look.
  std::optional<Offset> first_damaged = {};
  /// Where the log ends for good, if its batches are damaged: segment and byte.
  std::optional<Offset> cut_segment = {};
  std::uint64_t cut_position = 0;

  bool damaged() const;
};

struct DirectoryFindings {
  std::vector<Finding> findings;  // of the directory's own files
  std::vector<PartitionFindings> partitions;

  bool damaged() const;
};

/// Fails only if the directory cannot be listed; a file that cannot be read is a finding.
runtime::Task<Result<PartitionFindings>> verify_partition(Environment& environment,
                                                          std::string directory);
runtime::Task<Result<DirectoryFindings>> verify_log_directory(Environment& environment,
                                                              std::string directory);

/// What was done, or would be, one line each.
using Repairs = std::vector<std::string>;
enum class RepairMode : std::uint8_t { act, only_say };

/// Puts right what verify_partition() found: keeps the bytes behind the first damaged batch beside
/// the log, under a name no broker takes for its own, cuts there, and makes indexes, epochs and
/// producer state anew by the recovery of a start. REQUIRES: nobody uses the directory.
runtime::Task<Result<Repairs>> repair_partition(Environment& environment, PartitionFindings found,
                                                RepairMode mode);
/// The same for a whole directory, with its checkpoints.
runtime::Task<Result<Repairs>> repair_log_directory(Environment& environment, std::string directory,
                                                    DirectoryFindings found, RepairMode mode);

}  // namespace cairn::storage
