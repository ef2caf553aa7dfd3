#include "worker/ca/way.h"

#include <gtest/gtest.h>

#include <set>

namespace e2k::worker::ca {
namespace {

constexpr Phase kPhases[] = {Phase::searching, Phase::waiting, Phase::connecting, Phase::connected,
                             Phase::hung};
constexpr WayEvent kEvents[] = {WayEvent::wanted,       WayEvent::answered,  WayEvent::answered_wait,
                                WayEvent::admitted,     WayEvent::ask_again, WayEvent::answered_elsewhere,
                                WayEvent::up,           WayEvent::down_gone, WayEvent::down_hung,
                                WayEvent::circuit_gone, WayEvent::let_go};

bool in_libca(Phase phase) {
  return phase == Phase::connecting || phase == Phase::connected || phase == Phase::hung;
}
bool listed(Phase phase) {
  return phase == Phase::waiting || phase == Phase::hung;
}

TEST(Way, the_table_of_the_header) {
  EXPECT_EQ(step(Phase::searching, WayEvent::answered), (WayStep{Phase::connecting, kCreate}));
  EXPECT_EQ(step(Phase::searching, WayEvent::answered_wait), (WayStep{Phase::waiting, kPark}));
  EXPECT_EQ(step(Phase::searching, WayEvent::wanted), (WayStep{Phase::searching, kSearch}));
  EXPECT_EQ(step(Phase::waiting, WayEvent::admitted), (WayStep{Phase::connecting, kLeave | kCreate}));
  EXPECT_EQ(step(Phase::waiting, WayEvent::ask_again), (WayStep{Phase::waiting, kSearchBriefly}));
  EXPECT_EQ(step(Phase::connecting, WayEvent::up),
            (WayStep{Phase::connected, kStopSearch | kLeave | kCount | kSubscribe}));
  EXPECT_EQ(step(Phase::connecting, WayEvent::circuit_gone),
            (WayStep{Phase::waiting, kClear | kPark | kFail}));
  EXPECT_EQ(step(Phase::connecting, WayEvent::let_go),
            (WayStep{Phase::searching, kClear | kLeave | kSearchLater}));
  EXPECT_EQ(step(Phase::connecting, WayEvent::answered_elsewhere),
            (WayStep{Phase::connecting, kClear | kLeave | kCreate}));
  EXPECT_EQ(step(Phase::connected, WayEvent::down_gone), (WayStep{Phase::waiting, kClear | kPark}));
  EXPECT_EQ(step(Phase::connected, WayEvent::down_hung), (WayStep{Phase::hung, kPark}));
  EXPECT_EQ(step(Phase::hung, WayEvent::up),
            (WayStep{Phase::connected, kStopSearch | kLeave | kCount | kSubscribe}));
  EXPECT_EQ(step(Phase::hung, WayEvent::circuit_gone), (WayStep{Phase::waiting, kClear}));
  EXPECT_EQ(step(Phase::hung, WayEvent::answered), (WayStep{Phase::connecting, kClear | kLeave | kCreate}));
}

TEST(Way, libca_knows_a_channel_just_in_the_phases_that_say_so) {
  for (const Phase phase : kPhases)
    for (const WayEvent event : kEvents) {
      const WayStep s = step(phase, event);
      bool known = in_libca(phase);
      if (s.actions & kClear) {
        EXPECT_TRUE(known) << to_string(phase);
        known = false;
      }
      if (s.actions & kCreate) {
        EXPECT_FALSE(known) << to_string(phase);
        known = true;
      }
      EXPECT_EQ(known, in_libca(s.next)) << to_string(phase) << " " << int(event);
    }
}

TEST(Way, a_server_lists_a_channel_just_in_the_phases_that_say_so) {
  for (const Phase phase : kPhases)
    for (const WayEvent event : kEvents) {
      const WayStep s = step(phase, event);
      bool is_listed = listed(phase);
      if (s.actions & kLeave) is_listed = false;
      if (s.actions & kPark) is_listed = true;
      if (phase == Phase::connecting && s.next == Phase::connecting) continue;  // listed where it takes long
      EXPECT_EQ(is_listed, listed(s.next)) << to_string(phase) << " " << int(event);
    }
}

TEST(Way, what_changes_nothing_asks_for_nothing) {
  EXPECT_EQ(step(Phase::connected, WayEvent::answered), (WayStep{Phase::connected}));
  EXPECT_EQ(step(Phase::searching, WayEvent::up), (WayStep{Phase::searching}));
  EXPECT_EQ(step(Phase::waiting, WayEvent::down_gone), (WayStep{Phase::waiting}));
  EXPECT_EQ(step(Phase::connecting, WayEvent::answered), (WayStep{Phase::connecting}));
}

TEST(Way, from_everywhere_a_channel_can_be_connected_again) {
  for (const Phase from : kPhases) {
    std::set<Phase> reached{from};
    for (size_t before = 0; before != reached.size();) {
      before = reached.size();
      for (const Phase phase : std::set<Phase>(reached))
        for (const WayEvent event : kEvents) reached.insert(step(phase, event).next);
    }
    EXPECT_TRUE(reached.contains(Phase::connected)) << to_string(from);
  }
}

}  // namespace
}  // namespace e2k::worker::ca
