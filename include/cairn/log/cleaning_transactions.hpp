// SPDX-License-Identifier: Apache-2.0
// Transactions as the cleaner meets them, batch by batch from the log's first: which data was
// aborted and may go, and which marker has no data left and may go in its turn. Invariant (L33): a
// marker is given up only in a pass that met no batch of its transaction, so that aborted data
// never looks committed. Owner: one pass of a cleaning.
#pragma once

#include <deque>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <cairn/log/aborted_transactions.hpp>
#include <cairn/record/batch.hpp>

namespace cairn::log {

class CleanedTransactions {
 public:
  /// The aborted transactions of what comes next, in order of first offset. Those known already are
  /// passed over.
  void add_aborted(std::span<const AbortedTransaction> transactions);

  /// A batch of data. True: its transaction was aborted.
  bool take_data(const record::BatchView& batch);
  /// A control batch. True: nothing of its transaction is left.
  bool take_control(const record::BatchView& batch);

  /// Aborted transactions whose markers were met and are still needed, since the last call: the
  /// transaction index of the segment being written.
  std::vector<AbortedTransaction> take_kept();

 private:
  struct Aborting {
    AbortedTransaction transaction;
    bool has_data = false;
  };

  void begin_up_to(Offset offset);

  std::deque<AbortedTransaction> to_come_;  // by first offset
  std::unordered_map<ProducerId, Aborting> aborting_;
  std::unordered_set<ProducerId> committing_;
  std::vector<AbortedTransaction> kept_;
};

}  // namespace cairn::log
