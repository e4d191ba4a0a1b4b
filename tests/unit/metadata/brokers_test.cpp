// SPDX-License-Identifier: Apache-2.0
#include <cairn/metadata/brokers.hpp>
#include <cairn/metadata/configs.hpp>
#include <cairn/metadata/partitions.hpp>
#include <cairn/metadata/snapshot.hpp>

#include "cluster.hpp"

namespace cairn::metadata {
namespace {

using testing::Cluster;
using testing::ids;

struct Brokers : ::testing::Test {
  Cluster cluster{0};
  Heartbeats heartbeats{std::chrono::seconds(9)};
  Instant now{std::chrono::hours(1)};
  Offset next{50};

  BrokerContext context() const { return {cluster.server, "cluster", next, now, 1}; }

  static protocol::BrokerRegistrationRequest registration(int id, std::uint64_t incarnation = 1) {
    protocol::BrokerRegistrationRequest request;
    request.broker_id = id;
    request.cluster_id = "cluster";
    request.incarnation_id = Uuid{7, 1000 + incarnation};
    request.log_dirs = {Uuid{9, static_cast<std::uint64_t>(1000 + id)}};
    for (const SupportedFeature& feature : supported_features()) {
      auto& has = request.features.emplace_back();
      has.name = feature.name;
      has.min_supported_version = feature.range.min;
      has.max_supported_version = feature.range.max;
    }
    return request;
  }
  protocol::BrokerRegistrationResponse enrol(protocol::BrokerRegistrationRequest request) {
    auto decision = register_broker(cluster.image, heartbeats, context(), request);
    cluster.apply_all(decision.records);
    if (decision.response.error_code == ErrorCode::none) {
      heartbeats.touch(BrokerId(request.broker_id), BrokerEpoch(decision.response.broker_epoch),
                       now, no_offset);
    }
    next += 100;
    return decision.response;
  }
  protocol::BrokerHeartbeatResponse beat(int id, bool want_shut_down = false) {
    protocol::BrokerHeartbeatRequest request;
    request.broker_id = id;
    request.broker_epoch = cluster.image.broker(BrokerId(id))->epoch.value();
    request.current_metadata_offset = next.value();
    request.want_shut_down = want_shut_down;
    auto decision = broker_heartbeat(cluster.image, heartbeats, context(), request);
    cluster.apply_all(decision.records);
    heartbeats.touch(BrokerId(id), BrokerEpoch(request.broker_epoch), now, next);
    if (want_shut_down && !decision.response.should_shut_down && !decision.records.empty()) {
      heartbeats.set_shutdown_offset(BrokerId(id), next);
    }
    return decision.response;
  }
};

TEST_F(Brokers, a_new_broker_is_fenced_until_it_has_caught_up) {
  const auto answer = enrol(registration(1));
  EXPECT_EQ(answer.broker_epoch, 50) << "the end of the log when it was handled";
  EXPECT_TRUE(cluster.image.broker(BrokerId(1))->fenced);
  protocol::BrokerHeartbeatRequest early;
  early.broker_id = 1;
  early.broker_epoch = 50;
  early.current_metadata_offset = 49;
  const auto kept = broker_heartbeat(cluster.image, heartbeats, context(), early);
  EXPECT_TRUE(kept.records.empty());
  EXPECT_TRUE(kept.response.is_fenced);
  EXPECT_FALSE(kept.response.is_caught_up);
  const auto unfenced = beat(1);
  EXPECT_FALSE(unfenced.is_fenced);
  EXPECT_TRUE(cluster.image.is_active(BrokerId(1)));
}

TEST_F(Brokers, refuses_strangers_and_second_selves) {
  auto stranger = registration(1);
  stranger.cluster_id = "other";
  EXPECT_EQ(enrol(stranger).error_code, ErrorCode::inconsistent_cluster_id);
  auto homeless = registration(1);
  homeless.log_dirs.clear();
  EXPECT_EQ(enrol(homeless).error_code, ErrorCode::invalid_registration);
  auto old = registration(1);
  old.features[0].max_supported_version = 29;
  EXPECT_EQ(enrol(old).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(enrol(registration(1, 1)).error_code, ErrorCode::none);
  EXPECT_EQ(enrol(registration(1, 2)).error_code, ErrorCode::duplicate_broker_registration);
  now += std::chrono::seconds(10);
  EXPECT_EQ(enrol(registration(1, 2)).error_code, ErrorCode::none);
  auto thief = registration(2);
  thief.log_dirs = registration(1).log_dirs;
  EXPECT_EQ(enrol(thief).error_code, ErrorCode::invalid_registration);
}

TEST_F(Brokers, need_no_feature_that_is_only_kept_for_kafka) {
  cluster.image.features.set("transaction.version", 2);
  EXPECT_EQ(enrol(registration(1)).error_code, ErrorCode::none);
  cluster.image.features.set("some.version", 1);
  EXPECT_EQ(enrol(registration(1)).error_code, ErrorCode::unsupported_version);
}

TEST_F(Brokers, the_same_incarnation_keeps_its_epoch) {
  enrol(registration(1));
  beat(1);
  const auto again = enrol(registration(1));
  EXPECT_EQ(again.broker_epoch, 50);
  EXPECT_TRUE(cluster.image.is_active(BrokerId(1))) << "not fenced by amending";
}

TEST_F(Brokers, fencing_moves_leaders_and_unfencing_elects_where_there_is_none) {
  for (int id = 1; id <= 2; ++id) {
    enrol(registration(id, static_cast<std::uint64_t>(id)));
    beat(id);
  }
  cluster.create({Cluster::assigned("two", {{1, 2}}), Cluster::assigned("one", {{1}})});
  cluster.apply_all(fence_broker(cluster.image, context(), BrokerId(1)));
  EXPECT_EQ(cluster.partition("two").leader, BrokerId(2));
  EXPECT_EQ(cluster.partition("two").isr, ids({2}));
  EXPECT_EQ(cluster.partition("one").leader, no_broker);
  EXPECT_EQ(cluster.partition("one").isr, ids({1}));
  beat(1);
  EXPECT_EQ(cluster.partition("one").leader, BrokerId(1));
  EXPECT_EQ(cluster.partition("one").leader_epoch, Epoch(2));
}

TEST_F(Brokers, a_failed_directory_takes_its_replicas_out_and_no_others) {
  auto two_directories = registration(1, 1);
  const DirectoryId good = two_directories.log_dirs[0];
  const DirectoryId bad{9, 5'001};
  two_directories.log_dirs.push_back(bad);
  enrol(two_directories);
  beat(1);
  enrol(registration(2, 2));
  beat(2);
  cluster.create({Cluster::assigned("moves", {{1, 2}}), Cluster::assigned("stays", {{1, 2}}),
                  Cluster::assigned("alone", {{1}}), Cluster::assigned("follows", {{2, 1}})});
  for (const char* name : {"moves", "stays", "alone", "follows"}) {
    protocol::PartitionChangeRecord place;
    place.topic_id = cluster.image.topic(name)->id;
    place.partition_id = 0;
    place.directories.emplace();
    for (const BrokerId replica : cluster.partition(name).replicas) {
      const DirectoryId of_first = std::string_view(name) == "stays" ? good : bad;
      place.directories->push_back(replica == BrokerId(1) ? of_first : DirectoryId{9, 1'002});
    }
    cluster.apply_all({{std::move(place), 1}});
  }
  const auto failed = [this](std::vector<DirectoryId> directories) {
    protocol::BrokerHeartbeatRequest request;
    request.broker_id = 1;
    request.broker_epoch = cluster.image.broker(BrokerId(1))->epoch.value();
    request.current_metadata_offset = next.value();
    request.offline_log_dirs = std::move(directories);
    auto decision = broker_heartbeat(cluster.image, heartbeats, context(), request);
    cluster.apply_all(decision.records);
    return decision;
  };
  EXPECT_TRUE(failed({Uuid{9, 77}}).records.empty()) << "a directory that it never had";
  EXPECT_FALSE(failed({bad}).response.is_fenced);
  EXPECT_EQ(cluster.partition("moves").leader, BrokerId(2));
  EXPECT_EQ(cluster.partition("moves").isr, ids({2}));
  EXPECT_EQ(cluster.partition("stays").leader, BrokerId(1));
  EXPECT_EQ(cluster.partition("stays").isr, ids({1, 2}));
  EXPECT_EQ(cluster.partition("alone").leader, no_broker);
  EXPECT_EQ(cluster.partition("alone").isr, ids({1}));
  EXPECT_EQ(cluster.partition("follows").leader, BrokerId(2));
  EXPECT_EQ(cluster.partition("follows").isr, ids({2}));
  EXPECT_EQ(cluster.image.broker(BrokerId(1))->log_dirs, std::vector{good});
  EXPECT_TRUE(cluster.image.is_active(BrokerId(1)));
  EXPECT_TRUE(failed({bad}).records.empty()) << "that is known";
}

TEST_F(Brokers, controlled_shutdown_first_moves_then_lets_go) {
  enrol(registration(1));
  beat(1);
  cluster.create({Cluster::assigned("t", {{1}})});
  EXPECT_FALSE(beat(1, true).should_shut_down);
  EXPECT_TRUE(cluster.image.broker(BrokerId(1))->in_controlled_shutdown);
  EXPECT_EQ(cluster.partition("t").leader, no_broker);
  EXPECT_TRUE(beat(1, true).should_shut_down);
  EXPECT_TRUE(cluster.image.broker(BrokerId(1))->fenced);
}

TEST_F(Brokers, silence_is_noticed_and_only_then) {
  enrol(registration(1));
  beat(1);
  now += std::chrono::seconds(8);
  EXPECT_TRUE(heartbeats.silent(cluster.image, now).empty());
  now += std::chrono::seconds(2);
  EXPECT_EQ(heartbeats.silent(cluster.image, now), ids({1}));
}

TEST_F(Brokers, producer_ids_come_in_blocks_that_never_overlap) {
  enrol(registration(1));
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = 1;
  request.broker_epoch = 50;
  for (const std::int64_t first : {0, 1000, 2000}) {
    auto decision = allocate_producer_ids(cluster.image, request);
    cluster.apply_all(decision.records);
    EXPECT_EQ(decision.response.producer_id_start, first);
    EXPECT_EQ(decision.response.producer_id_len, 1000);
  }
  request.broker_epoch = 1;
  EXPECT_EQ(allocate_producer_ids(cluster.image, request).response.error_code,
            ErrorCode::stale_broker_epoch);
}

struct Configs : ::testing::Test {
  Cluster cluster;
  void SetUp() override { cluster.create({Cluster::wanted("t", 1, 1)}); }

  using Op = config::AlterOperation;
  struct Entry {
    std::string key;
    Op op;
    std::optional<std::string> value;
  };
  ApiError alter(ResourceType type, std::string name, std::vector<Entry> entries) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = static_cast<std::int8_t>(type);
    resource.resource_name = std::move(name);
    for (Entry& entry : entries) {
      auto& config = resource.configs.emplace_back();
      config.name = entry.key;
      config.config_operation = static_cast<std::int8_t>(entry.op);
      config.value = entry.value;
    }
    auto decision = incremental_alter_configs(cluster.image, request, cluster.server);
    cluster.apply_all(decision.records);
    const auto& result = decision.response.responses.at(0);
    return {result.error_code, result.error_message.value_or("")};
  }
  std::string value(std::string_view key) {
    const auto all = cluster.image.overrides(ResourceType::topic, "t");
    const auto at = all->find(key);
    return at == all->end() ? "(unset)" : at->second;
  }
};

TEST_F(Configs, sets_deletes_appends_and_subtracts) {
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{"retention.ms", Op::set, "5"}}).ok());
  EXPECT_EQ(value("retention.ms"), "5");
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{"cleanup.policy", Op::append, "compact"}}).ok());
  EXPECT_EQ(value("cleanup.policy"), "delete,compact");
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{"cleanup.policy", Op::subtract, "delete"}}).ok());
  EXPECT_EQ(value("cleanup.policy"), "compact");
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{"retention.ms", Op::remove, std::nullopt}}).ok());
  EXPECT_EQ(value("retention.ms"), "(unset)");
}

