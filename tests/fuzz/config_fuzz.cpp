// SPDX-License-Identifier: Apache-2.0
// Configuration files are written by people and machines: any text must end in settings or in
// problems, and what passes must make a node's configuration or say why not.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <cairn/config/describe.hpp>

namespace {

void try_settings(std::vector<cairn::config::Setting> settings, cairn::config::Problems problems) {
  using namespace cairn::config;
  // Looking for the nearest key is slow, and the same for the first unknown key as for the tenth.
  int unknown = 0;
  std::erase_if(settings, [&unknown](const Setting& setting) {
    return find(Scope::broker, setting.key) == nullptr && ++unknown > 2;
  });
  StaticConfig config;
  config.add(std::move(settings), problems);
  if (config.all().empty()) return;
  auto server = make_server_config(std::move(config), "/data");
  if (!server) return;
  (void)print_config(*server, PrintFormat::json);
  (void)describe_broker(*server);
  (void)describe_topic(*server, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cairn::config;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Problems problems;
  auto settings = data[0] % 2 == 0 ? parse_properties(text, "fuzz", problems)
                                   : parse_yaml(text, "fuzz", problems);
  static const ServerConfig node = *make_server_config({}, "/data");
  Overrides overrides;
  for (const auto& setting : settings) overrides[setting.key] = setting.value;
  if (validate_topic(node, overrides)) (void)describe_topic(node, overrides);
  if (validate_group(node, overrides)) (void)describe_group(node, overrides);
  (void)validate_client_metrics("fuzz", overrides);
  try_settings(std::move(settings), std::move(problems));
  return 0;
}
