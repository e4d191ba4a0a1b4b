// SPDX-License-Identifier: Apache-2.0
// A quorum of Nodes in memory, driven by a seed: the logs are lists of batches, messages travel in
// any order, are lost or delivered late; nodes stop and come back with what they had made durable.
// After each step the invariants of Raft are checked from outside. Owner: a test.
#pragma once

#include <map>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include <cairn/raft/node.hpp>

#include "member.hpp"

namespace cairn::raft::testing {

class Quorum {
 public:
  Quorum(int size, std::uint64_t seed) : random_(seed) {
    std::vector<Voter> voters;
    for (int id = 1; id <= size; ++id) {
      Voter voter;
      voter.key = {BrokerId(id), Uuid{1, static_cast<std::uint64_t>(1000 + id)}};
      voter.endpoints = {{"CONTROLLER", "host", static_cast<std::uint16_t>(id)}};
      voters.push_back(voter);
    }
    voters_ = VoterSet(voters);
    for (const Voter& voter : voters_.voters()) {
      members_[voter.key.id].key = voter.key;
      start(voter.key.id);
    }
  }

  std::map<BrokerId, Member>& members() { return members_; }
  Random& random() { return random_; }

  void start(BrokerId id) {
    Member& member = members_.at(id);
    while (!member.log.empty() && member.log.back().next > member.durable_end)
      member.log.pop_back();
    Startup startup;
    startup.election = member.durable;
    for (const Entry& entry : member.log) startup.epochs.assign(entry.epoch, entry.base);
    startup.log_end = end_of(member);
    startup.voters = {{no_offset, voters_}};
    Settings settings;
    settings.self = member.key;
    settings.cluster_id = "cluster";
    settings.election_timeout = std::chrono::seconds(1);
    settings.fetch_timeout = std::chrono::seconds(2);
    settings.request_timeout = std::chrono::seconds(2);
    settings.retry_backoff = std::chrono::milliseconds(20);
    settings.fetch_max_wait = std::chrono::milliseconds(500);
    member.waiting.clear();
    member.node = std::make_unique<Node>(settings, std::move(startup), random_.fork(), now_);
    carry_out(id, member.node->start(now_));
  }
  void stop(BrokerId id) { members_.at(id).node.reset(); }

  std::optional<BrokerId> leader() const {
    std::optional<BrokerId> best;
    Epoch epoch{-1};
    for (const auto& [id, member] : members_) {
      if (member.node && member.node->is_leader() && member.node->epoch() > epoch) {
        best = id;
        epoch = member.node->epoch();
      }
    }
    return best;
  }

  void append(BrokerId id, std::uint64_t content) {
    Member& member = members_.at(id);
    const Offset base = end_of(member);
    member.log.push_back({base, base + 1, member.node->epoch(), content});
    carry_out(id, member.node->appended(base + 1, now_));
    flush(id);
  }

  /// One random event: a packet arrives or is lost, or time passes.
  void step(double loss) {
    if (!packets_.empty() && random_.chance(0.8)) {
      const std::size_t at = random_.below(packets_.size());
      Packet packet = std::move(packets_[at]);
      packets_.erase(packets_.begin() + static_cast<std::ptrdiff_t>(at));
      if (random_.chance(loss) || cut_.contains(packet.from) || cut_.contains(packet.to)) {
        lose(packet);
      } else {
        deliver(std::move(packet));
      }
    } else {
      now_ += std::chrono::milliseconds(random_.between(1, 60));
      for (auto& [id, member] : members_) {
        if (member.node && member.node->deadline() && *member.node->deadline() <= now_) {
          carry_out(id, member.node->tick(now_));
        }
      }
    }
    check();
  }
  template <class Done>
  bool run_until(Done done, int steps = 20'000, double loss = 0) {
    for (int i = 0; i < steps; ++i) {
      if (done()) return true;
      step(loss);
      if (::testing::Test::HasFailure()) return false;
    }
    return done();
  }
  void cut(BrokerId id) { cut_.insert(id); }
  void heal() { cut_.clear(); }
  static Offset end_of(const Member& member) {
    return member.log.empty() ? Offset(0) : member.log.back().next;
  }

 private:
  void flush(BrokerId id) {
    Member& member = members_.at(id);
    member.durable_end = end_of(member);
    carry_out(id, member.node->flushed(member.durable_end, member.node->generation(), now_));
  }

