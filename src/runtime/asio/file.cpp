// SPDX-License-Identifier: Apache-2.0
#include "file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cairn::runtime::asio {
namespace {

constexpr int dont_cache = 0x80;  // RWF_DONTCACHE of Linux 6.14, which older headers lack

// read_once() goes piece by piece: others have their turn in between. A short look into the cache
// comes first, since the kernel begins to fetch what it does not find, in nobody's turn.
constexpr std::size_t first_look = std::size_t{64} << 10;
constexpr std::size_t largest_piece = std::size_t{512} << 10;
constexpr std::size_t most_ahead = std::size_t{1} << 20;
constexpr std::uint64_t page = 4096;

struct Done {
  std::size_t bytes = 0;
  int error = 0;
};

/// Reads until `into` is full, the file ends, or (inline) the page cache has no more. Flags that
/// the file system does not know are taken out.
Done read_fully(int descriptor, std::uint64_t offset, MutableBytes into, int& flags) {
  Done done;
  while (done.bytes < into.size()) {
    const iovec part{into.data() + done.bytes, into.size() - done.bytes};
    const ssize_t n =
        ::preadv2(descriptor, &part, 1, static_cast<off_t>(offset + done.bytes), flags);
    if (n == 0) break;
    if (n > 0) {
      done.bytes += static_cast<std::size_t>(n);
    } else if (errno == EOPNOTSUPP && flags != 0) {
      // A file system without RWF_NOWAIT is one in memory, or none to hurry.
      flags = (flags & dont_cache) != 0 ? flags & ~dont_cache : 0;
    } else if (errno != EINTR) {
      done.error = errno;
      break;
    }
  }
  return done;
}

/// Lets the kernel begin to read whole pages that a reader far behind will ask for next. False:
/// they are cached, or there are none.
bool fetch_ahead(int descriptor, std::uint64_t offset, std::size_t size, int uncached) {
  // Only a read can say that the pages are not to stay. One that must not wait begins to fetch all
  // it asks for; what is there already it takes, to where nobody looks: never ask twice.
  static std::array<std::byte, page> nowhere;
  std::array<iovec, most_ahead / page> parts;
  parts.fill({nowhere.data(), nowhere.size()});
  const std::size_t count = uncached == 0 ? 1 : size / page;
  const auto at = static_cast<off_t>(offset);
  const ssize_t cached =
      ::preadv2(descriptor, parts.data(), static_cast<int>(count), at, RWF_NOWAIT | uncached);
  const bool begun =
      cached > 0 ? static_cast<std::size_t>(cached) < count * page : cached < 0 && errno == EAGAIN;
  if (begun && uncached == 0) {
    ::posix_fadvise(descriptor, at, static_cast<off_t>(size), POSIX_FADV_WILLNEED);
  }
  return begun;
}

/// One gathered write a turn of the loop, continued where the system stopped.
int write_fully(int descriptor, std::uint64_t offset, std::span<const BytesView> parts) {
  std::array<iovec, IOV_MAX> batch;
  std::size_t next = 0;  // the first part not written whole
  std::size_t skip = 0;  // bytes of it that are written
  while (next < parts.size()) {
    const std::size_t count = std::min(parts.size() - next, batch.size());
    for (std::size_t i = 0; i < count; ++i) {
      const BytesView part = parts[next + i].subspan(i == 0 ? skip : 0);
      batch[i] = {const_cast<std::byte*>(part.data()), part.size()};
    }
    ssize_t n =
        ::pwritev(descriptor, batch.data(), static_cast<int>(count), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    offset += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    while (next < parts.size() && left >= parts[next].size() - skip) {
      left -= parts[next].size() - skip;
      skip = 0;
      ++next;
    }
    skip += left;
  }
  return 0;
}

}  // namespace

std::unexpected<Error> disk_fault(const char* operation, const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return fail(ErrorCode::kafka_storage_error, not_found_reason);
  }
  if (error == EEXIST) return fail(ErrorCode::kafka_storage_error, exists_reason);
  logging::error("disk operation={} path={} errno={} ({})", operation, path, error,
                 std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return fail(ErrorCode::kafka_storage_error, no_space_reason);
  }
  if (error == EACCES || error == EPERM || error == EROFS) {
    return fail(ErrorCode::kafka_storage_error, "permission denied");
  }
  return fail(ErrorCode::kafka_storage_error, "the disk failed; the log names the error");
}

SystemFile::SystemFile(Context& context, Pool::State& pool, std::string path, int descriptor)
    : context_(context),
      pool_(pool),
      path_(std::move(path)),
      descriptor_(descriptor),
      uncached_(dont_cache) {}

SystemFile::~SystemFile() { ::close(descriptor_); }

Result<> SystemFile::checked(const char* operation, int error) const {
  if (error != 0) return disk_fault(operation, path_, error);
  return {};
}

Task<Result<std::size_t>> SystemFile::read_at(std::uint64_t offset, MutableBytes into) {
  int flags = RWF_NOWAIT;
  Done done = read_fully(descriptor_, offset, into, flags);
  if (done.error == EAGAIN) {
    const std::size_t cached = done.bytes;
    auto read_rest = [this, offset, into, cached] {
      int plain = 0;
      return read_fully(descriptor_, offset + cached, into.subspan(cached), plain);
    };
    done = co_await run_on_pool(context_, pool_, JobKind::prompt, read_rest);
    done.bytes += cached;
  }
  if (done.error != 0) co_return disk_fault("read", path_, done.error);
  co_return done.bytes;
}

