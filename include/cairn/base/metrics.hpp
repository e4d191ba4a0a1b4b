// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms, named as Kafka's JMX metrics are named in Prometheus. A Metrics
// belongs to one shard and is not shared: its numbers are plain, an increment is one instruction,
// and the http module gathers the shards' by a message. A reference stays valid as long as its
// Metrics.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

/// Label names and values, in the order they are printed.
using Labels = std::vector<std::pair<std::string, std::string>>;

struct Counter {
  double value = 0;
  void add(double more = 1) { value += more; }
};

struct Gauge {
  double value = 0;
  void set(double now) { value = now; }
  void add(double more = 1) { value += more; }
};

/// Counts in buckets of powers of two from 1 µs to about 1 h; quantiles are read from them.
class Histogram {
 public:
  void record(double seconds);

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double max() const { return max_; }
  /// The upper bound of the bucket that holds the quantile; 0 if nothing was recorded.
  double quantile(double q) const;

 private:
  std::array<std::uint64_t, 128> buckets_{};  // four to each power of two
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double max_ = 0;
};

enum class MetricKind { counter, gauge, histogram };

/// One line of what is exposed, copied at the moment of asking.
struct Sample {
  std::string name;
  MetricKind kind;
  std::string help;
  Labels labels;
  double value = 0;     // counter and gauge
  Histogram histogram;  // histogram
};

class Metrics {
 public:
  /// The metric of that name and labels, made on first use. The help text is that of the first use.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {});
  /// A gauge that is asked for its value when it is read; `read` outlives the Metrics or is
  /// removed.
  void observe(std::string_view name, std::string_view help, Labels labels,
               std::function<double()> read);
  /// Forgets all metrics with these labels (a topic that is gone).
  void remove(const Labels& labels);

  std::vector<Sample> samples() const;

 private:
  template <class T>
  struct Family {
    std::string help;
    std::map<Labels, T> members;
  };

  std::map<std::string, Family<Counter>, std::less<>> counters_;
  std::map<std::string, Family<Gauge>, std::less<>> gauges_;
  std::map<std::string, Family<Histogram>, std::less<>> histograms_;
  std::map<std::string, Family<std::function<double()>>, std::less<>> observed_;
};

}  // namespace cairn
