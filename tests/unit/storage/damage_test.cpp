// SPDX-License-Identifier: Apache-2.0
// Each kind of file of a log is deleted, cut and flipped, after a clean stop and after a crash:
// what can be made anew is, and what a damaged .log held is never served as if it were whole. The
// same damage is what `cairn log verify` must name and `cairn log repair` put right.
#include <limits>

#include <cairn/log/checkpoint.hpp>
#include <cairn/log/names.hpp>
#include <cairn/record/control.hpp>
#include <cairn/record/legacy.hpp>
#include <cairn/storage/verify.hpp>

#include "stage.hpp"
#include "tests/unit/record/golden_java.hpp"

namespace cairn::storage::testing::damaged {
namespace {

const std::string folder = "/data/topic-0";

void overwrite(Stage& stage, const std::string& path, Bytes content) {
  stage.run([](runtime::Disk& disk, std::string path, Bytes content) -> runtime::Task<> {
    auto file = co_await disk.open(path, runtime::OpenMode::create);
    const BytesView parts[] = {content};
    EXPECT_TRUE(co_await (*file)->write_at(0, parts));
    EXPECT_TRUE(co_await (*file)->truncate(content.size()));
    EXPECT_TRUE(co_await (*file)->sync());
  }(stage.process().disk(), path, std::move(content)));
}

/// Offset, and everything in the batch but the offset.
struct Read {
  std::vector<std::pair<Offset, std::string>> records;
  ErrorCode ended = ErrorCode::none;
  bool operator==(const Read&) const = default;
};

Read read_all(Stage& stage) {
  Read all;
  Offset at = stage.log()->log_start();
  while (at < stage.log()->log_end()) {
    const auto slice = stage.read(at, ReadBound::log_end, 2'000);
    if (!slice || slice->next_offset == at) {
      all.ended = slice ? ErrorCode::unknown_server_error : slice.error().code;
      break;
    }
    for (record::BatchIterator batches(slice->records.view()); auto batch = batches.next();) {
      EXPECT_TRUE(batch->crc_matches()) << "at offset " << batch->base_offset().value();
      (void)record::for_each_record(*batch, {}, [&](const record::RecordView& one) {
        all.records.emplace_back(one.offset,
                                 fmt::format("{} {} {}", one.timestamp, batch->leader_epoch(),
                                             one.value ? as_text(*one.value) : "(null)"));
      });
    }
    at = slice->next_offset;
  }
  return all;
}

/// All that a log knows of itself.
struct Known {
  Read read;
  std::vector<log::AbortedTransaction> aborted;
  log::EpochCache epochs;
  std::vector<std::pair<ProducerId, std::int32_t>> sequences;
  std::optional<Offset> by_time;
  bool operator==(const Known&) const = default;
};

Known everything(Stage& stage) {
  Known known;
  known.read = read_all(stage);
  auto aborted = stage.run(
      stage.log()->aborted_transactions(stage.log()->log_start(), stage.log()->log_end()));
  if (aborted) known.aborted = *aborted;
  known.epochs = stage.log()->epochs();
  for (const auto& entry : stage.log()->producers().entries()) {
    known.sequences.emplace_back(entry.id, entry.last_sequence());
  }
  const auto hit = stage.run(stage.log()->offset_for_timestamp(1'040, ReadBound::log_end));
  if (hit && *hit) known.by_time = (*hit)->offset;
  return known;
}

Bytes in_transaction(int i, std::int32_t sequence) {
  record::BatchOptions options{.producer_id = ProducerId(50),
                               .producer_epoch = ProducerEpoch(0),
                               .base_sequence = sequence,
                               .transactional = true};
  record::BatchBuilder builder(options);
  const std::string value = fmt::format("in a transaction {}", i);
  builder.append(1'000 + i, std::nullopt, as_bytes(value));
  return builder.build();
}

/// Several segments with producers, epochs, committed and aborted transactions.
void fill(Stage& stage) {
  stage.options.roll.segment_bytes = 2'000;
  stage.options.index_interval_bytes = 300;
  stage.options.producers.expiration_ms = std::int64_t{1} << 50;
  ASSERT_TRUE(stage.open());
  std::int32_t sequence = 0;
  for (int i = 0; i < 60; ++i) {
    BatchShape shape{.records = 2,
                     .value_size = 100,
                     .timestamp = 1'000 + i,
                     .producer = ProducerId(8),
                     .epoch = ProducerEpoch(0),
                     .sequence = 2 * i};
    ASSERT_TRUE(stage.append(make_batch(shape, static_cast<char>('a' + i % 26)), Epoch(i / 25)));
    if (i % 10 == 3) ASSERT_TRUE(stage.append(in_transaction(i, sequence++), Epoch(i / 25)));
    if (i % 10 == 7) {
      const auto type = i % 20 == 7 ? record::ControlType::abort : record::ControlType::commit;
      ASSERT_TRUE(stage.append(
          record::build_marker_batch({type, 1}, ProducerId(50), ProducerEpoch(0), 1'000 + i),
          Epoch(i / 25), record::Origin::coordinator));
    }
  }
  ASSERT_TRUE(stage.run(stage.log()->close()));
}

enum class Harm : std::uint8_t { deleted, emptied, cut, flipped };
enum class Stop : std::uint8_t { clean, crash };

struct Case {
  std::string kind;
  Harm harm;
  Stop stop;
};

std::string name_of(const Case& one) {
  static constexpr const char* harms[] = {"deleted", "emptied", "cut", "flipped"};
  return fmt::format("{} {} after a {}", one.kind, harms[static_cast<int>(one.harm)],
                     one.stop == Stop::clean ? "clean stop" : "crash");
}

/// Files of the kind; those of the last segment too.
std::vector<std::string> files_of(Stage& stage, const std::string& kind) {
  std::vector<std::string> found;
  for (const auto& entry : *stage.run(stage.process().disk().list(folder))) {
    if (entry.name.ends_with(kind)) found.push_back(folder + "/" + entry.name);
  }
  return found;
}

void harm(Stage& stage, const std::string& file, Harm how, std::size_t at) {
  const Bytes before = *stage.machine().content(file);
  if (how == Harm::deleted) {
    EXPECT_TRUE(stage.run(stage.process().disk().remove(file)));
  } else if (how == Harm::emptied) {
    overwrite(stage, file, {});
  } else if (how == Harm::cut) {
    overwrite(stage, file, to_bytes(BytesView(before).first(before.size() * 2 / 3 | 1)));
  } else if (!before.empty()) {
    Bytes after = before;
    after[at % after.size()] ^= std::byte{1} << (at % 8);
    overwrite(stage, file, after);
  }
}

Result<> open_after(Stage& stage, Stop stop) {
  // After a crash here nothing is trusted: the recovery point went with the machine.
  return stage.open(Offset(0), Offset(0), stop == Stop::clean);
}

TEST(Damage, epochs_that_begin_above_the_log_start_come_from_the_batches) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  ASSERT_TRUE(stage.append(make_batch({.records = 2}), Epoch(2)));
  ASSERT_TRUE(stage.append(make_batch({.records = 2}), Epoch(5)));
  stage.kill();
  stage.boot();
  // As a trim leaves it whose log start was not noted down before a crash.
  overwrite(stage, folder + "/leader-epoch-checkpoint", to_bytes("0\n1\n5 3\n"));
  ASSERT_TRUE(stage.open());
  ASSERT_EQ(stage.log()->log_start(), Offset(0));
  EXPECT_EQ(stage.log()->epochs().epoch_of(Offset(0)), Epoch(2));
  EXPECT_EQ(stage.log()->epochs().epoch_of(Offset(2)), Epoch(5));
}

TEST(Damage, of_what_can_be_made_anew_changes_nothing) {
  std::vector<Case> cases;
  for (const std::string kind : {".index", ".timeindex", ".txnindex", ".snapshot",
                                 "leader-epoch-checkpoint", "partition.metadata"}) {
    for (const Harm how : {Harm::deleted, Harm::emptied, Harm::cut, Harm::flipped}) {
      cases.push_back({kind, how, Stop::crash});
      const bool text = kind.starts_with("leader") || kind.starts_with("partition");
      // What still reads as right says nothing of being wrong after a clean stop; verify finds it.
      const bool plausible = (how == Harm::flipped && (text || kind == ".timeindex")) ||
                             (how == Harm::cut && kind == ".timeindex") ||
                             (kind == ".txnindex" && how != Harm::cut);
      if (!plausible) cases.push_back({kind, how, Stop::clean});
    }
  }
  for (const Case& one : cases) {
    if (one.kind == "partition.metadata" && one.harm == Harm::flipped) continue;  // another topic's
    for (std::size_t at : {5, 11, 18, 33}) {
      SCOPED_TRACE(fmt::format("{}, byte {}", name_of(one), at));
      Stage stage;
      fill(stage);
      ASSERT_FALSE(::testing::Test::HasFatalFailure());
      stage.reopen();
      const Known before = everything(stage);
      ASSERT_EQ(before.aborted.size(), 3u);
      ASSERT_TRUE(stage.run(stage.log()->close()));
      stage.kill();
      stage.boot();
      for (const std::string& file : files_of(stage, one.kind)) harm(stage, file, one.harm, at);
      ASSERT_TRUE(open_after(stage, one.stop));
      const Known after = everything(stage);
      EXPECT_EQ(after.read, before.read);
      EXPECT_EQ(after.aborted, before.aborted);
      EXPECT_EQ(after.epochs, before.epochs);
      EXPECT_EQ(after.sequences, before.sequences);
      EXPECT_EQ(after.by_time, before.by_time);
      if (one.harm != Harm::flipped) break;  // one position is all there is
    }
  }
}

std::string value_of(const std::string& record) {
  return record.substr(record.find(' ', record.find(' ') + 1));
}

bool in_base_offset(BytesView log, std::size_t at) {
  at %= log.size();
  record::BatchIterator batches(log);
  for (std::size_t start = 0; batches.next(); start = batches.position()) {
    if (at >= start && at < start + 8) return true;
  }
  return false;
}

TEST(Damage, of_a_log_is_never_served) {
  for (const Stop stop : {Stop::clean, Stop::crash}) {
    for (const Harm how : {Harm::emptied, Harm::cut, Harm::flipped}) {
      if (how == Harm::emptied && stop == Stop::clean) continue;  // the same: like a gap
      for (std::size_t at = 3; at < 900; at += 37) {
        SCOPED_TRACE(fmt::format("{}, byte {}", name_of({".log", how, stop}), at));
        Stage stage;
        fill(stage);
        stage.reopen();
        const Read before = read_all(stage);
        ASSERT_TRUE(stage.run(stage.log()->close()));
        stage.kill();
        stage.boot();
        const auto logs = files_of(stage, ".log");
        ASSERT_GT(logs.size(), 5u);
        // A base offset that was moved up a little looks like a gap of compaction, here as in
        // Kafka.
        if (how == Harm::flipped && in_base_offset(*stage.machine().content(logs[2]), at)) continue;
        harm(stage, logs[2], how, at);
        ASSERT_TRUE(open_after(stage, stop));
        const Read after = read_all(stage);
        // A prefix of what there was; a byte of no consequence (the epoch lies outside the
        // checksum) may leave all of it.
        ASSERT_LE(after.records.size(), before.records.size());
        for (std::size_t i = 0; i < after.records.size(); ++i) {
          EXPECT_EQ(after.records[i].first, before.records[i].first);
          EXPECT_EQ(value_of(after.records[i].second), value_of(before.records[i].second));
        }
        if (stop == Stop::clean && after.records.size() < before.records.size()) {
          EXPECT_EQ(after.ended, ErrorCode::corrupt_message);
        }
        if (how != Harm::flipped) break;
      }
    }
  }
}

TEST(Damage, behind_the_recovery_point_is_cut_and_before_it_is_kept) {
  Stage stage;
  fill(stage);
  stage.kill();
  stage.boot();
  const auto logs = files_of(stage, ".log");
  harm(stage, logs[1], Harm::flipped, 150);
  const Offset point(60);
  ASSERT_TRUE(stage.open(point));
  EXPECT_GT(stage.log()->log_end(), point) << "what was flushed is not judged by a crash";
  EXPECT_EQ(read_all(stage).ended, ErrorCode::corrupt_message);
  const Offset behind = stage.log()->segment_bases()[3];
  EXPECT_TRUE(stage.read(behind, ReadBound::log_end)) << "other segments are as good as before";
}

TEST(Damage, of_the_epochs_cuts_nothing) {
  Stage stage;
  fill(stage);
  stage.reopen();
  const Offset end = stage.log()->log_end();
  const auto epochs = stage.log()->epochs();
  ASSERT_TRUE(stage.run(stage.log()->close()));
  stage.kill();
  stage.boot();
  harm(stage, files_of(stage, ".log")[2], Harm::flipped, 120);
  harm(stage, folder + "/leader-epoch-checkpoint", Harm::emptied, 0);
  ASSERT_TRUE(stage.open(Offset(0), Offset(0), true));
  EXPECT_EQ(stage.log()->log_end(), end);
  EXPECT_EQ(stage.log()->epochs(), epochs);
}

// ---- large segments ----

TEST(Recovery, begins_in_the_middle_of_a_segment_above_64_MiB) {
  Stage stage;
  ASSERT_TRUE(stage.open());
  const std::size_t batch = std::size_t{900} << 10;
  for (int i = 0; i < 80; ++i) {
    ASSERT_TRUE(stage.append(make_batch({.value_size = batch, .timestamp = 100 + i})));
  }
  ASSERT_TRUE(stage.run(stage.log()->flush()));
  ASSERT_TRUE(stage.run(stage.log()->spill_indexes()));  // as with the recovery point
  const Offset point = stage.log()->flushed();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(stage.append(make_batch({.value_size = batch, .timestamp = 300 + i})));
  }
  ASSERT_EQ(stage.log()->segment_count(), 1u);
  ASSERT_GT(stage.log()->size(), std::uint64_t{64} << 20);
  stage.kill();
  stage.boot();
  // What lies before the recovery point is not looked at by the start, and not served either.
  harm(stage, folder + "/00000000000000000000.log", Harm::flipped, batch + 5'000);
  ASSERT_TRUE(stage.open(point));
  EXPECT_EQ(stage.log()->log_end(), Offset(85));
  EXPECT_EQ(stage.append(make_batch({}))->first_offset, Offset(85));
  EXPECT_TRUE(stage.read(Offset(0), ReadBound::log_end, 1'000));
  EXPECT_EQ(code_of(stage.read(Offset(1), ReadBound::log_end, 1'000)), ErrorCode::corrupt_message);
  for (const int good : {2, 40, 79, 80, 84, 85}) {
    EXPECT_TRUE(stage.read(Offset(good), ReadBound::log_end, 1'000)) << good;
  }
}

// ---- formats 0 and 1 ----

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(LegacySegments, are_read_as_they_lie_there_and_written_behind) {
  using namespace record::golden;
  const std::pair<int, std::string_view> sets[] = {
      {0, magic0_none}, {0, magic0_gzip}, {0, magic0_snappy}, {0, magic0_lz4},
      {1, magic1_none}, {1, magic1_gzip}, {1, magic1_snappy}, {1, magic1_lz4}};
  for (const auto& [magic, hex] : sets) {
    for (const bool clean : {true, false}) {
      SCOPED_TRACE(fmt::format("{} clean {}", hex.substr(0, 60), clean));
      Stage stage;
      stage.options.rules.timestamp_after_max_ms = std::numeric_limits<std::int64_t>::max();
      const Bytes set = from_hex(hex);
      ASSERT_TRUE(stage.run(stage.process().disk().create_directory(folder)));
      overwrite(stage, folder + "/00000000000000000050.log", set);
      ASSERT_TRUE(stage.open(Offset(0), Offset(0), clean));
      EXPECT_EQ(stage.log()->log_start(), Offset(50));
      EXPECT_EQ(stage.log()->log_end(), Offset(53));
      EXPECT_EQ(stage.append(make_batch({.timestamp = 1'800'000'000'000}))->first_offset,
                Offset(53));
      const auto slice = stage.read(Offset(50));
      ASSERT_TRUE(slice);
      ASSERT_GE(slice->records.view().size(), set.size());
      EXPECT_EQ(to_bytes(slice->records.view().first(set.size())), set);
      const auto hit =
          stage.run(stage.log()->offset_for_timestamp(1'700'000'000'001, ReadBound::log_end));
      ASSERT_TRUE(hit && *hit);
      EXPECT_EQ((*hit)->offset, Offset(magic == 1 ? 51 : 53)) << "magic 0 has no time";
      stage.reopen();
      EXPECT_EQ(stage.log()->log_end(), Offset(54));
      EXPECT_TRUE(stage.read(Offset(52)));
      ASSERT_TRUE(stage.run(stage.log()->close()));
      const auto found = stage.run(verify_partition(stage.environment(), folder));
      ASSERT_TRUE(found);
      EXPECT_FALSE(found->damaged()) << found->findings.front().what;
      EXPECT_EQ(found->records, 4u);
    }
  }
}

TEST(LegacySegments, that_are_damaged_are_not_served) {
  Stage stage;
  Bytes set = from_hex(record::golden::magic1_none);
  set[60] ^= std::byte{4};
  ASSERT_TRUE(stage.run(stage.process().disk().create_directory(folder)));
  overwrite(stage, folder + "/00000000000000000050.log", set);
  ASSERT_TRUE(stage.open());
  EXPECT_EQ(stage.log()->log_end(), Offset(51));
}

// ---- verify and repair ----

PartitionFindings verified(Stage& stage) {
  auto found = stage.run(verify_partition(stage.environment(), folder));
  EXPECT_TRUE(found);
  return found.value_or(PartitionFindings());
}

std::string lines(const PartitionFindings& found) {
  std::string all;
  for (const Finding& one : found.findings) {
    all += fmt::format("{} {}: {}\n", one.file, one.position.value_or(0), one.what);
  }
  return all;
}

TEST(Verify, finds_nothing_in_a_log_that_was_closed) {
  Stage stage;
  fill(stage);
  const auto found = verified(stage);
  EXPECT_FALSE(found.damaged()) << lines(found);
  EXPECT_EQ(found.log_start, Offset(0));
  EXPECT_EQ(found.log_end, stage.log()->log_end());
  EXPECT_GT(found.segments, 5u);
}

TEST(Verify, names_file_and_place_and_repair_puts_right) {
  for (const std::string kind :
       {".log", ".index", ".timeindex", ".txnindex", ".snapshot", "leader-epoch-checkpoint"}) {
    for (const Harm how : {Harm::deleted, Harm::emptied, Harm::cut, Harm::flipped}) {
      if (how == Harm::deleted && (kind == ".log" || kind == ".snapshot")) continue;
      if (how == Harm::deleted && kind == "leader-epoch-checkpoint") continue;  // the next test
      // Empty is what these may be by right, and an index may be short.
      if (how == Harm::emptied && (kind == ".log" || kind == ".index")) continue;
      if (how == Harm::cut && kind == ".index") continue;
      SCOPED_TRACE(name_of({kind, how, Stop::clean}));
      Stage stage;
      fill(stage);
      stage.kill();
      stage.boot();
      const auto files = files_of(stage, kind);
      const std::string& file = files[files.size() / 2];
      harm(stage, file, how, kind == "leader-epoch-checkpoint" ? 8 : 17);
      auto found = verified(stage);
      ASSERT_TRUE(found.damaged());
      EXPECT_NE(lines(found).find(file), std::string::npos) << lines(found);
      const auto said =
          stage.run(repair_partition(stage.environment(), found, RepairMode::only_say));
      ASSERT_TRUE(said && !said->empty());
      EXPECT_EQ(lines(verified(stage)), lines(found)) << "a dry run changes nothing";
      const auto done = stage.run(repair_partition(stage.environment(), found, RepairMode::act));
      ASSERT_TRUE(done) << done.error().why;
      EXPECT_EQ(*done, *said);
      const auto after = verified(stage);
      EXPECT_FALSE(after.damaged()) << lines(after);
      if (kind == ".log") {
        EXPECT_TRUE(stage.exists(file.substr(file.rfind('/') + 1) +
                                 fmt::format(".damaged-at-{}", found.cut_position)));
      }
      ASSERT_TRUE(stage.open(Offset(0), Offset(0), true));
      EXPECT_EQ(read_all(stage).ended, ErrorCode::none);
      EXPECT_EQ(stage.log()->log_end(), found.log_end);
    }
  }
}

TEST(Verify, misses_an_aborted_transaction_that_the_index_lacks) {
  Stage stage;
  fill(stage);
  stage.kill();
  stage.boot();
  for (const std::string& file : files_of(stage, ".txnindex")) harm(stage, file, Harm::deleted, 0);
  const auto found = verified(stage);
  EXPECT_NE(lines(found).find("would be read as committed"), std::string::npos) << lines(found);
}

}  // namespace
}  // namespace cairn::storage::testing::damaged