Task<Result<std::size_t>> SystemFile::read_once(std::uint64_t offset, MutableBytes into) {
  const auto read_part = [this](std::uint64_t at, MutableBytes part, int flags) {
    flags |= uncached_;
    const Done done = read_fully(descriptor_, at, part, flags);
    if ((flags & dont_cache) == 0) uncached_ = 0;
    return done;
  };
  auto far_behind = take_followed(offset, into.size());
  bool look = true;  // into the cache, before a turn at the disk is waited for
  std::size_t filled = 0;
  while (filled < into.size()) {
    const std::uint64_t at = offset + filled;
    const std::size_t most = filled == 0 ? first_look : largest_piece;
    const MutableBytes part = into.subspan(filled, std::min(into.size() - filled, most));
    Done done{.error = EAGAIN};
    if (look) done = read_part(at, part, RWF_NOWAIT);
    look = done.error != EAGAIN;
    if (!look) {
      if (!far_behind) far_behind.emplace();
      read_exactly();
      const std::size_t cached = done.bytes;
      auto read_rest = [&] { return read_part(at + cached, part.subspan(cached), 0); };
      done = co_await run_on_pool(context_, pool_, JobKind::bulk, read_rest);
      done.bytes += cached;
    }
    if (done.error != 0) co_return disk_fault("read", path_, done.error);
    filled += done.bytes;
    if (done.bytes < part.size()) break;  // the end of the file
    if (look && filled < into.size() && filled > first_look) {
      Waiter turn;
      turn.wake(Wake::woken);
      co_await turn.suspend(Cancellation::ignored);
    }
  }
  if (far_behind) {
    leave_behind(offset, offset + filled);
    far_behind->next = offset + filled;
    if (filled == into.size()) follow(*far_behind, filled);
  }
  co_return filled;
}

/// The kernel reads what it is asked for and nothing ahead of it: several megabytes for each of
/// many readers would hold up the flushes of those who write.
void SystemFile::read_exactly() {
  if (!std::exchange(exact_, true)) ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM);
}

/// The one who goes on here. What did not end with a whole batch is read again, so he may begin a
/// little before.
std::optional<SystemFile::Follow> SystemFile::take_followed(std::uint64_t offset,
                                                            std::size_t size) {
  for (Follow& each : followed_) {
    if (each.next == 0 || offset > each.next || each.next - offset > size) continue;
    return std::exchange(each, {});
  }
  return std::nullopt;
}

/// Fetches ahead what he will ask for, and knows him again.
void SystemFile::follow(Follow follow, std::size_t ahead) {
  const std::uint64_t from = std::max(follow.next / page * page, follow.fetched_to);
  const std::uint64_t to = (follow.next + std::min(ahead, most_ahead)) / page * page;
  if (to > from) {
    const auto size = static_cast<std::size_t>(to - from);
    if (!fetch_ahead(descriptor_, from, size, uncached_)) return;
    follow.fetched_to = to;
  }
  followed_[followed_next_] = follow;
  followed_next_ = (followed_next_ + 1) % followed_.size();
}

/// Where the flag does not say so: what was read is not to stay.
void SystemFile::leave_behind(std::uint64_t from, std::uint64_t to) {
  const std::uint64_t begin = from / page * page;
  const std::uint64_t end = to / page * page;
  if (uncached_ != 0 || begin == end) return;
  ::posix_fadvise(descriptor_, static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                  POSIX_FADV_DONTNEED);
}

Task<Result<>> SystemFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  auto write = [this, offset, parts] { return write_fully(descriptor_, offset, parts); };
  // The kernel makes a write to pages under write-back wait: not on the shard.
  const int error =
      flushing_ > 0 ? co_await run_on_pool(context_, pool_, JobKind::prompt, write) : write();
  co_return checked("write", error);
}

Task<Result<>> SystemFile::sync() {
  auto flush = [this] {
    if (::fdatasync(descriptor_) == 0) return 0;
    const int error = errno;
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
    return error;
  };
  ++flushing_;
  const int error = co_await run_on_pool(context_, pool_, JobKind::flush, flush);
  --flushing_;
  co_return checked("fdatasync", error);
}

Task<Result<>> SystemFile::truncate(std::uint64_t size) {
  const int error = ::ftruncate(descriptor_, static_cast<off_t>(size)) == 0 ? 0 : errno;
  co_return checked("truncate", error);
}

Task<Result<std::uint64_t>> SystemFile::size() {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) co_return disk_fault("fstat", path_, errno);
  co_return static_cast<std::uint64_t>(status.st_size);
}

Task<Result<>> SystemFile::allocate(std::uint64_t from, std::uint64_t length) {
  auto reserve = [this, from, length] {
    const int failed = ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                                   static_cast<off_t>(length));
    return failed == 0 || errno == EOPNOTSUPP ? 0 : errno;
  };
  const int error =
      flushing_ > 0 ? co_await run_on_pool(context_, pool_, JobKind::prompt, reserve) : reserve();
  co_return checked("fallocate", error);
}

}  // namespace cairn::runtime::asio
