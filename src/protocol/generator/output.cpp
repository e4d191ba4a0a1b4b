// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace cairn::protocol::generator {

void Output::comment(std::string_view text) {
  const auto width = static_cast<std::size_t>(96 - indent_);
  while (text.size() > width) {
    const auto space = text.rfind(' ', width);
    if (space == std::string_view::npos) break;
    line("/// {}", text.substr(0, space));
    text.remove_prefix(space + 1);
  }
  line("/// {}", text);
}

void Output::write_to(const std::filesystem::path& path) const {
  {
    std::ifstream old(path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(old), {}};
    if (old && content == text_) return;
  }
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text_;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace cairn::protocol::generator
