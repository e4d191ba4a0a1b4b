// SPDX-License-Identifier: Apache-2.0
#include "append_file.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace cairn::bench {
namespace {

constexpr std::uint64_t allocation_step = std::uint64_t{32} << 20;

}  // namespace

AppendFile::AppendFile(const std::string& directory, Space space)
    : path_(directory + "/.cairn-floor"),
      space_(space),
      file_(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
  if (file_.number() < 0) give_up("open " + path_);
}

AppendFile::~AppendFile() { unlink(path_.c_str()); }

void AppendFile::append(BytesView bytes) {
  if (space_ == Space::allocated && size_ + bytes.size() > allocated_) {
    const auto from = static_cast<off_t>(allocated_);
    const auto length = static_cast<off_t>(allocation_step + bytes.size());
    if (fallocate(file_.number(), FALLOC_FL_KEEP_SIZE, from, length) != 0) give_up("fallocate");
    allocated_ += static_cast<std::uint64_t>(length);
  }
  while (!bytes.empty()) {
    const ssize_t wrote =
        pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (wrote <= 0) give_up("write " + path_);
    size_ += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
}

void AppendFile::sync() {
  if (fdatasync(file_.number()) != 0) give_up("fdatasync " + path_);
}

}  // namespace cairn::bench
