// SPDX-License-Identifier: Apache-2.0
// The seam to files. Every function is a Task so that the simulator can delay it; the asio
// implementation does what is fast inline and the rest on a small pool. Paths are absolute or
// relative to the working directory, with '/'. A fault is logged with errno where it happens and
// comes back as KAFKA_STORAGE_ERROR with one of the reasons below. Files of one path opened twice
// are two Files. Operations on a file end by themselves: cancelling the task does not cut them
// short.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/result.hpp>
#include <cairn/base/time.hpp>
#include <cairn/runtime/task.hpp>

namespace cairn::runtime {

/// Reasons that callers treat differently from a broken disk; compare with the functions below.
inline constexpr const char no_space_reason[] = "no space left on the device";
inline constexpr const char not_found_reason[] = "no such file or directory";
inline constexpr const char exists_reason[] = "it exists already";
inline constexpr const char locked_reason[] = "another process holds the lock";

/// The disk is full: refuse the write, go on otherwise.
inline bool is_no_space(const Error& error) { return error.why == no_space_reason; }
inline bool is_not_found(const Error& error) { return error.why == not_found_reason; }
inline bool is_already_there(const Error& error) { return error.why == exists_reason; }
inline bool is_locked(const Error& error) { return error.why == locked_reason; }

class File {
 public:
  virtual ~File() = default;

  /// Fills `into` from `offset`; fewer bytes only at the end of the file.
  virtual Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableBytes into) = 0;
  /// The same for readers that are far behind: of what was not cached nothing stays cached, what
  /// follows is fetched ahead, and such reads wait for each other, piece by piece.
  virtual Task<Result<std::size_t>> read_once(std::uint64_t offset, MutableBytes into) {
    return read_at(offset, into);
  }
  /// Writes all parts one after another from `offset`, or fails. Any number of parts.
  virtual Task<Result<>> write_at(std::uint64_t offset, std::span<const BytesView> parts) = 0;
  /// What was written before the call survives a crash once this returns (fdatasync). If it fails,
  /// what the page cache holds of the file is dropped: reads, also those of a later process, get
  /// what the disk has, and not what the kernel now calls clean (L31).
  virtual Task<Result<>> sync() = 0;
  virtual Task<Result<>> truncate(std::uint64_t size) = 0;
  virtual Task<Result<std::uint64_t>> size() = 0;
  /// Reserves space for [from, from + length) without changing the size. A device or file system
  /// that cannot do so succeeds; a full one fails with is_no_space.
  virtual Task<Result<>> allocate(std::uint64_t from, std::uint64_t length) = 0;
};

enum class OpenMode {
  read,        // must exist
  write,       // must exist; read and write
  create,      // read and write; made when missing
  create_new,  // read and write; fails with is_already_there
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;

  auto operator<=>(const DirectoryEntry&) const = default;
};

struct FileStatus {
  bool exists = false;
  bool is_directory = false;
  std::uint64_t size = 0;
  WallTime modified;
};

struct Space {
  std::uint64_t free = 0;
  std::uint64_t total = 0;
};

/// Held as long as it lives; the operating system frees it when the process dies.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;

  virtual Task<Result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) = 0;
  /// What a directory holds, sorted by name, without "." and "..".
  virtual Task<Result<std::vector<DirectoryEntry>>> list(std::string directory) = 0;
  /// Replaces `to` if it exists. Durable after sync_directory of the parent (of both parents).
  virtual Task<Result<>> rename(std::string from, std::string to) = 0;
  /// Removes a file or an empty directory.
  virtual Task<Result<>> remove(std::string path) = 0;
  /// Removes a directory and all below it. Succeeds if it is missing.
  virtual Task<Result<>> remove_all(std::string path) = 0;
  /// Makes it and its missing parents; succeeds if it exists.
  virtual Task<Result<>> create_directory(std::string path) = 0;
  /// Makes creations, renames and removals in a directory survive a crash.
  virtual Task<Result<>> sync_directory(std::string path) = 0;
  /// A missing path is not an error: `exists` is false.
  virtual Task<Result<FileStatus>> stat(std::string path) = 0;
  virtual Task<Result<>> set_modified(std::string path, WallTime time) = 0;
  /// Locks the file at `path` (made when missing) as Java's FileChannel.tryLock does, so that Kafka
  /// and Cairn exclude each other. Fails with is_locked.
  virtual Task<Result<std::unique_ptr<DirectoryLock>>> lock(std::string path) = 0;
  virtual Task<Result<Space>> free_space(std::string path) = 0;
};

/// All of a file.
Task<Result<Bytes>> read_file(Disk& disk, std::string path);
/// Replaces a file so that after a crash it is the old or the new one: writes `path`.tmp, syncs it,
/// renames it, syncs the directory.
Task<Result<>> replace_file(Disk& disk, std::string path, Bytes content);
/// "/a/b" of "/a/b/c"; "." of "c".
std::string parent_directory(std::string_view path);

}  // namespace cairn::runtime
