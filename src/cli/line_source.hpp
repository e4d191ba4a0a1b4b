// SPDX-License-Identifier: Apache-2.0
// Lines (or whatever a delimiter separates) of a file or of standard input, read in large pieces.
// Owner: the command that reads.
#pragma once

#include <memory>
#include <optional>

#include "cli.hpp"

namespace cairn::cli {

class LineSource {
 public:
  LineSource(Session& session, std::string delimiter)
      : session_(session), delimiter_(std::move(delimiter)) {}

  /// An empty path or "-" is standard input.
  runtime::Task<Result<>> open(std::string path);
  /// The next line without waiting: nothing if more must be read first (see fill()). The view lives
  /// until fill() is called.
  std::optional<std::string_view> next();
  /// Reads on. False at the end, when next() gives what is left, if anything.
  runtime::Task<Result<bool>> fill();
  std::uint64_t bytes_read() const { return bytes_read_; }
  /// Of the file; 0 if that is not known.
  std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  Session& session_;
  std::string delimiter_;
  std::unique_ptr<runtime::File> file_;
  std::string buffer_;
  std::size_t at_ = 0;        // where the next line begins
  std::size_t searched_ = 0;  // no delimiter begins before this
  bool ended_ = false;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace cairn::cli
