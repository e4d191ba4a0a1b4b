// SPDX-License-Identifier: Apache-2.0
// cairn_simulate_replicas [--first SEED] [--seeds N] [--twice EVERY] [--seconds VIRTUAL]
// [--mutant ID] [--until-found] [--log]: runs of replication, one after another; prints what broke.
// With --until-found it stops at the first seed that breaks and says how many it took.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

#include "replica_run.hpp"

namespace {

using cairn::simulation::RunOptions;
using cairn::simulation::RunResult;

void print_line(void*, cairn::logging::Level, std::string_view line) {
  fmt::print(stderr, "{}\n", line);
}

bool report(std::uint64_t seed, const RunResult& result) {
  if (result.violations.empty()) return true;
  fmt::print("seed {} broke ({})\n", seed, result.plan);
  for (std::size_t i = 0; i < result.violations.size() && i < 5; ++i) {
    fmt::print("  {}: {}\n", result.violations[i].invariant, result.violations[i].what);
  }
  std::fflush(stdout);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string, std::less<>> given;
  bool log = false, until_found = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--log") {
      log = true;
    } else if (name == "--until-found") {
      until_found = true;
    } else if (i + 1 < argc) {
      given[std::string(name)] = argv[++i];
    }
  }
  const auto number = [&](std::string_view name, std::uint64_t otherwise) {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
  };
  if (log) cairn::logging::set_sink(print_line, nullptr, cairn::logging::Level::debug);
#ifdef CAIRN_MUTANTS
  if (given.contains("--mutant")) cairn::choose_mutant(given["--mutant"]);
#endif
  const std::uint64_t first = number("--first", 1), count = number("--seeds", 20);
  const std::uint64_t twice = number("--twice", 10);
  std::uint64_t bad = 0, ran = 0, acknowledged = 0, faults = 0;
  cairn::Duration virtual_time{0};
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const RunOptions options{.seed = seed, .faulty = std::chrono::seconds(number("--seconds", 30))};
    const RunResult result = cairn::simulation::simulate_replicas(options);
    ++ran;
    bad += report(seed, result) ? 0 : 1;
    acknowledged += result.acknowledged;
    faults += result.faults;
    virtual_time += result.virtual_time;
    if (until_found && bad > 0) break;
    if (twice > 0 && (seed - first) % twice == 0 &&
        cairn::simulation::simulate_replicas(options).trace_hash != result.trace_hash) {
      fmt::print("seed {} left another trace when it ran again\n", seed);
      ++bad;
    }
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto hours = std::chrono::duration<double, std::ratio<3600>>(virtual_time).count();
  fmt::print(
      "{} seeds, {} broke; {:.2f} virtual hours in {:.1f} s; {} acknowledged records, {} faults\n",
      ran, bad, hours, took, acknowledged, faults);
  return bad == 0 ? 0 : 1;
}