TEST_F(Configs, changes_a_resource_whole_or_not_at_all) {
  const auto wrong = alter(ResourceType::topic, "t",
                           {{"retention.ms", Op::set, "5"}, {"segment.bytes", Op::set, "x"}});
  EXPECT_EQ(wrong.code, ErrorCode::invalid_config);
  EXPECT_EQ(value("retention.ms"), "(unset)");
}

TEST_F(Configs, refuses_what_is_not_there) {
  EXPECT_EQ(alter(ResourceType::topic, "no", {{"retention.ms", Op::set, "5"}}).message,
            "The topic 'no' does not exist.");
  EXPECT_EQ(alter(ResourceType::broker, "9", {{"log.retention.ms", Op::set, "5"}}).code,
            ErrorCode::broker_id_not_registered);
  EXPECT_EQ(alter(ResourceType::topic, "t", {{"retention.ms", Op::set, std::nullopt}}).message,
            "Null value not supported for : retention.ms");
  EXPECT_EQ(alter(ResourceType::topic, "", {{"retention.ms", Op::set, "5"}}).code,
            ErrorCode::invalid_request);
}

TEST_F(Configs, with_elr_a_new_minimum_clears_who_was_eligible) {
  cluster.image.features.set(std::string(elr_feature), std::int16_t{1});
  const std::string key = "min.insync.replicas";
  EXPECT_EQ(alter(ResourceType::broker, "1", {{key, Op::set, "2"}}).message,
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
  EXPECT_TRUE(alter(ResourceType::broker, "", {{key, Op::set, "2"}}).ok());
  EXPECT_EQ(alter(ResourceType::broker, "", {{key, Op::remove, std::nullopt}}).message,
            "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
  const auto make_eligible = [&] {
    protocol::PartitionChangeRecord change;
    change.topic_id = cluster.image.topic("t")->id;
    change.partition_id = 0;
    change.eligible_leader_replicas = {2};
    cluster.apply_all({{std::move(change), 2}});
  };
  make_eligible();
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{"retention.ms", Op::set, "5"}}).ok());
  EXPECT_EQ(cluster.partition("t").elr, ids({2}));
  EXPECT_TRUE(alter(ResourceType::topic, "t", {{key, Op::set, "3"}}).ok());
  EXPECT_TRUE(cluster.partition("t").elr.empty());
  make_eligible();
  EXPECT_TRUE(alter(ResourceType::broker, "", {{key, Op::set, "4"}}).ok());
  EXPECT_TRUE(cluster.partition("t").elr.empty());
}

