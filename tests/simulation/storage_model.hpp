// SPDX-License-Identifier: Apache-2.0
// One partition's log as the storage run believes it to be: what was appended where, how far it is
// durable, and what may be gone. A round is a handful of operations that ran side by side; after it
// (or after the death that ended it) the model judges what the log holds and adopts it. Invariant:
// every batch has an id of its own, so that content says where it came from. Owner: the run.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <cairn/base/ids.hpp>

namespace cairn::simulation {

enum class Fate : std::uint8_t { pending, done, refused };

/// One append that was asked for; its id is its place in the run's list, from 1.
struct Attempt {
  int records = 1;
  std::int64_t timestamp = no_timestamp;  // of all its records
  std::size_t padding = 0;
  Epoch epoch = no_epoch;
  ProducerId producer = no_producer;
  std::int32_t sequence = no_sequence;
  Fate fate = Fate::pending;
  Offset first = no_offset;
  bool duplicate = false;
};

/// A batch as it was read.
struct Found {
  Offset base = no_offset;
  Offset last = no_offset;
  std::uint64_t id = 0;
  Epoch epoch = no_epoch;
  ProducerId producer = no_producer;
  std::int32_t last_sequence = no_sequence;
  std::int64_t timestamp = no_timestamp;
};

/// What a log was read to hold, all of it, and where it stood.
struct Content {
  std::vector<Found> batches = {};
  Offset start, end, flushed;
  std::uint64_t bytes = 0;
};

/// What was asked of one log in one round.
struct Asked {
  static constexpr Offset nowhere{std::numeric_limits<std::int64_t>::max()};

  std::vector<std::uint64_t> appends = {};
  Offset cut = nowhere;    // the lowest truncation
  bool cut_done = false;   // all truncations were acknowledged
  Offset flushed{0};       // acknowledged by a flush
  Offset start_wanted{0};  // the highest log start asked for
  Offset start_done{0};    // acknowledged
  Offset start_saved{0};   // and checkpointed
};

/// How a round ended.
enum class Ending : std::uint8_t {
  settled,  // everything was answered
  stopped,  // and then the node stopped cleanly and started again
  killed,   // kill -9: the page cache survives
  crashed,  // power loss
};

struct RetentionBounds {
  std::int64_t bytes = -1;
  std::int64_t age_ms = -1;
  std::int64_t now_ms = 0;
};

class LogModel {
 public:
  explicit LogModel(const std::vector<Attempt>& attempts) : attempts_(attempts) {}

  /// What is wrong with the log after a round, or nothing; then the content is believed.
  std::string judge(const Asked& asked, const Content& content, Ending ending,
                    const RetentionBounds& retention);

  Offset end() const { return Offset(static_cast<std::int64_t>(ids_.size())); }
  Offset start() const { return start_; }
  Offset highest_start_wanted() const { return start_wanted_; }
  Offset high_watermark() const { return high_watermark_; }
  void set_high_watermark(Offset offset) { high_watermark_ = offset; }
  /// The batches that are believed to be there, from the log start on.
  const std::vector<Found>& batches() const { return batches_; }
  std::uint64_t id_at(Offset offset) const {
    return ids_[static_cast<std::size_t>(offset.value())];
  }

 private:
  std::string judge_start(const Asked& asked, const Content& content, Ending ending,
                          const RetentionBounds& retention) const;
  std::string judge_shape(const Content& content) const;
  std::string judge_appends(const Asked& asked, const Content& content, Ending ending) const;
  std::string judge_batches(const Asked& asked, const Content& content, Ending ending) const;
  bool is_loose(std::uint64_t id, const Asked& asked) const;
  bool was_asked(std::uint64_t id, const Asked& asked) const;
  Offset cut_in_batch(Offset cut) const;
  void believe(const Asked& asked, const Content& content, Ending ending);

  const std::vector<Attempt>& attempts_;
  std::vector<std::uint64_t> ids_;  // by offset
  std::vector<Found> batches_;
  std::vector<std::uint64_t> loose_;  // refused or unanswered, and not cut off durably yet
  Offset durable_{0};
  Offset start_{0};
  Offset start_saved_{0};
  Offset start_wanted_{0};
  Offset high_watermark_{0};
};

}  // namespace cairn::simulation
