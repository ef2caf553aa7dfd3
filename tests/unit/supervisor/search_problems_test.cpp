#include "supervisor/status/search_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/supervisor/test_ledger.h"

namespace e2k::supervisor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
constexpr int64_t kHourS = 3600;

struct SearchProblemsTest : testing::Test {
  SearchProblemsTest() {
    facts.entries = 3;
    facts.addresses = {"10.0.0.255:5064"};
    facts.frames = 7;
  }
  FoundWanting at(int64_t second) {
    return problems.judge(facts, hosts, seen, MonotonicNs{second * kNsPerSecond},
                          RealNs{(kHourS + second) * kNsPerSecond});
  }
  void lose_ioc(const std::string& name, int64_t at_second, uint64_t waiting = 4) {
    HostView host;
    host.host = name;
    host.state = ledger::HostState::gone;
    host.since_unix_ns = (kHourS + at_second) * kNsPerSecond;
    host.waiting = waiting;
    hosts.push_back(host);
  }
  SearchProblems problems{10 * kNsPerSecond};
  SearchFacts facts;
  std::vector<HostView> hosts;
  ChannelsSeen seen;
};

TEST_F(SearchProblemsTest, nothing_is_connected_once_that_has_lasted_and_ends_with_the_first_channel) {
  EXPECT_EQ(at(0).nothing_connected, "");
  EXPECT_EQ(at(9).nothing_connected, "");
  EXPECT_EQ(at(14).nothing_connected,
            "the channels of 3 entries are not connected, none is, for 14 s. Searched at 10.0.0.255:5064, 7 "
            "search frames went out; no IOC answered and no beacon came: do the IOCs live, is "
            "epics.addr_list right, does a firewall let UDP through?");
  facts.connected = 1;
  EXPECT_EQ(at(15).nothing_connected, "");
  facts.connected = 0;
  EXPECT_EQ(at(16).nothing_connected, "") << "it has to last anew";
}

TEST_F(SearchProblemsTest, where_nothing_is_to_be_connected_nothing_is_missing) {
  facts.entries = 0;
  at(0);
  EXPECT_EQ(at(60).nothing_connected, "");
}

TEST_F(SearchProblemsTest, what_answered_or_was_heard_says_where_to_look) {
  facts.beacon_servers = 2;
  facts.beacon_of = "10.0.0.7:5064";
  at(0);
  EXPECT_THAT(at(20).nothing_connected, HasSubstr("beacons of 2 servers come, of 10.0.0.7:5064 first"));
  facts.answers = 5;
  EXPECT_THAT(at(21).nothing_connected, HasSubstr("IOCs answered 5 times"));
  facts.addresses.clear();
  EXPECT_THAT(at(22).nothing_connected, HasSubstr("No address is searched: set epics.addr_list"));
}

TEST_F(SearchProblemsTest, a_lost_ioc_is_named_with_its_channels_once_it_has_lasted_and_a_hung_one_is_not) {
  lose_ioc("10.0.0.1:5064", 0);
  lose_ioc("10.0.0.2:5064", 0);
  hosts.back().state = ledger::HostState::hung;
  lose_ioc("10.0.0.2:5066", 0);
  hosts.back().channels = 1;  // of another worker
  EXPECT_EQ(at(4).ioc_lost, "");
  EXPECT_THAT(at(6).ioc_lost,
              HasSubstr("an IOC is gone, its circuit is closed: 10.0.0.1:5064 (4 channels, for 6 s)"));
  EXPECT_THAT(at(6).ioc_lost, Not(HasSubstr("10.0.0.2")));
  hosts.clear();
  EXPECT_EQ(at(7).ioc_lost, "");
}

TEST_F(SearchProblemsTest, many_lost_iocs_are_one_line_with_their_number_and_examples) {
  for (int i = 10; i < 60; ++i) lose_ioc("10.0.0." + std::to_string(i) + ":5064", 0);
  const std::string message = at(10).ioc_lost;
  EXPECT_THAT(message, HasSubstr("50 IOCs are gone with 200 channels: 10.0.0.10:5064"));
  EXPECT_THAT(message, HasSubstr("; and 47 more. "));
}

