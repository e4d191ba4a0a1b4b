// SPDX-License-Identifier: Apache-2.0
#include "log_directory.hpp"

#include <charconv>

#include <cairn/base/crc32c.hpp>
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>

namespace cairn::storage {

namespace {

/// {"version":0,"brokerEpoch":N}; an empty file is what Kafka wrote before epochs were in it.
BrokerEpoch parse_clean_marker(std::string_view text) {
  constexpr std::string_view key = "\"brokerEpoch\"";
  auto at = text.find(key);
  if (at == std::string_view::npos) return no_broker_epoch;
  at = text.find_first_of("-0123456789", at + key.size());
  if (at == std::string_view::npos) return no_broker_epoch;
  std::int64_t epoch = -1;
  std::from_chars(text.data() + at, text.data() + text.size(), epoch);
  return BrokerEpoch(epoch);
}

}  // namespace

runtime::Task<Result<std::optional<BrokerEpoch>>> LogDirectory::read_clean_marker() const {
  const std::string name = file(log::file_names::clean_shutdown);
  const auto content = co_await runtime::read_file(environment_.disk, name);
  if (content) co_return parse_clean_marker(as_text(*content));
  if (runtime::is_not_found(content.error())) co_return std::nullopt;
  co_return std::unexpected(content.error());
}

runtime::Task<Result<>> LogDirectory::take_clean_marker() {
  const std::string name = file(log::file_names::clean_shutdown);
  CO_TRY(const std::optional<BrokerEpoch> marked, co_await read_clean_marker());
  if (!marked) co_return Result<>();
  clean = true;
  broker_epoch = *marked;
  if (MUTANT("L29")) co_return Result<>();
  CO_TRY(co_await environment_.disk.remove(name));
  co_return co_await environment_.disk.sync_directory(path);
}

runtime::Task<Result<>> LogDirectory::write_clean_marker(BrokerEpoch epoch) {
  std::string text = fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", epoch);
  std::string name = file(log::file_names::clean_shutdown);
  Bytes content = to_bytes(text);
  co_return co_await runtime::replace_file(environment_.disk, std::move(name), std::move(content));
}

runtime::Task<LogDirectory::Offsets> LogDirectory::read_checkpoint(std::string_view name) {
  Offsets offsets;
  std::string full_name = file(name);
  const auto content = co_await runtime::read_file(environment_.disk, full_name);
  if (!content) {
    if (!runtime::is_not_found(content.error())) health.fail(content.error(), "checkpoint");
    co_return offsets;
  }
  const auto entries = log::decode_offset_checkpoint(*content);
  if (!entries) {
    logging::warn("{} is void: {}", full_name, entries.error().why);
    co_return offsets;
  }
  for (const auto& entry : *entries) offsets[entry.partition] = entry.offset;
  co_return offsets;
}

runtime::Task<Result<>> LogDirectory::write_checkpoint(std::string_view name,
                                                       const std::function<Entries()>& entries) {
  co_await begin_checkpoint();
  Result<> written;
  if (health.online()) {
    Bytes content = log::encode_offset_checkpoint(entries());
    written = co_await replace_checkpoint(std::string(name), std::move(content));
  }
  end_checkpoint();
  co_return written;
}

runtime::Task<> LogDirectory::begin_checkpoint() {
  if (!std::exchange(writing_checkpoint_, true)) co_return;
  runtime::Waiter waiter;
  checkpoint_waiters_.push_back(&waiter);
  co_await waiter.suspend(runtime::Cancellation::ignored);  // whoever ends hands the turn over
}

void LogDirectory::end_checkpoint() {
  if (checkpoint_waiters_.empty()) {
    writing_checkpoint_ = false;
    return;
  }
  runtime::Waiter* next = checkpoint_waiters_.front();
  checkpoint_waiters_.pop_front();
  next->wake(runtime::Wake::woken);
}

runtime::Task<Result<>> LogDirectory::replace_checkpoint(std::string name, Bytes content) {
  const std::uint64_t mark = std::uint64_t{crc32c(content)} << 32 | (content.size() & 0xffffffff);
  if (const auto last = written_.find(name); last != written_.end() && last->second == mark) {
    co_return Result<>();
  }
  std::string full_name = file(name);
  CO_TRY(
      co_await runtime::replace_file(environment_.disk, std::move(full_name), std::move(content)));
  written_[std::move(name)] = mark;
  co_return Result<>();
}

}  // namespace cairn::storage
