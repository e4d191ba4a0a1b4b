// SPDX-License-Identifier: Apache-2.0
#include <cairn/coordinator/actor.hpp>
#include <cairn/record/control.hpp>

#include "memory_log.hpp"

namespace cairn::coordinator::testing {
namespace {

using namespace std::chrono_literals;

/// Remembers texts. Its durable state is the list of records' keys.
struct NoteMachine {
  using Reply = std::string;
  using Decision = group::Decision<Reply>;

  Result<> apply(BytesView key, std::optional<BytesView>, Offset) {
    if (as_text(key) == "bad") return fail(ErrorCode::corrupt_message, "bad");
    notes.emplace_back(as_text(key));
    return {};
  }
  Decision loaded(Now) {
    is_loaded = true;
    return {};
  }
  Decision note(RequestId id, const std::string& text) {
    Decision out;
    out.records.push_back({to_bytes(text), to_bytes("v")});
    out.answer(id, text + "!", When::once_committed);
    return out;
  }
  Decision park(RequestId id) {
    parked = id;
    return {};
  }
  Decision expire(Now) {
    Decision out;
    deadline.reset();
    if (parked) out.answer(*std::exchange(parked, std::nullopt), "expired");
    return out;
  }
  std::optional<Instant> next_deadline() const { return deadline; }
  Decision refused(const Decision&, ErrorCode, Now) {
    ++refusals;
    return {};
  }

  std::vector<std::string> notes;
  bool is_loaded = false;
  std::optional<RequestId> parked;
  std::optional<Instant> deadline;
  int refusals = 0;
};

using NoteActor = Actor<NoteMachine>;

class ActorTest : public ::testing::Test {
 protected:
  void open() {
    ActorOptions options;
    options.partition = {"notes", PartitionIndex(0)};
    options.commit_timeout = 5s;
    options.deadline_moved = [this](Instant deadline) { told_deadline_ = deadline; };
    actor_ = std::make_shared<NoteActor>(shard_, std::make_unique<MemoryLog>(log_, clock_),
                                         NoteMachine{}, std::move(options));
    actor_->start();
    run();
  }
  void TearDown() override {
    if (!actor_) return;
    actor_->stop();
    shard_.tasks().spawn(actor_->join());
    run();
  }

  using Answer = std::shared_ptr<std::optional<Result<std::string>>>;

  Answer perform(NoteActor::Input input) {
    auto answer = std::make_shared<std::optional<Result<std::string>>>();
    shard_.tasks().spawn(keep(actor_, std::move(input), answer));
    run();
    return answer;
  }
  static runtime::Task<> keep(std::shared_ptr<NoteActor> actor, NoteActor::Input input,
                              Answer answer) {
    answer->emplace(co_await actor->perform(std::move(input)));
  }
  Answer note(std::string text) {
    return perform([text = std::move(text)](NoteMachine& machine, RequestId id, Now, Random&) {
      return machine.note(id, text);
    });
  }
  Answer ask() {
    auto answer = std::make_shared<std::optional<Result<std::string>>>();
    shard_.tasks().spawn(keep_asked(actor_, answer));
    run();
    return answer;
  }
  static runtime::Task<> keep_asked(std::shared_ptr<NoteActor> actor, Answer answer) {
    const auto last = [](const NoteMachine& machine) {
      return machine.notes.empty() ? std::string() : machine.notes.back();
    };
    answer->emplace(co_await actor->ask(last));
  }
  void run() {
    context_.restart();
    context_.poll();
  }
  void advance(Duration by) {
    clock_.advance(by);
    run();
  }

