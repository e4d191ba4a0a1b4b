// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <iterator>

#include <cairn/log/checkpoint.hpp>

namespace cairn::log {
namespace {

constexpr int checkpoint_version = 0;

/// Cuts lines, and words of a line, off the front of a text.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view take(char separator) {
    const auto end = std::min(rest_.find(separator), rest_.size());
    std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return word;
  }
  std::string_view line() {
    std::string_view line = take('\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view rest_;
};

template <class T>
std::optional<T> number(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::unexpected<Error> void_file(const char* why) {
  return fail(ErrorCode::kafka_storage_error, why);
}

/// Reads version, count and that many lines, each by `parse_line` into an entry.
template <class Entry, class ParseLine>
Result<std::vector<Entry>> decode_checkpoint(BytesView file, ParseLine parse_line) {
  Words lines(as_text(file));
  if (number<int>(lines.line()) != checkpoint_version) {
    return void_file("a checkpoint file is of an unknown version");
  }
  const auto count = number<std::int32_t>(lines.line());
  if (!count || *count < 0) return void_file("a checkpoint file has no count");
  std::vector<Entry> entries;
  while (!lines.at_end()) {
    std::optional<Entry> entry = parse_line(lines.line());
    if (!entry) return void_file("a checkpoint file has a malformed line");
    entries.push_back(std::move(*entry));
  }
  if (entries.size() != static_cast<std::size_t>(*count)) {
    return void_file("a checkpoint file has another number of lines than it declares");
  }
  return entries;
}

std::optional<PartitionOffset> parse_partition_offset(std::string_view line) {
  Words words(line);
  const std::string_view topic = words.take(' ');
  const auto partition = number<std::int32_t>(words.take(' '));
  const auto offset = number<std::int64_t>(words.take(' '));
  if (topic.empty() || !partition || *partition < 0 || !offset || !words.at_end()) {
    return std::nullopt;
  }
  return PartitionOffset{{std::string(topic), PartitionIndex(*partition)}, Offset(*offset)};
}

std::optional<EpochEntry> parse_epoch_entry(std::string_view line) {
  Words words(line);
  const auto epoch = number<std::int32_t>(words.take(' '));
  const auto start = number<std::int64_t>(words.take(' '));
  if (!epoch || *epoch < 0 || !start || *start < 0 || !words.at_end()) return std::nullopt;
  return EpochEntry{Epoch(*epoch), Offset(*start)};
}

/// "key: value", blanks around both allowed.
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  Words words(line);
  if (words.take(':') != key) return std::nullopt;
  std::string_view value = words.take('\n');
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

}  // namespace

Bytes encode_offset_checkpoint(std::span<const PartitionOffset> entries) {
  std::string text = fmt::format("{}\n{}\n", checkpoint_version, entries.size());
  for (const PartitionOffset& entry : entries) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", entry.partition.topic,
                   entry.partition.partition, entry.offset);
  }
  return to_bytes(text);
}

Result<std::vector<PartitionOffset>> decode_offset_checkpoint(BytesView file) {
  return decode_checkpoint<PartitionOffset>(file, parse_partition_offset);
}

Bytes encode_epoch_checkpoint(std::span<const EpochEntry> entries) {
  std::string text = fmt::format("{}\n{}\n", checkpoint_version, entries.size());
  for (const EpochEntry& entry : entries) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch, entry.start_offset);
  }
  return to_bytes(text);
}

Result<std::vector<EpochEntry>> decode_epoch_checkpoint(BytesView file) {
  return decode_checkpoint<EpochEntry>(file, parse_epoch_entry);
}

Bytes encode_partition_metadata(const TopicId& topic_id) {
  return to_bytes(fmt::format("version: 0\ntopic_id: {}", topic_id));
}

Result<TopicId> decode_partition_metadata(BytesView file) {
  Words lines(as_text(file));
  const auto version = value_of(lines.line(), "version");
  if (!version || number<int>(*version) != 0) {
    return void_file("partition.metadata is of an unknown version");
  }
  const auto text = value_of(lines.line(), "topic_id");
  if (!text) return void_file("partition.metadata has no topic id");
  const auto id = Uuid::parse(*text);
  if (!id || id->is_zero()) return void_file("partition.metadata has a malformed topic id");
  return *id;
}

}  // namespace cairn::log
