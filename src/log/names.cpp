// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>

#include <cairn/log/names.hpp>

namespace cairn::log {
namespace {

constexpr std::size_t offset_digits = 20;
constexpr std::size_t epoch_digits = 10;

struct KindSuffix {
  FileKind kind;
  std::string_view suffix;
};
constexpr std::array kinds = {KindSuffix{FileKind::segment, ".log"},
                              KindSuffix{FileKind::offset_index, ".index"},
                              KindSuffix{FileKind::time_index, ".timeindex"},
                              KindSuffix{FileKind::transaction_index, ".txnindex"},
                              KindSuffix{FileKind::producer_snapshot, ".snapshot"}};

struct StateSuffix {
  FileState state;
  std::string_view suffix;
};
constexpr std::array states = {
    StateSuffix{FileState::live, ""}, StateSuffix{FileState::deleted, ".deleted"},
    StateSuffix{FileState::cleaned, ".cleaned"}, StateSuffix{FileState::swap, ".swap"}};

struct DirectorySuffix {
  DirectoryState state;
  std::string_view suffix;
};
constexpr std::array directories = {DirectorySuffix{DirectoryState::deleted, "-delete"},
                                    DirectorySuffix{DirectoryState::stray, "-stray"},
                                    DirectorySuffix{DirectoryState::future, "-future"}};

template <class T>
std::optional<T> decimal(std::string_view digits) {
  T value{};
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<FileKind> kind_of(std::string_view suffix) {
  for (const auto& [kind, text] : kinds) {
    if (text == suffix) return kind;
  }
  return std::nullopt;
}

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::unexpected<Error> bad_directory() {
  return fail(ErrorCode::invalid_topic_exception, "the directory's name is no partition's");
}

std::unexpected<Error> bad_topic(const char* why) {
  return fail(ErrorCode::invalid_topic_exception, why);
}

}  // namespace

std::string file_name(Offset offset, FileKind kind, FileState state) {
  std::string name = fmt::format("{:020}", offset.value());
  name += kinds[static_cast<std::size_t>(kind)].suffix;
  name += states[static_cast<std::size_t>(state)].suffix;
  return name;
}

std::string file_name(const SegmentFile& file) {
  return file_name(file.offset, file.kind, file.state);
}

std::optional<SegmentFile> parse_file_name(std::string_view name) {
  if (name.size() <= offset_digits) return std::nullopt;
  const auto offset = decimal<std::int64_t>(name.substr(0, offset_digits));
  if (!offset) return std::nullopt;
  std::string_view suffix = name.substr(offset_digits);
  SegmentFile file{.offset = Offset(*offset)};
  for (const auto& [state, text] : states) {
    if (state != FileState::live && suffix.ends_with(text)) {
      file.state = state;
      suffix.remove_suffix(text.size());
    }
  }
  const auto kind = kind_of(suffix);
  if (!kind) return std::nullopt;
  file.kind = *kind;
  return file;
}

std::string snapshot_file_name(const SnapshotId& id) {
  return fmt::format("{:020}-{:010}.checkpoint", id.end_offset.value(), id.epoch.value());
}

std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name) {
  constexpr std::string_view suffix = ".checkpoint";
  if (name.size() != offset_digits + 1 + epoch_digits + suffix.size() ||
      name[offset_digits] != '-' || !name.ends_with(suffix)) {
    return std::nullopt;
  }
  const auto offset = decimal<std::int64_t>(name.substr(0, offset_digits));
  const auto epoch = decimal<std::int32_t>(name.substr(offset_digits + 1, epoch_digits));
  if (!offset || !epoch) return std::nullopt;
  return SnapshotId{Offset(*offset), Epoch(*epoch)};
}

SwapRecovery recover_swaps(std::span<const std::string> names) {
  SwapRecovery recovery;
  std::optional<Offset> first_cleaned;
  for (const std::string& name : names) {
    const auto file = parse_file_name(name);
    if (!file || file->state != FileState::cleaned) continue;
    first_cleaned = std::min(first_cleaned.value_or(file->offset), file->offset);
  }
  for (const std::string& name : names) {
    const auto file = parse_file_name(name);
    if (!file || file->state == FileState::live) continue;
    const bool unfinished_swap =
        file->state == FileState::swap && first_cleaned && file->offset >= *first_cleaned;
    if (file->state != FileState::swap || unfinished_swap) {
      recovery.remove.push_back(name);
      continue;
    }
    recovery.rename.push_back({name, file_name(file->offset, file->kind)});
    if (file->kind == FileKind::segment) recovery.swapped_segments.push_back(file->offset);
  }
  std::ranges::sort(recovery.swapped_segments);
  return recovery;
}

std::vector<std::string> replaced_files(std::span<const std::string> names, Offset first,
                                        Offset end) {
  std::vector<std::string> replaced;
  for (const std::string& name : names) {
    const auto file = parse_file_name(name);
    if (!file || file->state != FileState::live) continue;
    if (file->offset >= first && file->offset < end) replaced.push_back(name);
  }
  return replaced;
}

std::string directory_name(const TopicPartition& partition) {
  return fmt::format("{}-{}", partition.topic, partition.partition);
}

std::string directory_name(const TopicPartition& partition, DirectoryState state,
                           const Uuid& unique) {
  if (state == DirectoryState::live) return directory_name(partition);
  std::string_view text;
  for (const auto& [each, suffix] : directories) {
    if (each == state) text = suffix;
  }
  const std::string tail =
      fmt::format("-{}.{:016x}{:016x}{}", partition.partition, unique.high, unique.low, text);
  // A future directory becomes a live one, so its topic must stay whole.
  if (state == DirectoryState::future) return partition.topic + tail;
  return partition.topic.substr(0, max_directory_name - tail.size()) + tail;
}

Result<PartitionDirectory> parse_directory_name(std::string_view name) {
  PartitionDirectory directory;
  for (const auto& [state, suffix] : directories) {
    if (!name.ends_with(suffix)) continue;
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos) return bad_directory();
    const std::string_view unique = name.substr(dot + 1, name.size() - dot - 1 - suffix.size());
    if (unique.empty() || unique.contains('-')) return bad_directory();
    directory.state = state;
    name = name.substr(0, dot);
    break;
  }
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return bad_directory();
  const auto partition = decimal<std::int32_t>(name.substr(dash + 1));
  if (!partition) return bad_directory();
  directory.partition = {std::string(name.substr(0, dash)), PartitionIndex(*partition)};
  return directory;
}

Result<> validate_topic_name(std::string_view name) {
  if (name.empty()) return bad_topic("a topic's name must not be empty");
  if (name == "." || name == "..") return bad_topic("a topic's name must not be '.' or '..'");
  if (name.size() > max_topic_name) {
    return bad_topic("a topic's name must not be longer than 249 characters");
  }
  if (!std::ranges::all_of(name, is_topic_character)) {
    return bad_topic("a topic's name may hold ASCII letters, digits, '.', '_' and '-' only");
  }
  return {};
}

bool topic_names_collide(std::string_view a, std::string_view b) {
  const auto same = [](char x, char y) { return (x == '.' ? '_' : x) == (y == '.' ? '_' : y); };
  return std::ranges::equal(a, b, same);
}

}  // namespace cairn::log
