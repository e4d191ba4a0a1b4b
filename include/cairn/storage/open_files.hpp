// SPDX-License-Identifier: Apache-2.0
// An LRU of open files: a hundred thousand partitions live on a few thousand descriptors. A
// FileSlot is embedded where the file belongs (a segment); it holds its file while it is among the
// most recently used. Whoever uses a file holds it, so closing one in use waits for its last user.
// Owner: Environment; used on its shard only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <cairn/runtime/disk.hpp>
#include <cairn/runtime/link.hpp>

namespace cairn::storage {

class OpenFiles;
struct InOpenFiles;

class FileSlot : public runtime::Hook<InOpenFiles> {
 public:
  FileSlot() = default;
  ~FileSlot() { close(); }

  bool is_open() const { return file_ != nullptr; }
  /// Lets go of the file. Users that hold it go on.
  void close();

 private:
  friend class OpenFiles;

  std::shared_ptr<runtime::File> file_;
  OpenFiles* owner_ = nullptr;
};

class OpenFiles {
 public:
  explicit OpenFiles(std::size_t capacity) : capacity_(capacity) {}

  /// The slot's file if it is open, now the most recently used; null if it is not.
  std::shared_ptr<runtime::File> find(FileSlot& slot);
  /// The slot's file, opened if need be. REQUIRES: the slot lives until this returns.
  runtime::Task<Result<std::shared_ptr<runtime::File>>> open(FileSlot& slot, runtime::Disk& disk,
                                                             std::string path,
                                                             runtime::OpenMode mode);
  /// Keeps a file that was just opened.
  void keep(FileSlot& slot, std::shared_ptr<runtime::File> file);

  std::size_t size() const { return size_; }
  void set_capacity(std::size_t capacity);

 private:
  friend class FileSlot;

  void evict();

  std::size_t capacity_;
  std::size_t size_ = 0;
  runtime::List<FileSlot, runtime::Hook<InOpenFiles>> used_;  // least recently used first
};

}  // namespace cairn::storage
