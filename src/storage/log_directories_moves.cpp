// SPDX-License-Identifier: Apache-2.0
// Moves of partitions between the log directories of a node (AlterReplicaLogDirs): started, taken
// up again after a restart, given up. What one move does: log_move.hpp.
#include <algorithm>

#include <cairn/base/log.hpp>
#include <cairn/log/names.hpp>
#include <cairn/storage/log_directories.hpp>

#include "log_directories_recovery.hpp"
#include "log_directory.hpp"
#include "log_move.hpp"

namespace cairn::storage {

struct LogDirectories::Move {
  std::shared_ptr<PartitionLog> log;
  LogDirectory* to = nullptr;
  std::shared_ptr<PartitionLog> copy;  // null until it is open
  runtime::Canceller canceller;
  bool unwanted = false;  // when it ends, the copy goes
  Result<> outcome;
  runtime::Latch opened, ended;
};

LogDirectory* LogDirectories::directory_at(std::string_view path) const {
  const auto at =
      std::ranges::find(directories_, path, [](const auto& directory) { return directory->path; });
  return at == directories_.end() ? nullptr : at->get();
}

// ---- asked for ----

runtime::Task<Result<>> LogDirectories::move(LogKey key, std::string path) {
  LogDirectory* to = directory_at(path);
  if (!to) co_return fail(ErrorCode::log_dir_not_found, "log.dirs does not name this directory");
  if (!to->health.online()) {
    co_return fail(ErrorCode::kafka_storage_error, "the log directory is offline");
  }
  if (const auto at = moves_.find(key); at != moves_.end() && at->second->to == to) {
    co_return Result<>();
  }
  co_await give_up_move(key);
  const std::shared_ptr<PartitionLog> log = find(key);
  if (!log) co_return fail(ErrorCode::not_leader_or_follower, "no replica of it is here");
  if (!log->healthy()) {
    co_return fail(ErrorCode::kafka_storage_error, "the partition's log directory is offline");
  }
  LogDirectory* from = directory_of(*log);
  if (from == to) co_return Result<>();
  const std::string live = to->file(log::directory_name(log->partition()));
  CO_TRY(const runtime::FileStatus in_the_way, co_await environment_.disk.stat(live));
  if (in_the_way.exists) {
    logging::error("{} cannot be moved: {} exists", log->partition(), live);
    co_return fail(ErrorCode::kafka_storage_error, "something of this name stands there");
  }
  if (!log->on_disk()) {
    CO_TRY(const bool moved, co_await LogMove::relocate(log, to->health));
    if (moved) {
      note_moved(key, *from, *to);
      co_return Result<>();
    }
  }
  if (moves_.contains(key) || find(key) != log) {
    co_return fail(ErrorCode::kafka_storage_error, "another move of the partition was quicker");
  }
  const std::shared_ptr<Move> move =
      begin_move(key, log, *to,
                 to->file(log::directory_name(log->partition(), log::DirectoryState::future,
                                              Uuid::random(environment_.random))),
                 false);
  co_await move->opened.wait();
  co_return move->outcome;
}

std::shared_ptr<LogDirectories::Move> LogDirectories::begin_move(const LogKey& key,
                                                                 std::shared_ptr<PartitionLog> log,
                                                                 LogDirectory& to, std::string path,
                                                                 bool clean) {
  auto move = std::make_shared<Move>();
  move->log = std::move(log);
  move->to = &to;
  OpenLog request{.directory = std::move(path),
                  .partition = move->log->partition(),
                  .topic_id = key.topic,
                  .options = move->log->shared_options(),
                  .clean_shutdown = clean};
  moves_[key] = move;
  tasks_.spawn(run_move(key, move, std::move(request)), move->canceller);
  return move;
}

/// Returns when nothing of the move runs any more. The copy is gone.
runtime::Task<> LogDirectories::give_up_move(LogKey key) {
  for (auto at = moves_.find(key); at != moves_.end(); at = moves_.find(key)) {
    const std::shared_ptr<Move> move = at->second;
    if (move->ended.is_set()) co_return;  // the node stops; stop() closes the copy
    move->unwanted = true;
    move->canceller.cancel();
    co_await move->ended.wait();
    if (!move->ended.is_set()) co_return;  // cancelled ourselves
  }
}

// ---- under way ----

runtime::Task<> LogDirectories::run_move(LogKey key, std::shared_ptr<Move> move, OpenLog request) {
  logging::info("moving: partition={} to={}", request.partition, move->to->path);
  auto opened = co_await PartitionLog::open(environment_, move->to->health, std::move(request));
  if (opened) {
    move->copy = *opened;
  } else {
    move->outcome = std::unexpected(opened.error());
    if (!runtime::is_no_space(opened.error())) move->to->health.fail(opened.error(), "a move");
  }
  move->opened.set();
  const bool finished = opened && co_await copy_and_swap(key, move);
  // What only the end of the process has interrupted goes on after the next start: stop() closes
  // the copy.
  if (finished || move->unwanted || !tasks_.stopping()) {
    if (!finished && move->copy) co_await drop_copy(move);
    if (const auto at = moves_.find(key); at != moves_.end() && at->second == move) {
      moves_.erase(at);
    }
  }
  move->ended.set();
}

runtime::Task<bool> LogDirectories::copy_and_swap(LogKey key, std::shared_ptr<Move> move) {
  LogMove work(move->log, move->copy);
  const Result<bool> close = co_await work.catch_up(moves_throttle_);
  if (close && (!*close || move->unwanted)) co_return false;
  Result<> done = close ? Result<>() : std::unexpected(close.error());
  LogDirectory* from = directory_of(*move->log);
  if (done) {
    const TopicPartition& partition = move->log->partition();
    LogMove::Names names{
        .live = move->to->file(log::directory_name(partition)),
        .deleted = from->file(log::directory_name(partition, log::DirectoryState::deleted,
                                                  Uuid::random(environment_.random)))};
    const std::string deleted = names.deleted;
    auto checkpoints = [this] { return write_move_checkpoints(); };
    std::function<runtime::Task<>()> before_names = checkpoints;
    done = co_await work.take_over(std::move(names), std::move(before_names));
    if (done) environment_.deletes.add(deleted, options_.file_delete_delay);
  }
  if (!done) {
    move->outcome = done;
    if (!move->unwanted) {
      logging::error("not moved: partition={} to={} cause={}", move->log->partition(),
                     move->to->path, done.error().why);
    }
    co_return false;
  }
  logging::info("moved: partition={} to={}", move->log->partition(), move->to->path);
  move->copy.reset();
  note_moved(key, *from, *move->to);
  co_await forget_removed();
  co_return true;
}

/// The new place must know the log start before it has the name: what was deleted stays so (I27).
runtime::Task<> LogDirectories::write_move_checkpoints() {
  co_await write_checkpoint(Checkpoint::log_start);
  co_await write_checkpoint(Checkpoint::recovery_point);
}

void LogDirectories::note_moved(const LogKey& key, LogDirectory& from, LogDirectory& to) {
  --from.log_count;
  ++to.log_count;
  removed_since_checkpoint_ = true;
  report_later(key);
}

/// The copy of a move that failed or is not wanted. If a disk is broken, it stays for the next
/// start to look at.
runtime::Task<> LogDirectories::drop_copy(std::shared_ptr<Move> move) {
  const std::shared_ptr<PartitionLog> copy = std::exchange(move->copy, nullptr);
  co_await copy->abandon();
  if (!move->to->health.online() || (!move->unwanted && !move->log->healthy())) co_return;
  co_await set_aside_for_deletion(*move->to, copy->partition(), copy->directory());
}

runtime::Task<> LogDirectories::set_aside_for_deletion(LogDirectory& directory,
                                                       TopicPartition partition, std::string path) {
  const std::string to = directory.file(log::directory_name(partition, log::DirectoryState::deleted,
                                                            Uuid::random(environment_.random)));
  Result<> renamed = co_await environment_.disk.rename(std::move(path), to);
  if (renamed) renamed = co_await environment_.disk.sync_directory(directory.path);
  if (renamed) {
    environment_.deletes.add(to, options_.file_delete_delay);
  } else {
    directory.health.fail(renamed.error(), "the copy of a partition");
  }
}

// ---- at start and stop ----

/// Takes up what a stop has interrupted. A copy whose log recovers still has its turn afterwards.
runtime::Task<> LogDirectories::resume_moves() {
  for (;;) {
    const auto ready = std::ranges::find_if(
        found_copies_, [this](const FoundCopy& copy) { return !recovering(copy.found.key); });
    if (ready == found_copies_.end()) co_return;
    FoundCopy copy = std::move(*ready);
    found_copies_.erase(ready);
    if (!copy.directory->health.online()) continue;
    const std::shared_ptr<PartitionLog> log = find(copy.found.key);
    if (!log) {
      co_await adopt_orphan(copy);
    } else if (directory_of(*log) == copy.directory || moves_.contains(copy.found.key)) {
      co_await set_aside_for_deletion(*copy.directory, copy.found.partition, copy.found.path);
    } else {
      begin_move(copy.found.key, log, *copy.directory, copy.found.path, copy.directory->clean);
    }
  }
}

/// A copy without its log. Kafka tells the controller before it renames, so when the metadata says
/// that this is the replica, it is; but the log may lie in a directory that is offline.
runtime::Task<> LogDirectories::adopt_orphan(FoundCopy& copy) {
  LogDirectory& directory = *copy.directory;
  const bool here = directory.meta && directory.meta->directory_id == copy.found.assigned;
  // Once the node serves, a log that is not there was given up.
  if (!here || loaded_ || online_count() < directories_.size()) {
    logging::warn("a copy without its partition is left alone: {}", copy.found.path);
    co_return;
  }
  const std::string live = directory.file(log::directory_name(copy.found.partition));
  Result<> renamed = co_await environment_.disk.rename(copy.found.path, live);
  if (renamed) renamed = co_await environment_.disk.sync_directory(directory.path);
  if (!renamed) {
    directory.health.fail(renamed.error(), "a copy that is the partition");
    co_return;
  }
  logging::info("the copy is the partition now: {}", live);
  copy.found.path = live;
  (void)co_await load_log(directory, copy.found, nullptr);
}

/// The partition goes before the move could go on.
runtime::Task<> LogDirectories::drop_found_copies(LogKey key) {
  for (std::size_t i = 0; i < found_copies_.size();) {
    if (found_copies_[i].found.key != key) {
      ++i;
      continue;
    }
    const FoundCopy copy = std::move(found_copies_[i]);
    found_copies_.erase(found_copies_.begin() + static_cast<std::ptrdiff_t>(i));
    co_await set_aside_for_deletion(*copy.directory, copy.found.partition, copy.found.path);
  }
}

/// Two live directories of one partition: a move ended between its two renames. The one that took
/// over holds all of the other; it alone may have grown. The rest is for a person to look at.
runtime::Task<bool> LogDirectories::replaces(std::shared_ptr<PartitionLog> present,
                                             std::shared_ptr<PartitionLog> other,
                                             DirectoryId assigned) {
  const bool longer = other->log_end() != present->log_end() ? other->log_end() > present->log_end()
                                                             : directory_id_of(*other) == assigned;
  const std::shared_ptr<PartitionLog> loser = longer ? present : other;
  LogDirectory& directory = *directory_of(*loser);
  const std::string stray = directory.file(log::directory_name(
      loser->partition(), log::DirectoryState::stray, Uuid::random(environment_.random)));
  logging::warn("{} stands in two log directories: {} becomes {}", loser->partition(),
                loser->directory(), stray);
  co_await loser->abandon();
  Result<> renamed = co_await environment_.disk.rename(loser->directory(), stray);
  if (renamed) renamed = co_await environment_.disk.sync_directory(directory.path);
  if (!renamed) directory.health.fail(renamed.error(), "a stray partition");
  co_return longer;
}

runtime::Task<> LogDirectories::close_copies() {
  for (const auto& [key, move] : moves_) {
    if (move->copy) co_await close_log(move->copy);
  }
  moves_.clear();
}

// ---- what others ask ----

std::vector<DirectoryReport::Copy> LogDirectories::copies_in(const LogDirectory& directory) const {
  std::vector<DirectoryReport::Copy> copies;
  for (const auto& [key, move] : moves_) {
    if (move->to == &directory && move->copy) copies.push_back({move->copy, move->log});
  }
  return copies;
}

void LogDirectories::report_later(const LogKey& key) {
  misplaced_.insert(key);
  placement_changed_.set();
}

std::vector<LogDirectories::Place> LogDirectories::take_misplaced(std::size_t most) {
  std::vector<Place> places;
  while (!misplaced_.empty() && places.size() < most) {
    const LogKey key = *misplaced_.begin();
    misplaced_.erase(misplaced_.begin());
    if (const auto log = find(key)) places.push_back({key, directory_id_of(*log)});
  }
  return places;
}

}  // namespace cairn::storage
