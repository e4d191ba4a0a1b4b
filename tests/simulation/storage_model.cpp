// SPDX-License-Identifier: Apache-2.0
#include "storage_model.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace cairn::simulation {
namespace {

std::size_t place(Offset offset) { return static_cast<std::size_t>(offset.value()); }

const Found* batch_with(const Content& content, Offset offset) {
  const auto after = std::ranges::upper_bound(content.batches, offset, {}, &Found::base);
  if (after == content.batches.begin()) return nullptr;
  const Found& batch = *(after - 1);
  return offset <= batch.last ? &batch : nullptr;
}

}  // namespace

std::string LogModel::judge(const Asked& asked, const Content& content, Ending ending,
                            const RetentionBounds& retention) {
  std::string wrong = judge_shape(content);
  if (wrong.empty()) wrong = judge_start(asked, content, ending, retention);
  if (wrong.empty()) wrong = judge_appends(asked, content, ending);
  if (wrong.empty()) wrong = judge_batches(asked, content, ending);
  if (wrong.empty()) believe(asked, content, ending);
  return wrong;
}

/// The bounds of a log, and no hole in it.
std::string LogModel::judge_shape(const Content& content) const {
  if (content.start > content.end || content.flushed > content.end) {
    return fmt::format("start {}, flushed {}, end {}", content.start, content.flushed, content.end);
  }
  Offset next = no_offset;
  for (const Found& batch : content.batches) {
    if (next != no_offset && batch.base != next) {
      return fmt::format("I24: a hole between {} and {}", next, batch.base);
    }
    next = batch.last + 1;
  }
  const bool empty = content.start == content.end;
  if (!empty && (content.batches.empty() || content.batches.front().base > content.start ||
                 next != content.end)) {
    return fmt::format("I24: the log says {} to {}, and holds {} to {}", content.start, content.end,
                       content.batches.empty() ? no_offset : content.batches.front().base, next);
  }
  return "";
}

/// I27, L34: the log start moves for a reason, never above the high watermark, and what was
/// acknowledged and saved stays.
std::string LogModel::judge_start(const Asked& asked, const Content& content, Ending ending,
                                  const RetentionBounds& retention) const {
  const bool lived = ending == Ending::settled || ending == Ending::stopped;
  const Offset least =
      lived ? std::max(start_, asked.start_done) : std::max(start_saved_, asked.start_saved);
  const Offset floor = std::min(least, std::min(content.end, cut_in_batch(asked.cut)));
  if (content.start < floor) {
    return fmt::format("I27: the log start fell to {}, and was {}", content.start, least);
  }
  if (content.start <= std::max(start_wanted_, asked.start_wanted) || content.start <= start_) {
    return "";
  }
  if (content.start > high_watermark_) {
    return fmt::format("L34: the log starts at {}, above the high watermark {}", content.start,
                       high_watermark_);
  }
  const bool by_size =
      retention.bytes >= 0 && content.bytes >= static_cast<std::uint64_t>(retention.bytes);
  const std::uint64_t last = ids_[place(content.start - 1)];
  const bool by_time = retention.age_ms >= 0 && last != 0 &&
                       retention.now_ms - attempts_[last - 1].timestamp > retention.age_ms;
  // After a death the sizes are others than at the deletion, and appends of the round may count.
  if (by_size || by_time || asked.cut != Asked::nowhere || !lived) return "";
  return fmt::format(
      "I27: retention took {} and no limit asked for it (start {} wanted {}, {} bytes of {}, age "
      "{} "
      "of {})",
      content.start - 1, start_, std::max(start_wanted_, asked.start_wanted), content.bytes,
      retention.bytes, last == 0 ? -1 : retention.now_ms - attempts_[last - 1].timestamp,
      retention.age_ms);
}