TEST_F(Configs, the_old_request_replaces_everything) {
  alter(ResourceType::topic, "t", {{"retention.ms", Op::set, "5"}});
  protocol::AlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = 2;
  resource.resource_name = "t";
  auto& entry = resource.configs.emplace_back();
  entry.name = "segment.bytes";
  entry.value = "2000000";
  const auto decision = alter_configs(cluster.image, request, cluster.server);
  cluster.apply_all(decision.records);
  EXPECT_EQ(value("retention.ms"), "(unset)");
  EXPECT_EQ(value("segment.bytes"), "2000000");
}

struct Features : ::testing::Test {
  Cluster cluster;
  FeatureDecision ask(std::string feature, std::int16_t level, std::int8_t type = 1) {
    protocol::UpdateFeaturesRequest request;
    auto& update = request.feature_updates.emplace_back();
    update.feature = std::move(feature);
    update.max_version_level = level;
    update.upgrade_type = type;
    return update_features(cluster.image, cluster.server, request, 2, 1);
  }
};

TEST_F(Features, refuses_levels_nobody_supports) {
  const auto decided = ask("metadata.version", 31);
  EXPECT_EQ(decided.decision.response.error_code, ErrorCode::invalid_update_version);
  EXPECT_TRUE(decided.decision.records.empty());
  EXPECT_EQ(ask("group.version", 1).decision.response.error_code,
            ErrorCode::invalid_update_version);
}

