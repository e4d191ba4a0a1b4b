// SPDX-License-Identifier: Apache-2.0
// cairn_bench MEASUREMENT [options]: loads a server that speaks Kafka's protocol, Cairn or Kafka,
// and prints one JSON line. `cairn_bench --help` names the measurements.
#include <CLI/CLI.hpp>

#include "common/measure.hpp"
#include "options.hpp"

namespace cairn::bench {

CpuWatch::CpuWatch(std::span<const pid_t> pids)
    : pids_(pids), server_(process_cpu(pids)), own_(own_cpu()), busy_(busy_cpu()) {}

double CpuWatch::server() const { return process_cpu(pids_) - server_; }
double CpuWatch::own() const { return own_cpu() - own_; }
double CpuWatch::others() const { return busy_cpu() - busy_ - server() - own(); }

Cluster::Configs configs_of(const Options& options) {
  Cluster::Configs configs;
  for (const std::string& config : options.configs) {
    const auto equals = config.find('=');
    if (equals == std::string::npos) give_up("a topic's config is key=value, not " + config);
    configs[config.substr(0, equals)] = config.substr(equals + 1);
  }
  return configs;
}

std::string row_name(const Options& options, const char* measurement) {
  return options.name.empty() ? measurement : options.name;
}

namespace {

struct Measurement {
  const char* name;
  const char* help;
  void (*run)(const Options&);
};

constexpr Measurement measurements[] = {
    {"produce", "closed loop until --bytes of values are acknowledged", measure_produce},
    {"acks", "closed loop for --seconds, one request in flight a connection", measure_acks},
    {"fetch", "reads --topic again and again until --bytes arrived", measure_fetch},
    {"tail", "--rate MB a second in, --consumers that follow", measure_tail},
    {"latency", "open loop of --rate records a second, end to end", measure_latency},
    {"beside", "open loop alone, and beside --consumers that read --cold-topic from the disk",
     measure_beside},
    {"start", "from exec of the command after -- to the first acknowledged record", measure_start},
    {"memory", "resident memory, and what --connections idle connections add", measure_memory},
    {"create", "1,000 partitions in 100 topics and in one", measure_create},
};

void add_options(CLI::App& app, Options& options, std::string& codec) {
  app.add_option("--bootstrap", options.bootstrap, "host:port of the server");
  app.add_option("--name", options.name, "name of the row");
  app.add_option("--pid", options.pids, "processes whose CPU and memory are measured");
  app.add_option("--topic", options.topic);
  app.add_option("--partitions", options.partitions);
  app.add_option("--config", options.configs, "key=value of the topic");
  app.add_option("--replicas", options.replicas,
                 "of each partition, its leader first, which is --bootstrap");
  app.add_option("--connections", options.connections);
  app.add_option("--in-flight", options.in_flight, "requests a connection");
  app.add_option("--acks", options.acks, "0, 1 or -1");
  app.add_option("--batch-bytes", options.shape.batch_bytes);
  app.add_option("--record-bytes", options.shape.record_bytes);
  app.add_option("--codec", codec, "none, gzip, snappy, lz4, zstd");
  app.add_flag("--idempotent", options.idempotent);
  app.add_option("--bytes", options.bytes, "of values, in all");
  app.add_option("--seconds", options.seconds);
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before measuring");
  app.add_option("--rate", options.rate);
  app.add_option("--consumers", options.consumers);
  app.add_option("--cold-topic", options.cold_topic);
  app.add_option("--warm-bytes", options.warm_bytes, "memory touched and freed as the run writes");
}

}  // namespace
}  // namespace cairn::bench

int main(int count, char** words) {
  using namespace cairn::bench;
  CLI::App app("Loads a server that speaks Kafka's protocol and measures it.");
  Options options;
  std::string codec = "none";
  std::string chosen;
  std::vector<std::string> known = {"probe"};
  std::string help = "probe (is memory warm?)";
  for (const Measurement& each : measurements) {
    known.emplace_back(each.name);
    help += std::string("; ") + each.name + ": " + each.help;
  }
  app.add_option("measurement", chosen, help)->required()->check(CLI::IsMember(known));
  add_options(app, options, codec);
  app.add_option("--directory", options.data_directory,
                 "where probe writes, or the server's log.dirs");
  app.add_option("command", options.command, "after --: the server's command, for start");
  CLI11_PARSE(app, count, words);
  const auto parsed = cairn::record::parse_codec(codec);
  if (!parsed) give_up("unknown codec " + codec);
  options.shape.codec = *parsed;
  if (chosen == "probe") {
    Row("probe").number("cpu_s_per_gb", append_probe(options.data_directory)).print();
  }
  for (const Measurement& each : measurements) {
    if (chosen == each.name) each.run(options);
  }
}
