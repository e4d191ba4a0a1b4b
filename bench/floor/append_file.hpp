// SPDX-License-Identifier: Apache-2.0
// A file that is appended to, with or without space allocated ahead (FALLOC_FL_KEEP_SIZE in growing
// steps, as PartitionLog does). It is removed when done.
#pragma once

#include <string>

#include "common/socket.hpp"

namespace cairn::bench {

enum class Space { plain, allocated };

class AppendFile {
 public:
  AppendFile(const std::string& directory, Space space);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  void append(BytesView bytes);
  void sync();
  std::uint64_t size() const { return size_; }
  int number() const { return file_.number(); }

 private:
  std::string path_;
  Space space_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  std::uint64_t allocated_ = 0;
};

}  // namespace cairn::bench
