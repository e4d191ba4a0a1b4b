// SPDX-License-Identifier: Apache-2.0
#include <cairn/runtime/queue.hpp>

#include "backends.hpp"

namespace cairn::runtime {
namespace tasks_test {

using namespace std::chrono_literals;

template <class Backend>
class Tasks : public ::testing::Test {};
TYPED_TEST_SUITE(Tasks, testing::Backends, testing::BackendNames);

Task<> wait_for(Event& event, int& woken, int& refused) {
  (co_await event.wait() ? woken : refused) += 1;
}

Task<> turns(Clock& clock) { co_await clock.sleep_for(1ms); }

TYPED_TEST(Tasks, event_wakes_every_current_waiter_and_no_later_one) {
  TypeParam::run([](testing::Seams& seams) -> Task<> {
    return [](testing::Seams& s) -> Task<> {
      Event event;
      int woken = 0;
      int refused = 0;
      TaskGroup group(s.shard.context());
      group.spawn(wait_for(event, woken, refused));
      group.spawn(wait_for(event, woken, refused));
      co_await turns(s.shard.clock());
      event.set();
      group.spawn(wait_for(event, woken, refused));
      co_await turns(s.shard.clock());
      EXPECT_EQ(woken, 2);
      group.cancel();
      co_await group.join();
      EXPECT_EQ(refused, 1);
      EXPECT_FALSE(event.has_waiters());
    }(seams);
  });
}

Task<> timed_wait(testing::Seams& s) {
  Event event;
  Clock& clock = s.shard.clock();
  const Instant start = clock.now();
  EXPECT_FALSE(co_await event.wait_until(clock, start + 5ms));
  EXPECT_GE(clock.now(), start + 5ms);
  EXPECT_FALSE(event.has_waiters());
  EXPECT_EQ(clock.timer_count(), 0u);
  Latch latch;
  latch.set();
  EXPECT_TRUE(co_await latch.wait_until(clock, clock.now() + 1h));
  EXPECT_EQ(clock.timer_count(), 0u);
}
TYPED_TEST(Tasks, a_timed_wait_leaves_neither_waiter_nor_timer) { TypeParam::run(timed_wait); }

Task<> record_sleep(Clock& clock, Instant until, int id, std::vector<int>& order) {
  if (co_await clock.sleep_until(until)) order.push_back(id);
}

Task<> sleepers(testing::Seams& s) {
  std::vector<int> order;
  TaskGroup group(s.shard.context());
  Clock& clock = s.shard.clock();
  const Instant start = clock.now();
  group.spawn(record_sleep(clock, start + 6ms, 3, order));
  group.spawn(record_sleep(clock, start + 2ms, 1, order));
  group.spawn(record_sleep(clock, start + 4ms, 2, order));
  group.spawn(record_sleep(clock, start + 1h, 4, order));
  co_await clock.sleep_until(start + 20ms);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  group.cancel();
  co_await group.join();
  EXPECT_EQ(order.size(), 3u);
  EXPECT_EQ(clock.timer_count(), 0u);
}
TYPED_TEST(Tasks, sleepers_wake_in_order_of_their_deadlines) { TypeParam::run(sleepers); }

Task<> note_cancellation(Event& event, bool& ran, bool& woken) {
  ran = true;
  woken = co_await event.wait();
}

Task<> spawn_when_stopping(testing::Seams& s) {
  Event event;
  bool ran = false;
  bool woken = true;
  TaskGroup group(s.shard.context());
  group.cancel();
  group.spawn(note_cancellation(event, ran, woken));
  co_await group.join();
  EXPECT_TRUE(ran);
  EXPECT_FALSE(woken);
}
TYPED_TEST(Tasks, a_task_spawned_in_a_cancelled_group_runs_cancelled) {
  TypeParam::run(spawn_when_stopping);
}

Task<> cancel_one(testing::Seams& s) {
  Event event;
  int woken = 0;
  int refused = 0;
  TaskGroup group(s.shard.context());
  Canceller canceller;
  group.spawn(wait_for(event, woken, refused), canceller);
  group.spawn(wait_for(event, woken, refused));
  co_await turns(s.shard.clock());
  EXPECT_TRUE(canceller.running());
  canceller.cancel();
  co_await turns(s.shard.clock());
  EXPECT_FALSE(canceller.running());
  EXPECT_EQ(refused, 1);
  event.set();
  co_await group.join();
  EXPECT_EQ(woken, 1);
}
TYPED_TEST(Tasks, a_canceller_ends_its_task_alone) { TypeParam::run(cancel_one); }

Task<> produce(Queue<int>& queue, int count) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(co_await queue.push(i));
  queue.close();
}

Task<> queue_in_order(testing::Seams& s) {
  Queue<int> queue(3);
  TaskGroup group(s.shard.context());
  group.spawn(produce(queue, 100));
  int expected = 0;
  while (auto item = co_await queue.pop()) {
    EXPECT_EQ(*item, expected++);
    EXPECT_LE(queue.size(), 3u);
  }
  EXPECT_EQ(expected, 100);
  EXPECT_FALSE(queue.try_push(1));
  co_await group.join();
}
TYPED_TEST(Tasks, a_bounded_queue_keeps_order_and_makes_the_pusher_wait) {
  TypeParam::run(queue_in_order);
}

Task<> many_waiters(testing::Seams& s) {
  constexpr int count = 20'000;
  Event event;
  int woken = 0;
  Clock& clock = s.shard.clock();
  struct Wait {
    static Task<> one(Event& event, Clock& clock, int i, int& woken) {
      if (co_await event.wait_until(clock, clock.now() + 1h + std::chrono::seconds(i))) ++woken;
    }
  };
  TaskGroup group(s.shard.context());
  for (int i = 0; i < count; ++i) group.spawn(Wait::one(event, clock, i * 7919 % count, woken));
  co_await turns(clock);
  EXPECT_EQ(clock.timer_count(), static_cast<std::size_t>(count));
  event.set();
  co_await group.join();
  EXPECT_EQ(woken, count);
  EXPECT_EQ(clock.timer_count(), 0u);
}
TYPED_TEST(Tasks, many_waiters_with_deadlines_are_cheap) { TypeParam::run(many_waiters); }

Task<int> answer_on(Shard& shard, Context& expected) {
  EXPECT_EQ(&shard.context(), &expected);
  co_await shard.clock().sleep_for(1ms);
  EXPECT_TRUE(shard.context().get_executor().running_in_this_thread());
  co_return 42;
}

Task<> cross(Shard& here, Shard& there, int& got) {
  got = co_await call_on(here, there, [&] { return answer_on(there, there.context()); });
  EXPECT_TRUE(here.context().get_executor().running_in_this_thread());
}

TEST(Crossing, runs_there_and_resumes_here_between_threads) {
  asio::ShardThread there(1, 2);
  there.start("there");
  int got = 0;
  asio::run_until_done([&](Shard& here) { return cross(here, there.shard(), got); });
  EXPECT_EQ(got, 42);
}

TEST(Crossing, runs_there_and_resumes_here_in_the_simulator) {
  world::World world(3);
  world::Process& process = world.start("a", 2);
  int got = 0;
  process.shard(0).tasks().spawn(cross(process.shard(0), process.shard(1), got));
  EXPECT_TRUE(world.run_until([&] { return got == 42; }));
}

Task<bool> wait_long(Shard& shard) { co_return co_await shard.clock().sleep_for(24h); }

Task<> cross_and_wait(Shard& here, Shard& there, bool& slept, bool& ended) {
  slept = co_await call_on(here, there, [&there] { return wait_long(there); });
  ended = true;
}

TEST(Crossing, cancelling_the_caller_cancels_the_called_task) {
  world::World world(3);
  world::Process& process = world.start("a", 2);
  bool slept = true;
  bool ended = false;
  process.shard(0).tasks().spawn(cross_and_wait(process.shard(0), process.shard(1), slept, ended));
  world.run_for(1s);
  EXPECT_FALSE(ended);
  process.shard(0).tasks().cancel();
  world.run_for(1ms);
  EXPECT_TRUE(ended);
  EXPECT_FALSE(slept);
}

struct Noted {
  explicit Noted(int& count) : count(count) { ++count; }
  ~Noted() { --count; }
  int& count;
};

Task<> hold_deep(int depth, Event& event, int& alive) {
  const Noted noted(alive);
  if (depth > 0) co_await hold_deep(depth - 1, event, alive);
  co_await event.wait();
}

TEST(Contexts, destroying_the_tasks_unwinds_every_frame_without_resuming_it) {
  int alive = 0;
  Event event;
  {
    world::World world(1);
    world::Process& process = world.start("a");
    for (int i = 0; i < 10; ++i) process.shard().tasks().spawn(hold_deep(5, event, alive));
    world.run_ready();
    EXPECT_EQ(alive, 60);
    world.kill("a");
    EXPECT_EQ(alive, 0);
    EXPECT_FALSE(event.has_waiters());
  }
}

}  // namespace tasks_test
}  // namespace cairn::runtime
