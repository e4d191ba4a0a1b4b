// SPDX-License-Identifier: Apache-2.0
#include "line_source.hpp"

#include <algorithm>

namespace cairn::cli {

runtime::Task<Result<>> LineSource::open(std::string path) {
  if (path.empty() || path == "-") co_return Result<>{};
  CO_TRY(const auto status, co_await session_.disk.stat(path));
  if (!status.exists) co_return fail(ErrorCode::unknown_server_error, runtime::not_found_reason);
  if (status.is_directory) co_return fail(ErrorCode::unknown_server_error, "it is a directory");
  CO_TRY(file_, co_await session_.disk.open(path, runtime::OpenMode::read));
  total_bytes_ = status.size;
  co_return Result<>{};
}

std::optional<std::string_view> LineSource::next() {
  const auto found = buffer_.find(delimiter_, std::max(at_, searched_));
  if (found != std::string::npos) {
    const std::string_view line(buffer_.data() + at_, found - at_);
    at_ = found + delimiter_.size();
    return line;
  }
  searched_ = buffer_.size() - std::min(buffer_.size(), delimiter_.size() - 1);
  if (ended_ && at_ < buffer_.size()) {
    const std::string_view line(buffer_.data() + at_, buffer_.size() - at_);
    at_ = buffer_.size();
    return line;
  }
  return std::nullopt;
}

runtime::Task<Result<bool>> LineSource::fill() {
  constexpr std::size_t piece = 256 * 1024;
  if (ended_) co_return false;
  buffer_.erase(0, at_);
  searched_ -= std::min(searched_, at_);
  at_ = 0;
  const auto before = buffer_.size();
  buffer_.resize(before + piece);
  const MutableBytes room(reinterpret_cast<std::byte*>(buffer_.data()) + before, piece);
  auto read =
      file_ ? co_await file_->read_at(bytes_read_, room) : co_await session_.input.read_some(room);
  buffer_.resize(before + (read ? *read : 0));
  if (!read) co_return std::unexpected(read.error());
  bytes_read_ += *read;
  ended_ = *read == 0;
  co_return !ended_;
}

}  // namespace cairn::cli
