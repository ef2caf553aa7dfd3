#include <gtest/gtest.h>

#include <map>
#include <set>

#include "worker/ca/search/lost_hosts.h"
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
    given_up.insert(out.given_up.begin(), out.given_up.end());
    return out;
  }

  Pacing pacing;
  int64_t now = 0, delay_ns = kNsPerMs;
  size_t frames = 0, lost_frame = 0;
  std::set<NameId> existing, found, given_up;
  std::map<NameId, std::vector<int64_t>> asked;  // ms
  std::multimap<int64_t, NameId> answers;

private:
  int64_t next() const {
    int64_t out = answers.empty() ? INT64_MAX : answers.begin()->first;
    if (const auto turn = pacing.next_turn()) out = std::min(out, std::max(turn->value, now));
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

TEST(SearchPacing, dead_names_send_no_more_frames_than_libca) {
  for (size_t names : {1u, 10u, 100u, 1000u, 5000u}) {
    World world;
    world.add(0, static_cast<NameId>(names));
    world.run_until(0);
    EXPECT_EQ(world.frames, 1u) << "at once, where libca waits for its first timer";
    world.run_until(100);
    EXPECT_LE(world.frames, frames_of_libca(names, 25, 100) + 1) << names << " names";
    for (int64_t ms = 500; ms <= 1'200'000; ms += ms < 100'000 ? 10 : 1000) {
      world.run_until(ms);
      ASSERT_LE(world.frames, frames_of_libca(names, 25, ms)) << names << " names, " << ms << " ms";
    }
    world.run_until(3'600'000);
    EXPECT_LE(world.frames, frames_of_libca(names, 25, 3'600'000)) << names << " names";
  }
}

TEST(SearchPacing, a_lost_frame_is_made_up_for_soon) {
  World world;
  world.add(0, 50'000);
  world.exist(0, 50'000);
  world.lost_frame = 700;
  world.run_until(1'500);
  EXPECT_EQ(world.found.size(), 50'000u);
}

TEST(SearchPacing, a_frame_that_nobody_answers_halves_the_window) {
  World world;
  world.add(0, 5'000);
  world.exist(0, 5'000);
  world.run_until(100);
  ASSERT_EQ(world.found.size(), 5'000u);
  world.frames = 0;
  world.add(10'000, 20'000);  // all dead
  world.run_until(100 + 1000);
  // at first the window is open (16 frames), then it closes to one frame in 40 ms, and the levels above
  EXPECT_LT(world.frames, 16u + 8 + 4 + 2 + 25 + 45);
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
  EXPECT_EQ(world.given_up, std::set<NameId>{1});
  EXPECT_FALSE(world.pacing.searching(1));
}

TEST(SearchPacing, a_removed_name_is_not_asked_for) {
  World world;
  world.add(0, 1000);
  for (NameId id = 100; id < 1000; ++id) world.step(RemoveName{id});
  world.run_until(60'000);
  EXPECT_EQ(world.asked.size(), 100u);
  EXPECT_EQ(world.pacing.searched_names(), 100u);
}

TEST(SearchPacing, answers_from_afar_widen_the_first_wait) {
  World world;
  world.delay_ns = 150 * kNsPerMs;
  world.add(0, 3'000);
  world.exist(0, 3'000);
  world.run_until(10'000);
  EXPECT_EQ(world.found.size(), 3'000u);
}

TEST(LostHosts, one_name_of_each_server_is_probed_in_turn) {
  LostHosts lost;
  for (NameId id = 0; id < 10; ++id) lost.lost(id, {1, 5064}, MonotonicNs{0});
  lost.lost(20, {2, 5064}, MonotonicNs{0});
  std::set<NameId> probed;
  std::vector<NameId> now;
  lost.turn(MonotonicNs{100 * kNsPerMs}, now);
  EXPECT_TRUE(now.empty());
  for (int64_t turn = 1; turn <= 10; ++turn) {
    now.clear();
    lost.turn(MonotonicNs{turn * LostHosts::kProbeIntervalNs}, now);
    EXPECT_EQ(now.size(), 2u);
    probed.insert(now.begin(), now.end());
  }
  EXPECT_EQ(probed.size(), 11u);
}

TEST(LostHosts, many_servers_share_the_turns) {
  LostHosts lost;
  for (NameId id = 0; id < 1000; ++id) lost.lost(id, {id, 5064}, MonotonicNs{0});
  std::set<NameId> probed;
  std::vector<NameId> now;
  for (int turn = 0; turn < 10; ++turn) {
    now.clear();
    lost.turn(MonotonicNs{LostHosts::kProbeIntervalNs + turn}, now);
    EXPECT_EQ(now.size(), LostHosts::kMaxProbesATurn);
    probed.insert(now.begin(), now.end());
  }
  EXPECT_EQ(probed.size(), 1000u);
}

TEST(LostHosts, a_server_whose_answers_prove_nothing_is_probed_more_rarely) {
  LostHosts lost;
  lost.lost(1, {1, 5064}, MonotonicNs{0});
  int probes = 0;
  for (int64_t ms = 0; ms < 120'000; ms += 10) {
    std::vector<NameId> now;
    lost.turn(MonotonicNs{ms * kNsPerMs}, now);
    if (now.empty()) continue;
    ++probes;
    lost.hold(1);
  }
  EXPECT_LT(probes, 11);
  EXPECT_GT(probes, 5);
}

TEST(LostHosts, a_server_that_stays_away_is_probed_ever_more_rarely_until_its_beacon_comes) {
  LostHosts lost;
  lost.lost(1, {1, 5064}, MonotonicNs{0});
  const auto probes = [&](int64_t from_s, int64_t to_s) {
    size_t count = 0;
    for (int64_t ms = from_s * 1000; ms < to_s * 1000; ms += 10) {
      std::vector<NameId> now;
      lost.turn(MonotonicNs{ms * kNsPerMs}, now);
      count += now.size();
    }
    return count;
  };
  EXPECT_GE(probes(0, 120), 235u);
  EXPECT_LE(probes(120, 3600), 125u) << "one in half a minute, after a few quicker ones";
  lost.appeared({1, 5064}, MonotonicNs{3600 * kNsPerSecond});
  EXPECT_GE(probes(3600, 3610), 20u);
}

TEST(LostHosts, a_regained_name_is_forgotten) {
  LostHosts lost;
  for (NameId id = 0; id < 3; ++id) lost.lost(id, {1, 5064}, MonotonicNs{0});
  lost.regained(1);
  EXPECT_FALSE(lost.is_lost(1));
  EXPECT_EQ(lost.companions(0).size(), 2u);
  lost.regained(0);
  lost.regained(2);
  EXPECT_EQ(lost.servers(), 0u);
  EXPECT_FALSE(lost.next_turn());
}

TEST(LostHosts, a_server_that_announces_itself_is_probed_at_once) {
  LostHosts lost;
  lost.lost(1, {1, 5064}, MonotonicNs{0});
  lost.appeared({1, 5064}, MonotonicNs{10});
  std::vector<NameId> now;
  lost.turn(MonotonicNs{10}, now);
  EXPECT_EQ(now, std::vector<NameId>{1});
}

}  // namespace
}  // namespace e2k::worker::search
