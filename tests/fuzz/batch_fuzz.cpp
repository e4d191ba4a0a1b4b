// SPDX-License-Identifier: Apache-2.0
// Any bytes as record batches, produced records, compressed blocks and old message sets: read or
// refused, never more memory than the limit.
#include <cairn/record/control.hpp>
#include <cairn/record/legacy.hpp>
#include <cairn/record/validation.hpp>

namespace {

using namespace cairn;
using namespace cairn::record;

constexpr DecompressionLimit limit{.max_output = std::size_t{1} << 20, .max_ratio = 1000};

void read_batches(BytesView bytes) {
  BatchIterator batches(bytes);
  while (const auto batch = batches.next()) {
    std::size_t total = 0;
    (void)for_each_record(*batch, limit, [&](const RecordView& record) {
      for (Header header : record.headers) total += header.key.size();
      (void)parse_control_type(record);
    });
    (void)parse_marker_batch(*batch);
  }
}

/// The same bytes with a CRC that fits, so that what lies behind the check is reached.
void produce(BytesView bytes) {
  Bytes copy = to_bytes(bytes);
  if (copy.size() >= batch_header_size) stamp_crc(copy);
  ProduceRules rules{.max_message_bytes = std::size_t{1} << 20, .compacted = true};
  std::vector<RecordError> errors;
  (void)validate_produced(copy, rules, &errors);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView bytes(reinterpret_cast<const std::byte*>(data), size);
  read_batches(bytes);
  produce(bytes);
  (void)read_message_set(bytes, limit);
  if (!bytes.empty()) {
    const auto codec = static_cast<Codec>(std::to_integer<unsigned>(bytes[0]) % 5);
    (void)decompress(codec, bytes.subspan(1), limit);
  }
  return 0;
}
