// SPDX-License-Identifier: Apache-2.0
// Processes of this machine, as the real seam starts, sees and ends them.
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime {
namespace processes_test {

/// A folder of its own for what processes write.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/cairn-processes-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

Processes::Launch shell(const Folder& folder, const std::string& script) {
  Processes::Launch launch;
  launch.program = "/bin/sh";
  launch.arguments = {"-c", script, "a name"};
  launch.output = folder.file("out");
  launch.errors = folder.file("err");
  return launch;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool ends(asio::Processes& processes, ProcessId id) {
  for (int i = 0; i < 1000; i++) {
    if (!processes.look(id)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Processes, are_seen_with_program_and_arguments_until_they_end) {
  const Folder folder;
  asio::Processes processes;
  const auto id = processes.launch(shell(folder, "while :; do sleep 0.05; done"));
  ASSERT_TRUE(id) << id.error().why;
  const auto seen = processes.look(*id);
  ASSERT_TRUE(seen);
  EXPECT_GT(seen->started, 0U);
  EXPECT_EQ(seen->program, std::filesystem::canonical("/bin/sh"));
  EXPECT_THAT(seen->arguments, ::testing::Contains("a name"));
  EXPECT_TRUE(processes.terminate(*seen));
  EXPECT_TRUE(ends(processes, *id));
  EXPECT_TRUE(processes.terminate(*seen));  // it is gone: that is what was wanted
}

TEST(Processes, write_into_their_files_and_inherit_nothing_they_should_not) {
  const Folder folder;
  asio::Processes processes;
  ::setenv("CAIRN_TEST_SECRET", "x", 1);
  ::setenv("CAIRNTEST_PLAIN", "y", 1);
  auto launch = shell(
      folder, "echo $CAIRN_TEST_SECRET$CAIRNTEST_PLAIN; pwd; ls /proc/self/fd >&2; read line");
  launch.without = "CAIRN_TEST_";
  const auto id = processes.launch(std::move(launch));
  ASSERT_TRUE(id);
  ASSERT_TRUE(ends(processes, *id));
  EXPECT_EQ(content(folder.file("out")), "y\n/\n");
  EXPECT_EQ(content(folder.file("err")), "0\n1\n2\n3\n");  // 3: the folder that ls reads
}

TEST(Processes, of_another_start_are_not_signalled) {
  const Folder folder;
  asio::Processes processes;
  const auto id = processes.launch(shell(folder, "while :; do sleep 0.05; done"));
  ASSERT_TRUE(id);
  auto seen = *processes.look(*id);
  auto other = seen;
  other.started++;  // as if the number had come to another process
  EXPECT_TRUE(processes.terminate(other));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(processes.look(*id));
  EXPECT_TRUE(processes.terminate(seen));
  EXPECT_TRUE(ends(processes, *id));
}

TEST(Processes, that_cannot_be_started_or_do_not_exist) {
  const Folder folder;
  asio::Processes processes;
  auto launch = shell(folder, "");
  launch.program = "/no/such/program";
  EXPECT_FALSE(processes.launch(std::move(launch)));
  EXPECT_FALSE(processes.look(0));
  EXPECT_FALSE(processes.look(999999999));
}

}  // namespace processes_test
}  // namespace cairn::runtime
