// SPDX-License-Identifier: Apache-2.0
// How records change an Image: the one way it ever changes, live, in replay and from a snapshot
// (facts: kraft.md §2.2). A metadata transaction is invisible until its End: Replay holds the image
// it is building aside. Owned by the controller's actor, one for what is committed and one for what
// is appended.
//
//   idle --Begin--> open --End--> idle (all of it visible at once)
//                   open --Abort--> idle (none of it ever visible)
#pragma once

#include <memory>
#include <optional>
#include <span>

#include <cairn/base/result.hpp>
#include <cairn/metadata/image.hpp>
#include <cairn/metadata/record.hpp>

namespace cairn::metadata {

/// One record's effect. Transaction markers and NoOp have none here. Errors: corrupt_message when a
/// record speaks of what does not exist; the image is then unusable.
Result<> apply(Image& image, const Record& record);

class Replay {
 public:
  Replay() : image_(std::make_shared<const Image>()) {}
  explicit Replay(std::shared_ptr<const Image> image) : image_(std::move(image)) {}

  /// The records of one batch, the last of which has this offset. On an error nothing changes.
  Result<> apply(std::span<const Record> records, Offset last_offset, Epoch epoch,
                 std::int64_t timestamp);

  /// What readers may see: everything applied, but nothing of a transaction that is open.
  const std::shared_ptr<const Image>& image() const { return image_; }
  /// What a decision must start from: an open transaction's changes included.
  const Image& latest() const { return open_ ? *open_ : *image_; }
  bool in_transaction() const { return open_.has_value(); }

 private:
  std::shared_ptr<const Image> image_;
  std::optional<Image> open_;
};

}  // namespace cairn::metadata
