// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/log.hpp>

namespace cairn::logging {
namespace {

// Written once, before threads start.
struct {
  Sink sink = nullptr;
  void* context = nullptr;
  Level lowest = Level::info;
} target;

}  // namespace

void set_sink(Sink sink, void* context, Level lowest) { target = {sink, context, lowest}; }

bool enabled(Level level) { return target.sink != nullptr && level >= target.lowest; }

void write(Level level, std::string_view line) {
  if (enabled(level)) target.sink(target.context, level, line);
}

}  // namespace cairn::logging