TEST_F(SearchProblemsTest, channels_that_nobody_has_are_told_with_what_may_be_meant) {
  seen.never_connected = 5;
  seen.never_connected_names = {{"TMEP", "TEMP"}, {"b"}, {"c"}};
  EXPECT_EQ(at(0).never_connected, "");
  EXPECT_THAT(
      at(5).never_connected,
      HasSubstr("no IOC has ever answered for the channels of 5 entries: TMEP (is TEMP meant?), b, c, …. "));
  seen.lost = 1;
  seen.lost_names = {{"was"}};
  at(6);
  EXPECT_THAT(at(11).channels_lost,
              HasSubstr("the channel of 1 entry that was connected is found nowhere: was. "));
}

TEST_F(SearchProblemsTest, what_stands_outlasts_the_time_in_which_a_new_worker_searches) {
  seen.never_connected = 1;
  seen.never_connected_names = {{"a"}};
  at(0);
  at(5);
  seen = {};
  seen.pending = 1;
  EXPECT_NE(at(6).never_connected, "");
  EXPECT_NE(at(19).never_connected, "");
  EXPECT_EQ(at(20).never_connected, "") << "a search that lasts tells for itself";
  seen = {};
  EXPECT_EQ(at(21).never_connected, "");
}

std::string meant(std::string_view name, const std::vector<std::string>& connected, int rounds = 1) {
  MeantNames names;
  for (int i = 0; i < rounds; ++i) names.look_for({std::string(name)});
  names.begin_slice();
  for (const std::string& one : connected) names.see(one);
  return names.meant_by(name);
}

TEST(MeantNames, the_nearest_name_is_meant_whatever_its_case) {
  EXPECT_EQ(meant("IOC:TMEP1", {"IOC:LAMP1", "IOC:TEMP1", "IOC:TEMPX"}), "IOC:TEMP1");
  EXPECT_EQ(meant("ioc:temp1", {"IOC:TEMP1"}), "IOC:TEMP1");
  EXPECT_EQ(meant("IOC:PRESSURE", {"IOC:PRESSUR", "IOC:PUMP"}), "IOC:PRESSUR");
}

TEST(MeantNames, names_that_are_far_or_have_other_numbers_are_not_meant) {
  EXPECT_EQ(meant("IOC:TEMP1", {"IOC:TEMP2", "IOC:TEMP11", "MAGNET:CURRENT", "I", ""}), "");
  EXPECT_EQ(meant("a", {"b", "c"}), "b") << "one letter of one";
  EXPECT_EQ(meant("a1", {"a1"}), "") << "itself, for another topic";
  EXPECT_EQ(meant(std::string(200, 'x'), {std::string(199, 'x')}), "") << "too long to compare";
}

TEST(MeantNames, the_work_of_a_slice_and_of_a_name_is_bounded) {
  std::vector<std::string> many;
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'z'; ++b) many.push_back(std::string("station:mag") + a + b);
  many.push_back("station:magnet");
  EXPECT_NE(meant("station:magent", many), "station:magnet") << "is behind as many that cost a comparison";
  EXPECT_EQ(meant("station:magent", {"station:magnet"}, MeantNames::kRounds), "station:magnet");
  EXPECT_EQ(meant("station:magent", {"station:magnet"}, MeantNames::kRounds + 1), "");
}

