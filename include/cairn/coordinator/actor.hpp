// SPDX-License-Identifier: Apache-2.0
// The one coordinator actor: a pure Machine over one partition, led in one epoch.
//
//   loading -> active -> stopped          loading -> stopped
//
// It replays the log into the machine, then takes one input at a time: decide, append the records
// as one batch, apply them, answer once they are committed. It is thrown away with the leadership.
// Invariants: nothing is answered while loading; every request is answered once, when it stops at
// the latest; the machine sees an input only after the records of the one before were applied or
// refused. Owner: a facade such as GroupCoordinator, which holds it by shared_ptr, calls stop() and
// joins it. Machine needs Reply, Decision, apply, loaded, expire, next_deadline, refused.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <cairn/base/assert.hpp>
#include <cairn/base/log.hpp>
#include <cairn/base/mutant.hpp>
#include <cairn/coordinator/actor_options.hpp>
#include <cairn/coordinator/coordinator_log.hpp>
#include <cairn/coordinator/requests.hpp>
#include <cairn/runtime/shard.hpp>

namespace cairn::coordinator {

using group::Now, group::When;

template <class Machine>
class Actor {
 public:
  using Reply = typename Machine::Reply;
  using Decision = typename Machine::Decision;
  /// Runs on the machine when its turn comes. Owns what it needs.
  using Input = std::move_only_function<Decision(Machine&, RequestId, Now, Random&)>;
  enum class State { loading, active, stopped };

  Actor(runtime::Shard& shard, std::unique_ptr<CoordinatorLog> log, Machine machine,
        ActorOptions options)
      : shard_(shard),
        log_(std::move(log)),
        machine_(std::move(machine)),
        options_(std::move(options)),
        tasks_(shard.context()) {}

  void start() { tasks_.spawn(load()); }
  /// Answers everyone with `why` and refuses what comes; join() afterwards.
  void stop(ErrorCode why = ErrorCode::not_coordinator) {
    state_ = State::stopped;
    why_stopped_ = why;
    queue_.clear();
    uncommitted_.clear();
    requests_.fail_all({why, "the coordinator has moved"});
    tasks_.cancel();
  }
  runtime::Task<> join() { return tasks_.join(); }

  State state() const { return state_; }
  Epoch epoch() const { return options_.epoch; }
  const Machine& machine() const { return machine_; }
  std::optional<Instant> next_deadline() const {
    return state_ == State::active ? machine_.next_deadline() : std::nullopt;
  }
  /// COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR.
  Result<> check() const {
    if (state_ == State::active || (state_ == State::loading && MUTANT("L25"))) return {};
    if (state_ == State::stopped) return fail(why_stopped_, "this broker does not coordinate it");
    return fail(ErrorCode::coordinator_load_in_progress, "the coordinator is loading");
  }

  /// Brings an input, waits for its answer. The caller keeps the actor alive meanwhile.
  runtime::Task<Result<Reply>> perform(Input input) {
    CO_TRY(check());
    const RequestId id = requests_.next_id();
    typename Requests<Reply>::Pending pending;
    requests_.open(id, pending);
    enqueue({id, std::move(input)});
    co_await pending.done.wait();
    requests_.close(id);
    if (!pending.result) co_return fail(ErrorCode::network_exception, "the caller was cancelled");
    co_return std::move(*pending.result);
  }

  /// Asks the machine a question; the answer is good when all it rests on is committed.
  template <class F>
  runtime::Task<Result<std::invoke_result_t<F&, const Machine&>>> ask(F question) {
    CO_TRY(check());
    auto answer = question(std::as_const(machine_));
    if (!log_->is_committed(last_applied_)) {
      const Instant deadline = shard_.clock().now() + options_.commit_timeout;
      const auto committed = co_await log_->wait_committed(last_applied_, deadline);
      CO_TRY(check());
      if (!committed) co_return std::unexpected(committed.error());
    }
    co_return answer;
  }

  /// An input nobody waits for.
  void inform(Input input) {
    if (state_ == State::active) enqueue({requests_.next_id(), std::move(input)});
  }
  /// Brings the deadlines that are due.
  void tick() {
    if (state_ != State::active || std::exchange(expiry_queued_, true)) return;
    inform([this](Machine& machine, RequestId, Now now, Random&) {
      expiry_queued_ = false;
      return machine.expire(now);
    });
  }

 private:
  struct Queued {
    RequestId id;
    Input input;
  };
  struct Uncommitted {
    Offset last;
    Instant deadline;
    RequestId to;
    Reply reply;
  };

  Now now() const { return {shard_.clock().now(), shard_.clock().wall()}; }

