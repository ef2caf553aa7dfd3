#include <gtest/gtest.h>

#include <map>
#include <set>

#include "worker/ca/search/pacing.h"

namespace e2k::worker::search {
namespace {

// Names on a clock of its own; some of them exist and are answered `delay` after they were asked for.
class World {
public:
  explicit World(PacingSettings settings = {}) : pacing(settings) {}

  void add(NameId id, Persistence persistence = Persistence::until_answered) {
    step(AddName{id, 19, persistence});
  }
  void add(NameId from, NameId to) {
    for (NameId id = from; id < to; ++id) add(id);
  }
  void exist(NameId from, NameId to) {
    for (NameId id = from; id < to; ++id) existing.insert(id);
  }

  void run_until(int64_t ms) {
    while (true) {
      const auto next_ns = next();
      if (next_ns > ms * kNsPerMs) break;
      now = std::max(now, next_ns);
      answer();
      step(TimePassed{});
    }
    now = ms * kNsPerMs;
  }

  PacingActions step(const PacingEvent& event) {
    PacingActions out;
    pacing.step(event, MonotonicNs{now}, out);
    for (const SearchFrame& frame : out.send) {
      ++frames;
      for (NameId id : frame.names) {
        asked[id].push_back(now / kNsPerMs);
        if (existing.contains(id) && frames != lost_frame) answers.emplace(now + delay_ns, id);
      }
    }
    found.insert(out.found.begin(), out.found.end());
    return out;
  }

