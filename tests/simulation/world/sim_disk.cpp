// SPDX-License-Identifier: Apache-2.0
#include "sim_disk.hpp"

#include <algorithm>

namespace cairn::world {

using runtime::Cancellation;
using runtime::DirectoryEntry;
using runtime::FileStatus;
using runtime::OpenMode;
using runtime::Space;
using runtime::Task;

namespace {

std::unexpected<Error> fault() {
  return fail(ErrorCode::kafka_storage_error, "the simulated disk failed");
}
std::unexpected<Error> not_found() {
  return fail(ErrorCode::kafka_storage_error, runtime::not_found_reason);
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// As long as an operation takes. Like the real one, it is not cut short by cancellation.
Task<> pass_time(runtime::Clock& clock, Random& random, Duration longest) {
  if (longest <= Duration::zero()) co_return;
  const auto span = static_cast<std::uint64_t>(longest.count());
  runtime::Waiter waiter;
  const runtime::Timer timer(clock, waiter,
                             clock.now() + Duration(static_cast<std::int64_t>(random.below(span))));
  co_await waiter.suspend(Cancellation::ignored);
}

}  // namespace

class SimFile : public runtime::File {
 public:
  SimFile(SimMachine& machine, runtime::Clock& clock, Random& random, std::string path,
          std::shared_ptr<Inode> inode)
      : machine_(machine),
        clock_(clock),
        random_(random),
        path_(std::move(path)),
        inode_(std::move(inode)) {
    ++machine_.open_files_;
  }
  ~SimFile() override { --machine_.open_files_; }

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableBytes into) override {
    // Mostly a hit in the page cache.
    if (random_.chance(0.1)) co_await pass_time(clock_, random_, machine_.slowest_);
    if (machine_.fails("read", path_)) co_return fault();
    const Bytes& bytes = inode_->cached;
    if (offset >= bytes.size()) co_return std::size_t{0};
    const std::size_t count = std::min<std::uint64_t>(into.size(), bytes.size() - offset);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
    co_return count;
  }

  Task<Result<>> write_at(std::uint64_t offset, std::span<const BytesView> parts) override {
    if (syncing_ > 0) co_await pass_time(clock_, random_, machine_.slowest_);
    std::uint64_t size = 0;
    for (const BytesView part : parts) size += part.size();
    if (machine_.fails("write", path_)) {
      write_parts(offset, parts, random_.below(size + 1));
      co_return fault();
    }
    if (!has_room(offset + size)) {
      const std::uint64_t most = size - std::min(size, excess(offset + size));
      if (!machine_.faults_.reserves) write_parts(offset, parts, most);
      co_return fail(ErrorCode::kafka_storage_error, runtime::no_space_reason);
    }
    write_parts(offset, parts, size);
    co_return Result<>{};
  }

  Task<Result<>> sync() override {
    ++syncing_;
    co_await pass_time(clock_, random_, machine_.slowest_ / 2);
    const bool failed = machine_.fails("sync", path_);
    if (failed) {
      inode_->fail_sync(random_);
      machine_.has_dropped_ = true;
    } else {
      inode_->sync();
    }
    co_await pass_time(clock_, random_, machine_.slowest_ / 2);
    --syncing_;
    if (failed) co_return fault();
    co_return Result<>{};
  }

  Task<Result<>> truncate(std::uint64_t size) override {
    if (machine_.fails("truncate", path_)) co_return fault();
    inode_->truncate(size);
    inode_->modified = clock_.wall();
    co_return Result<>{};
  }

  Task<Result<std::uint64_t>> size() override {
    co_return static_cast<std::uint64_t>(inode_->cached.size());
  }

  Task<Result<>> allocate(std::uint64_t from, std::uint64_t length) override {
    if (machine_.fails("allocate", path_)) co_return fault();
    if (!machine_.faults_.reserves) co_return Result<>{};
    if (!has_room(from + length)) {
      co_return fail(ErrorCode::kafka_storage_error, runtime::no_space_reason);
    }
    inode_->allocated = std::max(inode_->allocated, from + length);
    co_return Result<>{};
  }

