// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/base/mutant.hpp>
#include <cairn/controller/controller.hpp>

#include "quorum_cluster.hpp"

namespace cairn::simulation {
namespace {

using namespace std::chrono_literals;

const std::vector<Roles> three(3, Roles::combined);

/// A quorum and the world it runs in, judged at its end.
struct Scene {
  explicit Scene(std::uint64_t seed, const std::vector<Roles>& roles = three,
                 std::map<std::string, std::string> settings = {})
      : world(seed), cluster(world, roles, std::move(settings)) {}
  ~Scene() {
    for (const Violation& violation : cluster.violations()) {
      ADD_FAILURE() << violation.invariant << ": " << violation.what;
    }
  }

  bool all_ready(Duration limit = 60s) {
    return cluster.run_until([this] { return cluster.all_ready(); }, limit);
  }
  std::string cluster_id(int id) { return cluster.node(id).controller()->cluster_id(); }

  world::World world;
  QuorumCluster cluster;
};

TEST(Quorum, three_empty_directories_become_one_cluster) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Scene scene(seed);
    scene.cluster.start_all();
    ASSERT_TRUE(scene.all_ready()) << seed;
    EXPECT_EQ(scene.cluster_id(1), scene.cluster_id(2));
    EXPECT_EQ(scene.cluster_id(1), scene.cluster_id(3));
    const auto all_known = [&] { return scene.cluster.image(1)->controllers.size() == 3; };
    EXPECT_TRUE(scene.cluster.run_until(all_known, 5s));
  }
}

TEST(Quorum, forms_nothing_before_all_are_there) {
  Scene scene(2);
  scene.cluster.start(1);
  scene.cluster.start(3);
  scene.cluster.run_for(30s);
  EXPECT_TRUE(scene.cluster_id(1).empty());
  EXPECT_TRUE(scene.cluster_id(3).empty());
  scene.cluster.start(2);
  EXPECT_TRUE(scene.all_ready());
}

TEST(Quorum, five_controllers_and_two_brokers_apart) {
  std::vector<Roles> roles(5, Roles::controller);
  roles.insert(roles.end(), 2, Roles::broker);
  Scene scene(3, roles);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  EXPECT_EQ(scene.cluster_id(7), scene.cluster_id(1)) << "an empty broker learns its cluster";
  const auto other_serves = [&] { return scene.cluster.image(6)->is_active(BrokerId(7)); };
  EXPECT_TRUE(scene.cluster.run_until(other_serves, 1s));
}

TEST(Quorum, elects_another_leader_after_kill_and_takes_the_old_one_back) {
  Scene scene(4);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const int old = *scene.cluster.leader();
  scene.cluster.kill(old);
  const auto others_lead = [&] {
    const auto now = scene.cluster.leader();
    return now && *now != old;
  };
  EXPECT_TRUE(scene.cluster.run_until(others_lead, 5s));
  scene.cluster.start(old);
  EXPECT_TRUE(scene.all_ready());
}

/// What the active controller's metadata says of a broker.
bool is_fenced(Scene& scene, int id) {
  const auto leader = scene.cluster.leader();
  if (!leader || *leader == id) return false;
  const auto image = scene.cluster.image(*leader);
  const metadata::Broker* broker = image->broker(BrokerId(id));
  return broker != nullptr && broker->fenced;
}

TEST(Quorum, a_killed_broker_is_fenced_long_before_its_session_ends) {
  for (std::uint64_t seed = 20; seed < 24; ++seed) {
    Scene scene(seed);
    scene.cluster.start_all();
    ASSERT_TRUE(scene.all_ready());
    scene.cluster.run_for(3s);
    const int victim = 1 + *scene.cluster.leader() % 3;
    scene.cluster.kill(victim);
    EXPECT_TRUE(scene.cluster.run_until([&] { return is_fenced(scene, victim); }, 300ms)) << seed;
    scene.cluster.start(victim);
    EXPECT_TRUE(scene.all_ready(3s)) << "its old session does not hold it up";
  }
}

TEST(Quorum, a_killed_active_controller_is_fenced_as_a_broker_within_a_second) {
  for (std::uint64_t seed = 24; seed < 28; ++seed) {
    Scene scene(seed);
    scene.cluster.start_all();
    ASSERT_TRUE(scene.all_ready());
    scene.cluster.run_for(3s);
    const int victim = *scene.cluster.leader();
    scene.cluster.kill(victim);
    EXPECT_TRUE(scene.cluster.run_until([&] { return is_fenced(scene, victim); }, 1s)) << seed;
    scene.cluster.start(victim);
    EXPECT_TRUE(scene.all_ready(5s));
  }
}

