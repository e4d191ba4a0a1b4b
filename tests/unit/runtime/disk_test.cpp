// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends.hpp"
#include "src/runtime/asio/pool.hpp"

namespace cairn::runtime {
namespace disk_test {

using namespace std::chrono_literals;

template <class Backend>
class Disks : public ::testing::Test {};
TYPED_TEST_SUITE(Disks, testing::Backends, testing::BackendNames);

Task<> write_and_read(testing::Seams& s) {
  auto file = co_await s.disk.open(s.directory + "/f", OpenMode::create_new);
  EXPECT_TRUE(file);
  std::vector<BytesView> parts;
  std::string expected;
  const std::string piece = "0123456789abcdef";
  for (int i = 0; i < 3000; ++i) {  // more than one gathered write can carry
    parts.push_back(as_bytes(piece).first(static_cast<std::size_t>(i % 17)));
    expected += piece.substr(0, static_cast<std::size_t>(i % 17));
  }
  EXPECT_TRUE(co_await (*file)->write_at(0, parts));
  EXPECT_TRUE(co_await (*file)->sync());
  EXPECT_EQ(*co_await (*file)->size(), expected.size());
  Bytes back(expected.size() + 10);
  EXPECT_EQ(*co_await (*file)->read_at(0, back), expected.size());
  EXPECT_EQ(as_text(back).substr(0, expected.size()), expected);
  EXPECT_EQ(*co_await (*file)->read_at(expected.size(), back), 0u);
  EXPECT_TRUE(co_await (*file)->truncate(5));
  EXPECT_EQ(*co_await (*file)->size(), 5u);
}
TYPED_TEST(Disks, gathered_writes_of_any_number_of_parts_read_back) {
  TypeParam::run(write_and_read);
}

Task<> keep_size(testing::Seams& s) {
  auto file = co_await s.disk.open(s.directory + "/f", OpenMode::create);
  EXPECT_TRUE(co_await (*file)->allocate(0, 1 << 20));
  EXPECT_EQ(*co_await (*file)->size(), 0u);
}
TYPED_TEST(Disks, allocation_keeps_the_size) { TypeParam::run(keep_size); }

Task<> reasons(testing::Seams& s) {
  auto missing = co_await s.disk.open(s.directory + "/none", OpenMode::read);
  EXPECT_FALSE(missing);
  EXPECT_TRUE(is_not_found(missing.error()));
  EXPECT_FALSE((co_await s.disk.stat(s.directory + "/none"))->exists);
  EXPECT_TRUE(co_await s.disk.open(s.directory + "/f", OpenMode::create_new));
  auto again = co_await s.disk.open(s.directory + "/f", OpenMode::create_new);
  EXPECT_FALSE(again);
  EXPECT_TRUE(is_already_there(again.error()));
  auto lock = co_await s.disk.lock(s.directory + "/.lock");
  EXPECT_TRUE(lock);
  auto second = co_await s.disk.lock(s.directory + "/.lock");
  EXPECT_FALSE(second);
  EXPECT_TRUE(is_locked(second.error()));
  lock->reset();
  EXPECT_TRUE(co_await s.disk.lock(s.directory + "/.lock"));
}
TYPED_TEST(Disks, failures_say_what_callers_must_tell_apart) { TypeParam::run(reasons); }

Task<> names(testing::Seams& s) {
  EXPECT_TRUE(co_await s.disk.create_directory(s.directory + "/a/b"));
  EXPECT_TRUE(co_await s.disk.create_directory(s.directory + "/a/b"));
  EXPECT_TRUE(co_await s.disk.open(s.directory + "/a/z", OpenMode::create));
  EXPECT_TRUE(co_await s.disk.open(s.directory + "/a/b/x", OpenMode::create));
  auto listed = co_await s.disk.list(s.directory + "/a");
  const std::vector<DirectoryEntry> expected{{"b", true}, {"z", false}};
  EXPECT_EQ(*listed, expected);
  EXPECT_TRUE(co_await s.disk.rename(s.directory + "/a", s.directory + "/c"));
  EXPECT_TRUE((co_await s.disk.stat(s.directory + "/c/b/x"))->exists);
  EXPECT_TRUE(co_await s.disk.sync_directory(s.directory));
  EXPECT_TRUE(co_await s.disk.remove(s.directory + "/c/z"));
  EXPECT_TRUE(co_await s.disk.remove_all(s.directory + "/c"));
  EXPECT_TRUE(co_await s.disk.remove_all(s.directory + "/c"));
  EXPECT_TRUE((co_await s.disk.list(s.directory))->empty());
}
TYPED_TEST(Disks, directories_are_made_listed_renamed_and_removed) { TypeParam::run(names); }

Task<> replace(testing::Seams& s) {
  EXPECT_TRUE(co_await replace_file(s.disk, s.directory + "/f", to_bytes("one")));
  EXPECT_TRUE(co_await replace_file(s.disk, s.directory + "/f", to_bytes("2")));
  auto content = co_await read_file(s.disk, s.directory + "/f");
  EXPECT_EQ(as_text(*content), "2");
  EXPECT_EQ((co_await s.disk.list(s.directory))->size(), 1u);
}
TYPED_TEST(Disks, a_file_is_replaced_as_a_whole) { TypeParam::run(replace); }

Task<> read_once(testing::Seams& s) {
  auto file = co_await s.disk.open(s.directory + "/f", OpenMode::create);
  Bytes content(3'000'000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = std::byte(i * 31 / 7);
  const BytesView parts[] = {content};
  EXPECT_TRUE(co_await (*file)->write_at(0, parts));
  EXPECT_TRUE(co_await (*file)->sync());
  for (const std::size_t size : {100u, 70'000u, 700'000u, 4'000'000u}) {
    Bytes back(size);
    std::size_t at = 0;
    while (at < content.size()) {
      const std::size_t expected = std::min(size, content.size() - at);
      EXPECT_EQ(*co_await (*file)->read_once(at, back), expected);
      EXPECT_EQ(std::memcmp(back.data(), content.data() + at, expected), 0);
      at += size == 100 ? 500'000 : expected;
    }
    EXPECT_EQ(*co_await (*file)->read_once(content.size(), back), 0u);
  }
}
TYPED_TEST(Disks, a_read_by_somebody_far_behind_gives_the_same_bytes) { TypeParam::run(read_once); }

Task<> append_in_background(File& file, std::uint64_t at, int& done) {
  const std::string text(1000, 'x');
  const BytesView parts[] = {as_bytes(text)};
  EXPECT_TRUE(co_await file.write_at(at, parts));
  ++done;
}

Task<> write_while_flushing(testing::Seams& s) {
  auto file = co_await s.disk.open(s.directory + "/f", OpenMode::create);
  TaskGroup group(s.shard.context());
  int done = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    group.spawn(append_in_background(**file, i * 1000, done));
    EXPECT_TRUE(co_await (*file)->sync());
  }
  co_await group.join();
  EXPECT_EQ(done, 50);
  EXPECT_EQ(*co_await (*file)->size(), 50'000u);
}
TYPED_TEST(Disks, appends_go_on_while_a_flush_runs) { TypeParam::run(write_while_flushing); }

// Whose memory the page cache's is.

constexpr std::size_t megabyte = std::size_t{1} << 20;

/// A file of the page cache as another process sees it.
class Cached {
 public:
  explicit Cached(const std::string& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
        size_(std::filesystem::file_size(path)),
        memory_(::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_, 0)) {}
  ~Cached() {
    ::munmap(memory_, size_);
    ::close(descriptor_);
  }
  void drop() { ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED); }
  std::size_t bytes() const {
    std::vector<unsigned char> pages((size_ + 4095) / 4096);
    ::mincore(memory_, size_, pages.data());
    return 4096 * static_cast<std::size_t>(std::ranges::count_if(
                      pages, [](unsigned char page) { return (page & 1) != 0; }));
  }

 private:
  int descriptor_;
  std::size_t size_;
  void* memory_;
};

Task<> leave_the_cache_alone(testing::Seams& s) {
  auto file = co_await s.disk.open(s.directory + "/f", OpenMode::create);
  Bytes buffer(megabyte);
  const BytesView parts[] = {buffer};
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_TRUE(co_await (*file)->write_at(i * megabyte, parts));
  }
  EXPECT_TRUE(co_await (*file)->sync());
  Cached cached(s.directory + "/f");
  cached.drop();
  if (cached.bytes() > megabyte) co_return;  // a file system in memory
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(*co_await (*file)->read_once(i * megabyte, buffer), megabyte);
  }
  EXPECT_LE(cached.bytes(), 10 * megabyte);  // the kernel may have read ahead as far as the end
  EXPECT_EQ(*co_await (*file)->read_at(2 * megabyte, buffer), megabyte);
  EXPECT_EQ(*co_await (*file)->read_once(2 * megabyte, buffer), megabyte);
  const std::size_t before = cached.bytes();
  EXPECT_EQ(*co_await (*file)->read_once(2 * megabyte, buffer), megabyte);
  EXPECT_GE(cached.bytes(), before);  // what others had cached stays
}
TEST(SystemFile, a_read_by_somebody_far_behind_leaves_the_page_cache_to_others) {
  testing::RealBackend::run(leave_the_cache_alone);
}

