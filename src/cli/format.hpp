// SPDX-License-Identifier: Apache-2.0
// Text in and out of `cairn consume` and its kin: how a record becomes a line (kcat's format
// strings, or JSON), and how a place to begin is written. Pure; what was parsed does not fail
// later. Owner: the command.
#pragma once

#include <string>
#include <vector>

#include <cairn/client/consumer.hpp>

namespace cairn::cli {

/// A format string, parsed once: %t topic, %p partition, %o offset, %k key, %s value, %T timestamp
/// in ms, %h headers, %K %S their lengths (-1 for null), %R value length as 4 big-endian bytes, %%
/// a percent sign; \n \t \r \\ \0 and \xHH.
class RecordFormat {
 public:
  /// invalid_config names nothing more than that a piece is unknown; `why` gets the words.
  static Result<RecordFormat> parse(std::string_view text, std::string& why);

  void append(std::string& to, const TopicPartition& partition,
              const record::RecordView& record) const;

 private:
  struct Piece {
    char what = 0;  // 0: the literal
    std::string literal;
  };
  std::vector<Piece> pieces_;
};

/// The escapes of a separator given on a command line.
Result<std::string> unescape(std::string_view text);

/// One object on a line: topic, partition, offset, timestamp, headers, key, value.
void append_json(std::string& to, const TopicPartition& partition,
                 const record::RecordView& record);

/// Where to begin: "beginning", "end", an offset, "-N" (N before the end), "@TIME" with ms since
/// 1970 or 2026-01-31[T12:00:00[.123]][Z], which is UTC.
struct StartPoint {
  enum class Kind : std::uint8_t { beginning, end, offset, before_end, time };
  Kind kind = Kind::beginning;
  std::int64_t number = 0;  // offset, records before the end, or ms

  static Result<StartPoint> parse(std::string_view text);
};

}  // namespace cairn::cli
