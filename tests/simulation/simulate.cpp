// SPDX-License-Identifier: Apache-2.0
// cairn_simulate [--kind node|storage|quorum|cluster|replicas] [--first SEED] [--seeds N]
// [--twice EVERY] [--seconds VIRTUAL] [--rounds N] [--mutant ID]
// [--until-found] [--log]: runs seeds one after another, prints what broke and how
// to replay it. Every EVERYth seed runs twice and must leave the same trace.
// cairn_simulate --mutants all|ID,ID [--most SEEDS]: a table of the
// guards that can be removed and the seed that finds it; fails if one is not found.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

#include "cluster_run.hpp"
#include "mutants.hpp"
#include "quorum_run.hpp"
#include "replica_run.hpp"
#include "run.hpp"
#include "storage_run.hpp"
#include "world/world.hpp"

namespace {

using cairn::simulation::RunResult;

struct Arguments {
  std::map<std::string, std::string, std::less<>> given;

  std::uint64_t number(std::string_view name, std::uint64_t otherwise) const {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
  }
  std::string text(std::string_view name, std::string_view otherwise) const {
    const auto found = given.find(name);
    return found == given.end() ? std::string(otherwise) : found->second;
  }
};

void print_line(void*, cairn::logging::Level, std::string_view line) {
  fmt::print(stderr, "{} {}\n", cairn::world::World::moment(), line);
}

RunResult run_once(const Arguments& arguments, std::uint64_t seed) {
  if (arguments.text("--kind", "node") == "storage") {
    const auto rounds = static_cast<int>(arguments.number("--rounds", 400));
    return cairn::simulation::simulate_storage({.seed = seed, .rounds = rounds});
  }
  const cairn::simulation::RunOptions options{
      .seed = seed, .faulty = std::chrono::seconds(arguments.number("--seconds", 60))};
  const std::string kind = arguments.text("--kind", "node");
  if (kind == "quorum") return cairn::simulation::simulate_quorum(options);
  if (kind == "replicas") return cairn::simulation::simulate_replicas(options);
  if (kind == "cluster") return cairn::simulation::simulate_cluster(options);
  return cairn::simulation::simulate(options);
}

std::atomic<std::uint64_t> seed_now{0};

/// An assertion or a sanitizer ends the program: say which seed it was.
void tell_seed(int) {
  std::fprintf(stderr, "seed %llu ended the run\n",
               static_cast<unsigned long long>(seed_now.load()));
  std::_Exit(134);
}

bool report(const Arguments& arguments, std::uint64_t seed, const RunResult& result) {
  if (result.violations.empty()) return true;
  fmt::print("seed {} broke ({})\n", seed, result.plan);
  for (std::size_t i = 0; i < result.violations.size() && i < 5; ++i) {
    fmt::print("  {}: {}\n", result.violations[i].invariant, result.violations[i].what);
  }
  fmt::print("  replay: scripts/simulate 1 --kind {} --first {} --log\n",
             arguments.text("--kind", "node"), seed);
  std::fflush(stdout);
  return false;
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

bool is_one_of(std::string_view list, std::string_view word) {
  return fmt::format(",{},", list).find(fmt::format(",{},", word)) != std::string::npos;
}

int run_seeds(const Arguments& arguments) {
  const std::uint64_t first = arguments.number("--first", 1);
  const std::uint64_t count = arguments.number("--seeds", 20);
  const std::uint64_t twice = arguments.number("--twice", 10);
  std::uint64_t bad = 0, ran = 0, acknowledged = 0, faults = 0;
  cairn::Duration virtual_time{0};
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    seed_now = seed;
    const RunResult result = run_once(arguments, seed);
    bad += report(arguments, seed, result) ? 0 : 1;
    acknowledged += result.acknowledged;
    faults += result.faults;
    virtual_time += result.virtual_time;
    ++ran;
    if (bad > 0 && arguments.given.contains("--until-found")) break;
    if (twice > 0 && (seed - first) % twice == 0 &&
        run_once(arguments, seed).trace_hash != result.trace_hash) {
      fmt::print("seed {} left another trace when it ran again\n", seed);
      ++bad;
    }
  }
  const double took = seconds_since(began);
  const auto simulated = std::chrono::duration<double>(virtual_time).count();
  fmt::print(
      "{} {} seeds, {} broke; {:.2f} virtual hours in {:.1f} s ({:.0f} times as fast); "
      "{} acknowledged, {} faults\n",
      ran, arguments.text("--kind", "node"), bad, simulated / 3600, took, simulated / took,
      acknowledged, faults);
  return bad == 0 ? 0 : 1;
}

bool is_wanted(std::string_view wanted, std::string_view id) {
  return wanted == "all" || is_one_of(wanted, id);
}

int run_mutants(const Arguments& arguments) {
  const std::string wanted = arguments.text("--mutants", "all");
  const std::uint64_t most = arguments.number("--most", 1000);
  int missed = 0;
  fmt::print("| guard | without it | run | seeds | found as |\n|---|---|---|---|---|\n");
  for (const cairn::simulation::Mutant& mutant : cairn::simulation::mutants()) {
    if (!is_wanted(wanted, mutant.id)) continue;
    const bool here = mutant.kind != cairn::simulation::RunKind::other;
    const auto found = cairn::simulation::find_missing(mutant, most);
    missed += here && !found ? 1 : 0;
    const std::string seeds = found  ? fmt::format("{}", found->seed)
                              : here ? fmt::format("**not in {}**", most)
                                     : "–";
    fmt::print("| {} | {} | {} | {} | {} |\n", mutant.id, mutant.guard,
               cairn::simulation::name_of(mutant.kind), seeds, found ? found->what : "");
    std::fflush(stdout);
  }
  return missed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  bool log = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--log") {
      log = true;
    } else if (name == "--until-found") {
      arguments.given[std::string(name)] = "yes";
    } else if (i + 1 < argc) {
      arguments.given[std::string(name)] = argv[++i];
    }
  }
  if (log) cairn::logging::set_sink(print_line, nullptr, cairn::logging::Level::trace);
  if (arguments.given.contains("--mutants")) return run_mutants(arguments);
  std::signal(SIGABRT, tell_seed);
#ifdef CAIRN_MUTANTS
  if (arguments.given.contains("--mutant")) cairn::choose_mutant(arguments.given["--mutant"]);
#endif
  return run_seeds(arguments);
}