struct ChannelRoundTest : testing::Test {
  ChannelRoundTest() {
    for (const auto& [number, name] : {std::pair{0, "up:1"}, {1, "gone:1"}})
      std::strcpy(books.header().hosts[number].name, name);
    HostView up, gone;
    up.host = "up:1";
    up.state = ledger::HostState::gone;  // for one worker
    up.channels = 1;
    gone.host = "gone:1";
    gone.state = ledger::HostState::gone;
    round.note_hosts({up, gone}, RealNs{kNsPerSecond});
  }
  ledger::Entry& line(ledger::EntryState state, uint16_t host = 0) {
    ledger::Entry& made = books.line(EntryIndex{next++});
    made.ca.state = state;
    made.ca.host = host;
    return made;
  }
  static HostView gone_for_long() {
    HostView gone;
    gone.host = "gone:1";
    gone.state = ledger::HostState::gone;
    gone.since_unix_ns = 5 * kNsPerSecond;
    return gone;
  }
  void see(const char* channel, ledger::Entry& line, uint32_t id = 0) {
    round.see(id, channel, books.reader(), line);
  }
  TestLedger books{Slot{0}, Generation{1}};
  uint32_t next = 0;
  ChannelRound round;
};

TEST_F(ChannelRoundTest, channels_that_wait_for_a_server_in_trouble_are_that_server_s) {
  see("nowhere", line(ledger::EntryState::disconnected));
  see("not there any more", line(ledger::EntryState::disconnected, 1));
  see("its IOC is gone", line(ledger::EntryState::disconnected, 2));
  ledger::Entry& refused = line(ledger::EntryState::never_connected, 2);
  refused.ca.step = ledger::Step::circuit_refused;
  see("refused", refused);
  ledger::Entry& searched = line(ledger::EntryState::never_connected);
  searched.ca.step = ledger::Step::searching;
  see("misspelt", searched);
  see("misspelt", searched);
  see("new", line(ledger::EntryState::pending));
  EXPECT_EQ(round.known().lost, 0u) << "what is known is of a whole round";
  round.end_round();
  EXPECT_EQ(round.known().lost, 2u);
  EXPECT_EQ(round.known().never_connected, 2u);
  EXPECT_EQ(round.known().never_connected_names.size(), 1u) << "each name once";
  EXPECT_EQ(round.known().pending, 1u);
}

TEST_F(ChannelRoundTest, what_is_meant_and_who_is_doubled_is_known_by_the_next_rounds) {
  ledger::Entry& doubled = line(ledger::EntryState::connected, 1);
  doubled.ca.also_host = 2;
  ledger::Entry& searched = line(ledger::EntryState::never_connected);
  for (int i = 0; i < 2; ++i) {
    round.begin_slice();
    see("TMEP", searched);
    see("TEMP", doubled);
    round.end_round();
  }
  EXPECT_EQ(round.known().never_connected_names.at(0).meant, "TEMP");
  ASSERT_EQ(round.known().duplicates.size(), 1u);
  EXPECT_EQ(round.known().duplicates[0].host + " " + round.known().duplicates[0].also_host, "up:1 gone:1");
}

TEST_F(ChannelRoundTest, a_worker_that_begins_anew_leaves_a_lost_server_its_channels) {
  see("a", line(ledger::EntryState::connected, 2), 7);
  see("b", line(ledger::EntryState::connected, 1), 8);
  round.end_round();
  // The server is gone, and the worker's successor has no row for it, nor for the one that lives.
  HostView up;
  up.host = "up:1";
  up.state = ledger::HostState::up;
  up.channels = 1;
  round.note_hosts({up}, RealNs{9 * kNsPerSecond});
  see("a", line(ledger::EntryState::disconnected), 7);
  see("b", line(ledger::EntryState::disconnected), 8);
  see("c", line(ledger::EntryState::disconnected), 9);
  round.end_round();
  EXPECT_EQ(round.known().lost, 2u) << "an IOC that lives has b no more, and nobody had c";
  const auto hosts = round.with_lost({up});
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts[1].host, "gone:1");
  EXPECT_EQ(hosts[1].waiting, 1u);
  EXPECT_EQ(hosts[1].state, ledger::HostState::gone);
  EXPECT_EQ(hosts[1].since_unix_ns, 9 * kNsPerSecond);
  // It comes back, and is forgotten at once.
  HostView back = up;
  back.host = "gone:1";
  round.note_hosts({up, back}, RealNs{10 * kNsPerSecond});
  EXPECT_EQ(round.with_lost({up}).size(), 1u);
}

