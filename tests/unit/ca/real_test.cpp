// The Channel Access side against a real IOC.
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>

#include "tests/unit/ca/real_channel_access.h"

namespace e2k::worker {
namespace {

using namespace std::chrono_literals;
using ledger::EntryState;
using test::add;
using test::RealChannelAccess;
using test::SoftIoc;

constexpr const char* kTypes = R"(
record(ao,"t:double"){field(VAL,"1.5")field(PINI,"YES")}
record(stringout,"t:string"){field(VAL,"hello")field(PINI,"YES")}
record(longout,"t:long"){field(VAL,"-7")field(PINI,"YES")}
record(mbbo,"t:enum"){field(ZRST,"off")field(ONST,"on")field(ONVL,"1")field(VAL,"1")field(PINI,"YES")}
record(waveform,"t:doubles"){field(FTVL,"DOUBLE")field(NELM,"5")field(INP,[1.5,2.5,3.5])field(PINI,"YES")}
record(waveform,"t:floats"){field(FTVL,"FLOAT")field(NELM,"5")field(INP,[1.5,2.5])field(PINI,"YES")}
record(waveform,"t:longs"){field(FTVL,"LONG")field(NELM,"5")field(INP,[1,2,3,4])field(PINI,"YES")}
record(waveform,"t:shorts"){field(FTVL,"SHORT")field(NELM,"5")field(INP,[1,-2])field(PINI,"YES")}
record(waveform,"t:chars"){field(FTVL,"CHAR")field(NELM,"5")field(INP,[1,-56])field(PINI,"YES")}
record(waveform,"t:strings"){field(FTVL,"STRING")field(NELM,"5")field(INP,["a","b"])field(PINI,"YES")}
record(waveform,"t:empty"){field(FTVL,"DOUBLE")field(NELM,"5")}
)";

TEST_F(RealChannelAccess, every_native_type_comes_at_its_present_length) {
  SoftIoc ioc(kTypes);
  test::search_on_loopback({ioc.port()});
  start();
  const std::vector<std::pair<const char*, std::pair<int, size_t>>> expected = {
      {"t:double", {6, 1}},  {"t:string", {0, 1}},  {"t:long", {5, 1}},  {"t:enum", {3, 1}},
      {"t:doubles", {6, 3}}, {"t:floats", {2, 2}},  {"t:longs", {5, 4}}, {"t:shorts", {1, 2}},
      {"t:chars", {4, 2}},   {"t:strings", {0, 2}}, {"t:empty", {6, 0}}};
  std::vector<AssignItem> items;
  for (uint32_t i = 0; i < expected.size(); ++i) items.emplace_back(add(i, expected[i].first));
  assign(std::move(items));
  for (uint32_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(intake.wait_records(i, 1, 10s)) << expected[i].first;
    const Recorded r = intake.records(i).front();
    EXPECT_FALSE(r.is_error) << r.error;
    EXPECT_EQ(r.dbr_type, expected[i].second.first) << expected[i].first;
    EXPECT_EQ(r.count, expected[i].second.second) << expected[i].first;
    EXPECT_EQ(intake.entry(i).state, EntryState::connected);
    EXPECT_TRUE(is_served_at(i, ioc.port()));
    EXPECT_TRUE(has_flag(i, ledger::kWasConnected));
  }
  EXPECT_EQ(intake.records(0).front().number(), 1.5);
  EXPECT_EQ(intake.records(1).front().text(), "hello");
  EXPECT_EQ(intake.records(2).front().number(), -7);
  EXPECT_EQ(intake.records(3).front().number(), 1);
  EXPECT_EQ(intake.records(4).front().number(2), 3.5);
  EXPECT_EQ(intake.records(7).front().number(1), -2);
  EXPECT_EQ(intake.records(8).front().number(1), -56);
  EXPECT_EQ(intake.records(9).front().text(1), "b");
}

TEST_F(RealChannelAccess, events_come_in_order_and_once) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"0")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a"), add(1, "a", "va", "other")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  for (int i = 1; i <= 20; ++i) ioc.put("a", std::to_string(i));
  ASSERT_TRUE(intake.wait_records(0, 21, 10s));
  ASSERT_TRUE(intake.wait_records(1, 21, 10s));
  std::vector<double> expected;
  for (int i = 0; i <= 20; ++i) expected.push_back(i);
  EXPECT_EQ(values(0), expected);
  EXPECT_EQ(values(1), expected);
}

