// SPDX-License-Identifier: Apache-2.0
// YAML: a map of Kafka's flat keys to scalars or to sequences of scalars.
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cairn/config/settings.hpp>

namespace cairn::config {

namespace {

class YamlReader {
 public:
  YamlReader(std::string_view file_name, Problems& problems)
      : file_name_(file_name), problems_(problems) {}

  std::vector<Setting> read(const YAML::Node& root) {
    if (!root || root.IsNull()) return {};
    if (!root.IsMap()) {
      problem(root, "a configuration is lines of \"key: value\", for example \"node.id: 1\"");
      return {};
    }
    for (const auto& pair : root) read_pair(pair.first, pair.second);
    return std::move(settings_);
  }

 private:
  void read_pair(const YAML::Node& key_node, const YAML::Node& value_node) {
    if (!key_node.IsScalar()) {
      problem(key_node, "a key is a plain word such as log.dirs");
      return;
    }
    const auto& key = key_node.Scalar();
    if (!seen_.insert(key).second) {
      problem(key_node, fmt::format("{} is given twice; keep one of them", key));
      return;
    }
    if (value_node.IsScalar() || value_node.IsNull()) {
      add(key_node, value_node.IsScalar() ? value_node.Scalar() : "");
    } else if (value_node.IsSequence()) {
      read_sequence(key_node, value_node);
    } else {
      nested_map(key_node, value_node);
    }
  }

  void read_sequence(const YAML::Node& key_node, const YAML::Node& sequence) {
    std::string joined;
    for (const auto& element : sequence) {
      if (!element.IsScalar()) {
        problem(element, fmt::format("{} is a list of plain values, or one value with commas",
                                     key_node.Scalar()));
        return;
      }
      if (!joined.empty()) joined += ',';
      joined += element.Scalar();
    }
    add(key_node, std::move(joined));
  }

  /// Says how the first entry of a nested map is written flat.
  void nested_map(const YAML::Node& key_node, const YAML::Node& map) {
    std::string inner = "key";
    for (const auto& pair : map) {
      if (pair.first.IsScalar()) inner = pair.first.Scalar();
      break;
    }
    problem(key_node, fmt::format("{0} holds a map, but keys are flat as in Kafka: write "
                                  "\"{0}.{1}: ...\" on a line of its own",
                                  key_node.Scalar(), inner));
  }

  void add(const YAML::Node& key_node, std::string value) {
    settings_.push_back({.key = key_node.Scalar(),
                         .value = std::move(value),
                         .origin = Origin::file,
                         .where = place(key_node)});
  }

  std::string place(const YAML::Node& node) const {
    return fmt::format("{}:{}", file_name_, node.Mark().line + 1);
  }

  void problem(const YAML::Node& node, std::string_view what) {
    problems_.push_back(fmt::format("{}: {}", place(node), what));
  }

  std::string_view file_name_;
  Problems& problems_;
  std::vector<Setting> settings_;
  std::set<std::string> seen_;
};

}  // namespace

std::vector<Setting> parse_yaml(std::string_view text, std::string_view file_name,
                                Problems& problems) {
  try {  // yaml-cpp reports by throwing
    return YamlReader(file_name, problems).read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    const auto line = error.mark.is_null() ? 1 : error.mark.line + 1;
    problems.push_back(fmt::format("{}:{}: this is not YAML: {}", file_name, line, error.msg));
    return {};
  }
}

std::vector<Setting> parse_file(std::string_view text, std::string_view file_name,
                                Problems& problems) {
  return file_name.ends_with(".properties") ? parse_properties(text, file_name, problems)
                                            : parse_yaml(text, file_name, problems);
}

}  // namespace cairn::config
