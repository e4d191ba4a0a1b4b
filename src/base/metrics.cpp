// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include <cairn/base/metrics.hpp>

namespace cairn {
namespace {

constexpr double lowest_bound = 1e-6;
constexpr double buckets_a_power = 4;
constexpr double inner_bounds[] = {0.5, 0.5946035575013605, 0.7071067811865476,
                                   0.8408964152537145};  // 2^(-4/4) to 2^(-1/4)

/// ceil(log2(seconds / lowest_bound) * buckets_a_power), without a logarithm: it is taken for every
/// request.
std::size_t bucket_of(double seconds) {
  if (!(seconds > lowest_bound)) return 0;
  int power = 0;
  const double fraction = std::frexp(seconds / lowest_bound, &power);  // in [1/2, 1)
  auto bucket = static_cast<std::size_t>(power - 1) * 4;
  for (const double bound : inner_bounds) bucket += fraction > bound ? 1 : 0;
  return bucket;
}

template <class Families>
auto& member(Families& families, std::string_view name, std::string_view help, Labels labels) {
  auto family = families.find(name);
  if (family == families.end()) {
    family = families.emplace(std::string(name), typename Families::mapped_type{}).first;
    family->second.help = help;
  }
  return family->second.members[std::move(labels)];
}

template <class Families, class Fill>
void copy(const Families& families, MetricKind kind, std::vector<Sample>& to, Fill fill) {
  for (const auto& [name, family] : families) {
    for (const auto& [labels, metric] : family.members) {
      Sample& sample = to.emplace_back(Sample{name, kind, family.help, labels, 0, {}});
      fill(metric, sample);
    }
  }
}

}  // namespace

void Histogram::record(double seconds) {
  ++buckets_[std::min(bucket_of(seconds), buckets_.size() - 1)];
  ++count_;
  sum_ += seconds;
  max_ = std::max(max_, seconds);
}

double Histogram::quantile(double q) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) {
      return std::min(lowest_bound * std::exp2(static_cast<double>(i) / buckets_a_power), max_);
    }
  }
  return 0;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  return member(counters_, name, help, std::move(labels));
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  return member(gauges_, name, help, std::move(labels));
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels) {
  return member(histograms_, name, help, std::move(labels));
}

void Metrics::observe(std::string_view name, std::string_view help, Labels labels,
                      std::function<double()> read) {
  member(observed_, name, help, std::move(labels)) = std::move(read);
}

void Metrics::remove(const Labels& labels) {
  const auto forget = [&labels](auto& families) {
    for (auto& [name, family] : families) family.members.erase(labels);
  };
  forget(counters_);
  forget(gauges_);
  forget(histograms_);
  forget(observed_);
}

std::vector<Sample> Metrics::samples() const {
  std::vector<Sample> all;
  copy(counters_, MetricKind::counter, all, [](auto& from, Sample& to) { to.value = from.value; });
  copy(gauges_, MetricKind::gauge, all, [](auto& from, Sample& to) { to.value = from.value; });
  copy(observed_, MetricKind::gauge, all, [](auto& from, Sample& to) { to.value = from(); });
  copy(histograms_, MetricKind::histogram, all,
       [](auto& from, Sample& to) { to.histogram = from; });
  return all;
}

}  // namespace cairn
