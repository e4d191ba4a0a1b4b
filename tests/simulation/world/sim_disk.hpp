// SPDX-License-Identifier: Apache-2.0
// A simulated machine's disk. Writes land in a page cache; a sync makes a file's bytes durable, a
// directory sync the names in it. At power loss each sector (512 bytes) written since, each change
// of size and each change of a name is kept or dropped as the seed says: lost, torn and reordered
// writes. Faults (no space, failing reads, writes and syncs) are switched on by the test: a failing
// write has written a part, a failing sync leaves pages that are called clean and are not. Owner:
// the World; it outlives the processes that use it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <cairn/base/random.hpp>
#include <cairn/runtime/clock.hpp>
#include <cairn/runtime/disk.hpp>

namespace cairn::world {

/// A file's bytes: as the page cache has them, and as the platter is known to.
struct Inode {
  static constexpr std::size_t sector = 512;

  struct Change {  // since the last sync; a write, or a truncation if `bytes` is empty
    std::uint64_t at = 0;
    Bytes bytes;
  };

  Bytes cached;
  Bytes durable;
  std::vector<Change> changes;
  std::uint64_t allocated = 0;
  WallTime modified;

  void write(std::uint64_t offset, BytesView bytes);
  void truncate(std::uint64_t size);
  void sync();
  /// A sync that failed: some of it reached the platter, and the rest never will unless it is
  /// written again (Rebello et al., ATC 2020); the page cache of the file is dropped.
  void fail_sync(Random& random);
  /// What is left after power loss; becomes cached and durable.
  void lose_power(Random& random);

 private:
  void keep_some(Random& random, double kept);
};

struct DiskFaults {
  std::optional<std::uint64_t> space;  // bytes in all; none: unlimited
  /// Space can be reserved; where it cannot, a full disk is found by a write that ends half-way.
  bool reserves = true;
  /// Asked for each operation ("read", "write", "sync", …) and path: true makes it fail.
  std::function<bool(std::string_view operation, const std::string& path)> fails;
};

class SimMachine {
 public:
  SimMachine(std::string host, Random random) : host_(std::move(host)), random_(random) {}

  const std::string& host() const { return host_; }
  DiskFaults& faults() { return faults_; }
  Duration& slowest_operation() { return slowest_; }

  std::unique_ptr<runtime::Disk> make_disk(runtime::Clock& clock, Random random);
  /// For the process that is started now.
  void begin_life() { has_dropped_ = false; }
  void release_locks() { locks_.clear(); }
  void lose_power();
  /// A sync has failed since a process was started: what was written and not synced may be gone
  /// although the power did not fail.
  bool has_dropped() const { return has_dropped_; }
  /// A new disk. REQUIRES: nothing runs here.
  void wipe();

  std::uint64_t used() const;  // bytes, allocated ones too
  std::size_t open_files() const { return open_files_; }
  /// For checkers: what a file holds now; nothing if it is missing.
  std::optional<Bytes> content(const std::string& path) const;
  /// The files whose paths begin so.
  std::vector<std::string> files_below(const std::string& prefix) const;
  /// While no process runs: a file loses its name, or gets other content, for good.
  void damage(const std::string& path, std::optional<Bytes> content);

 private:
  friend class SimDisk;
  friend class SimFile;
  friend class SimLock;

  struct Node {  // a name: of a file, or of a directory (no inode)
    std::shared_ptr<Inode> inode;
  };
  using Names = std::map<std::string, Node>;
  struct NameChange {  // of one entry of a directory, since that was synced
    std::string path;
    std::optional<Node> now;
    std::string moved_from;  // a rename is one change of two names
  };

  bool fails(std::string_view operation, const std::string& path) const {
    return faults_.fails && faults_.fails(operation, path);
  }
  void change(NameChange change);
  static void apply(Names& names, const NameChange& change);
  void sync_names(const std::string& directory);

  std::string host_;
  Random random_;
  DiskFaults faults_;
  Duration slowest_ = std::chrono::milliseconds(2);
  Names names_;    // as the running system sees them
  Names durable_;  // as they are known to survive
  std::vector<NameChange> pending_;
  std::set<std::string> locks_;
  bool has_dropped_ = false;
  std::size_t open_files_ = 0;
};

}  // namespace cairn::world
