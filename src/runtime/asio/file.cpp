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

struct Done {
  std::size_t bytes = 0;
  int error = 0;
};

/// Reads until `into` is full, the file ends, or (inline) the page cache has no more.
Done read_fully(int descriptor, std::uint64_t offset, MutableBytes into, int flags) {
  Done done;
  while (done.bytes < into.size()) {
    const iovec part{into.data() + done.bytes, into.size() - done.bytes};
    const ssize_t n =
        ::preadv2(descriptor, &part, 1, static_cast<off_t>(offset + done.bytes), flags);
    if (n == 0) break;
    if (n > 0) {
      done.bytes += static_cast<std::size_t>(n);
    } else if (errno == EOPNOTSUPP && flags != 0) {
      flags = 0;  // a file system without RWF_NOWAIT is one in memory, or none to hurry
    } else if (errno != EINTR) {
      done.error = errno;
      break;
    }
  }
  return done;
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

SystemFile::~SystemFile() { ::close(descriptor_); }

Result<> SystemFile::checked(const char* operation, int error) const {
  if (error != 0) return disk_fault(operation, path_, error);
  return {};
}

Task<Result<std::size_t>> SystemFile::read_at(std::uint64_t offset, MutableBytes into) {
  Done done = read_fully(descriptor_, offset, into, RWF_NOWAIT);
  if (done.error == EAGAIN) {
    const std::size_t cached = done.bytes;
    auto read_rest = [this, offset, into, cached] {
      return read_fully(descriptor_, offset + cached, into.subspan(cached), 0);
    };
    done = co_await run_on_pool(context_, pool_, JobKind::prompt, read_rest);
    done.bytes += cached;
  }
  if (done.error != 0) co_return disk_fault("read", path_, done.error);
  co_return done.bytes;
}

Task<Result<>> SystemFile::write_at(std::uint64_t offset, std::span<const BytesView> parts) {
  auto write = [this, offset, parts] { return write_fully(descriptor_, offset, parts); };
  // The kernel makes a write to pages under write-back wait: not on the shard.
  const int error =
      flushing_ > 0 ? co_await run_on_pool(context_, pool_, JobKind::prompt, write) : write();
  co_return checked("write", error);
}

Task<Result<>> SystemFile::sync() {
  auto flush = [this] { return ::fdatasync(descriptor_) == 0 ? 0 : errno; };
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
