// SPDX-License-Identifier: Apache-2.0
// The quorum-state file: one line of JSON, replaced as a whole (facts: kraft.md §1.7). Version 1 is
// written for kraft.version 1 and version 0 for 0; both are read. Bytes in, values out: the actor
// does the writing, the sync and the rename.
#pragma once

#include <string>

#include <cairn/base/result.hpp>
#include <cairn/raft/types.hpp>

namespace cairn::raft {

inline constexpr std::string_view quorum_state_file = "quorum-state";

std::string encode_quorum_state(const ElectionState& state, std::int16_t kraft_version,
                                const VoterSet& voters);
/// corrupt_message when it is not what Kafka or we write.
Result<ElectionState> decode_quorum_state(std::string_view text);

}  // namespace cairn::raft
