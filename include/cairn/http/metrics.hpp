// SPDX-License-Identifier: Apache-2.0
// Metrics in Prometheus' text format 0.0.4, with the names that Kafka's JMX metrics get there.
// Samples of several shards with the same name and labels become one: counters and gauges are
// added; of histograms counts and sums are added and each quantile is the largest. What exists once
// per partition is written straight into the text at the moment of asking, since it would cost
// memory for every idle partition to keep it as metrics.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/metrics.hpp>
#include <cairn/http/message.hpp>

namespace cairn::http {

/// Writes families one after the other; all samples of a family follow its `family` call.
class MetricsText {
 public:
  void family(std::string_view name, MetricKind kind, std::string_view help);
  void sample(const Labels& labels, double value);
  /// For many samples: labels as pairs of views, nothing is allocated but the text.
  void sample(std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
              double value);
  std::string take() { return std::move(text_); }

 private:
  friend class SampleWriter;

  void labels_from(const Labels& labels, std::string_view quantile);
  void line_end(double value);

  std::string text_;
  std::string name_;
};

/// Adds lines to the family of that name, behind those it has.
using AddToFamily = std::function<void(MetricsText&, std::string_view family)>;

/// Families sorted by name, histograms as summaries. Names that end in "ms" are in milliseconds.
void write_samples(MetricsText& text, std::vector<Sample> samples, const AddToFamily& more = {});

struct MetricsSource {
  /// The samples of all shards.
  std::function<runtime::Task<std::vector<Sample>>()> gather;
  /// Writes what exists once per partition; may be empty.
  std::function<runtime::Task<>(MetricsText&)> write_partitions;
  /// What families of the samples have once per topic; may be empty.
  AddToFamily write_topics = {};
};

/// Adds /metrics.
void add_metrics_route(Routes& routes, MetricsSource source);

struct Readiness {
  bool ready = false;
  std::string why;  // one line, shown when not ready
};

/// Adds /health/live, which answers while the process turns, and /health/ready, 200 or 503.
void add_health_routes(Routes& routes, std::function<Readiness()> readiness);

}  // namespace cairn::http