TEST(Quorum, silence_alone_fences_nobody_before_the_session_ends) {
  Scene scene(28);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const int victim = 1 + *scene.cluster.leader() % 3;
  scene.world.pause(QuorumCluster::host(victim));
  EXPECT_FALSE(scene.cluster.run_until([&] { return is_fenced(scene, victim); }, 6s));
  EXPECT_TRUE(scene.cluster.run_until([&] { return is_fenced(scene, victim); }, 6s));
  scene.world.resume(QuorumCluster::host(victim));
  const auto serves = [&] { return !is_fenced(scene, victim); };
  EXPECT_TRUE(scene.cluster.run_until(serves, 2s)) << "it comes back by itself";
}

TEST(Quorum, a_broken_heartbeat_connection_fences_nobody_that_comes_back) {
  Scene scene(29);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  scene.cluster.run_for(1s);
  const int leader = *scene.cluster.leader();
  const int other = 1 + leader % 3;
  for (int i = 0; i < 10; ++i) {
    scene.world.fabric().reset_between(QuorumCluster::host(leader), QuorumCluster::host(other));
    EXPECT_FALSE(scene.cluster.run_until([&] { return is_fenced(scene, other); }, 1s)) << i;
  }
}

/// L13: a leader that no majority follows any more must not go on.
TEST(Quorum, a_leader_cut_off_from_the_majority_resigns) {
  Scene scene(5);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const int old = *scene.cluster.leader();
  scene.cluster.isolate(old);
  EXPECT_TRUE(scene.cluster.run_until([&] { return !scene.cluster.leads(old); }, 5s));
  EXPECT_TRUE(scene.cluster.run_until([&] { return scene.cluster.leader().has_value(); }, 10s));
  scene.cluster.heal();
  EXPECT_TRUE(scene.cluster.run_until([&] { return scene.cluster.all_agree(); }, 30s));
}

#ifdef CAIRN_MUTANTS
TEST(Quorum, without_that_guard_it_goes_on) {
  Scene scene(5);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  choose_mutant("L13");
  const int old = *scene.cluster.leader();
  scene.cluster.isolate(old);
  EXPECT_FALSE(scene.cluster.run_until([&] { return !scene.cluster.leads(old); }, 30s));
  choose_mutant("");
}
#endif

/// As Kafka's tool formats the directories of static voters: an identity, and no metadata log.
runtime::Task<> format_like_kafka(runtime::Disk& disk, int id, bool& done) {
  std::string text = "version=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\n";
  text += fmt::format("node.id={}\ndirectory.id={}\n", id,
                      Uuid{77, static_cast<std::uint64_t>(id)}.text());
  co_await disk.create_directory("/data");
  co_await runtime::replace_file(disk, "/data/meta.properties", to_bytes(text));
  co_await disk.sync_directory("/");
  done = true;
}

TEST(Quorum, static_voters_of_kraft_version_0_elect_and_go_on) {
  Scene scene(10);
  for (int id = 1; id <= 3; ++id) {
    bool done = false;
    world::Process& process = scene.world.start(QuorumCluster::host(id));
    process.shard().tasks().spawn(format_like_kafka(process.disk(), id, done));
    ASSERT_TRUE(scene.world.run_until([&] { return done; }, 10s));
    scene.world.kill(QuorumCluster::host(id));
  }
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  EXPECT_EQ(scene.cluster_id(2), "4L6g3nShT-eMCtK--X86sw");
  EXPECT_EQ(scene.cluster.node(2).controller()->kraft_version(), 0);
  const int old = *scene.cluster.leader();
  scene.cluster.crash(old);
  const auto others_lead = [&] {
    const auto now = scene.cluster.leader();
    return now && *now != old;
  };
  EXPECT_TRUE(scene.cluster.run_until(others_lead, 10s));
  scene.cluster.start(old);
  EXPECT_TRUE(scene.all_ready());
}

/// L13: a voter with a new disk is not the voter that it was.
TEST(Quorum, a_voter_with_a_wiped_disk_follows_and_does_not_vote) {
  Scene scene(6);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const std::string cluster = scene.cluster_id(1);
  const int victim = 3;
  scene.cluster.crash(victim);
  scene.cluster.wipe(victim);
  scene.cluster.start(victim);
  ASSERT_TRUE(scene.all_ready());
  EXPECT_EQ(scene.cluster_id(victim), cluster);
  // With one of the two real voters gone there is no majority, whatever the third says.
  const int other = *scene.cluster.leader() == 1 ? 2 : 1;
  scene.cluster.kill(other);
  EXPECT_TRUE(scene.cluster.run_until([&] { return !scene.cluster.leader(); }, 10s));
  EXPECT_FALSE(scene.cluster.run_until([&] { return scene.cluster.leader().has_value(); }, 60s));
  scene.cluster.start(other);
  EXPECT_TRUE(scene.all_ready());
}

