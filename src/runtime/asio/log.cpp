// SPDX-License-Identifier: Apache-2.0
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cairn/runtime/asio.hpp>

namespace cairn::runtime::asio {
namespace {

spdlog::level::level_enum level_of(logging::Level level) {
  switch (level) {
    case logging::Level::trace:
      return spdlog::level::trace;
    case logging::Level::debug:
      return spdlog::level::debug;
    case logging::Level::info:
      return spdlog::level::info;
    case logging::Level::warn:
      return spdlog::level::warn;
    case logging::Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void write_line(void* context, logging::Level level, std::string_view line) {
  static_cast<spdlog::logger*>(context)->log(level_of(level),
                                             spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void log_to_stderr(logging::Level lowest) {
  static const std::shared_ptr<spdlog::logger> logger = spdlog::stderr_logger_mt("cairn");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
  logger->set_level(level_of(lowest));
  logger->flush_on(spdlog::level::trace);
  logging::set_sink(&write_line, logger.get(), lowest);
}

}  // namespace cairn::runtime::asio
