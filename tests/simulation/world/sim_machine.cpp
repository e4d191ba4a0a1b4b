// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sim_disk.hpp"

namespace cairn::world {

void Inode::write(std::uint64_t offset, BytesView bytes) {
  if (bytes.empty()) return;
  const std::uint64_t end = offset + bytes.size();
  if (cached.size() < end) cached.resize(end);
  std::ranges::copy(bytes, cached.begin() + static_cast<std::ptrdiff_t>(offset));
  changes.push_back({offset, to_bytes(bytes)});
}

void Inode::truncate(std::uint64_t size) {
  cached.resize(size);
  allocated = size;
  changes.push_back({size, {}});
}

void Inode::sync() {
  for (const Change& change : changes) {
    if (change.bytes.empty()) {
      durable.resize(change.at);
      continue;
    }
    const std::uint64_t end = change.at + change.bytes.size();
    if (durable.size() < end) durable.resize(end);
    std::ranges::copy(change.bytes, durable.begin() + static_cast<std::ptrdiff_t>(change.at));
  }
  changes.clear();
}

void Inode::fail_sync(Random& random) {
  keep_some(random, 0.5);
  // The size is as it was; what did not reach the platter reads as zeros or as it was before.
  const std::size_t size = cached.size();
  cached = durable;
  cached.resize(size);
  if (durable.size() != size) changes.push_back({size, {}});
}

void Inode::lose_power(Random& random) {
  // Some crashes keep nearly everything, some nearly nothing, most a mixture.
  keep_some(random, random.chance(0.25) ? 1.0 : random.chance(0.33) ? 0.0 : 0.5);
  cached = durable;
  allocated = durable.size();
}

void Inode::keep_some(Random& random, double kept) {
  for (const Change& change : changes) {
    if (change.bytes.empty()) {
      if (random.chance(kept)) durable.resize(change.at);
      continue;
    }
    std::uint64_t at = change.at;
    const std::uint64_t end = change.at + change.bytes.size();
    while (at < end) {
      const std::uint64_t next = std::min(end, (at / sector + 1) * sector);
      if (random.chance(kept)) {
        if (durable.size() < next) durable.resize(next);  // the hole before reads as zeros
        std::copy_n(change.bytes.begin() + static_cast<std::ptrdiff_t>(at - change.at), next - at,
                    durable.begin() + static_cast<std::ptrdiff_t>(at));
      }
      at = next;
    }
  }
  changes.clear();
}

std::uint64_t SimMachine::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, node] : names_) {
    if (node.inode)
      bytes += std::max<std::uint64_t>(node.inode->cached.size(), node.inode->allocated);
  }
  return bytes;
}

void SimMachine::apply(Names& names, const NameChange& change) {
  if (!change.moved_from.empty()) {
    // A directory takes what is below it along.
    const std::string below = change.moved_from + "/";
    std::vector<std::pair<std::string, Node>> moved;
    for (auto at = names.lower_bound(below); at != names.end() && at->first.starts_with(below);) {
      moved.emplace_back(change.path + "/" + at->first.substr(below.size()), at->second);
      at = names.erase(at);
    }
    names.erase(change.moved_from);
    for (auto& [path, node] : moved) names.insert_or_assign(path, node);
  }
  if (change.now) {
    names.insert_or_assign(change.path, *change.now);
  } else {
    names.erase(change.path);
  }
}

void SimMachine::change(NameChange change) {
  apply(names_, change);
  if (!change.moved_from.empty()) {
    // What is not durable yet below a directory goes along with it.
    const std::string below = change.moved_from + "/";
    for (NameChange& pending : pending_) {
      for (std::string* path : {&pending.path, &pending.moved_from}) {
        if (path->starts_with(below)) *path = change.path + "/" + path->substr(below.size());
      }
    }
  }
  pending_.push_back(std::move(change));
}

void SimMachine::sync_names(const std::string& directory) {
  std::erase_if(pending_, [&](const NameChange& change) {
    const bool here = runtime::parent_directory(change.path) == directory;
    if (here) apply(durable_, change);
    return here;
  });
}

void SimMachine::lose_power() {
  for (const NameChange& change : pending_) {
    if (random_.chance(0.5)) apply(durable_, change);
  }
  pending_.clear();
  // A name is reachable only if its directories survived.
  std::erase_if(durable_, [&](const auto& entry) {
    const std::string parent = runtime::parent_directory(entry.first);
    return parent != "." && parent != "/" && !durable_.contains(parent);
  });
  for (auto& [path, node] : durable_) {
    if (node.inode) node.inode->lose_power(random_);  // a second time changes nothing
  }
  names_ = durable_;
}

void SimMachine::wipe() {
  names_.clear();
  durable_.clear();
  pending_.clear();
}

std::optional<Bytes> SimMachine::content(const std::string& path) const {
  const auto found = names_.find(path);
  if (found == names_.end() || !found->second.inode) return std::nullopt;
  return found->second.inode->cached;
}

std::vector<std::string> SimMachine::files_below(const std::string& prefix) const {
  std::vector<std::string> files;
  for (auto at = names_.lower_bound(prefix); at != names_.end() && at->first.starts_with(prefix);
       ++at) {
    if (at->second.inode) files.push_back(at->first);
  }
  return files;
}

void SimMachine::damage(const std::string& path, std::optional<Bytes> content) {
  const auto found = names_.find(path);
  if (found == names_.end() || !found->second.inode) return;
  if (content) {
    Inode& inode = *found->second.inode;
    inode.cached = inode.durable = std::move(*content);
    inode.changes.clear();
    inode.allocated = inode.cached.size();
  } else {
    names_.erase(path);
    durable_.erase(path);
    std::erase_if(pending_, [&](const NameChange& change) { return change.path == path; });
  }
}

}  // namespace cairn::world
