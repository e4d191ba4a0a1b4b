// SPDX-License-Identifier: Apache-2.0
// Checks one segment: its batches, and each index against them as they pass. Keeps no list of
// batches, so a segment may be of any size. Owner: verify_partition(), in its frame.
#pragma once

#include <set>

#include <cairn/log/aborted_transactions.hpp>
#include <cairn/log/epoch_cache.hpp>
#include <cairn/log/index.hpp>
#include <cairn/log/names.hpp>
#include <cairn/log/producer_state.hpp>
#include <cairn/log/recovery.hpp>
#include <cairn/storage/verify.hpp>

namespace cairn::storage {

/// What goes on from segment to segment.
struct VerifyState {
  Offset next_offset{0};
  Epoch epoch = no_epoch;
  log::ProducerState producers;
  /// Whether `producers` knows every transaction that may be open at the first segment.
  bool producers_known = false;
  std::optional<log::EpochCache> epochs = {};  // of the checkpoint, if it reads
  bool epochs_wrong = false;                   // said already
};

class SegmentCheck {
 public:
  SegmentCheck(Environment& environment, PartitionFindings& report, VerifyState& state, Offset base,
               bool last)
      : environment_(environment), report_(report), state_(state), base_(base), last_(last) {}

  /// `names`: of all files of the directory. False: the batches end early, nothing behind counts.
  runtime::Task<bool> run(std::set<std::string> names);

 private:
  runtime::Task<> read_indexes(const std::set<std::string>& names);
  runtime::Task<std::optional<Bytes>> read(log::FileKind kind, const std::set<std::string>& names);
  runtime::Task<bool> walk();
  void check_batch(const record::BatchView& batch, std::uint64_t position);
  void check_offset_index(const record::BatchView& batch, std::uint64_t position);
  void check_time_index(const record::BatchView& batch);
  void check_epoch(const record::BatchView& batch, std::uint64_t position);
  void check_end(std::uint64_t end);
  std::string path(log::FileKind kind) const;
  void damage(log::FileKind kind, std::string what, std::optional<std::uint64_t> position = {},
              std::optional<Offset> offset = {});
  void note(log::FileKind kind, std::string what, std::optional<std::uint64_t> position = {});

  Environment& environment_;
  PartitionFindings& report_;
  VerifyState& state_;
  const Offset base_;
  const bool last_;
  std::optional<log::OffsetIndex> offsets_;
  std::optional<log::TimeIndex> times_;
  std::optional<std::vector<log::AbortedTransaction>> recorded_;
  std::vector<log::AbortedTransaction> aborted_;
  std::size_t next_position_ = 0, next_time_ = 0;
  bool offsets_wrong_ = false, times_wrong_ = false;
  log::TimestampOffset largest_;
};

}  // namespace cairn::storage
