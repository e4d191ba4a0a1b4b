// SPDX-License-Identifier: Apache-2.0
// The face of logging: a level and one line of text that names topic, partition, client and cause
// as key=value. Where lines go is set once by the program (runtime/asio: spdlog; the simulator: its
// trace); without a sink they vanish. Never log a secret or the content of a record.
#pragma once

#include <string_view>

#include <fmt/format.h>

namespace cairn::logging {

enum class Level { trace, debug, info, warn, error };

using Sink = void (*)(void* context, Level level, std::string_view line);

/// Sets the process's sink and the lowest level it gets. Call before any thread starts.
void set_sink(Sink sink, void* context, Level lowest);

bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... Args>
void log(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  log(Level::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  log(Level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  log(Level::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  log(Level::error, format, std::forward<Args>(args)...);
}

}  // namespace cairn::logging