/// What was acknowledged in this round stands where it was said to stand.
std::string LogModel::judge_appends(const Asked& asked, const Content& content,
                                    Ending ending) const {
  const Offset cut = cut_in_batch(asked.cut);
  const Offset certain = ending == Ending::crashed ? std::min(asked.flushed, cut) : cut;
  for (const std::uint64_t id : asked.appends) {
    const Attempt& attempt = attempts_[id - 1];
    if (attempt.fate != Fate::done || attempt.first < content.start) continue;
    const Offset last = attempt.first + (attempt.records - 1);
    if (last >= certain) continue;
    const Found* batch = batch_with(content, attempt.first);
    if (batch == nullptr) {
      return fmt::format("I1: batch {} was acknowledged at {} and is gone", id, attempt.first);
    }
    const bool same = attempt.duplicate
                          ? batch->producer == attempt.producer &&
                                batch->last_sequence == attempt.sequence + attempt.records - 1
                          : batch->id == id;
    if (!same || batch->base != attempt.first) {
      return fmt::format("I3: batch {} was acknowledged at {}, where {} is", id, attempt.first,
                         batch->id);
    }
  }
  return "";
}

/// What was there before is there, up to where it may be gone; and nothing else is.
std::string LogModel::judge_batches(const Asked& asked, const Content& content,
                                    Ending ending) const {
  const Offset cut = cut_in_batch(asked.cut);
  const Offset known = std::min(end(), cut);
  const Offset certain =
      ending == Ending::crashed ? std::min(std::max(durable_, asked.flushed), known) : known;
  if (content.end < certain) {
    return fmt::format("I24: the log ends at {}; {} was certain", content.end, certain);
  }
  for (const Found& batch : content.batches) {
    const std::uint64_t before = batch.base < end() ? ids_[place(batch.base)] : 0;
    if (batch.base < certain) {
      if (before == batch.id || before == 0) continue;
      return fmt::format("I24: batch {} stands at {}, where {} was", batch.id, batch.base, before);
    }
    // Uncertain: what was there, what was asked for in this round, what was refused.
    const bool dead = ending == Ending::killed || ending == Ending::crashed;
    const bool kept = before == batch.id && !(asked.cut_done && batch.base >= cut);
    const bool arrived =
        was_asked(batch.id, asked) && (dead || attempts_[batch.id - 1].fate == Fate::done);
    if (kept || arrived || (dead && is_loose(batch.id, asked))) continue;
    return fmt::format("I2: batch {} stands at {} and must not (refused, cut off, or another's)",
                       batch.id, batch.base);
  }
  return "";
}

bool LogModel::was_asked(std::uint64_t id, const Asked& asked) const {
  return std::ranges::find(asked.appends, id) != asked.appends.end();
}

bool LogModel::is_loose(std::uint64_t id, const Asked& asked) const {
  return was_asked(id, asked) || std::ranges::find(loose_, id) != loose_.end();
}

/// Truncation cuts at the batch that holds the offset.
Offset LogModel::cut_in_batch(Offset cut) const {
  for (const Found& batch : batches_) {
    if (batch.base < cut && cut <= batch.last) return batch.base;
  }
  return cut;
}

void LogModel::believe(const Asked& asked, const Content& content, Ending ending) {
  const Offset cut = cut_in_batch(asked.cut);
  ids_.resize(place(content.end));
  for (const Found& batch : content.batches) {
    for (Offset at = batch.base; at <= batch.last; ++at) ids_[place(at)] = batch.id;
  }
  batches_ = content.batches;
  // A flush makes the cutting of refused batches durable, if it began after it.
  if (asked.flushed > Offset(0) && asked.appends.empty()) loose_.clear();
  if (ending == Ending::stopped) loose_.clear();
  for (const std::uint64_t id : asked.appends) {
    if (attempts_[id - 1].fate != Fate::done) loose_.push_back(id);
  }
  // What a flush of the round made certain may have been cut since, and other batches lie there.
  durable_ = std::min({std::max(durable_, asked.flushed), cut, content.end});
  if (ending == Ending::stopped) durable_ = content.end;
  start_ = content.start;
  start_saved_ = ending == Ending::stopped
                     ? content.start
                     : std::min(std::max(start_saved_, asked.start_saved), content.end);
  start_wanted_ = std::min(std::max(start_wanted_, asked.start_wanted), content.end);
  high_watermark_ = std::clamp(high_watermark_, content.start, content.end);
}

}  // namespace cairn::simulation
