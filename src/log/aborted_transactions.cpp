// SPDX-License-Identifier: Apache-2.0
#include <cairn/log/aborted_transactions.hpp>

namespace cairn::log {
namespace {

constexpr std::int16_t entry_version = 0;

}  // namespace

Bytes encode_transaction_index(std::span<const AbortedTransaction> entries) {
  Bytes file(entries.size() * AbortedTransaction::encoded_size);
  std::byte* at = file.data();
  for (const AbortedTransaction& entry : entries) {
    store_big_endian(at, entry_version);
    store_big_endian(at + 2, entry.producer_id.value());
    store_big_endian(at + 10, entry.first_offset.value());
    store_big_endian(at + 18, entry.last_offset.value());
    store_big_endian(at + 26, entry.last_stable_offset.value());
    at += AbortedTransaction::encoded_size;
  }
  return file;
}

Result<std::vector<AbortedTransaction>> decode_transaction_index(BytesView file,
                                                                 Offset base_offset) {
  if (file.size() % AbortedTransaction::encoded_size != 0) {
    return fail(ErrorCode::corrupt_message, "a transaction index is not whole entries");
  }
  std::vector<AbortedTransaction> entries;
  entries.reserve(file.size() / AbortedTransaction::encoded_size);
  Offset last = no_offset;
  for (; !file.empty(); file = file.subspan(AbortedTransaction::encoded_size)) {
    if (load_big_endian<std::int16_t>(file.data()) != entry_version) {
      return fail(ErrorCode::corrupt_message, "a transaction index is of an unknown version");
    }
    const AbortedTransaction entry{
        .producer_id = ProducerId(load_big_endian<std::int64_t>(file.data() + 2)),
        .first_offset = Offset(load_big_endian<std::int64_t>(file.data() + 10)),
        .last_offset = Offset(load_big_endian<std::int64_t>(file.data() + 18)),
        .last_stable_offset = Offset(load_big_endian<std::int64_t>(file.data() + 26))};
    if (entry.last_offset < base_offset || entry.last_offset <= last) {
      return fail(ErrorCode::corrupt_message, "the entries of a transaction index do not rise");
    }
    last = entry.last_offset;
    entries.push_back(entry);
  }
  return entries;
}

AbortedSearch collect_aborted(std::span<const AbortedTransaction> entries, Offset fetch_offset,
                              Offset upper_bound) {
  AbortedSearch found;
  for (const AbortedTransaction& entry : entries) {
    if (entry.last_offset >= fetch_offset && entry.first_offset < upper_bound) {
      found.transactions.push_back(entry);
    }
    // What is aborted later began at or above this last stable offset, so beyond the range.
    if (entry.last_stable_offset >= upper_bound) {
      found.complete = true;
      break;
    }
  }
  return found;
}

void truncate_transaction_index(std::vector<AbortedTransaction>& entries, Offset offset) {
  while (!entries.empty() && entries.back().last_offset >= offset) entries.pop_back();
}

}  // namespace cairn::log
