// SPDX-License-Identifier: Apache-2.0
// cairn_simulate [--first SEED] [--seeds N] [--twice EVERY] [--seconds VIRTUAL] [--mutant ID]
// [--log] Runs seeds one after another; prints what broke and how to replay it. Every EVERYth seed
// runs twice and must leave the same trace.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

#include "run.hpp"

namespace {

using cairn::simulation::RunOptions;
using cairn::simulation::RunResult;

struct Arguments {
  std::map<std::string, std::string, std::less<>> given;

  std::uint64_t number(std::string_view name, std::uint64_t otherwise) const {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
  }
};

void print_line(void*, cairn::logging::Level, std::string_view line) {
  fmt::print(stderr, "{}\n", line);
}

bool report(std::uint64_t seed, const RunResult& result) {
  if (result.violations.empty()) return true;
  fmt::print("seed {} broke ({})\n", seed, result.plan);
  for (std::size_t i = 0; i < result.violations.size() && i < 5; ++i) {
    fmt::print("  {}: {}\n", result.violations[i].invariant, result.violations[i].what);
  }
  fmt::print("  replay: scripts/simulate 1 --first {} --log\n", seed);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  bool log = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--log") {
      log = true;
    } else if (i + 1 < argc) {
      arguments.given[std::string(name)] = argv[++i];
    }
  }
  if (log) cairn::logging::set_sink(print_line, nullptr, cairn::logging::Level::debug);
#ifdef CAIRN_MUTANTS
  if (arguments.given.contains("--mutant")) cairn::choose_mutant(arguments.given["--mutant"]);
#endif
  const std::uint64_t first = arguments.number("--first", 1);
  const std::uint64_t count = arguments.number("--seeds", 20);
  const std::uint64_t twice = arguments.number("--twice", 10);
  std::uint64_t bad = 0, acknowledged = 0, faults = 0;
  cairn::Duration virtual_time{0};
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const RunOptions options{.seed = seed,
                             .faulty = std::chrono::seconds(arguments.number("--seconds", 60))};
    const RunResult result = cairn::simulation::simulate(options);
    bad += report(seed, result) ? 0 : 1;
    acknowledged += result.acknowledged;
    faults += result.faults;
    virtual_time += result.virtual_time;
    if (twice > 0 && (seed - first) % twice == 0 &&
        cairn::simulation::simulate(options).trace_hash != result.trace_hash) {
      fmt::print("seed {} left another trace when it ran again\n", seed);
      ++bad;
    }
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const auto hours = std::chrono::duration<double, std::ratio<3600>>(virtual_time).count();
  fmt::print(
      "{} seeds, {} broke; {:.2f} virtual hours in {:.1f} s; {} acknowledged records, {} faults\n",
      count, bad, hours, took, acknowledged, faults);
  return bad == 0 ? 0 : 1;
}
