// SPDX-License-Identifier: Apache-2.0
#include "backends.hpp"

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
