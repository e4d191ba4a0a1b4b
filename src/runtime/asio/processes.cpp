// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cairn/base/log.hpp>
#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Words that each end with a zero byte.
std::vector<std::string> split_zeros(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

/// Ticks since boot at which it started: field 22 of /proc/PID/stat. The name, the second, may hold
/// anything, so fields are counted behind its bracket.
std::uint64_t start_of(const std::string& stat) {
  constexpr int fields_between = 19;
  const std::size_t bracket = stat.rfind(')');
  if (bracket == std::string::npos) return 0;
  std::istringstream fields(stat.substr(bracket + 1));
  std::string field;
  for (int i = 0; i <= fields_between && fields >> field; i++) {
  }
  std::uint64_t started = 0;
  std::istringstream(field) >> started;
  return started;
}

/// What a child gets of us: the environment, and nothing that is open.
class SpawnSetup {
 public:
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }

  void redirect(const Processes::Launch& launch) {
    constexpr int create = O_WRONLY | O_CREAT;
    constexpr mode_t mode = 0644;
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, 1, launch.output.c_str(), create | O_TRUNC, mode);
    ::posix_spawn_file_actions_addopen(&files, 2, launch.errors.c_str(), create | O_APPEND, mode);
    ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
    ::posix_spawn_file_actions_addchdir_np(&files, "/");
  }
  void detach() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

/// The system lets go of whoever starts a program a moment before the new one shows its arguments;
/// looked at in between it would pass for another. One that has ended shows none any more.
void await_arguments(ProcessId id) {
  const std::string folder = "/proc/" + std::to_string(id);
  std::error_code ended;
  for (int i = 0; i < 100000 && !ended && content_of(folder + "/cmdline").empty(); ++i) {
    ::sched_yield();
    static_cast<void>(std::filesystem::read_symlink(folder + "/exe", ended));
  }
}

}  // namespace

Result<ProcessId> Processes::launch(Launch launch) {
  SpawnSetup setup;
  setup.redirect(launch);
  setup.detach();
  std::vector<char*> arguments = {launch.program.data()};
  for (auto& argument : launch.arguments) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  std::vector<char*> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const bool left_out =
        !launch.without.empty() && std::string_view(*at).starts_with(launch.without);
    if (!left_out) variables.push_back(*at);
  }
  variables.push_back(nullptr);
  pid_t id = 0;
  const int error = ::posix_spawn(&id, launch.program.c_str(), &setup.files, &setup.attributes,
                                  arguments.data(), variables.data());
  if (error != 0) {
    logging::warn("cannot start {}: {}", launch.program, std::strerror(error));
    return fail(ErrorCode::unknown_server_error,
                error == ENOENT ? "there is no such program" : "the program cannot be started");
  }
  await_arguments(id);
  return ProcessId(id);
}

std::optional<RunningProcess> Processes::look(ProcessId id) {
  if (id <= 0) return std::nullopt;
  static_cast<void>(::waitpid(id, nullptr, WNOHANG));  // one of ours that ended would stay listed
  const std::string folder = "/proc/" + std::to_string(id);
  std::error_code error;
  const auto program = std::filesystem::read_symlink(folder + "/exe", error);
  if (error) return std::nullopt;  // none, a zombie, or another user's
  RunningProcess out;
  out.id = id;
  out.started = start_of(content_of(folder + "/stat"));
  out.program = program.string();
  out.arguments = split_zeros(content_of(folder + "/cmdline"));
  return out;
}

Result<> Processes::terminate(const RunningProcess& process) {
  // Through a descriptor, so that the number cannot become another process's in between.
  // (By number: the header of glibc 2.36 cannot be used from C++.)
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, process.id, 0));
  if (descriptor < 0) {
    if (errno == ESRCH) return {};
    return fail(ErrorCode::unknown_server_error, "the process cannot be signalled");
  }
  const auto now = look(process.id);
  const bool same = now && now->started == process.started;
  const long sent = same ? ::syscall(SYS_pidfd_send_signal, descriptor, SIGTERM, nullptr, 0) : 0;
  const bool gone = sent < 0 && errno == ESRCH;
  ::close(descriptor);
  if (sent < 0 && !gone) {
    return fail(ErrorCode::unknown_server_error, "the process may not be signalled");
  }
  return {};
}

std::string Processes::own_folder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

std::string Processes::absolute(std::string path) {
  std::error_code error;
  const auto out = std::filesystem::absolute(path, error).lexically_normal();
  return error ? path : out.string();
}

}  // namespace cairn::runtime::asio