TEST(Quorum, a_node_of_another_cluster_is_refused) {
  Scene scene(7);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  SimNode stranger(scene.world, "stranger", {});
  stranger.start();
  ASSERT_TRUE(scene.cluster.run_until([&] { return stranger.ready(); }, 30s));
  stranger.stop();
  ASSERT_TRUE(scene.cluster.run_until([&] { return stranger.ended(); }, 30s));
  stranger.kill();
  // The same disk, now with the others' configuration.
  SimNode turned(scene.world, "stranger",
                 {{"node.id", "1"},
                  {"process.roles", "broker"},
                  {"listeners", "PLAINTEXT://stranger:9092"},
                  {"controller.quorum.voters", "11@node-1:9093,12@node-2:9093,13@node-3:9093"}});
  turned.start();
  ASSERT_TRUE(scene.cluster.run_until([&] { return turned.ended(); }, 60s));
  turned.kill();
  EXPECT_NE(turned.refusal().find("belongs to another cluster"), std::string::npos)
      << turned.refusal();
}

TEST(Quorum, a_follower_that_was_away_gets_a_snapshot) {
  Scene scene(8, three,
              {{"metadata.log.max.record.bytes.between.snapshots", "500"},
               {"metadata.max.retention.bytes", "1000"},
               {"metadata.max.idle.interval.ms", "20"}});
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const int leader = *scene.cluster.leader();
  const int away = leader == 3 ? 2 : 3;
  scene.cluster.crash(away);
  scene.cluster.run_for(60s);
  scene.cluster.start(away);
  ASSERT_TRUE(scene.all_ready());
  EXPECT_TRUE(scene.cluster.run_until([&] { return scene.cluster.all_agree(); }, 30s));
}

// What serves on without its metadata log is fenced, or leads nobody, and never comes back.
TEST(Quorum, a_node_whose_metadata_log_fails_ends) {
  for (const Roles roles : {Roles::combined, Roles::controller}) {
    Scene scene(14, {roles, roles, roles, Roles::broker});
    scene.cluster.start_all();
    ASSERT_TRUE(scene.all_ready());
    const int victim = *scene.cluster.leader();
    scene.cluster.fail_disk(victim, [](std::string_view operation) { return operation == "sync"; });
    ASSERT_TRUE(scene.cluster.run_until([&] { return scene.cluster.node(victim).ended(); }, 60s));
    scene.cluster.fail_disk(victim, nullptr);
    scene.cluster.start_missing();
    EXPECT_TRUE(scene.all_ready());
  }
}

/// The leader is killed while everything is slow: a new one comes within the limit.
void expect_new_leader(Scene& scene, Duration limit, const std::string& what) {
  scene.cluster.run_for(5s);
  if (const auto old = scene.cluster.leader()) scene.cluster.kill(*old);
  const auto found = [&] { return scene.cluster.leader().has_value(); };
  EXPECT_TRUE(scene.cluster.run_until(found, limit)) << what;
}

/// A question and its answer take less than the time after which a node gives up: dialling, whose
/// questions and answers are two, must not take for ever.
TEST(Quorum, finds_a_leader_over_slow_links) {
  for (const auto delay : {100ms, 300ms, 400ms, 500ms, 600ms}) {
    for (std::uint64_t seed = 30; seed < 33; ++seed) {
      Scene scene(seed);
      scene.cluster.start_all();
      ASSERT_TRUE(scene.all_ready());
      scene.world.fabric().conditions().least_delay = delay * 3 / 4;
      scene.world.fabric().conditions().most_delay = delay;
      expect_new_leader(scene, 30s, fmt::format("seed {} delay {}", seed, delay.count()));
    }
  }
}

/// Votes and epochs are flushed before anybody hears of them; that is nobody's silence.
TEST(Quorum, finds_a_leader_on_slow_disks) {
  for (const auto slowest : {300ms, 500ms, 800ms, 1000ms}) {
    for (std::uint64_t seed = 30; seed < 34; ++seed) {
      Scene scene(seed);
      scene.cluster.start_all();
      ASSERT_TRUE(scene.all_ready());
      for (int id = 1; id <= 3; ++id) {
        scene.cluster.node(id).machine().slowest_operation() = slowest;
      }
      expect_new_leader(scene, 10s, fmt::format("seed {} slowest {}", seed, slowest.count()));
    }
  }
}

TEST(Quorum, all_come_back_after_power_loss_of_all) {
  Scene scene(9);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  const std::string cluster = scene.cluster_id(1);
  for (int id = 1; id <= 3; ++id) scene.cluster.crash(id);
  scene.cluster.start_all();
  ASSERT_TRUE(scene.all_ready());
  EXPECT_EQ(scene.cluster_id(2), cluster);
}

}  // namespace
}  // namespace cairn::simulation