/// What a new cluster of Kafka 4.3.1 finalizes beside what is served here.
const std::map<std::string, std::int16_t> of_kafka = {
    {"group.version", 1}, {"transaction.version", 2}, {"share.version", 1}, {"streams.version", 1}};

TEST_F(Features, of_a_cluster_that_was_taken_over_stay_and_bind_nobody) {
  EXPECT_EQ(unserved_features(cluster.image), "");
  for (const auto& [name, level] : of_kafka) cluster.image.features.set(name, level);
  EXPECT_EQ(unserved_features(cluster.image),
            "group.version=1, share.version=1, streams.version=1, transaction.version=2");
  std::map<std::string, std::int16_t> kept;
  SnapshotSource snapshot(std::make_shared<const Image>(cluster.image));
  for (auto records = snapshot.next(100); !records.empty(); records = snapshot.next(100)) {
    for (const Record& record : records) {
      const auto* feature = std::get_if<protocol::FeatureLevelRecord>(&record.body);
      if (feature && feature->name != "metadata.version") {
        kept[feature->name] = feature->feature_level;
      }
    }
  }
  EXPECT_EQ(kept, of_kafka);
  EXPECT_EQ(ask("group.version", 1, 1).decision.response.error_code,
            ErrorCode::invalid_update_version);
  EXPECT_EQ(ask("share.version", 0, 2).decision.response.error_code, ErrorCode::none)
      << "an operator may still lower what nobody serves";
}