TEST_F(ChannelRoundTest, what_was_seen_gone_before_keeps_its_time) {
  see("a", line(ledger::EntryState::connected, 2), 7);
  round.end_round();
  HostView gone = gone_for_long();
  gone.waiting = 1;
  round.note_hosts({gone}, RealNs{8 * kNsPerSecond});
  see("a", line(ledger::EntryState::disconnected, 2), 7);
  round.end_round();
  EXPECT_EQ(round.with_lost({gone})[0].waiting, 1u) << "its ledger tells it already";
  // Its worker ends; the successor searches, and then knows it for lost. It is told without a gap.
  round.note_hosts({}, RealNs{9 * kNsPerSecond});
  EXPECT_EQ(round.with_lost({}).at(0).waiting, 1u);
  round.see_pending(7, "a");
  round.end_round();
  EXPECT_EQ(round.with_lost({}).at(0).waiting, 1u);
  see("a", line(ledger::EntryState::disconnected), 7);
  round.end_round();
  ASSERT_EQ(round.with_lost({}).size(), 1u);
  EXPECT_EQ(round.with_lost({})[0].since_unix_ns, 5 * kNsPerSecond);
}

TEST_F(ChannelRoundTest, a_worker_that_begins_anew_makes_no_server_gone) {
  see("b", line(ledger::EntryState::connected, 1), 8);
  round.end_round();
  round.note_hosts({}, RealNs{9 * kNsPerSecond});
  round.see_pending(8, "b");
  round.end_round();
  EXPECT_TRUE(round.with_lost({}).empty());
}

TEST_F(ChannelRoundTest, a_new_entry_does_not_wait_for_the_server_of_the_one_whose_id_it_got) {
  see("a", line(ledger::EntryState::connected, 2), 7);
  round.end_round();
  round.note_hosts({gone_for_long()}, RealNs{8 * kNsPerSecond});
  // "a" is unset, its IOC was given up; "b" is set and gets the id.
  see("b", line(ledger::EntryState::pending), 7);
  round.end_round();
  EXPECT_TRUE(round.with_lost({}).empty()) << round.with_lost({})[0].host << " is told to lack a channel";
}

// An IOC that is restarted has another port each time.
TEST(LostHostsTest, a_server_that_no_entry_had_last_is_forgotten_and_its_place_is_another_s) {
  LostHosts hosts;
  const auto lost = [&] { return hosts.completed({}).size(); };
  for (int port = 1; port <= 1000; ++port) {
    hosts.connected(7, "a", "ioc:" + std::to_string(port));
    hosts.end_round();
    hosts.note({}, RealNs{port * kNsPerSecond});
  }
  EXPECT_EQ(hosts.remembered(), 1u);
  EXPECT_TRUE(hosts.waits(7, "a"));
  hosts.end_round();
  EXPECT_EQ(lost(), 1u);
  EXPECT_EQ(hosts.completed({})[0].host, "ioc:1000");
}

TEST(CauseOfNothingConnected, is_a_hung_ioc_where_every_channel_waits_for_one) {
  HostView hung, gone;
  hung.state = ledger::HostState::hung;
  hung.waiting = 3;
  gone.state = ledger::HostState::gone;
  EXPECT_EQ(cause_of_nothing_connected({hung, gone}, {}), ReasonCode::ioc_hung);
  gone.waiting = 1;
  EXPECT_EQ(cause_of_nothing_connected({hung, gone}, {}), std::nullopt);
  ChannelsSeen misspelt;
  misspelt.never_connected = 1;
  EXPECT_EQ(cause_of_nothing_connected({hung}, misspelt), std::nullopt);
  EXPECT_EQ(cause_of_nothing_connected({}, {}), std::nullopt);
}

}  // namespace
}  // namespace e2k::supervisor
