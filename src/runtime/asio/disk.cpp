// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "file.hpp"

namespace cairn::runtime::asio {
namespace {

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::read:
      return O_RDONLY;
    case OpenMode::write:
      return O_RDWR;
    case OpenMode::create:
      return O_RDWR | O_CREAT;
    case OpenMode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

using FileIdentity = std::pair<dev_t, ino_t>;

/// A POSIX lock is the process's: it neither excludes a second holder in this process nor survives
/// the closing of another descriptor of the file. So this process keeps count of what it holds.
struct {
  std::mutex mutex;
  std::set<FileIdentity> held;
} locks_of_process;

class PosixLock : public DirectoryLock {
 public:
  PosixLock(int descriptor, FileIdentity identity) : descriptor_(descriptor), identity_(identity) {}
  ~PosixLock() override {
    ::close(descriptor_);
    const std::lock_guard guard(locks_of_process.mutex);
    locks_of_process.held.erase(identity_);
  }

 private:
  int descriptor_;
  FileIdentity identity_;
};

Result<std::unique_ptr<DirectoryLock>> take_lock(const std::string& path) {
  struct stat status{};
  const std::lock_guard guard(locks_of_process.mutex);
  if (::stat(path.c_str(), &status) == 0 &&
      locks_of_process.held.contains({status.st_dev, status.st_ino})) {
    return fail(ErrorCode::kafka_storage_error, locked_reason);  // opening it would free the lock
  }
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return disk_fault("open", path, errno);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_SETLK, &whole) != 0 || ::fstat(descriptor, &status) != 0) {
    const int error = errno;
    ::close(descriptor);
    if (error == EAGAIN || error == EACCES) {
      return fail(ErrorCode::kafka_storage_error, locked_reason);
    }
    return disk_fault("lock", path, error);
  }
  const FileIdentity identity{status.st_dev, status.st_ino};
  locks_of_process.held.insert(identity);
  return std::make_unique<PosixLock>(descriptor, identity);
}

bool is_directory(const std::string& parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return entry.d_type == DT_DIR;
  struct stat status{};
  const std::string path = parent + "/" + entry.d_name;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

int sync_directory_now(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

}  // namespace

Disk::Disk(Context& context, Pool& pool) : context_(context), pool_(pool) {}
Disk::~Disk() = default;

Task<Result<std::unique_ptr<File>>> Disk::open(std::string path, OpenMode mode) {
  const int descriptor = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0644);
  if (descriptor < 0) co_return disk_fault("open", path, errno);
  co_return std::make_unique<SystemFile>(context_, pool_.state(), std::move(path), descriptor);
}

Task<Result<std::vector<DirectoryEntry>>> Disk::list(std::string directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) co_return disk_fault("list", directory, errno);
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({std::string(name), is_directory(directory, *entry)});
    errno = 0;
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) co_return disk_fault("list", directory, error);
  std::ranges::sort(entries);
  co_return entries;
}

Task<Result<>> Disk::rename(std::string from, std::string to) {
  if (::rename(from.c_str(), to.c_str()) != 0) co_return disk_fault("rename", from, errno);
  co_return Result<>{};
}

Task<Result<>> Disk::remove(std::string path) {
  // Freeing the blocks of a large file takes milliseconds.
  auto unlink = [&path] { return ::remove(path.c_str()) == 0 ? 0 : errno; };
  const int error = co_await run_on_pool(context_, pool_.state(), JobKind::prompt, unlink);
  if (error != 0) co_return disk_fault("remove", path, error);
  co_return Result<>{};
}

Task<Result<>> Disk::remove_all(std::string path) {
  auto remove = [&path] {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return error.value();
  };
  const int error = co_await run_on_pool(context_, pool_.state(), JobKind::prompt, remove);
  if (error != 0) co_return disk_fault("remove_all", path, error);
  co_return Result<>{};
}

Task<Result<>> Disk::create_directory(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) co_return disk_fault("mkdir", path, error.value());
  co_return Result<>{};
}

Task<Result<>> Disk::sync_directory(std::string path) {
  auto sync = [&path] { return sync_directory_now(path); };
  const int error = co_await run_on_pool(context_, pool_.state(), JobKind::flush, sync);
  if (error != 0) co_return disk_fault("fsync", path, error);
  co_return Result<>{};
}

Task<Result<FileStatus>> Disk::stat(std::string path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) co_return FileStatus{};
    co_return disk_fault("stat", path, errno);
  }
  const std::int64_t modified_ms =
      static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1000 + status.st_mtim.tv_nsec / 1'000'000;
  co_return FileStatus{.exists = true,
                       .is_directory = S_ISDIR(status.st_mode),
                       .size = static_cast<std::uint64_t>(status.st_size),
                       .modified = from_timestamp(modified_ms)};
}

Task<Result<>> Disk::set_modified(std::string path, WallTime time) {
  const std::int64_t ms = to_timestamp(time);
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = ms / 1000;
  times[1].tv_nsec = (ms % 1000) * 1'000'000;
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) {
    co_return disk_fault("utimensat", path, errno);
  }
  co_return Result<>{};
}

Task<Result<std::unique_ptr<DirectoryLock>>> Disk::lock(std::string path) {
  co_return take_lock(path);
}

Task<Result<Space>> Disk::free_space(std::string path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) co_return disk_fault("statvfs", path, errno);
  co_return Space{.free = status.f_bavail * status.f_frsize,
                  .total = status.f_blocks * status.f_frsize};
}

}  // namespace cairn::runtime::asio
