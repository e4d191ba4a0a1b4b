// SPDX-License-Identifier: Apache-2.0
// cairn_floor [network] [disk] [memory] [produce]: prints a JSON line for each floor; all if none
// is named. Run it on an otherwise idle machine.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "floor.hpp"

int main(int count, char** words) {
  CLI::App app("Measures what this machine can do, to compare Cairn with.");
  cairn::bench::FloorOptions options;
  std::vector<std::string> names;
  app.add_option("floors", names, "network, disk, memory, produce; none: all");
  app.add_option("--directory", options.directory, "where files are written");
  app.add_option("--bytes", options.bytes, "bytes moved by each bulk measurement");
  app.add_option("--warm-bytes", options.warm_bytes, "memory touched before disk work");
  CLI11_PARSE(app, count, words);
  const auto wanted = [&](const char* name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
  };
  if (wanted("memory")) cairn::bench::measure_memory(options);
  if (wanted("network")) cairn::bench::measure_network(options);
  if (wanted("disk")) cairn::bench::measure_disk(options);
  if (wanted("produce")) cairn::bench::measure_produce_server(options);
}
