// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <cairn/raft/types.hpp>

namespace cairn::raft {

VoterSet::VoterSet(std::vector<Voter> voters) : voters_(std::move(voters)) {
  std::ranges::sort(voters_, {}, [](const Voter& voter) { return voter.key.id; });
}

bool VoterSet::contains(const ReplicaKey& key) const {
  const Voter* voter = find(key.id);
  if (voter == nullptr) return false;
  const DirectoryId& directory = voter->key.directory;
  return directory.is_zero() || directory == key.directory;
}

const Voter* VoterSet::find(BrokerId id) const {
  const auto at = std::ranges::find(voters_, id, [](const Voter& voter) { return voter.key.id; });
  return at == voters_.end() ? nullptr : &*at;
}

}  // namespace cairn::raft