// Who waits for whom.

/// Work that blocks its thread until the gate opens.
struct Gate {
  std::mutex mutex;
  std::condition_variable moved;
  bool open = false;
  int inside = 0;
  int most = 0;

  int pass() {
    std::unique_lock lock(mutex);
    most = std::max(most, ++inside);
    moved.wait(lock, [this] { return open; });
    --inside;
    return 0;
  }
  void unlock() {
    const std::lock_guard lock(mutex);
    open = true;
    moved.notify_all();
  }
};

Task<> pass_gate(Shard& shard, asio::Pool& pool, asio::JobKind kind, Gate& gate) {
  auto pass = [&gate] { return gate.pass(); };
  co_await asio::run_on_pool(shard.context(), pool.state(), kind, pass);
}

Task<> crowd(Shard& shard) {
  asio::Pool pool(3, 2);
  Gate reads, flushes;
  TaskGroup group(shard.context());
  for (int i = 0; i < 8; ++i) {
    group.spawn(pass_gate(shard, pool, asio::JobKind::bulk, reads));
    group.spawn(pass_gate(shard, pool, asio::JobKind::flush, flushes));
  }
  auto append = [] { return 1; };
  for (int i = 0; i < 20; ++i) {
    co_await asio::run_on_pool(shard.context(), pool.state(), asio::JobKind::prompt, append);
  }
  flushes.unlock();
  reads.unlock();
  co_await group.join();
  EXPECT_LE(reads.most, 2);
  EXPECT_LE(flushes.most, 3);
}
TEST(Pool, gives_appends_a_thread_whatever_is_read_and_flushed) { asio::run_until_done(crowd); }

