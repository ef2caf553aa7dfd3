#include "supervisor/ctl/transitions.h"

#include <gtest/gtest.h>

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

struct TransitionsTest : testing::Test {
  Json status = Json::parse(R"({"state":"RUNNING","reasons":[],"workers":[{"slot":0,"state":"RUNNING"}]})");
  Json hosts = Json::parse(R"([{"host":"10.0.0.1:5064","state":"UP"}])");
  Json topics = Json::parse(R"([{"topic":"t","blocked":null}])");
  Json channels = Json::array();
  Transitions transitions;

  std::string changes() {
    std::string text;
    for (const Transition& t : transitions.take({status, hosts, topics, channels}))
      text += line_of(t, 0).substr(29) + "\n";
    return text;
  }
};

TEST_F(TransitionsTest, the_first_look_tells_what_is_and_the_next_what_changed) {
  EXPECT_EQ(changes(), "service: RUNNING\nworker 0: RUNNING\nIOC 10.0.0.1:5064: UP\n");
  EXPECT_EQ(changes(), "");
  status["state"] = "DEGRADED";
  status["reasons"] = {{{"code", "IOC_HUNG"}, {"message", "it\x1b hangs"}}};
  status["workers"][0] = {{"slot", 0}, {"state", "BACKOFF"}, {"last_exit", "signal 11"}};
  hosts[0]["state"] = "HUNG";
  topics[0]["blocked"] = "no_topic";
  channels = {{{"channel", "a"}, {"topic", "t"}, {"state", "DISCONNECTED"}, {"reason", "it hangs"}}};
  EXPECT_EQ(changes(),
            "service: RUNNING -> DEGRADED\nreason IOC_HUNG: stands: it\\x1b hangs\n"
            "worker 0: RUNNING -> BACKOFF: signal 11\nIOC 10.0.0.1:5064: UP -> HUNG\n"
            "topic t: blocked: it does not exist\nchannel a for t: DISCONNECTED: it hangs\n");
  status["reasons"] = Json::array();
  topics[0]["blocked"] = nullptr;
  channels = Json::array();
  EXPECT_EQ(changes(),
            "reason IOC_HUNG: stands -> ended\ntopic t: blocked -> takes records again\n"
            "channel a for t: DISCONNECTED -> CONNECTED, or commanded no more\n");
}

TEST_F(TransitionsTest, words_alone_are_no_change) {
  channels = {{{"channel", "a"}, {"topic", "t"}, {"state", "DISCONNECTED"}, {"reason", "3 s"}}};
  (void)changes();
  channels[0]["reason"] = "4 s";
  EXPECT_EQ(changes(), "");
}

TEST_F(TransitionsTest, as_json_each_has_its_time) {
  const auto all = transitions.take({status, hosts, topics, channels});
  EXPECT_EQ(
      json_of(all.at(0), 1'000'000'000).dump(),
      R"({"before":null,"state":"RUNNING","text":"","time":"1970-01-01T00:00:01.000000000Z","what":"service"})");
}

TEST_F(TransitionsTest, of_a_service_that_does_not_answer_nothing_else_is_said) {
  status["reasons"] = {{{"code", "IOC_HUNG"}, {"message", "it hangs"}}};
  topics[0]["blocked"] = "no_topic";
  channels = {{{"channel", "a"}, {"topic", "t"}, {"state", "DISCONNECTED"}, {"reason", "it hangs"}}};
  changes();
  const auto away = transitions.unanswered();
  ASSERT_EQ(away.size(), 1u);
  EXPECT_EQ(line_of(away[0], 0).substr(29), "service: RUNNING -> not answering");
  EXPECT_TRUE(transitions.unanswered().empty());
  EXPECT_EQ(changes(), "service: not answering -> RUNNING\n");
}

}  // namespace
}  // namespace e2k::supervisor::ctl
