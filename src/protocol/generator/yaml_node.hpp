// SPDX-License-Identifier: Apache-2.0
// A YAML mapping of a schema file that is read key by key: it remembers which keys were asked for,
// so that a misspelt one is an error, and every error says where it is.
#pragma once

#include <optional>
#include <set>
#include <string>

#include <yaml-cpp/yaml.h>

#include "schema_reader.hpp"

namespace cairn::protocol::generator {

class Mapping {
 public:
  /// `what` names it in errors: "field LeaderEpoch".
  Mapping(std::string file, YAML::Node node, std::string what);

  std::optional<std::string> text(const std::string& key);
  std::string required_text(const std::string& key);
  std::optional<int> number(const std::string& key);
  int required_number(const std::string& key);
  bool flag(const std::string& key);
  /// "3-13", "9+", "0" or "none". Missing is none.
  Versions versions(const std::string& key);
  Versions required_versions(const std::string& key);
  YAML::Node list(const std::string& key);
  Mapping mapping(const std::string& key);
  bool has(const std::string& key) const;

  /// Every key was asked for, or SchemaError.
  void finish() const;
  [[noreturn]] void fail(const std::string& problem) const;
  void rename(std::string what) { what_ = std::move(what); }
  const std::string& file() const { return file_; }

 private:
  YAML::Node find(const std::string& key);

  std::string file_;
  YAML::Node node_;
  std::string what_;
  std::set<std::string> asked_;
};

}  // namespace cairn::protocol::generator
