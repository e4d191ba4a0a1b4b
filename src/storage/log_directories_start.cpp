// SPDX-License-Identifier: Apache-2.0
// The start of log directories: lock, identity, load. Whatever cannot be right ends in one line
// that says which directory, what is in it, and what was expected.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/log/names.hpp>
#include <cairn/storage/log_directories.hpp>

#include "log_directories_recovery.hpp"
#include "log_directory.hpp"
#include "parallel.hpp"

namespace cairn::storage {

namespace {

constexpr std::string_view remote_cache = "remote-log-index-cache";

template <class... Args>
std::unexpected<std::string> problem(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(fmt::format(format, std::forward<Args>(args)...));
}

/// Files that may stand in a directory that was not formatted yet.
bool is_harmless(std::string_view name) {
  return name == log::file_names::lock || name == log::file_names::bootstrap ||
         name == log::file_names::meta_properties || name == "lost+found";
}

}  // namespace

// ---- lock ----

runtime::Task<StartResult<>> LogDirectories::lock() {
  for (LogDirectory* directory : all()) {
    auto locked = co_await lock_one(*directory);
    if (locked) locked = co_await read_identity(*directory);
    if (!locked) co_return locked;
  }
  if (online_count() == 0) {
    co_return problem("log.dirs: none of these can be used: {}", fmt::join(options_.paths, ", "));
  }
  if (!metadata_directory_online()) {
    co_return problem("metadata.log.dir: {} cannot be used", options_.metadata_path);
  }
  co_await read_previous_epoch();
  co_return check_identities();
}

runtime::Task<> LogDirectories::read_previous_epoch() {
  std::optional<BrokerEpoch> common;
  for (const auto& directory : directories_) {
    if (!directory->health.online()) continue;
    const auto marked = co_await directory->read_clean_marker();
    const bool fits = marked && *marked && (!common || *common == **marked);
    if (!fits) co_return;
    common = **marked;
  }
  previous_broker_epoch_ = common.value_or(no_broker_epoch);
}

/// A directory that cannot be used is offline; one that is in use refuses the start.
runtime::Task<StartResult<>> LogDirectories::lock_one(LogDirectory& directory) {
  const Result<> made = co_await environment_.disk.create_directory(directory.path);
  if (!made) {
    directory.health.fail(made.error(), "cannot be made");
    co_return StartResult<>();
  }
  auto locked = co_await environment_.disk.lock(directory.file(log::file_names::lock));
  if (locked) {
    directory.lock = std::move(*locked);
  } else if (runtime::is_locked(locked.error())) {
    co_return problem("log.dirs: {} is in use by another process; stop it or choose another",
                      directory.path);
  } else {
    directory.health.fail(locked.error(), "cannot be locked");
  }
  co_return StartResult<>();
}

runtime::Task<StartResult<>> LogDirectories::read_identity(LogDirectory& directory) {
  if (!directory.health.online()) co_return StartResult<>();
  const auto entries = co_await environment_.disk.list(directory.path);
  if (!entries) {
    directory.health.fail(entries.error(), "cannot be listed");
    co_return StartResult<>();
  }
  directory.empty = std::ranges::all_of(
      *entries, [](const runtime::DirectoryEntry& entry) { return is_harmless(entry.name); });
  const std::string name = directory.file(log::file_names::meta_properties);
  const auto content = co_await runtime::read_file(environment_.disk, name);
  if (!content) {
    if (runtime::is_not_found(content.error())) co_return StartResult<>();
    co_return problem("{} cannot be read: {}", name, content.error().why);
  }
  auto meta = decode_meta_properties(*content);
  if (!meta) co_return problem("{} is not valid: {}", name, meta.error().why);
  directory.meta = std::move(*meta);
  co_return StartResult<>();
}

StartResult<> LogDirectories::check_identities() const {
  const LogDirectory* first = nullptr;
  std::map<DirectoryId, std::string> seen;
  for (const LogDirectory* directory : all()) {
    if (!directory->meta) continue;
    const MetaProperties& meta = *directory->meta;
    if (!first || first->meta->cluster_id.empty()) first = directory;
    const bool open = meta.cluster_id.empty();  // a crash came while the others got theirs
    if ((!open && meta.cluster_id != first->meta->cluster_id) ||
        meta.node_id != first->meta->node_id) {
      return problem("{} belongs to node {} of cluster {}, but {} to node {} of cluster {}",
                     directory->path, meta.node_id, meta.cluster_id, first->path,
                     first->meta->node_id, first->meta->cluster_id);
    }
    if (!meta.directory_id) continue;
    const auto [other, fresh] = seen.emplace(*meta.directory_id, directory->path);
    if (!fresh) {
      return problem("{} and {} have the same directory.id: one is a copy of the other",
                     other->second, directory->path);
    }
  }
  return {};
}

std::optional<MetaProperties> LogDirectories::found() const {
  std::optional<MetaProperties> found;
  for (const LogDirectory* directory : all()) {
    if (directory->meta && (!found || found->cluster_id.empty())) found = directory->meta;
  }
  return found;
}

bool LogDirectories::formatted() const {
  return std::ranges::all_of(all(), [](const LogDirectory* directory) {
    return !directory->health.online() || (directory->meta && directory->meta->directory_id);
  });
}

// ---- format ----

runtime::Task<StartResult<>> LogDirectories::format(std::string cluster_id, BrokerId node_id) {
  for (LogDirectory* directory : all()) {
    if (!directory->health.online()) continue;
    auto done = co_await format_one(*directory, cluster_id, node_id);
    if (!done) co_return done;
  }
  co_return StartResult<>();
}

runtime::Task<StartResult<>> LogDirectories::format_one(LogDirectory& directory,
                                                        std::string cluster_id, BrokerId node_id) {
  const std::string name = directory.file(log::file_names::meta_properties);
  if (directory.meta) {
    if (directory.meta->node_id != node_id) {
      co_return problem("node.id is {}, but {} says {}; change node.id or the directory", node_id,
                        name, directory.meta->node_id);
    }
    if (directory.meta->cluster_id != cluster_id && !directory.meta->cluster_id.empty()) {
      co_return problem("this node belongs to cluster {}, but {} says {}", cluster_id, name,
                        directory.meta->cluster_id);
    }
    const bool complete = directory.meta->cluster_id == cluster_id;
    if (directory.meta->directory_id && complete) co_return StartResult<>();
  } else if (!directory.empty) {
    co_return problem("{} is not empty and has no meta.properties: it was never formatted",
                      directory.path);
  }
  MetaProperties meta = directory.meta.value_or(MetaProperties());
  meta.cluster_id = cluster_id;
  meta.node_id = node_id;
  if (!meta.directory_id) meta.directory_id = Uuid::random(environment_.random);
  co_await keep_name(directory);  // before: what is formatted has a name for good
  Bytes content = encode_meta_properties(meta);
  const Result<> written =
      co_await runtime::replace_file(environment_.disk, name, std::move(content));
  if (!written) co_return problem("{} cannot be written: {}", name, written.error().why);
  directory.meta = std::move(meta);
  co_return StartResult<>();
}

/// The directory and those above it may be new themselves. What may not be read was not made by us.
runtime::Task<> LogDirectories::keep_name(const LogDirectory& directory) {
  for (std::string path = directory.path; path.size() > 1 && path != ".";) {
    path = runtime::parent_directory(path);
    const Result<> synced = co_await environment_.disk.sync_directory(path);
    if (!synced) logging::warn("{} cannot be synced: {}", path, synced.error().why);
  }
}

// ---- load ----

runtime::Task<StartResult<>> LogDirectories::load(KnownLogs known) {
  std::vector<StartResult<>> results(directories_.size());
  auto load_one = [&](std::size_t index) {
    return load_directory(*directories_[index], known, results[index]);
  };
  co_await for_each_in_parallel(shard_.context(), directories_.size(), directories_.size(),
                                load_one);
  for (auto& result : results) {
    if (!result) co_return result;
  }
  if (online_count() == 0) {
    co_return problem("log.dirs: none of these can be used: {}", fmt::join(options_.paths, ", "));
  }
  co_await resume_moves();
  // A namesake of what went while this node was down must not begin where that was.
  co_await forget_removed();
  loaded_ = true;
  start_background();
  co_return StartResult<>();
}

runtime::Task<> LogDirectories::load_directory(LogDirectory& directory, const KnownLogs& known,
                                               StartResult<>& result) {
  if (!directory.health.online()) co_return;
  const Result<> marker = co_await directory.take_clean_marker();
  if (!marker) {
    directory.health.fail(marker.error(), "clean marker");
    co_return;
  }
  directory.recovery_points = co_await directory.read_checkpoint(log::file_names::recovery_point);
  directory.log_starts = co_await directory.read_checkpoint(log::file_names::log_start_offset);
  directory.high_watermarks = co_await directory.read_checkpoint(log::file_names::high_watermark);
  directory.clean_points = co_await directory.read_checkpoint(log::file_names::cleaner_offset);
  auto found = co_await find_logs(directory, known);
  if (!found) {
    result = std::unexpected(std::move(found.error()));
    co_return;
  }
  if (!directory.health.online()) {
    for (const Found& one : *found) lost_.insert(one.key);
    co_return;
  }
  directory.loaded = true;
  note_forgotten(directory, *found);
  if (!directory.clean) {
    start_recovery(directory, *std::move(found));
    co_return;
  }
  auto load_one = [&](std::size_t index) { return load_clean(directory, (*found)[index]); };
  const auto width =
      static_cast<std::size_t>(std::max(options_.config.recovery_threads_per_dir, std::int32_t{1}));
  co_await for_each_in_parallel(shard_.context(), found->size(), width, load_one);
  end_recovery(directory);
}

runtime::Task<> LogDirectories::load_clean(LogDirectory& directory, Found& found) {
  (void)co_await load_log(directory, found, nullptr);
}

/// The directory's logs that the metadata knows. Others become strays, half-deleted ones go.
runtime::Task<StartResult<std::vector<LogDirectories::Found>>> LogDirectories::find_logs(
    LogDirectory& directory, const KnownLogs& known) {
  std::vector<Found> logs;
  auto entries = co_await environment_.disk.list(directory.path);
  if (!entries) {
    directory.health.fail(entries.error(), "cannot be listed");
    co_return logs;
  }
  for (const runtime::DirectoryEntry& entry : *entries) {
    if (!entry.is_directory || entry.name == remote_cache || entry.name == "lost+found") continue;
    const std::string path = directory.file(entry.name);
    if (entry.name == log::metadata_log_directory) {
      if (directory.path == options_.metadata_path) continue;
      co_return problem("{} lies outside metadata.log.dir, which is {}", path,
                        options_.metadata_path);
    }
    const auto name = log::parse_directory_name(entry.name);
    if (!name) co_return problem("log.dirs: {} is no directory of a partition", path);
    if (name->state == log::DirectoryState::deleted) {
      environment_.deletes.add(path, options_.file_delete_delay);
    }
    const bool copy = name->state == log::DirectoryState::future;
    if (name->state != log::DirectoryState::live && !copy) continue;
    const auto content =
        co_await runtime::read_file(environment_.disk, path + "/partition.metadata");
    if (!content && !runtime::is_not_found(content.error())) {
      directory.health.fail(content.error(), "partition.metadata");  // whose it is, nobody knows
      continue;
    }
    const auto id = content ? log::decode_partition_metadata(*content)
                            : Result<TopicId>(std::unexpected(content.error()));
    const auto match = id ? known(name->partition, *id) : std::nullopt;
    if (match) {
      Found log{{*id, name->partition.partition},
                name->partition,
                match->options,
                path,
                match->directory};
      if (copy) {
        found_copies_.push_back({&directory, std::move(log)});
      } else {
        logs.push_back(std::move(log));
      }
      continue;
    }
    if (copy) {
      co_await set_aside_for_deletion(directory, name->partition, path);
      continue;
    }
    if (!directory.health.online()) continue;
    Result<bool> filled(true);
    if (!id) filled = co_await holds_data(path);
    if (!filled) {
      directory.health.fail(filled.error(), "a partition without partition.metadata");
      continue;
    }
    if (!*filled) {  // a crash came before its first flush
      const Result<> removed = co_await environment_.disk.remove_all(path);
      if (!removed) directory.health.fail(removed.error(), "an empty partition");
      continue;
    }
    const std::string stray = directory.file(log::directory_name(
        name->partition, log::DirectoryState::stray, Uuid::random(environment_.random)));
    logging::warn("unknown to the metadata, set aside: {} becomes {}", path, stray);
    Result<> moved = co_await environment_.disk.rename(path, stray);
    if (moved) moved = co_await environment_.disk.sync_directory(directory.path);
    if (!moved) directory.health.fail(moved.error(), "a stray partition");
  }
  co_return logs;
}

/// Checkpoints that speak of what is not there (deleted before a crash, or while this node was
/// down) are written anew before a namesake can find them.
void LogDirectories::note_forgotten(const LogDirectory& directory,
                                    const std::vector<Found>& found) {
  std::set<TopicPartition> here;
  for (const Found& one : found) here.insert(one.partition);
  for (const FoundCopy& copy : found_copies_) {
    if (copy.directory == &directory) here.insert(copy.found.partition);
  }
  for (const LogDirectory::Offsets* offsets :
       {&directory.recovery_points, &directory.log_starts, &directory.high_watermarks,
        &directory.clean_points}) {
    for (const auto& [partition, offset] : *offsets) {
      if (!here.contains(partition)) removed_since_checkpoint_ = true;
    }
  }
}

runtime::Task<Result<bool>> LogDirectories::holds_data(std::string path) {
  CO_TRY(const auto entries, co_await environment_.disk.list(path));
  for (const auto& entry : entries) {
    if (!entry.name.ends_with(".log")) continue;
    std::string name = path + "/" + entry.name;
    CO_TRY(const auto status, co_await environment_.disk.stat(std::move(name)));
    if (status.size > 0) co_return true;
  }
  co_return false;
}

runtime::Task<Result<>> LogDirectories::load_log(LogDirectory& directory, Found& found,
                                                 std::shared_ptr<RecoveryProgress> progress) {
  if (!directory.health.online()) {
    co_await lose(found.key);
    co_return fail(ErrorCode::kafka_storage_error, "the log directory is offline");
  }
  if (lost_.contains(found.key)) {  // which of the two is whole cannot be seen
    directory.loaded = false;
    co_return fail(ErrorCode::kafka_storage_error, "its other directory could not be opened");
  }
  const auto offset_of = [&](const LogDirectory::Offsets& offsets) {
    const auto at = offsets.find(found.partition);
    return at == offsets.end() ? Offset(0) : at->second;
  };
  OpenLog request{.directory = found.path,
                  .partition = found.partition,
                  .topic_id = found.key.topic,
                  .options = found.options,
                  .recovery_point = offset_of(directory.recovery_points),
                  .log_start = offset_of(directory.log_starts),
                  .clean_point = {},
                  .clean_shutdown = directory.clean,
                  .progress = progress};
  if (directory.clean_points.contains(found.partition)) {
    request.clean_point = directory.clean_points.at(found.partition);
  }
  const Offset point = request.recovery_point;
  auto opened = co_await PartitionLog::open(environment_, directory.health, std::move(request));
  if (opened && (*opened)->flushed() < point) {
    // Not all was there: what is appended from here on must not be believed by the old point.
    directory.recovery_points[found.partition] = (*opened)->flushed();
    const Result<> lowered = co_await write_checkpoint_of(directory, Checkpoint::recovery_point);
    if (!lowered) opened = std::unexpected(lowered.error());
  }
  if (!opened) {
    if (progress && progress->abandoned) co_return std::unexpected(opened.error());
    directory.loaded = false;
    directory.health.fail(opened.error(), "loading of a partition");
    co_await lose(found.key);
    co_return std::unexpected(opened.error());
  }
  if (const auto present = logs_.find(found.key); present != logs_.end()) {
    const std::shared_ptr<PartitionLog> other = present->second;
    if (!co_await replaces(other, *opened, found.assigned)) co_return Result<>();
    --directory_of(*other)->log_count;
  }
  (*opened)->set_high_watermark(offset_of(directory.high_watermarks));
  if (directory.clean_points.contains(found.partition)) {
    (*opened)->set_clean_point(directory.clean_points.at(found.partition));
  }
  ++directory.log_count;
  const bool known_place = directory.meta && directory.meta->directory_id == found.assigned;
  if (!known_place && !found.assigned.is_zero()) report_later(found.key);
  logs_[found.key] = std::move(*opened);
  co_return Result<>();
}

/// It is there and could not be opened. Nor may another directory of it serve, for that may be the
/// older one.
runtime::Task<> LogDirectories::lose(LogKey key) {
  lost_.insert(key);
  const auto at = logs_.find(key);
  if (at == logs_.end()) co_return;
  const std::shared_ptr<PartitionLog> other = at->second;
  logs_.erase(at);
  LogDirectory* directory = directory_of(*other);
  --directory->log_count;
  directory->loaded = false;
  co_await other->abandon();
}

}  // namespace cairn::storage