  runtime::Task<> load() {
    const Instant began = shard_.clock().now();
    Replay replay([this](BytesView key, std::optional<BytesView> value, Offset offset) {
      return machine_.apply(key, value, offset);
    });
    const auto end = co_await replay_all(*log_, replay, options_.load_bytes);
    if (state_ == State::stopped) co_return;
    if (!end) {
      logging::error("a coordinator cannot load partition={} error={} reason={}",
                     options_.partition, to_string(end.error().code), end.error().why);
      co_return stop();
    }
    last_applied_ = *end - 1;
    const auto level = replay.records() > 0 ? logging::Level::info : logging::Level::debug;
    logging::log(level,
                 "a coordinator is loaded partition={} epoch={} records={} undecided={} us={}",
                 options_.partition, options_.epoch, replay.records(), replay.undecided(),
                 (shard_.clock().now() - began) / std::chrono::microseconds(1));
    enqueue({requests_.next_id(), [this](Machine& machine, RequestId, Now now, Random&) {
               state_ = State::active;  // only now has the machine all that questions look at
               return machine.loaded(now);
             }});
  }

  void enqueue(Queued queued) {
    queue_.push_back(std::move(queued));
    if (std::exchange(running_, true)) return;
    tasks_.spawn(run());
  }

  runtime::Task<> run() {
    while (!queue_.empty()) {
      Queued next = std::move(queue_.front());
      queue_.pop_front();
      Decision decision = next.input(machine_, next.id, now(), shard_.random());
      if (!decision.records.empty()) {
        const Result<Offset> first = co_await append(decision);
        if (state_ == State::stopped) break;  // everyone has been answered
        first ? apply(decision, *first) : refuse(decision, first.error());
      }
      deliver(std::move(decision));
      const auto deadline = next_deadline();
      if (deadline && options_.deadline_moved) options_.deadline_moved(*deadline);
    }
    running_ = false;
  }

  runtime::Task<Result<Offset>> append(const Decision& decision) {
    Bytes batch = make_batch(decision.records, shard_.clock().wall(), options_.codec);
    co_return co_await log_->append(batch);
  }

  void apply(const Decision& decision, Offset first) {
    for (const auto& record : decision.records) {
      const auto value = record.value ? std::optional<BytesView>(*record.value) : std::nullopt;
      const auto applied = machine_.apply(record.key, value, first);
      ASSERT(applied, "a machine reads the records it wrote");
      last_applied_ = first;
      ++first;
    }
  }

  void refuse(Decision& decision, const Error& error) {
    logging::warn("a coordinator's append was refused partition={} error={} reason={}",
                  options_.partition, to_string(error.code), error.why);
    Decision repair = machine_.refused(decision, error.code, now());
    std::erase_if(decision.answers, [&](const auto& answer) {
      if (answer.when == When::once_committed) requests_.answer(answer.to, std::unexpected(error));
      return answer.when == When::once_committed;
    });
    for (auto& answer : repair.answers) decision.answers.push_back(std::move(answer));
  }

  void deliver(Decision decision) {
    const Instant deadline = shard_.clock().now() + options_.commit_timeout;
    for (auto& answer : decision.answers) {
      if (answer.when == When::at_once || log_->is_committed(last_applied_)) {
        requests_.answer(answer.to, std::move(answer.reply));
      } else {
        uncommitted_.push_back({last_applied_, deadline, answer.to, std::move(answer.reply)});
      }
    }
    if (!uncommitted_.empty() && !std::exchange(watching_, true)) tasks_.spawn(watch_commits());
  }

  runtime::Task<> watch_commits() {
    while (!uncommitted_.empty()) {
      const Offset last = uncommitted_.front().last;
      const auto committed = co_await log_->wait_committed(last, uncommitted_.front().deadline);
      if (state_ == State::stopped) break;
      const bool late = !committed && committed.error().code == ErrorCode::request_timed_out;
      while (!uncommitted_.empty()) {
        Uncommitted& front = uncommitted_.front();
        if (log_->is_committed(front.last)) {
          requests_.answer(front.to, std::move(front.reply));
        } else if (!committed && (!late || front.deadline <= now().instant)) {
          requests_.answer(front.to, std::unexpected(committed.error()));
        } else {
          break;
        }
        uncommitted_.pop_front();
      }
    }
    watching_ = false;
  }

  runtime::Shard& shard_;
  std::unique_ptr<CoordinatorLog> log_;
  Machine machine_;
  ActorOptions options_;
  State state_ = State::loading;
  ErrorCode why_stopped_ = ErrorCode::not_coordinator;
  Offset last_applied_ = no_offset;
  std::deque<Queued> queue_;
  bool running_ = false;
  bool watching_ = false;
  bool expiry_queued_ = false;
  Requests<Reply> requests_;
  std::deque<Uncommitted> uncommitted_;  // in order of `last`
  runtime::TaskGroup tasks_;
};

}  // namespace cairn::coordinator