TEST_F(Features, beyond_those_of_kafka_may_not_stay) {
  EXPECT_TRUE(may_stay_unserved("group.version", 1));
  EXPECT_FALSE(may_stay_unserved("group.version", 2));
  EXPECT_FALSE(may_stay_unserved("some.version", 1));
  EXPECT_FALSE(may_stay_unserved("metadata.version", 30)) << "is served";
  EXPECT_FALSE(may_stay_unserved("metadata.version", 31));
}

TEST_F(Features, records_without_effect_are_counted) {
  EXPECT_EQ(unserved_records(cluster.image), "");
  protocol::UserScramCredentialRecord credential;
  credential.name = "alice";
  credential.mechanism = 1;
  protocol::AccessControlEntryRecord acl;
  cluster.apply_all({{credential, 0}, {acl, 0}});
  acl.id = Uuid{1, 2};
  cluster.apply_all({{acl, 0}});
  EXPECT_EQ(unserved_records(cluster.image), "2 ACLs, 1 SCRAM credential");
}

TEST_F(Features, eligible_leader_replicas_need_a_minimum_that_the_controller_knows) {
  const auto set = [&](std::string broker, std::string value) {
    protocol::ConfigRecord record;
    record.resource_type = static_cast<std::int8_t>(ResourceType::broker);
    record.resource_name = std::move(broker);
    record.name = "min.insync.replicas";
    record.value = std::move(value);
    cluster.apply_all({{std::move(record), 0}});
  };
  set("1", "3");
  const auto decided = ask("eligible.leader.replicas.version", 1);
  EXPECT_EQ(decided.decision.response.error_code, ErrorCode::none);
  cluster.apply_all(decided.decision.records);
  EXPECT_TRUE(supports_elr(cluster.image));
  EXPECT_EQ(cluster.image.overrides(ResourceType::broker, "")->at("min.insync.replicas"), "1");
  EXPECT_FALSE(cluster.image.overrides(ResourceType::broker, "1")->contains("min.insync.replicas"));
  EXPECT_EQ(ask("eligible.leader.replicas.version", 0, 2).decision.records.size(), 1u);
  EXPECT_EQ(ask("eligible.leader.replicas.version", 2).decision.response.error_code,
            ErrorCode::invalid_update_version);
  protocol::RegisterBrokerRecord old;  // of software that does not know the feature
  old.broker_id = 9;
  cluster.apply_all({{std::move(old), 4}});
  EXPECT_EQ(ask("eligible.leader.replicas.version", 1).decision.response.error_code,
            ErrorCode::invalid_update_version);
}

TEST_F(Features, a_downgrade_must_be_meant_and_must_lose_nothing) {
  EXPECT_EQ(ask("metadata.version", 29).decision.response.error_code,
            ErrorCode::invalid_update_version)
      << "not meant";
  EXPECT_EQ(ask("metadata.version", 29, 2).decision.response.error_code,
            ErrorCode::invalid_update_version)
      << "30 changed records";
  Cluster older(1, 29);
  cluster = older;
  EXPECT_EQ(ask("metadata.version", 24, 2).decision.response.error_code, ErrorCode::none);
  EXPECT_EQ(ask("metadata.version", 30).decision.records.size(), 1u);
}

}  // namespace
}  // namespace cairn::metadata
