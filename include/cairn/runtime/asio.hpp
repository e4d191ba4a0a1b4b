// SPDX-License-Identifier: Apache-2.0
// The real seams, on Boost.Asio. Only main programs, tests and benches include this.
//
//   asio::Pool pool;                       // threads for slow file operations, first made, last
//   gone asio::ShardThread data(0, seed);       // context + clock + shard; run() on a thread, or
//   start() asio::Disk disk(data.context(), pool); // one per shard: operations resume on that
//   shard asio::Network network(data.context());
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cairn/base/log.hpp>
#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/network.hpp>
#include <cairn/runtime/processes.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::runtime::asio {

/// Threads for reads that miss the page cache, flushes and appends to a file that is being flushed:
/// so many for flushes at a time, so many for reads of those far behind, and one more.
class Pool {
 public:
  explicit Pool(int flushes = 3, int bulk_reads = 2);
  ~Pool();  // waits for what runs

  class State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

std::unique_ptr<Clock> make_clock(Context& context);

/// A Disk whose operations resume on `context`.
class Disk : public runtime::Disk {
 public:
  Disk(Context& context, Pool& pool);
  ~Disk() override;

  Task<Result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override;
  Task<Result<std::vector<DirectoryEntry>>> list(std::string directory) override;
  Task<Result<>> rename(std::string from, std::string to) override;
  Task<Result<>> remove(std::string path) override;
  Task<Result<>> remove_all(std::string path) override;
  Task<Result<>> create_directory(std::string path) override;
  Task<Result<>> sync_directory(std::string path) override;
  Task<Result<FileStatus>> stat(std::string path) override;
  Task<Result<>> set_modified(std::string path, WallTime time) override;
  Task<Result<std::unique_ptr<DirectoryLock>>> lock(std::string path) override;
  Task<Result<Space>> free_space(std::string path) override;

 private:
  Context& context_;
  Pool& pool_;
};

/// Of listeners, and of the connections they accept.
struct SocketOptions {
  static constexpr int of_system = -1;  // tuned by the kernel as a connection goes on

  int send_buffer = of_system;     // bytes
  int receive_buffer = of_system;  // bytes
  int backlog = 1024;              // connections that wait to be accepted
};

/// The addresses of a host, on a thread that may wait for them.
using LookUp = std::function<std::vector<std::string>(const std::string& host)>;
class Lookups;

class Network : public runtime::Network {
 public:
  explicit Network(Context& context);
  Network(Context& context, LookUp look_up);
  ~Network() override;

  /// For listeners to come.
  void configure(SocketOptions options) { options_ = options; }

  Task<Result<std::unique_ptr<Listener>>> listen(Endpoint at) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Endpoint to) override;

 private:
  Context& context_;
  SocketOptions options_;
  std::unique_ptr<Lookups> lookups_;
};

class Processes : public runtime::Processes {
 public:
  Result<ProcessId> launch(Launch launch) override;
  std::optional<RunningProcess> look(ProcessId id) override;
  Result<> terminate(const RunningProcess& process) override;
  std::string own_folder() override;
  std::string absolute(std::string path) override;
};

/// A context, its clock, its shard and, once started, its thread.
class ShardThread {
 public:
  ShardThread(int index, std::uint64_t seed);
  ~ShardThread();  // stop() and join

  Context& context();
  Shard& shard();

  /// Runs on the calling thread until stop().
  void run();
  /// Runs on a thread of its own.
  void start(const std::string& thread_name);
  /// Any thread. Lets run() return after the present turn; tasks left are destroyed with the
  /// object.
  void stop();
  void join();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a server asks of its process: as many descriptors as the system allows (returned), and no
/// death by a pipe that nobody reads.
std::size_t prepare_process();

/// Gives pages that were freed back to the system: once, after something large.
void return_unused_memory();

/// A seed from the machine.
std::uint64_t random_seed();
/// Bytes this process may use: the machine's, or its control group's if that is less; 0 if unknown.
std::uint64_t machine_memory();
/// The machine's name, or its container's; empty if unknown.
std::string host_name();

/// Waits for SIGTERM or SIGINT; the number of the signal, 0 when cancelled. Once at a time.
Task<int> wait_for_stop_signal(Context& context);

/// Runs one task to its end on a context of its own, on this thread: tests and small programs.
/// `make` gets the shard.
void run_until_done(const std::function<Task<>(Shard&)>& make);

/// Sends log lines to standard error, through spdlog. "[time] [level] line".
void log_to_stderr(logging::Level lowest);

}  // namespace cairn::runtime::asio