  runtime::Context context_;
  TestClock clock_;
  runtime::Shard shard_{0, context_, clock_, Random(1)};
  MemoryLogState log_;
  std::shared_ptr<NoteActor> actor_;
  std::optional<Instant> told_deadline_;
};

Bytes batch_of(std::vector<std::string> keys, record::BatchOptions options = {}) {
  record::BatchBuilder builder(options);
  for (const auto& key : keys) builder.append(1, as_bytes(key), as_bytes("v"));
  return builder.build();
}

TEST_F(ActorTest, answers_once_the_records_are_committed) {
  log_.commits_at_once = false;
  open();
  const auto answer = note("a");
  EXPECT_EQ(actor_->machine().notes, std::vector<std::string>{"a"}) << "applied after the append";
  EXPECT_FALSE(answer->has_value());
  log_.commit_all();
  run();
  EXPECT_EQ(**answer, "a!");
}

TEST_F(ActorTest, refuses_requests_while_it_loads_and_has_the_whole_log_afterwards) {
  log_.put(batch_of({"a", "b"}));
  log_.put(batch_of({"c"}));
  log_.holds_reads = true;
  open();
  EXPECT_EQ((**note("x")).error().code, ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ((**ask()).error().code, ErrorCode::coordinator_load_in_progress);
  log_.holds_reads = false;
  log_.changed.set();
  run();
  EXPECT_EQ(actor_->state(), NoteActor::State::active);
  EXPECT_TRUE(actor_->machine().is_loaded);
  EXPECT_EQ(actor_->machine().notes, (std::vector<std::string>{"a", "b", "c"}));
}

/// As the cleaner leaves a batch none of whose records it keeps.
Bytes emptied(Bytes batch) {
  batch.resize(record::batch_header_size);
  store_big_endian(batch.data() + record::layout::length,
                   static_cast<std::int32_t>(batch.size() - record::log_overhead));
  store_big_endian(batch.data() + record::layout::record_count, std::int32_t{0});
  record::stamp_crc(batch);
  return batch;
}

TEST_F(ActorTest, loads_a_log_that_was_compacted_to_its_end) {
  log_.put(emptied(batch_of({"gone", "gone too"})));
  log_.put(batch_of({"a"}));
  log_.end = log_.high_watermark = log_.end + 4;  // the active segment begins here, and is empty
  open();
  EXPECT_EQ(actor_->state(), NoteActor::State::active);
  EXPECT_EQ(actor_->machine().notes, (std::vector<std::string>{"a"}));
  EXPECT_EQ(**note("b"), "b!");
}

TEST_F(ActorTest, loads_a_log_of_which_compaction_left_nothing) {
  log_.end = log_.high_watermark = Offset(9);
  open();
  EXPECT_EQ(actor_->state(), NoteActor::State::active);
}

TEST_F(ActorTest, does_not_serve_a_log_it_cannot_read) {
  log_.put(batch_of({"a", "bad"}));
  open();
  EXPECT_EQ(actor_->state(), NoteActor::State::stopped);
  EXPECT_EQ((**note("x")).error().code, ErrorCode::not_coordinator);
}

TEST_F(ActorTest, applies_transactions_when_they_commit_and_never_if_they_abort) {
  record::BatchOptions one{.producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0)};
  one.base_sequence = 0;
  one.transactional = true;
  record::BatchOptions two = one;
  two.producer_id = ProducerId(2);
  record::BatchOptions three = one;
  three.producer_id = ProducerId(3);
  log_.put(batch_of({"committed"}, one));
  log_.put(batch_of({"aborted"}, two));
  log_.put(batch_of({"open"}, three));
  log_.put(batch_of({"plain"}));
  const auto marker = [](record::ControlType type, ProducerId producer) {
    return record::build_marker_batch({.type = type}, producer, ProducerEpoch(0), 1);
  };
  log_.put(marker(record::ControlType::abort, ProducerId(2)));
  log_.put(marker(record::ControlType::commit, ProducerId(1)));
  open();
  EXPECT_EQ(actor_->machine().notes, (std::vector<std::string>{"plain", "committed"}));
}

TEST_F(ActorTest, tells_the_asker_of_a_refused_append_and_changes_nothing) {
  open();
  log_.refuses = true;
  const auto answer = note("a");
  EXPECT_EQ((**answer).error().code, ErrorCode::kafka_storage_error);
  EXPECT_TRUE(actor_->machine().notes.empty());
  EXPECT_EQ(actor_->machine().refusals, 1);
  log_.refuses = false;
  EXPECT_EQ(**note("b"), "b!");
}

TEST_F(ActorTest, takes_one_input_at_a_time_in_order) {
  open();
  log_.holds_appends = true;
  const auto first = note("a");
  const auto second = note("b");
  EXPECT_TRUE(actor_->machine().notes.empty());
  log_.holds_appends = false;
  log_.changed.set();
  run();
  EXPECT_EQ(actor_->machine().notes, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(first->has_value() && second->has_value());
}

TEST_F(ActorTest, answers_everyone_when_it_stops) {
  log_.commits_at_once = false;
  open();
  const auto parked =
      perform([](NoteMachine& machine, RequestId id, Now, Random&) { return machine.park(id); });
  const auto uncommitted = note("a");
  actor_->stop();
  run();
  EXPECT_EQ((**parked).error().code, ErrorCode::not_coordinator);
  EXPECT_EQ((**uncommitted).error().code, ErrorCode::not_coordinator);
  EXPECT_EQ((**note("b")).error().code, ErrorCode::not_coordinator);
}

TEST_F(ActorTest, answers_whoever_waits_for_an_append_when_it_stops) {
  open();
  log_.holds_appends = true;
  const auto answer = note("a");
  actor_->stop();
  run();
  EXPECT_EQ((**answer).error().code, ErrorCode::not_coordinator);
}

TEST_F(ActorTest, gives_up_on_a_commit_after_its_timeout_and_only_on_that_one) {
  log_.commits_at_once = false;
  open();
  const auto early = note("a");
  advance(3s);
  const auto late = note("b");
  advance(2s);
  EXPECT_EQ((**early).error().code, ErrorCode::request_timed_out);
  EXPECT_FALSE(late->has_value());
  log_.commit_all();
  run();
  EXPECT_EQ(**late, "b!");
}

TEST_F(ActorTest, answers_a_question_when_what_it_saw_is_committed) {
  log_.commits_at_once = false;
  open();
  note("a");
  const auto answer = ask();
  EXPECT_FALSE(answer->has_value());
  log_.commit_all();
  run();
  EXPECT_EQ(**answer, "a");
}

TEST_F(ActorTest, tells_of_its_earliest_deadline_and_brings_it) {
  open();
  const auto parked = perform([](NoteMachine& machine, RequestId id, Now now, Random&) {
    machine.deadline = now.instant + 1s;
    return machine.park(id);
  });
  EXPECT_EQ(told_deadline_, clock_.now() + 1s);
  advance(1s);
  actor_->tick();
  actor_->tick();
  run();
  EXPECT_EQ(**parked, "expired");
}

TEST_F(ActorTest, writes_a_decision_as_one_batch) {
  open();
  perform([](NoteMachine& machine, RequestId id, Now, Random&) {
    auto out = machine.note(id, "a");
    out.records.push_back({to_bytes("b"), std::nullopt});
    return out;
  });
  EXPECT_EQ(log_.appends, 1);
  EXPECT_EQ(actor_->machine().notes, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace cairn::coordinator::testing
