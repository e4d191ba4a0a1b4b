// SPDX-License-Identifier: Apache-2.0
// Log directories of production code on a simulated machine, without a broker above them: started,
// stopped, killed, without power, damaged at rest. The partitions that the metadata would know are
// kept here. Invariant: at most one life at a time. Owner: the storage run.
#pragma once

#include <map>
#include <memory>

#include <cairn/metadata/image.hpp>
#include <cairn/storage/log_directories.hpp>

#include "world/world.hpp"

namespace cairn::simulation {

/// A partition as the metadata knows it.
struct HostedLog {
  TopicPartition partition;
  TopicId topic;
  storage::LogOptions options;
  DirectoryId directory = metadata::unassigned_directory;  // until it is made
};

struct HostOptions {
  int directories = 1;
  std::uint64_t reserved_space = 0;
  std::uint64_t scanned_whole = 4096;  // small, so that recovery begins in the middle of segments
};

class StorageHost {
 public:
  StorageHost(world::World& world, HostOptions options);

  /// Starts a life; ready() once all is loaded, broken() if a directory failed in it.
  void begin();
  bool up() const { return life_ != nullptr; }
  bool ready() const;
  bool broken() const;
  /// The start ended with this line (not one of a log; of a directory that may not be used).
  std::string refused() const;

  /// Clean; false if a log could not be closed or nothing was loaded.
  void stop();
  void kill();
  void crash();
  /// At rest: one file of a partition or of a directory is lost or spoilt, of those that recovery
  /// makes anew. What happened, in words.
  std::string damage(Random& random);

  std::map<storage::LogKey, HostedLog>& logs() { return known_; }
  storage::LogDirectories& directories();
  std::shared_ptr<storage::PartitionLog> log(const storage::LogKey& key);
  world::Process& process() { return *world_.process(host); }
  world::SimMachine& machine() { return world_.machine(host); }
  std::int64_t now_ms();

  static constexpr const char* host = "node";

 private:
  struct Life;
  static runtime::Task<> load(std::shared_ptr<Life> life, StorageHost* self);
  void forget();

  world::World& world_;
  HostOptions options_;
  std::map<storage::LogKey, HostedLog> known_;
  std::shared_ptr<Life> life_;
};

}  // namespace cairn::simulation