TEST_F(RealChannelAccess, an_ioc_that_comes_back_is_found_within_a_second_and_events_are_not_doubled) {
  const char* database =
      R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")} record(ao,"b"){field(PINI,"YES")})";
  auto ioc = std::make_unique<SoftIoc>(database);
  const uint16_t port = ioc->port();
  test::search_on_loopback({port});
  start();
  assign({add(0, "a"), add(1, "b")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  ioc->kill();
  ASSERT_TRUE(in_state(0, EntryState::disconnected));
  ASSERT_TRUE(in_state(1, EntryState::disconnected));
  ioc = std::make_unique<SoftIoc>(database, SoftIoc::Options{port, "", 9});
  const auto up = std::chrono::steady_clock::now();
  ASSERT_TRUE(in_state(0, EntryState::connected, 5s));
  ASSERT_TRUE(in_state(1, EntryState::connected, 5s));
  ASSERT_TRUE(intake.wait_records(0, 3, 5s));
  const auto took = intake.records(0).back().arrival - up;
  EXPECT_LT(took, 1s);
  std::printf("back after %.0f ms\n", std::chrono::duration<double, std::milli>(took).count());
  for (int i = 2; i <= 5; ++i) ioc->put("a", std::to_string(i));
  ASSERT_TRUE(intake.wait(5s, [&] { return values(0).back() == 5; }));
  EXPECT_EQ(values(0), (std::vector<double>{1, 1, 2, 3, 4, 5}));
  EXPECT_EQ(errors(0), (std::vector<std::string>{"Disconnected"}));
}

TEST_F(RealChannelAccess, names_that_moved_to_another_server_follow_together) {
  std::string database;
  std::vector<AssignItem> items;
  constexpr uint32_t kNames = 500;
  for (uint32_t i = 0; i < kNames; ++i) {
    database += "record(ao,\"m" + std::to_string(i) + "\"){field(PINI,\"YES\")}\n";
    items.emplace_back(add(i, "m" + std::to_string(i)));
  }
  auto first = std::make_unique<SoftIoc>(database);
  const uint16_t second_port = test::free_port();
  test::search_on_loopback({first->port(), second_port});
  start();
  assign(std::move(items));
  ASSERT_TRUE(intake.wait(10s, [&] { return intake.in_state(EntryState::connected) == kNames; }));
  first->kill();
  ASSERT_TRUE(intake.wait(10s, [&] { return intake.in_state(EntryState::disconnected) == kNames; }));
  SoftIoc second(database, SoftIoc::Options{second_port, "", 9});
  ASSERT_TRUE(intake.wait(5s, [&] { return intake.in_state(EntryState::connected) == kNames; }))
      << intake.in_state(EntryState::connected);
  EXPECT_EQ(intake.entry(kNames - 1).host, "127.0.0.1:" + std::to_string(second_port));
}

TEST_F(RealChannelAccess, a_type_that_changed_at_the_reconnect_is_subscribed_to_anew) {
  auto ioc = std::make_unique<SoftIoc>(R"(record(longout,"a"){field(VAL,"3")field(PINI,"YES")})");
  const uint16_t port = ioc->port();
  test::search_on_loopback({port});
  start();
  assign({add(0, "a")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ioc->kill();
  ASSERT_TRUE(in_state(0, EntryState::disconnected));
  ioc = std::make_unique<SoftIoc>(R"(record(ao,"a"){field(VAL,"3.75")field(PINI,"YES")})",
                                  SoftIoc::Options{port, "", 9});
  ASSERT_TRUE(intake.wait_records(0, 3, 10s));
  ioc->put("a", "4.25");
  ASSERT_TRUE(intake.wait_records(0, 4, 10s));
  EXPECT_EQ(values(0), (std::vector<double>{3, 3.75, 4.25}));
  EXPECT_EQ(intake.records(0).back().dbr_type, 6);
  EXPECT_EQ(intake.entry(0).dbr_type, 6);
}

TEST_F(RealChannelAccess, an_entry_that_was_served_before_comes_back_with_a_gap) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"0")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  AddEntry before = add(0, "a");
  before.was_connected = true;
  assign({before, add(1, "a", "va", "new")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  EXPECT_EQ(intake.entry(0).gaps, 1u);
  EXPECT_EQ(intake.entry(1).gaps, 0u);
}

TEST_F(RealChannelAccess, an_entry_that_is_held_has_a_gap_only_where_nobody_serves_it) {
  SoftIoc ioc(
      R"(record(ao,"a"){field(VAL,"0")field(PINI,"YES")}record(ao,"b"){field(VAL,"0")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  AddEntry served = add(0, "a"), unserved = add(1, "b");
  served.was_connected = unserved.was_connected = true;
  served.held = unserved.held = unserved.unserved = true;
  assign({served, unserved});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  EXPECT_EQ(intake.entry(0).gaps, 0u);
  EXPECT_EQ(intake.entry(1).gaps, 1u);
}

TEST_F(RealChannelAccess, a_mask_chooses_which_events_come) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"0")field(HIGH,"5")field(HSV,"MINOR")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a", "a"), add(1, "a", "v"), add(2, "a", "av")});
  for (uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(intake.wait_records(i, 1, 10s));
  ioc.put("a", "1");
  ioc.put("a", "7");
  ioc.put("a", "8");
  ASSERT_TRUE(intake.wait_records(1, 4, 10s));
  ASSERT_TRUE(intake.wait_records(2, 4, 10s));
  ASSERT_TRUE(intake.wait_records(0, 2, 10s));
  EXPECT_EQ(values(0), (std::vector<double>{0, 7}));
  EXPECT_EQ(values(1), (std::vector<double>{0, 1, 7, 8}));
  EXPECT_EQ(values(2), (std::vector<double>{0, 1, 7, 8}));
}

TEST_F(RealChannelAccess, a_changed_mask_or_key_keeps_the_channel_and_brings_a_first_value) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"0")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a"), add(1, "a", "va", "other")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  assign({RemoveEntry{EntryIndex{0}}, add(2, "a", "v")});  // another mask
  ASSERT_TRUE(intake.wait_records(2, 1, 10s));
  ioc.put("a", "1");
  ASSERT_TRUE(intake.wait_records(2, 2, 10s));
  assign({RemoveEntry{EntryIndex{1}}, add(3, "a", "va", "other")});  // another key: alone with its mask
  ASSERT_TRUE(intake.wait_records(3, 1, 10s));
  assign({add(4, "a", "va", "third")});  // joins the subscription of 3
  ASSERT_TRUE(intake.wait_records(4, 1, 10s));
  for (int i = 2; i <= 10; ++i) ioc.put("a", std::to_string(i));
  ASSERT_TRUE(intake.wait(10s, [&] { return values(4).back() == 10 && values(2).back() == 10; }));
  EXPECT_EQ(values(0), (std::vector<double>{0}));
  EXPECT_EQ(values(1), (std::vector<double>{0, 1}));
  EXPECT_EQ(values(2), (std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(values(3), (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(values(4), (std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  for (uint32_t i = 0; i < 5; ++i) EXPECT_TRUE(errors(i).empty());
  EXPECT_TRUE(is_closed(0));
}

TEST_F(RealChannelAccess, an_entry_that_joins_a_busy_subscription_gets_each_event_once_and_in_order) {
  SoftIoc ioc(R"(record(calc,"c"){field(SCAN,".1 second")field(CALC,"A+1")field(INPA,"c NPP")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "c")});
  ASSERT_TRUE(intake.wait_records(0, 3, 10s));
  for (uint32_t i = 1; i <= 8; ++i) assign({add(i, "c", "va", "t" + std::to_string(i))});
  ASSERT_TRUE(intake.wait(10s, [&] { return values(8).size() >= 10; }));
  for (uint32_t i = 0; i <= 8; ++i) {
    const std::vector<double> got = values(i);
    for (size_t n = 1; n < got.size(); ++n) EXPECT_EQ(got[n], got[n - 1] + 1) << "entry " << i;
  }
}

TEST_F(RealChannelAccess, read_access_is_lost_and_regained) {
  SoftIoc::Options options;
  options.access_security = R"(
ASG(DEFAULT){RULE(1,WRITE)}
ASG(guarded){INPA("gate") RULE(1,WRITE){CALC("A=0")}}
)";
  SoftIoc ioc(R"(record(ao,"gate"){field(VAL,"0")field(PINI,"YES")}
record(ao,"a"){field(VAL,"1")field(ASG,"guarded")field(PINI,"YES")})",
              options);
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a")});
  ASSERT_TRUE(intake.wait(10s, [&] { return values(0) == std::vector<double>{1}; }));
  const size_t before = intake.records(0).size();
  ioc.put("gate", "1");
  ASSERT_TRUE(in_state(0, EntryState::denied));
  ioc.put("a", "2");
  ioc.put("gate", "0");
  ASSERT_TRUE(in_state(0, EntryState::connected));
  ASSERT_TRUE(intake.wait_records(0, before + 2, 10s));
  ioc.put("a", "3");
  ASSERT_TRUE(intake.wait(10s, [&] { return values(0).back() == 3; }));
  EXPECT_EQ(values(0), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(errors(0).back(), "Read access denied");
  EXPECT_LE(errors(0).size(), 2u);  // the gate may be shut until the IOC has read it once
}

TEST_F(RealChannelAccess, names_are_found_through_a_name_server_alone) {
  SoftIoc ioc(kTypes);
  test::search_by_name_server(ioc.port());
  start();
  assign({add(0, "t:double"), add(1, "t:nobody")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  EXPECT_EQ(intake.records(0).front().number(), 1.5);
}

TEST_F(RealChannelAccess, a_name_that_nobody_has_is_never_connected_once) {
  SoftIoc ioc(kTypes);
  test::search_on_loopback({ioc.port()});
  start(1);
  AddEntry known = add(1, "t:nobody2");
  known.never_connected_published = true;
  AddEntry was = add(2, "t:nobody3");
  was.was_connected = true;
  was.disconnected_published = true;
  assign({add(0, "t:nobody"), known, was, add(3, "t:double")});
  EXPECT_EQ(intake.entry(0).state, EntryState::pending);
  ASSERT_TRUE(in_state(0, EntryState::never_connected));
  ASSERT_TRUE(in_state(1, EntryState::never_connected));
  ASSERT_TRUE(in_state(2, EntryState::disconnected));
  ASSERT_TRUE(in_state(3, EntryState::connected));
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  EXPECT_EQ(errors(0), (std::vector<std::string>{"Never Connected"}));
  EXPECT_TRUE(has_flag(0, ledger::kNeverConnectedPublished));
  EXPECT_TRUE(errors(1).empty());
  EXPECT_TRUE(errors(2).empty());
  EXPECT_TRUE(errors(3).empty());
}

TEST_F(RealChannelAccess, one_that_went_away_unseen_is_told_once_and_again_after_it_was_back) {
  const char* database = R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})";
  const uint16_t port = test::free_port();
  test::search_on_loopback({port});
  start(1);
  AddEntry untold = add(0, "a");
  untold.was_connected = true;
  AddEntry told = add(1, "a", "va", "told");
  told.was_connected = told.disconnected_published = true;
  assign({untold, told});
  ASSERT_TRUE(in_state(0, EntryState::disconnected));
  ASSERT_TRUE(in_state(1, EntryState::disconnected));
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  EXPECT_EQ(errors(0), (std::vector<std::string>{"Disconnected"}));
  EXPECT_TRUE(errors(1).empty());
  EXPECT_TRUE(has_flag(0, ledger::kDisconnectedPublished));
  auto ioc = std::make_unique<SoftIoc>(database, SoftIoc::Options{port, "", 9});
  for (uint32_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(intake.wait(20s, [&] { return values(i) == std::vector<double>{1}; }));
    EXPECT_FALSE(intake.entry(i).flags & ledger::kDisconnectedPublished);
  }
  ioc->kill();
  ASSERT_TRUE(in_state(0, EntryState::disconnected));
  ASSERT_TRUE(intake.wait(10s, [&] { return errors(0).size() == 2 && errors(1).size() == 1; }));
  for (uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(has_flag(i, ledger::kDisconnectedPublished));
}

TEST_F(RealChannelAccess, a_name_that_is_asked_for_again_is_searched_for_at_once) {
  test::search_on_loopback({5001});
  start(60);
  assign({add(0, "nobody:has:it")});
  // Its eighth frame goes out after some six seconds, the ninth as long after it.
  ASSERT_TRUE(frames_reach(8, 20s));
  const auto again = std::chrono::steady_clock::now();
  assign({RemoveEntry{EntryIndex{0}}, add(1, "nobody:has:it")});
  ASSERT_TRUE(frames_reach(9, 20s));
  EXPECT_LT(std::chrono::steady_clock::now() - again, 4s);
}

TEST_F(RealChannelAccess, duplicates_unknown_indices_and_bad_masks_are_tolerated) {
  SoftIoc ioc(kTypes);
  test::search_on_loopback({ioc.port()});
  start();
  AddEntry bad = add(5, "t:long");
  bad.entry.mask = Mask{0};
  assign({add(0, "t:double"), add(0, "t:double"), RemoveEntry{EntryIndex{77}}, bad});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  EXPECT_EQ(intake.entry(5).state, EntryState::unused);
  assign({RemoveEntry{EntryIndex{0}}, RemoveEntry{EntryIndex{0}}});
  EXPECT_TRUE(is_closed(0));
}

// UDP is answered for the hung IOC by a second one with the same names: half-dead, as seen from here.
TEST_F(RealChannelAccess, an_ioc_that_hangs_holds_up_no_other_and_its_channels_move_to_one_that_answers) {
  setenv("EPICS_CA_CONN_TMO", "2", 1);
  const char* database = R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})";
  SoftIoc hung(database);
  SoftIoc fine(R"(record(ao,"b"){field(VAL,"2")field(PINI,"YES")})");
  const uint16_t third_port = test::free_port();
  test::search_on_loopback({hung.port(), fine.port(), third_port});
  start();
  assign({add(0, "a")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  hung.signal(SIGSTOP);
  ASSERT_TRUE(in_state(0, EntryState::disconnected, 20s));
  assign({add(1, "b")});
  ASSERT_TRUE(intake.wait_records(1, 1, 2s));
  SoftIoc third(R"(record(ao,"a"){field(VAL,"3")field(PINI,"YES")})", SoftIoc::Options{third_port, "", 9});
  ASSERT_TRUE(in_state(0, EntryState::connected, 5s));
  ASSERT_TRUE(intake.wait_records(0, 3, 5s));
  EXPECT_EQ(values(0), (std::vector<double>{1, 3}));
  EXPECT_TRUE(is_served_at(0, third_port));
  hung.signal(SIGCONT);
  unsetenv("EPICS_CA_CONN_TMO");
}

TEST_F(RealChannelAccess, an_ioc_that_hung_and_goes_on_is_not_subscribed_to_twice) {
  setenv("EPICS_CA_CONN_TMO", "2", 1);
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ioc.signal(SIGSTOP);
  ASSERT_TRUE(in_state(0, EntryState::disconnected, 20s));
  ioc.signal(SIGCONT);
  ASSERT_TRUE(in_state(0, EntryState::connected, 10s));
  ASSERT_TRUE(intake.wait_records(0, 3, 10s));
  for (int i = 2; i <= 5; ++i) ioc.put("a", std::to_string(i));
  ASSERT_TRUE(intake.wait(10s, [&] { return values(0).back() == 5; }));
  EXPECT_EQ(values(0), (std::vector<double>{1, 1, 2, 3, 4, 5}));
  unsetenv("EPICS_CA_CONN_TMO");
}

TEST_F(RealChannelAccess, nothing_is_received_once_all_is_cleared) {
  SoftIoc ioc(R"(record(calc,"c"){field(SCAN,".1 second")field(CALC,"A+1")field(INPA,"c NPP")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "c")});
  ASSERT_TRUE(intake.wait_records(0, 3, 10s));
  ASSERT_TRUE(all_is_cleared());
  const size_t had = intake.records(0).size();
  EXPECT_FALSE(intake.wait_records(0, had + 1, 500ms));
}

TEST_F(RealChannelAccess, what_is_due_when_all_is_cleared_uses_no_processor) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a"), add(1, "nobody:has:this")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ASSERT_TRUE(all_is_cleared());
  const int64_t before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  std::this_thread::sleep_for(2s);  // what is measured; the name would have been searched for within it
  EXPECT_LT(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before, 500 * kNsPerMs);
}

}  // namespace
}  // namespace e2k::worker