// What the simulated machine does at power loss.

Task<> write_some(world::Process& p, bool& done) {
  EXPECT_TRUE(co_await p.disk().create_directory("/d"));
  EXPECT_TRUE(co_await p.disk().sync_directory("/"));
  auto file = co_await p.disk().open("/d/f", OpenMode::create);
  EXPECT_TRUE(co_await p.disk().sync_directory("/d"));
  const std::string synced(4096, 's');
  const BytesView first[] = {as_bytes(synced)};
  EXPECT_TRUE(co_await (*file)->write_at(0, first));
  EXPECT_TRUE(co_await (*file)->sync());
  const std::string lost(4096, 'u');
  const BytesView second[] = {as_bytes(lost)};
  EXPECT_TRUE(co_await (*file)->write_at(4096, second));
  EXPECT_TRUE(co_await p.disk().open("/d/unsynced-name", OpenMode::create));
  done = true;
}

TEST(SimDisk, power_loss_keeps_what_was_synced_and_tears_the_rest_by_seed) {
  int torn = 0;
  int names_lost = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    world::World world(seed);
    bool done = false;
    world::Process& process = world.start("m");
    process.shard().tasks().spawn(write_some(process, done));
    ASSERT_TRUE(world.run_until([&] { return done; }));
    world.crash("m");
    const auto content = world.machine("m").content("/d/f");
    ASSERT_TRUE(content);
    ASSERT_GE(content->size(), 4096u);
    EXPECT_EQ(as_text(*content).substr(0, 4096), std::string(4096, 's'));
    if (content->size() > 4096 && as_text(*content).substr(4096) != std::string(4096, 'u')) ++torn;
    if (!world.machine("m").content("/d/unsynced-name")) ++names_lost;
  }
  EXPECT_GT(torn, 5);
  EXPECT_GT(names_lost, 5);
}

TEST(SimDisk, kill_keeps_the_page_cache) {
  world::World world(1);
  bool done = false;
  world::Process& process = world.start("m");
  process.shard().tasks().spawn(write_some(process, done));
  ASSERT_TRUE(world.run_until([&] { return done; }));
  world.kill("m");
  EXPECT_EQ(world.machine("m").content("/d/f")->size(), 8192u);
}

Task<> fill(world::Process& p, Error& error) {
  auto file = co_await p.disk().open("/f", OpenMode::create);
  EXPECT_TRUE(co_await (*file)->allocate(0, 800));
  error = (co_await (*file)->allocate(0, 2000)).error();
  const std::string text(900, 'x');
  const BytesView parts[] = {as_bytes(text)};
  EXPECT_TRUE(co_await (*file)->write_at(0, parts));
}

TEST(SimDisk, a_full_disk_refuses_the_allocation_and_says_so) {
  world::World world(1);
  world.machine("m").faults().space = 1000;
  world::Process& process = world.start("m");
  Error error;
  process.shard().tasks().spawn(fill(process, error));
  world.run_for(1s);
  EXPECT_EQ(error.code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(is_no_space(error));
}

}  // namespace disk_test
}  // namespace cairn::runtime
