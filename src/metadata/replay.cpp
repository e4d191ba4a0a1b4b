// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include <cairn/metadata/replay.hpp>

#include "apply.hpp"

namespace cairn::metadata {
namespace {

template <class M>
concept HasEffect = requires(Image& image, const M& record) { apply_to(image, record); };

/// Steps of a batch work on copies, so that a bad record leaves nothing half done.
struct Working {
  Image committed;
  std::optional<Image> open;

  Result<> apply(const Record& record) {
    using protocol::AbortTransactionRecord, protocol::BeginTransactionRecord,
        protocol::EndTransactionRecord;
    if (std::holds_alternative<BeginTransactionRecord>(record.body)) {
      if (open) return fail(ErrorCode::corrupt_message, "a metadata transaction inside another");
      open = committed;
      return {};
    }
    if (std::holds_alternative<EndTransactionRecord>(record.body)) {
      if (!open) return fail(ErrorCode::corrupt_message, "no metadata transaction to end");
      committed = *std::move(open);
      open.reset();
      return {};
    }
    if (std::holds_alternative<AbortTransactionRecord>(record.body)) {
      if (!open) return fail(ErrorCode::corrupt_message, "no metadata transaction to abort");
      open.reset();
      return {};
    }
    return metadata::apply(open ? *open : committed, record);
  }
};

}  // namespace

Result<> apply(Image& image, const Record& record) {
  return std::visit(
      [&]<class M>(const M& body) -> Result<> {
        if constexpr (HasEffect<M>) {
          return apply_to(image, body);
        } else {
          return {};
        }
      },
      record.body);
}

Result<> Replay::apply(std::span<const Record> records, Offset last_offset, Epoch epoch,
                       std::int64_t timestamp) {
  Working working{*image_, open_};
  for (const Record& record : records) {
    TRY(working.apply(record));
  }
  const auto stamp = [&](Image& image) {
    image.offset = last_offset;
    image.epoch = epoch;
    image.timestamp = timestamp;
  };
  if (working.open) stamp(*working.open);
  stamp(working.committed);
  image_ = std::make_shared<const Image>(std::move(working.committed));
  open_ = std::move(working.open);
  return {};
}

}  // namespace cairn::metadata