  void carry_out(BrokerId id, Output output) {
    Member& member = members_.at(id);
    if (output.election) {
      const auto& before = member.durable;
      const auto& after = *output.election;
      EXPECT_GE(after.epoch, before.epoch) << "an epoch never falls";
      if (after.epoch == before.epoch && before.voted && after.voted) {
        EXPECT_EQ(*after.voted, *before.voted) << "one vote an epoch";
      }
      member.durable = after;
    }
    for (const LogChange& change : output.log) change_log(member, change);
    if (output.flush) {
      member.durable_end = end_of(member);
      const std::uint64_t generation = member.node->generation();
      Output more = member.node->flushed(member.durable_end, generation, now_);
      output.replies.insert(output.replies.end(), more.replies.begin(), more.replies.end());
      output.sends.insert(output.sends.end(), more.sends.begin(), more.sends.end());
      if (more.high_watermark) output.high_watermark = more.high_watermark;
    }
    for (Reply& reply : output.replies) send_reply(member, reply);
    for (Send& send : output.sends) {
      packets_.push_back({next_id_++, id, send.to, send.number, send.request, {}, {}});
    }
    if (output.high_watermark) {
      EXPECT_GE(*output.high_watermark, Offset(0));
      member.committed = std::max(member.committed, *output.high_watermark);
    }
  }

  void change_log(Member& member, const LogChange& change) {
    if (const auto* control = std::get_if<AppendControl>(&change)) {
      const Offset next = control->base_offset + std::ssize(control->records);
      EXPECT_EQ(control->base_offset, end_of(member));
      member.log.push_back({control->base_offset, next, control->epoch, 0});
    } else if (const auto* truncate = std::get_if<TruncateTo>(&change)) {
      EXPECT_GE(truncate->end, member.committed) << "what is committed stays";
      while (!member.log.empty() && member.log.back().next > truncate->end) member.log.pop_back();
      member.durable_end = std::min(member.durable_end, end_of(member));
    } else if (std::holds_alternative<AppendFetched>(change)) {
      member.log.insert(member.log.end(), arriving_.begin(), arriving_.end());
    }
  }

  void send_reply(Member& member, Reply& reply) {
    const std::uint64_t packet_id = member.waiting.at(reply.number);
    member.waiting.erase(reply.number);
    const auto origin = origins_.at(packet_id);
    Packet packet{next_id_++, member.key.id, origin.first, origin.second, {}, {}, {}};
    if (auto* fetch = std::get_if<FetchResponse>(&reply.response); fetch != nullptr) {
      if (fetch->read_from) {
        for (const Entry& entry : member.log) {
          if (entry.base < *fetch->read_from) continue;
          packet.entries.push_back(entry);
          fetch->batches.push_back({entry.base, entry.next, entry.epoch, {}, {}});
        }
      }
    }
    packet.response = std::move(reply.response);
    packets_.push_back(std::move(packet));
  }

  void deliver(Packet packet) {
    Member& to = members_.at(packet.to);
    if (!to.node) return lose(packet);
    if (packet.request) {
      origins_[packet.id] = {packet.from, packet.number};
      to.waiting[packet.id] = packet.id;
      carry_out(packet.to, to.node->step(packet.id, *packet.request, now_));
    } else {
      arriving_ = std::move(packet.entries);
      carry_out(packet.to, to.node->answered(packet.number, *packet.response, now_));
      arriving_.clear();
    }
  }
  void lose(const Packet& packet) {
    const BrokerId asker = packet.request ? packet.from : packet.to;
    Member& member = members_.at(asker);
    if (member.node) carry_out(asker, member.node->request_failed(packet.number, now_));
  }

  /// I19, I20: one leader an epoch; committed prefixes agree.
  void check() {
    for (const auto& [id, member] : members_) {
      if (!member.node || !member.node->is_leader()) continue;
      const auto [at, fresh] = leaders_.emplace(member.node->epoch(), id);
      EXPECT_EQ(at->second, id) << "two leaders in epoch " << member.node->epoch().value();
    }
    for (const auto& [id, member] : members_) {
      for (const Entry& entry : member.log) {
        if (entry.next > member.committed) break;
        const auto [at, fresh] = chosen_.emplace(entry.base, entry);
        EXPECT_EQ(at->second, entry) << "committed entries differ at " << entry.base.value();
      }
    }
  }

  Random random_;
  Instant now_{std::chrono::hours(1)};
  VoterSet voters_;
  std::map<BrokerId, Member> members_;
  std::vector<Packet> packets_;
  std::vector<Entry> arriving_;
  std::map<std::uint64_t, std::pair<BrokerId, std::uint64_t>> origins_;
  std::set<BrokerId> cut_;
  std::uint64_t next_id_ = 1;
  std::map<Epoch, BrokerId> leaders_;
  std::map<Offset, Entry> chosen_;
};

}  // namespace cairn::raft::testing
