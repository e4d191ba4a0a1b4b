// SPDX-License-Identifier: Apache-2.0
// The transaction index of a segment (.txnindex): the transactions whose abort marker stands in the
// segment. A consumer that reads committed data gets those that overlap its fetch. Entries are in
// order of last offset; rebuilt from markers when a file fails its checks.
#pragma once

#include <span>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/ids.hpp>
#include <cairn/base/result.hpp>

namespace cairn::log {

struct AbortedTransaction {
  static constexpr std::size_t encoded_size = 34;

  ProducerId producer_id = no_producer;
  Offset first_offset;
  Offset last_offset;         // of the marker
  Offset last_stable_offset;  // when the abort was written

  bool operator==(const AbortedTransaction&) const = default;
};

Bytes encode_transaction_index(std::span<const AbortedTransaction> entries);
/// corrupt_message if the size is odd, the version unknown, an entry lies below `base_offset`, or
/// last offsets do not rise.
Result<std::vector<AbortedTransaction>> decode_transaction_index(BytesView file,
                                                                 Offset base_offset);

struct AbortedSearch {
  std::vector<AbortedTransaction> transactions;
  /// No later segment can hold an aborted transaction that overlaps the range.
  bool complete = false;
};
/// The aborted transactions of one segment that overlap [fetch_offset, upper_bound).
AbortedSearch collect_aborted(std::span<const AbortedTransaction> entries, Offset fetch_offset,
                              Offset upper_bound);
/// Drops entries whose marker lies at or above `offset`.
void truncate_transaction_index(std::vector<AbortedTransaction>& entries, Offset offset);

}  // namespace cairn::log
