// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/measure.hpp"
#include "options.hpp"
#include "pump.hpp"

namespace cairn::bench {
namespace {

/// Reads a partition from its beginning to its end, and again.
class CatchUpLane : public Lane {
 public:
  CatchUpLane(const std::string& topic, std::int32_t partition, const FetchShape& shape,
              std::uint64_t& received)
      : frame_(topic, partition, shape), received_(received) {}

  Bytes* next(std::int64_t) override { return &frame_.bytes(); }
  void answered(BytesView response, std::int64_t, std::int64_t) override {
    const FetchAnswer answer = parse_fetch_answer(response);
    received_ += answer.records.size();
    frame_.set_offset(answer.next_offset < 0 ? 0 : answer.next_offset);
  }

 private:
  FetchFrame frame_;
  std::uint64_t& received_;
};

}  // namespace

void measure_fetch(const Options& options) {
  Cluster cluster(options.bootstrap);
  std::uint64_t received = 0;
  Pump pump;
  std::vector<std::unique_ptr<CatchUpLane>> lanes;
  const FetchShape shape{.max_wait_ms = 0, .min_bytes = 0};
  for (std::size_t i = 0; i < options.connections; ++i) {
    const auto partition =
        static_cast<std::int32_t>(i % static_cast<std::size_t>(options.partitions));
    lanes.push_back(std::make_unique<CatchUpLane>(options.topic, partition, shape, received));
    // One request at a time: where the next one begins is known from the answer.
    pump.add(connect_to(cluster.address().host, cluster.address().port), 1, *lanes.back());
  }
  pump.run([&] { return received >= options.bytes / 4; });
  received = 0;
  const CpuWatch watch(options.pids);
  const std::int64_t began = now_ns();
  pump.run([&] { return received >= options.bytes; });
  const double seconds = static_cast<double>(now_ns() - began) / 1e9;
  const double gigabytes = static_cast<double>(received) / 1e9;
  Row(row_name(options, "fetch"))
      .number("server_cpu_s_per_gb", watch.server() / gigabytes)
      .number("mb_per_s", gigabytes * 1000 / seconds)
      .number("client_cpu_s_per_gb", watch.own() / gigabytes)
      .number("others_cpu_s", watch.others())
      .print();
}

}  // namespace cairn::bench
