// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <map>

#include <fmt/format.h>

#include <cairn/raft/quorum_state.hpp>

namespace cairn::raft {
namespace {

/// The part of JSON that this file uses: one object of numbers, strings and arrays, whose arrays
/// are passed over.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<std::map<std::string, std::string, std::less<>>> object() {
    std::map<std::string, std::string, std::less<>> fields;
    if (!take('{')) return std::nullopt;
    if (take('}')) return fields;
    do {
      const auto key = string();
      if (!key || !take(':')) return std::nullopt;
      const auto value = this->value();
      if (!value) return std::nullopt;
      fields[*key] = *value;
    } while (take(','));
    if (!take('}')) return std::nullopt;
    skip_blanks();
    if (!text_.empty()) return std::nullopt;
    return fields;
  }

 private:
  void skip_blanks() {
    const auto at = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(at == text_.npos ? text_.size() : at);
  }
  bool take(char c) {
    skip_blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> string() {
    if (!take('"')) return std::nullopt;
    const auto end = text_.find('"');
    if (end == text_.npos) return std::nullopt;
    std::string text(text_.substr(0, end));
    if (text.find('\\') != text.npos) return std::nullopt;  // no value here needs an escape
    text_.remove_prefix(end + 1);
    return text;
  }
  std::optional<std::string> value() {
    skip_blanks();
    if (text_.starts_with('"')) return string();
    if (text_.starts_with('[')) {
      const auto end = text_.find(']');
      if (end == text_.npos) return std::nullopt;
      text_.remove_prefix(end + 1);
      return std::string();
    }
    const auto end = text_.find_first_not_of("-0123456789");
    if (end == 0 || end == text_.npos) return std::nullopt;
    std::string number(text_.substr(0, end));
    text_.remove_prefix(end);
    return number;
  }

  std::string_view text_;
};

template <class Fields>
std::optional<std::int32_t> number(const Fields& fields, std::string_view key) {
  const auto at = fields.find(key);
  if (at == fields.end()) return std::nullopt;
  std::int32_t value = 0;
  const char* end = at->second.data() + at->second.size();
  const auto read = std::from_chars(at->second.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::string encode_quorum_state(const ElectionState& state, std::int16_t kraft_version,
                                const VoterSet& voters) {
  const BrokerId leader = state.leader.value_or(no_broker);
  const ReplicaKey voted = state.voted.value_or(ReplicaKey{});
  if (kraft_version >= 1) {
    return fmt::format(R"({{"leaderId":{},"leaderEpoch":{},"votedId":{},)"
                       R"("votedDirectoryId":"{}","data_version":1}})",
                       leader, state.epoch, voted.id, voted.directory);
  }
  std::string list;
  for (const Voter& voter : voters.voters()) {
    list += fmt::format(R"({}{{"voterId":{}}})", list.empty() ? "" : ",", voter.key.id);
  }
  return fmt::format(
      R"({{"clusterId":"","leaderId":{},"leaderEpoch":{},"votedId":{},"appliedOffset":0,)"
      R"("currentVoters":[{}],"data_version":0}})",
      leader, state.epoch, voted.id, list);
}

Result<ElectionState> decode_quorum_state(std::string_view text) {
  const auto fields = Parser(text).object();
  if (!fields) return fail(ErrorCode::corrupt_message, "quorum-state is not a JSON object");
  const auto leader = number(*fields, "leaderId");
  const auto epoch = number(*fields, "leaderEpoch");
  const auto voted = number(*fields, "votedId");
  const auto version = number(*fields, "data_version");
  if (!leader || !epoch || !voted || !version || *version < 0 || *version > 1 || *epoch < 0) {
    return fail(ErrorCode::corrupt_message, "quorum-state lacks a field or has a bad value");
  }
  ElectionState state;
  state.epoch = Epoch(*epoch);
  if (*leader >= 0) state.leader = BrokerId(*leader);
  if (*voted >= 0) {
    state.voted = ReplicaKey{BrokerId(*voted), {}};
    if (const auto at = fields->find("votedDirectoryId"); at != fields->end()) {
      const auto directory = Uuid::parse(at->second);
      if (!directory)
        return fail(ErrorCode::corrupt_message, "quorum-state has a bad directory id");
      state.voted->directory = *directory;
    }
  }
  return state;
}

}  // namespace cairn::raft
