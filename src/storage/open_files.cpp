// SPDX-License-Identifier: Apache-2.0
#include <cairn/storage/open_files.hpp>

namespace cairn::storage {

void FileSlot::close() {
  if (file_ == nullptr) return;
  unlink();
  --owner_->size_;
  file_.reset();
}

std::shared_ptr<runtime::File> OpenFiles::find(FileSlot& slot) {
  if (slot.is_open()) used_.push_back(slot);
  return slot.file_;
}

runtime::Task<Result<std::shared_ptr<runtime::File>>> OpenFiles::open(FileSlot& slot,
                                                                      runtime::Disk& disk,
                                                                      std::string path,
                                                                      runtime::OpenMode mode) {
  if (slot.is_open()) co_return find(slot);
  CO_TRY(std::unique_ptr<runtime::File> opened, co_await disk.open(std::move(path), mode));
  if (slot.is_open()) co_return find(slot);  // another task was quicker
  std::shared_ptr<runtime::File> file = std::move(opened);
  keep(slot, file);
  co_return file;
}

void OpenFiles::keep(FileSlot& slot, std::shared_ptr<runtime::File> file) {
  slot.close();
  slot.file_ = std::move(file);
  slot.owner_ = this;
  used_.push_back(slot);
  ++size_;
  evict();
}

void OpenFiles::set_capacity(std::size_t capacity) {
  capacity_ = capacity;
  evict();
}

void OpenFiles::evict() {
  while (size_ > capacity_ && size_ > 1) used_.front().close();
}

}  // namespace cairn::storage