 private:
  /// Bytes that the disk lacks for this file to reach to `end`.
  std::uint64_t excess(std::uint64_t end) const {
    if (!machine_.faults_.space) return 0;
    const std::uint64_t held = std::max<std::uint64_t>(inode_->cached.size(), inode_->allocated);
    if (end <= held) return 0;
    const std::uint64_t wanted = machine_.used() + (end - held);
    return wanted - std::min(wanted, *machine_.faults_.space);
  }
  bool has_room(std::uint64_t end) const { return excess(end) == 0; }

  /// The first `count` bytes of the parts.
  void write_parts(std::uint64_t offset, std::span<const BytesView> parts, std::uint64_t count) {
    for (const BytesView part : parts) {
      const BytesView now = part.first(std::min<std::uint64_t>(part.size(), count));
      inode_->write(offset, now);
      offset += now.size();
      count -= now.size();
    }
    inode_->modified = clock_.wall();
  }

  SimMachine& machine_;
  runtime::Clock& clock_;
  Random& random_;
  std::string path_;
  std::shared_ptr<Inode> inode_;
  int syncing_ = 0;
};

class SimLock : public runtime::DirectoryLock {
 public:
  SimLock(SimMachine& machine, std::string path) : machine_(machine), path_(std::move(path)) {}
  ~SimLock() override { machine_.locks_.erase(path_); }

 private:
  SimMachine& machine_;
  std::string path_;
};

class SimDisk : public runtime::Disk {
 public:
  SimDisk(SimMachine& machine, runtime::Clock& clock, Random random)
      : machine_(machine), clock_(clock), random_(random) {}

  Task<Result<std::unique_ptr<runtime::File>>> open(std::string path, OpenMode mode) override {
    if (machine_.fails("open", path)) co_return fault();
    const auto found = machine_.names_.find(path);
    const bool exists = found != machine_.names_.end();
    if (exists && !found->second.inode) co_return fault();  // a directory
    if (exists && mode == OpenMode::create_new) {
      co_return fail(ErrorCode::kafka_storage_error, runtime::exists_reason);
    }
    if (exists) co_return file(std::move(path), found->second.inode);
    if (mode == OpenMode::read || mode == OpenMode::write) co_return not_found();
    if (!is_directory(runtime::parent_directory(path))) co_return not_found();
    auto inode = std::make_shared<Inode>();
    inode->modified = clock_.wall();
    machine_.change({.path = path, .now = SimMachine::Node{inode}, .moved_from = {}});
    co_return file(std::move(path), std::move(inode));
  }

  Task<Result<std::vector<DirectoryEntry>>> list(std::string directory) override {
    directory = without_slash(std::move(directory));
    if (machine_.fails("list", directory)) co_return fault();
    if (!is_directory(directory)) co_return not_found();
    std::vector<DirectoryEntry> entries;
    const std::string below = directory + "/";
    for (auto at = machine_.names_.lower_bound(below);
         at != machine_.names_.end() && at->first.starts_with(below); ++at) {
      std::string name = at->first.substr(below.size());
      if (name.find('/') == std::string::npos) {
        entries.push_back({std::move(name), at->second.inode == nullptr});
      }
    }
    co_return entries;
  }

  Task<Result<>> rename(std::string from, std::string to) override {
    if (machine_.fails("rename", from)) co_return fault();
    const auto found = machine_.names_.find(from);
    if (found == machine_.names_.end()) co_return not_found();
    machine_.change({.path = to, .now = found->second, .moved_from = from});
    co_return Result<>{};
  }

  Task<Result<>> remove(std::string path) override {
    if (machine_.fails("remove", path)) co_return fault();
    if (!machine_.names_.contains(path)) co_return not_found();
    machine_.change({.path = path, .now = std::nullopt, .moved_from = {}});
    co_return Result<>{};
  }

