// A process dies behind every single store of what a log's users do to it (store_trace.h), and what it leaves
// must add up (crash_world.h). After LevelDB's fault injection test.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/property/spool/crash_world.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

// An event of every size and kind, of entries that are described and of one that is not yet.
void append_some(CrashWorld& world) {
  world.append(0);
  world.append(1);
  world.trace();
  world.append(0);
  world.append(1, 40);
  world.append(2);
  world.append(0, 0);
}

void settle_some(CrashWorld& world) {
  for (uint32_t i = 0; i < 6; ++i) world.append(i % 3);
  const auto waiting = world.read();
  world.trace();
  world.settle(waiting[4], 0);
  world.settle(waiting[1], 1);
  world.settle(waiting[2], 2);
  world.settle(waiting[0], 0);
}

// Into a log that is made for it, one that is there, and over the end of a segment.
void move_some(CrashWorld& world) {
  for (uint32_t i = 0; i < 8; ++i) world.append(2, 200);
  world.append(0);
  world.append(1);
  world.append(2, 200);
  world.append(2, 200);
  const auto waiting = world.read();
  for (size_t i = 0; i < 8; ++i) world.move(waiting[i]);
  world.trace();
  world.move(waiting[8]);
  const auto copy = world.move(waiting[9]);
  world.settle(copy, 0);
  world.move(waiting[10]);
  world.settle(world.move(waiting[11]), 1);
}

TEST(CrashPoint, append) {
  die_everywhere({append_some});
}

TEST(CrashPoint, append_with_a_recovery_that_dies_as_well) {
  die_everywhere({append_some, 12, true});
}

TEST(CrashPoint, append_over_the_end_of_a_segment_while_the_keeper_makes_the_next) {
  die_everywhere({[](CrashWorld& world) {
                    world.fill_segment(0);
                    const uint64_t bytes = world.log.books->header().spool_bytes.load();
                    world.trace();
                    world.append(0);
                    world.append(1);
                    CrashWorld::wait_until(
                        [&] { return world.log.books->header().spool_bytes.load() != bytes; });
                  },
                  80});
}

TEST(CrashPoint, settlement) {
  die_everywhere({settle_some});
}

TEST(CrashPoint, settlement_with_a_recovery_that_dies_as_well) {
  die_everywhere({settle_some, 12, true});
}

TEST(CrashPoint, move_to_a_topics_own_log) {
  die_everywhere({move_some, 300});
}

TEST(CrashPoint, move_with_a_recovery_that_dies_as_well) {
  die_everywhere({move_some, 20, true});
}

TEST(CrashPoint, giving_back_of_a_topics_own_log) {
  die_everywhere({[](CrashWorld& world) {
    world.append(0);
    world.append(2);
    world.append(0);
    for (const auto& event : world.read()) {
      const auto copy = world.move(event);
      if (event.serial == 1) world.settle(copy, 0);
    }
    spool::AsideLog& log = *world.aside().find(CrashWorld::topic_of(2));
    world.trace();
    log.give_back(*log.log().first());
    world.aside().remove(CrashWorld::topic_of(2));
    world.append(2);
  }});
}

TEST(CrashPoint, using_a_segment_again) {
  die_everywhere({[](CrashWorld& world) {
                    world.append(2);
                    world.fill_segment(0, 50);
                    world.append(1, 60);
                    // All but what is in the active segment.
                    auto waiting = world.read();
                    for (size_t i = 0; i + 1 < waiting.size(); ++i) world.settle(waiting[i], 0);
                    world.fill_segment(3, 50);
                    spool::LiveLog& live = *world.log.live;
                    const auto is_there = [&](uint64_t number) {
                      return std::filesystem::exists(live.options().directory + "/" +
                                                     spool::Segment::file_name(number));
                    };
                    // The keeper is at rest, and has what is used again next.
                    CrashWorld::wait_until([&] { return is_there(5); });
                    live.give_back(live.log().take(1));
                    world.trace();
                    world.append(1, 60);
                    CrashWorld::wait_until([&] { return !is_there(1) && is_there(6); });
                  },
                  200});
}

TEST(CrashPoint, removal_of_a_log_that_is_drained) {
  die_everywhere({[](CrashWorld& world) {
    world.append(0);
    world.append(1);
    world.settle_all();
    world.trace();
    ASSERT_TRUE(world.log.live->log().remove());
  }});
}

TEST(CrashPoint, start_of_a_successor) {
  die_everywhere({[](CrashWorld& world) {
                    for (uint32_t i = 0; i < 9; ++i) world.append(i % 4);
                    auto waiting = world.read();
                    world.settle(waiting[1], 0);
                    world.move(waiting[2]);
                    world.trace();
                    auto books =
                        must(ledger::Ledger::create(world.folder + "/ledger", Slot{0}, Generation{2}, 4096));
                    auto options = small_spool(world.folder);
                    options.generation = Generation{2};
                    options.directory = world.folder + "/0.2";
                    auto live = must(spool::LiveLog::create(options, books->header()));
                    auto bell = must(Doorbell::create());
                    SpoolIntake intake(*live, *books, *bell);
                    IntakeEntry* entry =
                        intake.open_entry(EntryIndex{1}, EntrySpec{"topic0", "channel1", Mask{1}, ""}, 0);
                    const uint32_t serial = world.told.serials.load();
                    world.told.entry[serial] = 1;
                    world.told.appended[serial] = Told::begun;
                    world.told.serials.store(serial + 1);
                    intake.event(*entry, DoubleEvent(serial));
                    world.told.appended[serial] = Told::done;
                    world.finish();
                  },
                  120});
}

}  // namespace
}  // namespace e2k::worker
