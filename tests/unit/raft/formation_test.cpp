// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cairn/raft/formation.hpp>

namespace cairn::raft {
namespace {

DirectoryId directory(int id) { return Uuid{7, static_cast<std::uint64_t>(100 + id)}; }
ReplicaKey key(int id) { return {BrokerId(id), directory(id)}; }

/// An empty controller with this id, as it speaks of itself.
FormationReport empty(int id, std::vector<int> listed = {1, 2, 3}) {
  FormationReport report;
  for (const int each : listed) {
    report.voters.push_back({BrokerId(each), each == id ? directory(id) : DirectoryId{}});
  }
  return report;
}

FormationView view_of(int id) {
  FormationView view;
  view.self = key(id);
  view.controller = true;
  view.configured = {BrokerId(1), BrokerId(2), BrokerId(3)};
  for (int other = 1; other <= 3; ++other) {
    if (other != id) view.reports[BrokerId(other)] = empty(other);
  }
  return view;
}

TEST(Formation, the_lowest_id_forms_when_all_are_there_and_empty) {
  const FormationStep step = decide_formation(view_of(1));
  const auto* form = std::get_if<FormCluster>(&step);
  ASSERT_NE(form, nullptr);
  EXPECT_EQ(form->voters, (std::vector<ReplicaKey>{key(1), key(2), key(3)}));
}

TEST(Formation, the_others_wait_for_it) {
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view_of(2))));
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view_of(3))));
}

TEST(Formation, nobody_forms_while_one_cannot_be_reached) {
  FormationView view = view_of(1);
  view.reports[BrokerId(3)] = std::nullopt;
  const FormationStep step = decide_formation(view);
  ASSERT_TRUE(std::holds_alternative<WaitForOthers>(step));
  EXPECT_EQ(std::get<WaitForOthers>(step).why, "cannot reach controller 3");
}

TEST(Formation, nobody_forms_while_the_lists_differ) {
  FormationView view = view_of(1);
  view.reports[BrokerId(2)] = empty(2, {2, 3});
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view)));
}

TEST(Formation, nobody_forms_with_one_that_does_not_answer_as_itself) {
  FormationView view = view_of(1);
  view.reports[BrokerId(2)] = empty(3);  // the address of 2 leads to 3
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view)));
}

TEST(Formation, where_somebody_is_formatted_an_empty_node_joins_even_with_the_lowest_id) {
  FormationView view = view_of(1);
  view.reports[BrokerId(2)] = FormationReport{"abc", {{BrokerId(1), directory(9)}, key(2), key(3)}};
  view.reports[BrokerId(3)] = std::nullopt;
  const FormationStep step = decide_formation(view);
  const auto* join = std::get_if<JoinCluster>(&step);
  ASSERT_NE(join, nullptr);
  EXPECT_EQ(join->cluster_id, "abc");
  EXPECT_EQ(join->voters[0].directory, directory(9)) << "its old disk's, and so it does not vote";
}

TEST(Formation, an_empty_voter_without_directory_ids_waits) {
  FormationView view = view_of(1);
  view.reports[BrokerId(2)] =
      FormationReport{"abc", {{BrokerId(1), {}}, {BrokerId(2), {}}, {BrokerId(3), {}}}};
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view)));
  view.self = key(4);
  const FormationStep observer = decide_formation(view);
  EXPECT_TRUE(std::holds_alternative<JoinCluster>(observer));
}

TEST(Formation, a_cluster_that_just_starts_is_waited_for) {
  FormationView view = view_of(3);
  view.reports[BrokerId(1)] = FormationReport{"abc", {}};
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view)));
}

TEST(Formation, two_clusters_are_refused) {
  FormationView view = view_of(3);
  view.reports[BrokerId(1)] = FormationReport{"abc", {key(1)}};
  view.reports[BrokerId(2)] = FormationReport{"def", {key(2)}};
  EXPECT_TRUE(std::holds_alternative<RefuseToStart>(decide_formation(view)));
}

TEST(Formation, an_empty_broker_needs_only_the_cluster_id) {
  FormationView view = view_of(1);
  view.controller = false;
  view.self = key(7);
  EXPECT_TRUE(std::holds_alternative<WaitForOthers>(decide_formation(view)));
  view.reports[BrokerId(3)] = FormationReport{"abc", {}};
  const FormationStep step = decide_formation(view);
  ASSERT_TRUE(std::holds_alternative<JoinCluster>(step));
  EXPECT_TRUE(std::get<JoinCluster>(step).voters.empty());
}

}  // namespace
}  // namespace cairn::raft
