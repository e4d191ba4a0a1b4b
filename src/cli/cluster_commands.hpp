// SPDX-License-Identifier: Apache-2.0
// The commands below `cairn cluster`, each declared in the file of its name. They work against
// Apache Kafka too.
// Owner: add_cluster().
#pragma once

#include "program.hpp"

namespace cairn::cli {

void add_cluster_health(CLI::App& cluster, Program& program);
void add_cluster_quorum(CLI::App& cluster, Program& program);
void add_cluster_reassign(CLI::App& cluster, Program& program);
void add_cluster_elect(CLI::App& cluster, Program& program);

}  // namespace cairn::cli
