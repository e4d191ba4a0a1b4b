// SPDX-License-Identifier: Apache-2.0
// The requests an actor has taken and not answered. Invariant: each is answered at most once, and
// an answer to one whose caller has gone is dropped. A Pending lives in the frame of the task that
// waits. Owner: the actor.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include <cairn/base/result.hpp>
#include <cairn/group/decision.hpp>
#include <cairn/runtime/event.hpp>

namespace cairn::coordinator {

using group::RequestId;

template <class Reply>
class Requests {
 public:
  struct Pending {
    std::optional<Result<Reply>> result;
    runtime::Latch done;
  };

  RequestId next_id() { return RequestId{++last_}; }
  void open(RequestId id, Pending& pending) { pending_.emplace(id, &pending); }
  void close(RequestId id) { pending_.erase(id); }
  void answer(RequestId id, Result<Reply> result) {
    const auto found = pending_.extract(id);
    if (!found.empty()) finish(*found.mapped(), std::move(result));
  }
  void fail_all(Error why) {
    for (const auto& [id, pending] : std::exchange(pending_, {})) {
      finish(*pending, std::unexpected(why));
    }
  }

 private:
  static void finish(Pending& pending, Result<Reply> result) {
    pending.result = std::move(result);
    pending.done.set();
  }

  std::uint64_t last_ = 0;
  std::map<RequestId, Pending*> pending_;
};

}  // namespace cairn::coordinator
