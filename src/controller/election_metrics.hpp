// SPDX-License-Identifier: Apache-2.0
// Counts the elections that this controller decided while it was the active one. Owner: the
// controller's core.
#pragma once

#include <span>

#include <cairn/base/metrics.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::controller {

class ElectionMetrics {
 public:
  explicit ElectionMetrics(Metrics& metrics);

  /// What is decided on `before`. An unclean election is warned of, too.
  void note(const metadata::Image& before, std::span<const metadata::Record> records);

 private:
  Counter& all_;
  Counter& eligible_;
  Counter& unclean_;
};

}  // namespace cairn::controller
