// SPDX-License-Identifier: Apache-2.0
// What a coordinator's machine hands its actor: records to append as one atomic batch, and answers.
// Invariant: a machine changes durable state in apply() alone, so a Decision whose records were
// refused has changed nothing durable. The actor of the coordinator module owns and executes it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <cairn/base/bytes.hpp>
#include <cairn/base/strong.hpp>
#include <cairn/base/time.hpp>

namespace cairn::group {

/// A record of a coordinator's partition; no value is a tombstone.
struct Record {
  Bytes key;
  std::optional<Bytes> value;

  bool operator==(const Record&) const = default;
};

/// The two times an input happens at: deadlines run on the first, records carry the second.
struct Now {
  Instant instant;
  WallTime wall;
};

/// Names a request until it is answered; the actor hands them out and never uses one twice.
using RequestId = Strong<struct RequestIdTag, std::uint64_t>;

enum class When {
  at_once,
  once_committed,  // when all that the machine had applied at this moment is committed
};

template <class Reply>
struct Answer {
  RequestId to;
  Reply reply;
  When when = When::at_once;
};

template <class Reply>
struct Decision {
  std::vector<Record> records;         // one batch: all or none
  std::vector<Answer<Reply>> answers;  // a request without an answer stays parked

  void answer(RequestId to, Reply reply, When when = When::at_once) {
    answers.push_back({to, std::move(reply), when});
  }
};

}  // namespace cairn::group
