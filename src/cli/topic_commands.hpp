// SPDX-License-Identifier: Apache-2.0
// The command below `cairn topic` that has a file of its own.
// Owner: add_topic().
#pragma once

#include "program.hpp"

namespace cairn::cli {

void add_topic_describe(CLI::App& topic, Program& program);

}  // namespace cairn::cli
