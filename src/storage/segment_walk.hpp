// SPDX-License-Identifier: Apache-2.0
// Reads a segment's batches in order through one pooled buffer: next() gives what is there, fill()
// brings more. Ends at the first byte that is not of a whole batch. With a SegmentScan every batch
// is checked as recovery demands. What is stored as magic 0 or 1 comes as the batch it converts to:
// positions are those of the file, the view's size is not. Owner: whoever walks, in its frame.
#pragma once

#include <string>

#include <cairn/log/recovery.hpp>
#include <cairn/storage/environment.hpp>

namespace cairn::storage {

class SegmentWalk {
 public:
  /// Walks [position, end) of the file.
  SegmentWalk(Environment& environment, std::shared_ptr<runtime::File> file, std::uint64_t position,
              std::uint64_t end)
      : environment_(environment), file_(std::move(file)), position_(position), end_(end) {}

  /// Checks batches with `scan`, whose positions then count from where the walk begins.
  void check_with(log::SegmentScan& scan) { scan_ = &scan; }

  /// The next batch of the buffer; valid until fill(). Nothing: fill() is due.
  std::optional<record::BatchView> next();
  /// Reads on. False: there is nothing more.
  runtime::Task<Result<bool>> fill();

  /// Where the batch returned last begins, and where the next one does.
  std::uint64_t batch_position() const { return batch_position_; }
  std::uint64_t position() const { return position_; }
  /// After the end: says so in the log if it came before all was read.
  void report_damage(const std::string& file) const;

 private:
  static constexpr std::size_t chunk = std::size_t{256} << 10;

  BytesView rest() const { return buffer_.bytes.subspan(consumed_, filled_ - consumed_); }

  Environment& environment_;
  std::shared_ptr<runtime::File> file_;
  std::uint64_t position_;
  std::uint64_t end_;
  std::uint64_t batch_position_ = 0;
  log::SegmentScan* scan_ = nullptr;
  BufferPool::Lent buffer_;
  Bytes converted_;
  std::size_t consumed_ = 0;
  std::size_t filled_ = 0;
  std::size_t wanted_ = 0;
  bool ended_ = false;
};

}  // namespace cairn::storage