  Task<Result<>> remove_all(std::string path) override {
    path = without_slash(std::move(path));
    if (machine_.fails("remove", path)) co_return fault();
    std::vector<std::string> doomed;
    for (const auto& [name, node] : machine_.names_) {
      if (name == path || name.starts_with(path + "/")) doomed.push_back(name);
    }
    std::ranges::reverse(doomed);
    for (std::string& name : doomed) {
      machine_.change({.path = std::move(name), .now = std::nullopt, .moved_from = {}});
    }
    co_return Result<>{};
  }

  Task<Result<>> create_directory(std::string path) override {
    path = without_slash(std::move(path));
    if (machine_.fails("mkdir", path)) co_return fault();
    std::vector<std::string> missing;
    for (std::string at = path; !is_directory(at); at = runtime::parent_directory(at)) {
      if (machine_.names_.contains(at)) {
        co_return fail(ErrorCode::kafka_storage_error, runtime::exists_reason);
      }
      missing.push_back(at);
    }
    std::ranges::reverse(missing);
    for (std::string& at : missing) {
      machine_.change({.path = std::move(at), .now = SimMachine::Node{}, .moved_from = {}});
    }
    co_return Result<>{};
  }

  Task<Result<>> sync_directory(std::string path) override {
    path = without_slash(std::move(path));
    co_await pass_time(clock_, random_, machine_.slowest_);
    if (machine_.fails("sync", path)) co_return fault();
    machine_.sync_names(path);
    co_return Result<>{};
  }

  Task<Result<FileStatus>> stat(std::string path) override {
    path = without_slash(std::move(path));
    const auto found = machine_.names_.find(path);
    if (found == machine_.names_.end()) {
      const bool root = is_directory(path);
      co_return FileStatus{.exists = root, .is_directory = root, .size = 0, .modified = {}};
    }
    const auto& inode = found->second.inode;
    co_return FileStatus{.exists = true,
                         .is_directory = inode == nullptr,
                         .size = inode ? inode->cached.size() : 0,
                         .modified = inode ? inode->modified : WallTime{}};
  }

  Task<Result<>> set_modified(std::string path, WallTime time) override {
    const auto found = machine_.names_.find(path);
    if (found == machine_.names_.end()) co_return not_found();
    if (found->second.inode) found->second.inode->modified = time;
    co_return Result<>{};
  }

  Task<Result<std::unique_ptr<runtime::DirectoryLock>>> lock(std::string path) override {
    {
      CO_TRY(const auto made, co_await open(path, OpenMode::create));
    }
    if (!machine_.locks_.insert(path).second) {
      co_return fail(ErrorCode::kafka_storage_error, runtime::locked_reason);
    }
    co_return std::make_unique<SimLock>(machine_, std::move(path));
  }

  Task<Result<Space>> free_space(std::string) override {
    const std::uint64_t total = machine_.faults_.space.value_or(std::uint64_t{1} << 40);
    const std::uint64_t used = machine_.used();
    co_return Space{.free = total > used ? total - used : 0, .total = total};
  }

 private:
  bool is_directory(const std::string& path) const {
    if (path == "/" || path == ".") return true;
    const auto found = machine_.names_.find(path);
    return found != machine_.names_.end() && !found->second.inode;
  }
  std::unique_ptr<runtime::File> file(std::string path, std::shared_ptr<Inode> inode) {
    return std::make_unique<SimFile>(machine_, clock_, random_, std::move(path), std::move(inode));
  }

  SimMachine& machine_;
  runtime::Clock& clock_;
  Random random_;
};

std::unique_ptr<runtime::Disk> SimMachine::make_disk(runtime::Clock& clock, Random random) {
  return std::make_unique<SimDisk>(*this, clock, random);
}

}  // namespace cairn::world
