#include "supervisor/status/channel_reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/status/ioc_problems.h"

namespace e2k::supervisor {
namespace {

using ledger::EntryState;
using ledger::HostState;
using ledger::Step;
using testing::AllOf;
using testing::HasSubstr;

std::string reason(EntryState state, Step step, uint16_t detail = 0) {
  return channel_reason({state, step, detail, 5000, "10.0.0.7:5064", ""});
}

TEST(ChannelReason, says_at_whom_the_chain_is_broken) {
  EXPECT_THAT(reason(EntryState::never_connected, Step::searching), HasSubstr("no IOC answers"));
  EXPECT_THAT(reason(EntryState::never_connected, Step::circuit_refused),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("refuses connections")));
  EXPECT_THAT(reason(EntryState::disconnected, Step::circuit_silent),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("firewall")));
  EXPECT_THAT(reason(EntryState::never_connected, Step::name_refused),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("refuses this name")));
  EXPECT_THAT(reason(EntryState::disconnected, Step::circuit_hung),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("does not respond")));
  EXPECT_THAT(reason(EntryState::disconnected, Step::circuit_lost),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("is gone")));
  EXPECT_THAT(reason(EntryState::no_data, Step::subscription_refused, 19),
              AllOf(HasSubstr("10.0.0.7:5064"), HasSubstr("could not be read (ECA 19)")));
  EXPECT_THAT(reason(EntryState::no_data, Step::array_too_large),
              AllOf(HasSubstr("5000 elements"), HasSubstr("max_array_bytes")));
  EXPECT_THAT(reason(EntryState::no_data, Step::type_unknown, 37), HasSubstr("type 37"));
}

TEST(ChannelReason, of_a_channel_that_is_well_is_nothing) {
  EXPECT_EQ(reason(EntryState::connected, Step::receiving), "");
  EXPECT_EQ(reason(EntryState::connected, Step::subscribing), "");
}

TEST(ChannelReason, of_a_pending_one_says_how_far_it_got) {
  EXPECT_EQ(reason(EntryState::pending, Step::searching), "being searched for");
  EXPECT_THAT(reason(EntryState::pending, Step::circuit_refused), HasSubstr("refuses connections"));
}

TEST(ChannelReason, names_a_second_server) {
  EXPECT_THAT(channel_reason({EntryState::connected, Step::receiving, 0, 1, "a:1", "b:2"}), HasSubstr("b:2"));
}

HostView host(std::string name, HostState state, uint64_t waiting = 0) {
  HostView view;
  view.host = std::move(name);
  view.state = state;
  view.waiting = waiting;
  return view;
}

TEST(IocProblems, are_none_where_nothing_is_amiss) {
  HostView well = host("a:1", HostState::up);
  well.clock_skew_s = 2.5;
  const IocProblems problems = judge_iocs({well, host("b:2", HostState::gone, 5)}, 0, {}, 60, RealNs{0});
  EXPECT_EQ(problems.refuses + problems.hung + problems.clock + problems.duplicated, "");
}

TEST(IocProblems, name_the_iocs_and_how_many_channels_wait) {
  const IocProblems problems =
      judge_iocs({host("a:1", HostState::refusing, 2000), host("b:2", HostState::hung, 1)}, 0, {}, 60,
                 RealNs{12 * kNsPerSecond});
  EXPECT_THAT(problems.refuses, AllOf(HasSubstr("a:1 (2000 channels, for 12 s)"), HasSubstr("firewall")));
  EXPECT_THAT(problems.hung, HasSubstr("b:2 (1 channel, for 12 s)"));
}

TEST(IocProblems, of_the_same_kind_are_one_line_with_a_number_and_examples) {
  std::vector<HostView> hosts;
  for (int i = 0; i < 1000; ++i) hosts.push_back(host(std::to_string(i) + ":1", HostState::refusing, 1));
  const std::string text = judge_iocs(hosts, 0, {}, 60, RealNs{0}).refuses;
  EXPECT_THAT(text, AllOf(HasSubstr("1000 IOCs"), HasSubstr("and 997 more")));
  EXPECT_LT(text.size(), 400u);
}

TEST(IocProblems, a_circuit_that_is_just_being_opened_is_none) {
  HostView view = host("a:1", HostState::silent, 5);
  view.since_unix_ns = 100 * kNsPerSecond;
  EXPECT_EQ(judge_iocs({view}, 0, {}, 60, RealNs{105 * kNsPerSecond}).refuses, "");
  EXPECT_NE(judge_iocs({view}, 0, {}, 60, RealNs{111 * kNsPerSecond}).refuses, "");
}

TEST(IocProblems, a_clock_that_is_wrong_is_named_with_its_direction) {
  HostView behind = host("a:1", HostState::up), ahead = host("b:2", HostState::up);
  behind.clock_skew_s = 864'000;
  ahead.clock_skew_s = -3600;
  const std::string text = judge_iocs({behind, ahead}, 0, {}, 60, RealNs{0}).clock;
  EXPECT_THAT(text, AllOf(HasSubstr("a:1 is 864000 s behind"), HasSubstr("b:2 is 3600 s ahead of")));
}

TEST(IocProblems, names_with_two_servers_are_counted_and_shown) {
  const std::string text = judge_iocs({}, 12, {{"pv", "a:1", "b:2"}}, 60, RealNs{0}).duplicated;
  EXPECT_THAT(text, AllOf(HasSubstr("12 entries"), HasSubstr("pv is at a:1 and at b:2")));
}

}  // namespace
}  // namespace e2k::supervisor
