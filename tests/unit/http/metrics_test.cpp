// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cairn/http/metrics.hpp>

namespace cairn::http {
namespace metrics_test {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const std::vector<const Metrics*>& shards) {
  std::vector<Sample> all;
  for (const auto* metrics : shards) {
    for (auto& sample : metrics->samples()) all.push_back(std::move(sample));
  }
  MetricsText text;
  write_samples(text, std::move(all));
  return text.take();
}

}  // namespace metrics_test

using namespace metrics_test;

TEST(MetricsText, prints_a_family_once_with_help_and_type) {
  Metrics metrics;
  metrics.counter("b_total", "Bs.", {{"topic", "y"}}).add(2);
  metrics.counter("b_total", "Bs.", {{"topic", "x"}}).add(1.5);
  metrics.gauge("a", "As.").set(-3);
  EXPECT_EQ(text_of({&metrics}),
            "# HELP a As.\n# TYPE a gauge\na -3\n"
            "# HELP b_total Bs.\n# TYPE b_total counter\n"
            "b_total{topic=\"x\"} 1.5\nb_total{topic=\"y\"} 2\n");
}

TEST(MetricsText, adds_up_what_several_shards_count) {
  Metrics one, two;
  one.counter("c_total", "Cs.").add(1);
  two.counter("c_total", "Cs.").add(2);
  two.counter("c_total", "Cs.", {{"listener", "A"}}).add(5);
  EXPECT_EQ(text_of({&one, &two}),
            "# HELP c_total Cs.\n# TYPE c_total counter\nc_total 3\nc_total{listener=\"A\"} 5\n");
}

TEST(MetricsText, lets_others_add_to_a_family_behind_its_own_lines) {
  Metrics metrics;
  metrics.counter("a_total", "As.").add(3);
  metrics.counter("b_total", "Bs.").add(1);
  MetricsText text;
  write_samples(text, metrics.samples(), [](MetricsText& more, std::string_view family) {
    const std::string topic = "t";
    if (family == "a_total") more.sample({{"topic", topic}}, 2);
  });
  EXPECT_EQ(text.take(),
            "# HELP a_total As.\n# TYPE a_total counter\na_total 3\na_total{topic=\"t\"} 2\n"
            "# HELP b_total Bs.\n# TYPE b_total counter\nb_total 1\n");
}

TEST(MetricsText, escapes_labels_and_help) {
  Metrics metrics;
  metrics.gauge("g", "a\\b\n\"c\"", {{"client", "a\"b\\c\nd"}}).set(1);
  EXPECT_EQ(text_of({&metrics}),
            "# HELP g a\\\\b\\n\"c\"\n# TYPE g gauge\ng{client=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(MetricsText, prints_numbers_that_prometheus_reads) {
  MetricsText text;
  text.family("n", MetricKind::gauge, "Ns.");
  for (const double value : {0.0, 1e15, 0.25, 1e300, std::nan("")}) text.sample(Labels{}, value);
  text.sample(Labels{}, HUGE_VAL);
  EXPECT_THAT(text.take(), ::testing::EndsWith("n 0\nn 1000000000000000\nn 0.25\nn 1e+300\nn NaN\n"
                                               "n +Inf\n"));
}

TEST(MetricsText, prints_histograms_as_summaries_in_the_unit_of_their_name) {
  Metrics metrics;
  auto& histogram = metrics.histogram("kafka_network_requestmetrics_totaltimems", "Time.",
                                      {{"request", "Fetch"}});
  for (int i = 0; i < 100; ++i) histogram.record(0.010);
  const auto text = text_of({&metrics});
  EXPECT_THAT(text, HasSubstr("# TYPE kafka_network_requestmetrics_totaltimems summary\n"));
  EXPECT_THAT(
      text,
      HasSubstr("kafka_network_requestmetrics_totaltimems{request=\"Fetch\",quantile=\"0.99\"} "
                "10\n"));
  EXPECT_THAT(text, HasSubstr("kafka_network_requestmetrics_totaltimems_count{request=\"Fetch\"} "
                              "100\n"));
}

TEST(MetricsText, of_forty_thousand_partitions_takes_less_than_100_ms) {
  constexpr int partitions = 40'000;
  const auto begin = std::chrono::steady_clock::now();
  MetricsText text;
  for (const auto* name : {"kafka_log_log_size", "kafka_log_log_logendoffset",
                           "kafka_log_log_logstartoffset", "kafka_log_log_numlogsegments"}) {
    text.family(name, MetricKind::gauge, "Of a partition.");
    for (int i = 0; i < partitions; ++i) {
      char number[12];
      const auto end = std::to_chars(number, number + sizeof number, i).ptr;
      text.sample({{"topic", "orders"}, {"partition", std::string_view(number, end)}}, i);
    }
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(text.take().size(), 4u * partitions * 30);
#if !defined(__has_feature) || !__has_feature(address_sanitizer)
  EXPECT_LT(took, std::chrono::milliseconds(100));
#else
  EXPECT_LT(took, std::chrono::milliseconds(1000));  // sanitizers cost about ten times
#endif
}

}  // namespace cairn::http
