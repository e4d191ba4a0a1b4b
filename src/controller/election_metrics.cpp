// SPDX-License-Identifier: Apache-2.0
#include "election_metrics.hpp"

#include <cairn/base/log.hpp>
#include <cairn/metadata/elections.hpp>

namespace cairn::controller {

// Kafka's quorum controllers no longer count all elections; the first name is what it was before.
ElectionMetrics::ElectionMetrics(Metrics& metrics)
    : all_(metrics.counter("kafka_controller_controllerstats_leaderelectionrateandtimems_count",
                           "Partitions that this controller gave another leader.")),
      eligible_(metrics.counter(
          "kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total",
          "Of these, those whose new leader was out of sync, but had all that is committed.")),
      unclean_(metrics.counter("kafka_controller_controllerstats_uncleanleaderelections_total",
                               "Leaders elected out of sync while this controller was active")) {}

void ElectionMetrics::note(const metadata::Image& before,
                           std::span<const metadata::Record> records) {
  for (const auto& [topic, partition, leader, from] : metadata::elections(before, records)) {
    all_.add();
    if (from == metadata::ElectedFrom::eligible) eligible_.add();
    if (from != metadata::ElectedFrom::out_of_sync) continue;
    unclean_.add();
    logging::warn("unclean election: records may be lost partition={}-{} leader={}", topic,
                  partition, leader);
  }
}

}  // namespace cairn::controller
