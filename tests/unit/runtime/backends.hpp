// SPDX-License-Identifier: Apache-2.0
// Runs one task on the real seams or on the simulated ones, so that a test says once what both do.
// `Seams` is what the task may use; it lives until the task has ended.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cairn/runtime/asio.hpp>

#include "simulation/world/world.hpp"

namespace cairn::runtime::testing {

struct Seams {
  Shard& shard;
  Disk& disk;
  Network& network;
  std::string directory;  // exists, is empty
};

using Body = std::function<Task<>(Seams&)>;

struct RealBackend {
  static void run(const Body& body) {
    char name[] = "/tmp/cairn-runtime-XXXXXX";
    const std::string directory = ::mkdtemp(name);
    {
      asio::Pool pool;
      asio::run_until_done([&](Shard& shard) { return serve(body, shard, pool, directory); });
    }
    std::filesystem::remove_all(directory);
  }
  static Task<> serve(const Body& body, Shard& shard, asio::Pool& pool, std::string directory) {
    asio::Disk disk(shard.context(), pool);
    asio::Network network(shard.context());
    Seams seams{shard, disk, network, std::move(directory)};
    co_await body(seams);
  }
};

struct SimulatedBackend {
  static void run(const Body& body) {
    world::World world(7);
    world::Process& process = world.start("localhost");
    bool done = false;
    process.shard().tasks().spawn(serve(body, process, done));
    EXPECT_TRUE(world.run_until([&] { return done; })) << "the task did not end";
  }
  static Task<> serve(const Body& body, world::Process& process, bool& done) {
    Seams seams{process.shard(), process.disk(), process.network(), "/data"};
    EXPECT_TRUE(co_await seams.disk.create_directory(seams.directory));
    co_await body(seams);
    done = true;
  }
};

using Backends = ::testing::Types<RealBackend, SimulatedBackend>;

struct BackendNames {
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, RealBackend> ? "asio" : "simulated";
  }
};

}  // namespace cairn::runtime::testing
