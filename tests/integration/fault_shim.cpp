// SPDX-License-Identifier: Apache-2.0
// A disk that fails under a real process: preloaded, it stands between the process and the system's
// calls for files below CAIRN_SHIM_ROOT. A control block (a file that the test maps too) says what
// fails, how often, and with which error; a journal holds what must be undone to bring back the
// state that was flushed, as if the power had failed: fault_shim.py undoes it after kill -9.
// Invariant: a record is in the journal before the change it describes is made.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

enum Operation : std::uint32_t {
  op_read,
  op_write,
  op_sync,
  op_open,
  op_rename,
  op_truncate,
  op_allocate,
};

/// Shared with the test; numbers of 32 bits in the machine's order.
struct Control {
  std::uint32_t failing;        // a bit an Operation
  std::uint32_t error;          // errno
  std::uint32_t failures_ppm;   // of those operations
  std::uint32_t short_ppm;      // writes that end early and say so
  std::uint32_t sync_delay_us;  // each flush takes so much longer
  std::uint32_t journal;        // 1: keep the journal
  std::atomic<std::uint32_t> injected;
};

enum class Kind : std::uint32_t {
  write = 1,
  truncate,
  synced,
  create,
  rename,
  unlink,
  make_directory,
  names_synced,
  sync_failed,
};

struct Header {
  Kind kind;
  std::uint32_t paths = 0;  // bytes of paths behind the header, each ended by 0
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t size_before = 0;
  std::uint64_t old_bytes = 0;  // behind the paths
};

struct OpenFile {
  bool ours = false;
  bool directory = false;
  std::uint64_t inode = 0;
  std::string path;
};

template <class F>
F* next(const char* name, F*) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}
#define REAL(function) next(#function, &function)

struct Shim {
  std::mutex mutex;
  std::string root, journal_directory;
  Control* control = nullptr;
  int journal = -1;
  std::vector<OpenFile> files;
  std::uint64_t dice = 88172645463325252ull;