  Pacing pacing;
  int64_t now = 0, delay_ns = kNsPerMs;
  size_t frames = 0, lost_frame = 0;
  std::set<NameId> existing, found;
  std::map<NameId, std::vector<int64_t>> asked;  // ms
  std::multimap<int64_t, NameId> answers;

private:
  int64_t next() const {
    int64_t out = answers.empty() ? INT64_MAX : answers.begin()->first;
    if (const auto turn = pacing.next_turn(MonotonicNs{now})) out = std::min(out, std::max(turn->value, now));
    return out;
  }
  void answer() {
    while (!answers.empty() && answers.begin()->first <= now) {
      const NameId id = answers.begin()->second;
      answers.erase(answers.begin());
      step(NameAnswered{id});
    }
  }
};

// What libca's timers would send for these names if none is answered: timer i sends a frame every 32 ms * 2^i
// while it holds names, and passes them on when it comes round again.
size_t frames_of_libca(size_t names, size_t names_a_frame, int64_t until_ms) {
  std::vector<std::pair<size_t, size_t>> timers(14);  // waiting for their turn, sent
  timers[0].first = names;
  size_t frames = 0;
  for (int64_t tick = 1; tick * 32 <= until_ms; ++tick)
    for (size_t i = timers.size(); i-- > 0;) {
      if (tick % (int64_t{1} << i) != 0) continue;
      auto& [waiting, sent] = timers[i];
      (i + 1 < timers.size() ? timers[i + 1].first : waiting) += sent;
      sent = std::min(waiting, names_a_frame);
      waiting -= sent;
      frames += sent > 0;
    }
  return frames;
}

TEST(SearchPacing, a_name_that_exists_is_asked_for_once) {
  World world;
  world.add(1);
  world.exist(1, 2);
  world.run_until(10'000);
  EXPECT_EQ(world.asked[1], std::vector<int64_t>{0});
  EXPECT_TRUE(world.found.contains(1));
  EXPECT_FALSE(world.pacing.searching(1));
}

TEST(SearchPacing, a_dead_name_is_asked_for_ever_more_rarely_up_to_the_maximum_period) {
  World world({.max_period_ns = 60 * kNsPerSecond});
  world.add(1);
  world.run_until(600'000);
  const auto& times = world.asked[1];
  ASSERT_GT(times.size(), 12u);
  for (size_t i = 2; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], times[i - 1] - times[i - 2]);
  EXPECT_EQ(times.back() - times[times.size() - 2], 60'000);
}

TEST(SearchPacing, names_that_exist_are_all_found_at_the_servers_speed) {
  World world;
  world.add(0, 100'000);
  world.exist(0, 100'000);
  world.run_until(1'000);
  EXPECT_EQ(world.found.size(), 100'000u);
  EXPECT_EQ(world.frames, 100'000u / ((kFrameBytes - kHeaderBytes) / request_bytes(19)));
}

TEST(SearchPacing, dead_names_among_them_do_not_slow_the_others) {
  World world;
  world.add(0, 100'000);
  for (NameId id = 0; id < 100'000; ++id)
    if (id % 100 != 7) world.existing.insert(id);
  world.run_until(1'500);
  EXPECT_EQ(world.found.size(), 99'000u);
}

// The first frame of each name goes out at once; what libca makes up for in that time is the lead, for so
// long.
TEST(SearchPacing, dead_names_send_no_more_frames_than_libca_once_their_lead_is_made_up_for) {
  struct Row {
    size_t names;
    int64_t even_at_ms;
  };
  for (const auto& [names, even_at_ms] :
       {Row{1, 500}, {10, 500}, {100, 500}, {1000, 2'000}, {5000, 8'000}, {25'000, 35'000}}) {
    World world;
    world.add(0, static_cast<NameId>(names));
    for (int64_t ms = even_at_ms; ms <= 1'200'000; ms += ms < 10'000 ? 50 : ms < 100'000 ? 500 : 20'000) {
      world.run_until(ms);
      ASSERT_LE(world.frames, frames_of_libca(names, 25, ms)) << names << " names, " << ms << " ms";
    }
    world.run_until(3'600'000);
    EXPECT_LE(world.frames, frames_of_libca(names, 25, 3'600'000)) << names << " names";
  }
}

TEST(SearchPacing, living_names_behind_dead_ones_are_found_within_two_seconds) {
  World world;
  world.add(0, 25'300);
  world.exist(25'000, 25'300);
  world.run_until(2'000);
  EXPECT_EQ(world.found.size(), 300u);
}

TEST(SearchPacing, a_new_name_is_asked_for_before_all_that_were_asked_for_before) {
  World world;
  world.add(0, 25'000);
  world.run_until(10'000);
  world.add(30'000);
  world.exist(30'000, 30'001);
  const int64_t began = world.now / kNsPerMs;
  world.run_until(11'000);
  ASSERT_EQ(world.asked[30'000].size(), 1u);
  EXPECT_LE(world.asked[30'000].front() - began, 2);
}

TEST(SearchPacing, a_name_that_its_server_refused_is_asked_for_again_later) {
  World world;
  world.step(AddName{1, 19, Persistence::until_answered, 5});
  world.run_until(2'500);
  EXPECT_TRUE(world.asked[1].empty());
  world.run_until(2'600);
  EXPECT_EQ(world.asked[1].size(), 1u);
}

TEST(SearchPacing, the_answer_for_a_name_that_is_refused_again_and_again_brings_no_other_down) {
  World world;
  world.add(10, 210);
  world.run_until(400'000);
  const size_t before = world.frames;
  world.step(AddName{1, 19, Persistence::until_answered, 8});
  world.exist(1, 2);
  world.run_until(450'000);
  EXPECT_TRUE(world.found.contains(1));
  EXPECT_LE(world.frames - before, 10u) << "its own, and the others' in their turn";
}

TEST(SearchPacing, no_more_names_that_were_asked_for_before_go_out_than_the_caller_allows) {
  World world;
  world.add(0, 1'000);
  world.run_until(20'000);
  PacingActions out;
  world.pacing.step(ServerAppeared{}, MonotonicNs{world.now}, out);
  world.pacing.step(TimePassed{0}, MonotonicNs{world.now + 60 * kNsPerSecond}, out);
  EXPECT_TRUE(out.send.empty());
  world.pacing.step(TimePassed{2}, MonotonicNs{world.now + 60 * kNsPerSecond}, out);
  EXPECT_EQ(out.send.size(), 2u);
  EXPECT_EQ(out.retry_frames, 2);
}

TEST(SearchPacing, other_addresses_bring_all_names_down) {
  World world;
  world.add(0, 200);
  world.run_until(400'000);
  world.exist(0, 200);
  world.step(ReachChanged{});
  world.run_until(401'500);
  EXPECT_EQ(world.found.size(), 200u);
}

TEST(SearchPacing, a_lost_frame_is_made_up_for_soon) {
  World world;
  world.add(0, 50'000);
  world.exist(0, 50'000);
  world.lost_frame = 700;
  world.run_until(1'500);
  EXPECT_EQ(world.found.size(), 50'000u);
}

TEST(SearchPacing, when_a_name_from_high_up_is_answered_the_others_come_down) {
  World world;
  world.add(0, 200);
  world.run_until(400'000);
  world.exist(0, 200);
  world.step(ServerAppeared{});
  world.run_until(400'000 + 7'000);
  EXPECT_EQ(world.found.size(), 200u);
}

TEST(SearchPacing, a_few_tries_name_is_given_up) {
  World world;
  world.add(1, Persistence::few_tries);
  world.run_until(10'000);
  EXPECT_EQ(world.asked[1].size(), Pacing::kTries);
  EXPECT_FALSE(world.pacing.searching(1));
}

TEST(SearchPacing, a_removed_name_is_not_asked_for) {
  World world;
  world.add(0, 1000);
  for (NameId id = 100; id < 1000; ++id) world.step(RemoveName{id});
  world.run_until(60'000);
  EXPECT_EQ(world.asked.size(), 100u);
  EXPECT_FALSE(world.pacing.searching(100));
}

TEST(SearchPacing, answers_from_afar_widen_the_first_wait) {
  World world;
  world.delay_ns = 150 * kNsPerMs;
  world.add(0, 3'000);
  world.exist(0, 3'000);
  world.run_until(10'000);
  EXPECT_EQ(world.found.size(), 3'000u);
}

}  // namespace
}  // namespace e2k::worker::search
