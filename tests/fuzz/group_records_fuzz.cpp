// SPDX-License-Identifier: Apache-2.0
// Records of __consumer_offsets, as a load meets them, and the user data of assignors. First byte:
// the length of the key; what follows it is key, then value. What is accepted reads back the same.
#include <cairn/base/assert.hpp>
#include <cairn/group/consumer_protocol.hpp>
#include <cairn/group/group_machine.hpp>

namespace {

using namespace cairn;

void check_record(BytesView key, BytesView value) {
  group::GroupMachine machine{group::GroupConfig{}};
  const bool taken = machine.apply(key, value, Offset(0)).has_value();
  const auto parsed = group::parse_record(key, value);
  ASSERT(taken == parsed.has_value(), "a machine takes what can be parsed");
  if (!taken) return;
  machine.loaded({});
  if (const auto* stored = std::get_if<group::GroupStored>(&*parsed); stored && stored->value) {
    const auto& metadata = *stored->value;
    group::ClassicGroup group(metadata);
    if (!group.members().empty()) group.select_protocol();
    machine.describe(stored->group, 6);
  }
  if (machine.apply(key, std::nullopt, Offset(1))) {
    ASSERT(machine.durable().empty(), "a tombstone leaves nothing of its record");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes{reinterpret_cast<const std::byte*>(data), size};
  (void)group::decode_subscription(bytes);
  (void)group::decode_assignment(bytes);
  (void)group::decode_sticky_user_data(bytes);
  if (bytes.empty()) return 0;
  const auto key_size = std::min<std::size_t>(static_cast<std::size_t>(bytes[0]), size - 1);
  check_record(bytes.subspan(1, key_size), bytes.subspan(1 + key_size));
  return 0;
}
