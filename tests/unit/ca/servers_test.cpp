#include "worker/ca/search/servers.h"

#include <gtest/gtest.h>

#include <set>

namespace e2k::worker::search {
namespace {

using Verdict = Servers::Verdict;
constexpr int64_t kMs = kNsPerMs, kS = kNsPerSecond;
constexpr ServerAddress kFirst{1, 5064}, kSecond{2, 5064};

class World {
public:
  void park(NameId from, NameId to, ServerAddress address = kFirst) {
    for (NameId id = from; id < to; ++id) servers.park(id, servers.number_of(address), MonotonicNs{now});
  }
  // A server that was up and lost its channels.
  ServerNumber lose(NameId from, NameId to, bool stands, ServerAddress address = kFirst) {
    const ServerNumber number = servers.number_of(address);
    for (NameId id = from; id < to; ++id) servers.connected(number, MonotonicNs{now});
    for (NameId id = from; id < to; ++id) {
      servers.lost(number, stands, MonotonicNs{now});
      servers.park(id, number, MonotonicNs{now});
    }
    return number;
  }
  std::vector<NameId> turn() {
    std::vector<NameId> probes;
    servers.turn(MonotonicNs{now}, 1000, probes);
    return probes;
  }
  // Frames that the probes until then fill, those of one turn together; `each` may answer them.
  template <class Each>
  size_t frames_until(int64_t until_ns, Each each) {
    size_t frames = 0;
    while (true) {
      const auto next = servers.next_turn();
      if (!next || next->value > until_ns) break;
      now = std::max(now, next->value);
      const std::vector<NameId> probes = turn();
      frames += (probes.size() + Servers::kNamesAFrame - 1) / Servers::kNamesAFrame;
      for (NameId id : probes) each(id);
    }
    now = until_ns;
    return frames;
  }
  size_t frames_until(int64_t until_ns) {
    return frames_until(until_ns, [](NameId) {});
  }
  Verdict answer(ServerNumber number, NameId id) {
    return servers.answered(number, id, 13, MonotonicNs{now});
  }

  Servers servers{300 * kS};
  int64_t now = 1'000 * kS;
};

// libca searches for lost channels from its 10 s tick on: timer i sends a frame every 32 ms * 2^i.
size_t frames_of_libca(size_t names, int64_t since_ns) {
  const int64_t ms = since_ns / kMs - 10'000;
  std::vector<std::pair<size_t, size_t>> timers(14);
  timers[0].first = names;
  size_t frames = 0;
  for (int64_t tick = 1; tick * 32 <= ms; ++tick)
    for (size_t i = timers.size(); i-- > 0;) {
      if (tick % (int64_t{1} << i) != 0) continue;
      auto& [waiting, sent] = timers[i];
      (i + 1 < timers.size() ? timers[i + 1].first : waiting) += sent;
      sent = std::min<size_t>(waiting, Servers::kNamesAFrame);
      waiting -= sent;
      frames += sent > 0;
    }
  return frames;
}

TEST(Servers, one_scout_tries_a_server_that_has_not_proven_itself) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  EXPECT_EQ(world.answer(number, 0), Verdict::scout);
  EXPECT_EQ(world.answer(number, 1), Verdict::wait);
  world.park(1, 2);
  EXPECT_TRUE(world.servers.connected(number, MonotonicNs{world.now}));
  EXPECT_EQ(world.servers.at(number).names, std::vector<NameId>{1});
  EXPECT_EQ(world.answer(number, 2), Verdict::create);
  EXPECT_FALSE(world.servers.connected(number, MonotonicNs{world.now}));
}

TEST(Servers, one_that_answers_and_refuses_is_tried_ever_more_seldom_whatever_the_number_of_names) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  ASSERT_EQ(world.answer(number, 0), Verdict::scout);
  world.park(1, 2000);
  size_t scouts = 1;
  world.servers.park(0, number, MonotonicNs{world.now});
  world.servers.scout_failed(number, MonotonicNs{world.now});
  const size_t frames = world.frames_until(world.now + 80 * kS, [&](NameId id) {
    if (world.answer(number, id) != Verdict::scout) return;
    ++scouts;
    world.servers.scout_failed(number, MonotonicNs{world.now});
  });
  EXPECT_LE(frames, 8u);
  EXPECT_LE(scouts, 8u);
  EXPECT_GE(scouts, 5u);
  EXPECT_EQ(world.servers.at(number).refusals, scouts);
  // For ever, but never more seldom than that.
  const size_t before = scouts;
  world.frames_until(world.now + 600 * kS, [&](NameId id) {
    if (world.answer(number, id) != Verdict::scout) return;
    ++scouts;
    world.servers.scout_failed(number, MonotonicNs{world.now});
  });
  EXPECT_GE(scouts - before, 19u);
  EXPECT_LE(scouts - before, 21u);
}

