// SPDX-License-Identifier: Apache-2.0
#include <cairn/base/mutant.hpp>
#include <cairn/runtime/disk.hpp>

namespace cairn::runtime {

std::string parent_directory(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

Task<Result<Bytes>> read_file(Disk& disk, std::string path) {
  CO_TRY(auto file, co_await disk.open(std::move(path), OpenMode::read));
  CO_TRY(const std::uint64_t size, co_await file->size());
  Bytes content(size);
  CO_TRY(const std::size_t read, co_await file->read_at(0, content));
  content.resize(read);
  co_return content;
}

Task<Result<>> replace_file(Disk& disk, std::string path, Bytes content) {
  const std::string temporary = path + ".tmp";
  {
    CO_TRY(auto file, co_await disk.open(temporary, OpenMode::create));
    CO_TRY(co_await file->truncate(0));
    const BytesView parts[] = {content};
    CO_TRY(co_await file->write_at(0, parts));
    if (!MUTANT("L28-rename")) {
      CO_TRY(co_await file->sync());
    }
  }
  CO_TRY(co_await disk.rename(temporary, path));
  co_return co_await disk.sync_directory(parent_directory(path));
}

}  // namespace cairn::runtime