  Shim() {
    const char* root_path = getenv("CAIRN_SHIM_ROOT");
    const char* control_path = getenv("CAIRN_SHIM_CONTROL");
    const char* journal_path = getenv("CAIRN_SHIM_JOURNAL");
    if (!root_path || !control_path || !journal_path) return;
    root = root_path;
    journal_directory = journal_path;
    const int descriptor = REAL(open)(control_path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    void* mapped =
        mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    REAL(close)(descriptor);
    if (mapped == MAP_FAILED) return;
    control = static_cast<Control*>(mapped);
    const std::string name = journal_directory + "/journal";
    journal = REAL(open)(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dice ^= static_cast<std::uint64_t>(getpid()) << 32;
  }

  bool on() const { return control != nullptr; }
  bool is_ours(const char* path) const {
    return on() && path && std::strncmp(path, root.c_str(), root.size()) == 0;
  }
  OpenFile file(int descriptor) {
    const std::lock_guard guard(mutex);
    const auto at = static_cast<std::size_t>(descriptor);
    return descriptor >= 0 && at < files.size() ? files[at] : OpenFile();
  }
  std::uint64_t roll() {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
  }
  bool happens(std::uint32_t ppm) {
    if (ppm == 0) return false;
    const std::lock_guard guard(mutex);
    return roll() % 1'000'000 < ppm;
  }
  bool fails(Operation operation) {
    if (!(control->failing >> operation & 1) || !happens(control->failures_ppm)) return false;
    ++control->injected;
    errno = static_cast<int>(control->error);
    return true;
  }
  std::string backup(std::uint64_t inode) const {
    return journal_directory + "/" + std::to_string(inode);
  }
  /// Keeps the file reachable whatever becomes of its names.
  void keep(const char* path, std::uint64_t inode) {
    if (control->journal) link(path, backup(inode).c_str());  // it may be kept already
  }
  void note(Header header, const std::string& paths = {}, const std::vector<char>& old = {}) {
    if (!control->journal) return;
    header.paths = static_cast<std::uint32_t>(paths.size());
    header.old_bytes = old.size();
    std::string record(reinterpret_cast<const char*>(&header), sizeof header);
    record += paths;
    record.append(old.data(), old.size());
    const ssize_t written = REAL(write)(journal, record.data(), record.size());
    if (written != static_cast<ssize_t>(record.size())) abort();
  }
};

Shim& shim() {
  static Shim* const one = new Shim;  // outlives what runs at exit
  return *one;
}

std::uint64_t inode_of(const char* path) {
  struct stat status{};
  return lstat(path, &status) == 0 ? status.st_ino : 0;
}

std::string zero_ended(const char* path) { return std::string(path) + '\0'; }

/// What a change of [offset, offset + length) takes away.
void note_change(Kind kind, const OpenFile& file, int descriptor, std::uint64_t offset,
                 std::uint64_t length) {
  if (!shim().control->journal) return;
  struct stat status{};
  fstat(descriptor, &status);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t end = kind == Kind::truncate ? size : std::min(offset + length, size);
  std::vector<char> old(end > offset ? end - offset : 0);
  if (!old.empty()) {
    const ssize_t got = REAL(pread)(descriptor, old.data(), old.size(), static_cast<off_t>(offset));
    old.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  shim().note(
      {.kind = kind, .inode = file.inode, .offset = offset, .length = length, .size_before = size},
      {}, old);
}

int open_file(const char* path, int flags, mode_t mode) {
  Shim& here = shim();
  if (!here.is_ours(path)) return REAL(open)(path, flags, mode);
  if (here.fails(op_open)) return -1;
  const bool made = (flags & O_CREAT) && inode_of(path) == 0;
  if (made) here.note({.kind = Kind::create}, zero_ended(path));
  const int descriptor = REAL(open)(path, flags, mode);
  if (descriptor < 0) return descriptor;
  struct stat status{};
  fstat(descriptor, &status);
  if ((flags & O_ACCMODE) != O_RDONLY) here.keep(path, status.st_ino);
  const std::lock_guard guard(here.mutex);
  const auto at = static_cast<std::size_t>(descriptor);
  if (here.files.size() <= at) here.files.resize(at + 1);
  here.files[at] = {true, S_ISDIR(status.st_mode), status.st_ino, path};
  return descriptor;
}

int sync_file(int descriptor, int (*real)(int)) {
  Shim& here = shim();
  const OpenFile file = here.file(descriptor);
  if (!file.ours) return real(descriptor);
  if (here.fails(op_sync)) {
    const int error = errno;
    if (!file.directory) here.note({.kind = Kind::sync_failed, .inode = file.inode});
    errno = error;
    return -1;
  }
  // What is written while the flush runs is not flushed by it: the mark goes first.
  const Header mark{.kind = file.directory ? Kind::names_synced : Kind::synced,
                    .inode = file.inode};
  here.note(mark, file.directory ? zero_ended(file.path.c_str()) : "");
  if (here.control->sync_delay_us) usleep(here.control->sync_delay_us);
  return 0;  // nothing needs to be on a real platter
}

int remove_name(const char* path, int (*real)(const char*)) {
  Shim& here = shim();
  if (!here.is_ours(path)) return real(path);
  struct stat status{};
  const bool file = lstat(path, &status) == 0 && S_ISREG(status.st_mode);
  if (file) {
    here.keep(path, status.st_ino);
    here.note({.kind = Kind::unlink, .inode = status.st_ino}, zero_ended(path));
  }
  return real(path);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_file(path, flags, mode);
}

int close(int descriptor) {
  Shim& here = shim();
  if (here.on() && descriptor >= 0) {
    const std::lock_guard guard(here.mutex);
    const auto at = static_cast<std::size_t>(descriptor);
    if (at < here.files.size()) here.files[at] = {};
  }
  return REAL(close)(descriptor);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  Shim& here = shim();
  const OpenFile file = here.file(descriptor);
  if (!file.ours) return REAL(pwritev)(descriptor, parts, count, offset);
  if (here.fails(op_write)) return -1;
  std::vector<iovec> now(parts, parts + count);
  std::uint64_t length = 0;
  for (const iovec& part : now) length += part.iov_len;
  if (length > 1 && here.happens(here.control->short_ppm)) {
    ++here.control->injected;
    std::uint64_t kept = 0;
    {
      const std::lock_guard guard(here.mutex);
      kept = 1 + here.roll() % (length - 1);
    }
    length = kept;
    for (iovec& part : now) {
      part.iov_len = std::min<std::uint64_t>(part.iov_len, kept);
      kept -= part.iov_len;
    }
  }
  note_change(Kind::write, file, descriptor, static_cast<std::uint64_t>(offset), length);
  return REAL(pwritev)(descriptor, now.data(), count, offset);
}

ssize_t preadv2(int descriptor, const iovec* parts, int count, off_t offset, int flags) {
  Shim& here = shim();
  if (here.file(descriptor).ours && here.fails(op_read)) return -1;
  return REAL(preadv2)(descriptor, parts, count, offset, flags);
}

int fsync(int descriptor) { return sync_file(descriptor, REAL(fsync)); }
int fdatasync(int descriptor) { return sync_file(descriptor, REAL(fdatasync)); }

int ftruncate(int descriptor, off_t size) {
  Shim& here = shim();
  const OpenFile file = here.file(descriptor);
  if (!file.ours) return REAL(ftruncate)(descriptor, size);
  if (here.fails(op_truncate)) return -1;
  note_change(Kind::truncate, file, descriptor, static_cast<std::uint64_t>(size), 0);
  return REAL(ftruncate)(descriptor, size);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  Shim& here = shim();
  if (here.file(descriptor).ours && here.fails(op_allocate)) return -1;
  return REAL(fallocate)(descriptor, mode, offset, length);
}

int rename(const char* from, const char* to) {
  Shim& here = shim();
  if (!here.is_ours(from)) return REAL(rename)(from, to);
  if (here.fails(op_rename)) return -1;
  const std::uint64_t replaced = inode_of(to);
  if (replaced != 0) here.keep(to, replaced);
  here.note({.kind = Kind::rename, .inode = replaced}, zero_ended(from) + zero_ended(to));
  return REAL(rename)(from, to);
}

int remove(const char* path) { return remove_name(path, REAL(remove)); }
int unlink(const char* path) { return remove_name(path, REAL(unlink)); }

int mkdir(const char* path, mode_t mode) {
  Shim& here = shim();
  if (here.is_ours(path) && inode_of(path) == 0) {
    here.note({.kind = Kind::make_directory}, zero_ended(path));
  }
  return REAL(mkdir)(path, mode);
}

}  // extern "C"