TEST(Servers, a_refusing_one_that_does_not_answer_any_more_is_still_probed) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  world.answer(number, 0);
  world.park(0, 1);
  world.servers.scout_failed(number, MonotonicNs{world.now});
  EXPECT_GE(world.frames_until(world.now + 600 * kS), 10u);
}

TEST(Servers, lost_names_are_probed_no_more_than_libca_searches) {
  for (NameId names : {1u, 10u, 40u, 400u, 2'000u, 10'000u}) {
    World world;
    const int64_t began = world.now;
    world.lose(0, names, false);
    size_t frames = 0;
    for (int64_t s = 1; s < 3'600; s += s < 100 ? 1 : 100) {
      frames += world.frames_until(began + s * kS);
      if (s >= 20) {
        ASSERT_LE(frames, frames_of_libca(names, s * kS)) << names << " names, " << s << " s";
      }
    }
  }
}

TEST(Servers, ten_thousand_lost_names_are_probed_twice_a_second_over_minutes) {
  World world;
  world.lose(0, 10'000, false);
  EXPECT_GE(world.frames_until(world.now + 120 * kS), 235u);
}

TEST(Servers, one_lost_name_is_probed_at_once_and_then_more_seldom) {
  World world;
  world.lose(0, 1, false);
  EXPECT_GE(world.frames_until(world.now + 2'100 * kMs), 4u);
  EXPECT_LE(world.frames_until(world.now + 60 * kS), 6u);
}

TEST(Servers, another_name_is_probed_each_time) {
  World world;
  world.lose(0, 10, false);
  std::set<NameId> probed;
  world.frames_until(world.now + 120 * kS, [&](NameId id) { probed.insert(id); });
  EXPECT_EQ(probed.size(), 10u);
}

TEST(Servers, probes_of_many_servers_fill_frames_together) {
  World world;
  for (NameId id = 0; id < 1'000; ++id) {
    world.now += 3 * kMs;
    world.lose(id, id + 1, false, {id + 10, 5064});
  }
  const size_t frames = world.frames_until(world.now + 60 * kS);
  EXPECT_LE(frames, 12 * (1'000 / Servers::kNamesAFrame + 10)) << "for each step of the ladder a few frames";
}

TEST(Servers, a_gone_server_that_answers_is_tried_at_once) {
  World world;
  const ServerNumber number = world.lose(0, 5, false);
  EXPECT_EQ(world.servers.at(number).standing, Standing::gone);
  world.now += 30 * kS;
  EXPECT_EQ(world.answer(number, 3), Verdict::scout);
  EXPECT_TRUE(world.servers.connected(number, MonotonicNs{world.now}));
}

TEST(Servers, one_that_lets_go_of_a_channel_is_up_for_the_others) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  for (int i = 0; i < 3; ++i) world.servers.connected(number, MonotonicNs{world.now});
  world.servers.lost(number, false, MonotonicNs{world.now});
  world.park(0, 1);
  EXPECT_EQ(world.servers.at(number).standing, Standing::up);
  EXPECT_GE(world.frames_until(world.now + 2 * kS), 3u);
  EXPECT_EQ(world.answer(number, 0), Verdict::create);
}

TEST(Servers, a_hung_circuit_is_left_alone_when_it_recovers_within_the_pause) {
  World world;
  const ServerNumber number = world.lose(0, 5, true);
  ASSERT_EQ(world.servers.at(number).standing, Standing::hung);
  world.now += 40 * kS;
  EXPECT_EQ(world.answer(number, 0), Verdict::wait);
  world.now += 500 * kMs;
  EXPECT_TRUE(world.servers.connected(number, MonotonicNs{world.now}));
  EXPECT_EQ(world.servers.at(number).circuit, 0);
}

TEST(Servers, beside_a_circuit_that_stays_dumb_while_its_server_answers_a_new_one_is_opened) {
  World world;
  const ServerNumber number = world.lose(0, 5, true);
  world.now += 60 * kS;
  EXPECT_EQ(world.answer(number, 0), Verdict::wait);
  Verdict verdict = Verdict::wait;
  const int64_t began = world.now;
  world.frames_until(world.now + 10 * kS, [&](NameId id) {
    if (verdict != Verdict::wait) return;
    verdict = world.answer(number, id);
    EXPECT_TRUE(verdict == Verdict::wait || world.now - began <= 2'500 * kMs);
  });
  EXPECT_EQ(verdict, Verdict::scout);
  EXPECT_EQ(world.servers.at(number).circuit, 1);
}

TEST(Servers, new_circuits_beside_a_dumb_one_come_ever_more_seldom) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  world.answer(number, 0);  // the scout's circuit stands, nothing comes back
  world.park(1, 2'000);
  size_t circuits = 1;
  const size_t frames = world.frames_until(
      world.now + 600 * kS, [&](NameId id) { circuits += world.answer(number, id) == Verdict::scout; });
  EXPECT_LE(circuits, 5u);
  EXPECT_LE(frames, 10u);
}

TEST(Servers, while_the_kernel_tries_to_connect_nothing_is_asked_for) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  world.answer(number, 0);
  world.park(1, 2'000);
  EXPECT_EQ(world.frames_until(world.now + 127 * kS), 0u);
  EXPECT_GE(world.frames_until(world.now + 10 * kS), 1u);
}

TEST(Servers, one_that_loses_its_circuit_again_and_again_is_tried_ever_more_seldom) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  world.answer(number, 0);
  size_t circuits = 0;
  for (int64_t end = world.now + 120 * kS; world.now < end; world.now += 100 * kMs) {
    const Standing standing = world.servers.at(number).standing;
    if (standing == Standing::trying) {
      world.servers.connected(number, MonotonicNs{world.now});
      ++circuits;
    } else if (standing == Standing::up) {
      world.servers.lost(number, false, MonotonicNs{world.now});
    } else {
      world.answer(number, 0);
    }
  }
  EXPECT_LE(circuits, 9u);
  // One that stayed for a while is tried at once.
  while (world.answer(number, 0) != Verdict::scout) world.now += kS;
  world.servers.connected(number, MonotonicNs{world.now});
  world.now += 60 * kS;
  world.servers.lost(number, false, MonotonicNs{world.now});
  EXPECT_EQ(world.answer(number, 0), Verdict::scout);
}

TEST(Servers, numbers_that_nobody_needs_are_given_out_again) {
  World world;
  for (uint32_t ip = 10; ip < 20; ++ip) world.servers.number_of({ip, 5064});
  const ServerNumber kept = world.servers.number_of({12, 5064});
  world.park(7, 8, {14, 5064});
  std::vector<bool> used(world.servers.size());
  used[kept] = true;
  size_t forgotten = 0;
  world.servers.sweep(used, [&](ServerNumber) { ++forgotten; });
  EXPECT_EQ(forgotten, 8u);
  EXPECT_EQ(world.servers.live(), 2u);
  EXPECT_EQ(world.servers.find({12, 5064}), kept);
  EXPECT_EQ(world.servers.find({10, 5064}), kNoServer);
  const size_t before = world.servers.size();
  world.servers.number_of({99, 5064});
  EXPECT_EQ(world.servers.size(), before);
  EXPECT_EQ(world.servers.at(world.servers.find({99, 5064})).standing, Standing::untried);
}

TEST(Servers, a_beacon_makes_all_of_it_begin_anew) {
  World world;
  const ServerNumber number = world.lose(0, 1, false);
  world.frames_until(world.now + 3'600 * kS);
  world.servers.appeared(number, MonotonicNs{world.now});
  EXPECT_EQ(world.turn(), std::vector<NameId>{0});
  EXPECT_GE(world.frames_until(world.now + 2'100 * kMs), 3u);
}

TEST(Servers, what_was_lost_long_ago_is_asked_of_somebody_new_soon) {
  for (const int64_t longest_ns : {Servers::kBaseNs, Servers::kBoostNs}) {
    World world;
    world.lose(0, 40, false);
    world.frames_until(world.now + 3600 * kS);
    EXPECT_GT(world.servers.next_turn()->value, world.now + 10 * kS);
    world.servers.look_again(longest_ns, MonotonicNs{world.now});
    EXPECT_LE(world.servers.next_turn()->value, world.now + Servers::kBaseNs);
    const int64_t begin = world.now;
    EXPECT_GE(world.frames_until(begin + 5 * kS), longest_ns == Servers::kBaseNs ? 4u : 1u);
    EXPECT_LE(world.frames_until(begin + 60 * kS), 6u);
  }
}

TEST(Servers, news_that_never_end_have_lost_names_asked_for_no_more_often_than_they_come) {
  World world;
  world.lose(0, 40, false);
  world.frames_until(world.now + 3600 * kS);
  size_t frames = 0;
  for (int news = 0; news < 100; ++news) {
    world.servers.look_again(Servers::kBoostNs, MonotonicNs{world.now});
    frames += world.frames_until(world.now + 6 * kS);
  }
  EXPECT_LE(frames, 110u);
}

TEST(Servers, a_scout_that_is_taken_away_leaves_its_place_to_another) {
  World world;
  const ServerNumber number = world.servers.number_of(kFirst);
  world.answer(number, 0);
  world.park(1, 3);
  world.servers.scout_left(number, MonotonicNs{world.now});
  EXPECT_EQ(world.turn().size(), 1u);
  EXPECT_EQ(world.answer(number, 1), Verdict::scout);
}

TEST(Servers, a_name_waits_for_one_server_at_most) {
  World world;
  world.park(0, 3, kFirst);
  world.park(1, 2, kSecond);
  const ServerNumber first = world.servers.find(kFirst), second = world.servers.find(kSecond);
  EXPECT_EQ(world.servers.at(first).names.size(), 2u);
  EXPECT_EQ(world.servers.parked_at(1), second);
  world.servers.leave(1);
  EXPECT_EQ(world.servers.parked_at(1), kNoServer);
  EXPECT_TRUE(world.servers.at(second).names.empty());
}

}  // namespace
}  // namespace e2k::worker::search
