// SPDX-License-Identifier: Apache-2.0
// Prometheus' text format. A node with 40,000 partitions has some 200,000 lines: labels and numbers
// are appended to one string, nothing is allocated for a line.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <cairn/http/metrics.hpp>

namespace cairn::http {

namespace {

constexpr std::array<std::pair<double, std::string_view>, 6> quantiles = {{{0.5, "0.5"},
                                                                           {0.75, "0.75"},
                                                                           {0.95, "0.95"},
                                                                           {0.98, "0.98"},
                                                                           {0.99, "0.99"},
                                                                           {0.999, "0.999"}}};

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
    return;
  }
  char buffer[40];
  constexpr double exact = 9007199254740992.0;  // 2^53: whole numbers up to here print as such
  const auto end =
      value == std::trunc(value) && std::fabs(value) <= exact
          ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<std::int64_t>(value)).ptr
          : std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

/// Escapes for a label's value, or (without quotes) for a help text.
void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  if (text.find_first_of("\\\n\"") == text.npos) {
    out += text;
    return;
  }
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && in_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void append_label(std::string& out, bool& first, std::string_view name, std::string_view value) {
  out += first ? '{' : ',';
  first = false;
  out += name;
  out += "=\"";
  append_escaped(out, value, true);
  out += '"';
}

std::string_view type_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      return "summary";
  }
  return "untyped";
}

/// One name and label set over all shards.
struct Merged {
  std::array<double, quantiles.size()> at_quantile{};
  double count = 0;
  double sum = 0;
  double value = 0;
};

void merge(Merged& into, const Sample& sample) {
  into.value += sample.value;
  if (sample.kind != MetricKind::histogram) return;
  into.count += static_cast<double>(sample.histogram.count());
  into.sum += sample.histogram.sum();
  for (std::size_t i = 0; i < quantiles.size(); ++i) {
    into.at_quantile[i] =
        std::max(into.at_quantile[i], sample.histogram.quantile(quantiles[i].first));
  }
}

}  // namespace

void MetricsText::family(std::string_view name, MetricKind kind, std::string_view help) {
  name_ = name;
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  append_escaped(text_, help, false);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += type_name(kind);
  text_ += '\n';
}

void MetricsText::labels_from(const Labels& labels, std::string_view quantile) {
  bool first = true;
  for (const auto& [name, value] : labels) append_label(text_, first, name, value);
  if (!quantile.empty()) append_label(text_, first, "quantile", quantile);
  if (!first) text_ += '}';
}

void MetricsText::line_end(double value) {
  text_ += ' ';
  append_number(text_, value);
  text_ += '\n';
}

void MetricsText::sample(const Labels& labels, double value) {
  text_ += name_;
  labels_from(labels, {});
  line_end(value);
}

void MetricsText::sample(
    std::initializer_list<std::pair<std::string_view, std::string_view>> labels, double value) {
  text_ += name_;
  bool first = true;
  for (const auto& [name, label] : labels) append_label(text_, first, name, label);
  if (!first) text_ += '}';
  line_end(value);
}

class SampleWriter {
 public:
  explicit SampleWriter(MetricsText& text) : text_(text) {}

  void write(const Sample& sample, const Merged& merged) {
    if (sample.kind != MetricKind::histogram) {
      text_.sample(sample.labels, merged.value);
      return;
    }
    const double unit = sample.name.ends_with("ms") ? 1000 : 1;
    for (std::size_t i = 0; i < quantiles.size(); ++i) {
      line(sample, "", quantiles[i].second, merged.at_quantile[i] * unit);
    }
    line(sample, "_sum", "", merged.sum * unit);
    line(sample, "_count", "", merged.count);
  }

 private:
  void line(const Sample& sample, std::string_view suffix, std::string_view quantile,
            double value) {
    text_.text_ += sample.name;
    text_.text_ += suffix;
    text_.labels_from(sample.labels, quantile);
    text_.line_end(value);
  }

  MetricsText& text_;
};

void write_samples(MetricsText& text, std::vector<Sample> samples, const AddToFamily& more) {
  // Histograms make samples large: their order is sorted, not they.
  std::vector<const Sample*> order;
  order.reserve(samples.size());
  for (const auto& sample : samples) order.push_back(&sample);
  std::ranges::sort(order, [](const Sample* a, const Sample* b) {
    return std::tie(a->name, a->labels) < std::tie(b->name, b->labels);
  });
  SampleWriter writer(text);
  std::string_view family;
  for (auto at = order.begin(); at != order.end();) {
    const Sample& sample = **at;
    if (sample.name != family) text.family(sample.name, sample.kind, sample.help);
    family = sample.name;
    Merged merged;
    for (; at != order.end() && (*at)->name == sample.name && (*at)->labels == sample.labels;
         ++at) {
      merge(merged, **at);
    }
    writer.write(sample, merged);
    if (more && (at == order.end() || (*at)->name != family)) more(text, family);
  }
}

}  // namespace cairn::http
