#include "supervisor/ctl/chain.h"

#include <gtest/gtest.h>

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

struct ChainTest : testing::Test {
  Json entry = Json::parse(R"({"channel":"a","topic":"t","mask":"va","worker":1,"state":"CONNECTED",
    "since":"2026-11-27T00:00:00Z","host":"10.0.0.1:5064","type":"DBR_DOUBLE","count":1,"command_offset":5,
    "received":9,"acknowledged":9,"waiting":0,"lost":0,"last_event_age_s":0.5,"last_partition":0,"last_offset":8,
    "reason":""})");
  Json status = Json::parse(R"({"commands":{"topic":"epics-channels"},"kafka":{"brokers_up":1},
    "workers":[{"slot":0,"state":"FAILED"},{"slot":1,"state":"RUNNING","pid":7}],"reasons":[]})");
  Json hosts = Json::parse(R"([{"host":"10.0.0.1:5064","state":"UP","since":"2026-11-27T00:00:00Z"}])");

  Chain chain() const { return chain_of(entry, {status, hosts, *unix_ns_of("2026-11-27T00:20:00Z")}); }
  // "name: words | remedy" of the first broken link.
  std::string broken() const {
    const Chain made = chain();
    const Link* link = made.first_broken();
    return link == nullptr ? "" : link->name + ": " + link->words + " | " + link->remedy;
  }
};

TEST_F(ChainTest, a_sound_one_has_every_link_in_order_and_none_is_broken) {
  std::string names;
  for (const Link& link : chain().links) {
    names += link.name + ";";
    EXPECT_EQ(link.state, LinkState::ok) << link.name;
  }
  EXPECT_EQ(names, "command;entry;worker;search;IOC;last event;spool;topic;Kafka;");
  const std::string text = chain_text(chain(), *unix_ns_of("2026-11-27T00:20:00Z"), {});
  EXPECT_TRUE(text.starts_with("a for t\n  ok      command     offset 5 of epics-channels, mask va, key a\n"))
      << text;
  EXPECT_NE(text.find("  ok      Kafka       last in partition 0 at offset 8\n  Nothing is broken.\n"),
            std::string::npos)
      << text;
}

TEST_F(ChainTest, an_entry_on_its_way_tells_from_where_to_where) {
  entry["move"] = {{"from", 1}, {"to", 0}, {"step", "releasing"}};
  EXPECT_TRUE(chain().links[2].words.starts_with(
      "worker 1, RUNNING, on its way from worker 1 to worker 0 (releasing), pid"))
      << chain().links[2].words;
}

TEST_F(ChainTest, each_link_can_be_the_first_that_is_broken) {
  status["kafka"]["brokers_up"] = 0;
  status["reasons"] = {{{"code", "BROKERS_DOWN"}, {"message", "refused"}}};
  EXPECT_EQ(broken(),
            "Kafka: last in partition 0 at offset 8; no broker is connected: BROKERS_DOWN: refused | "
            "epics2kafkactl doctor asks the brokers at once");
  entry["blocked"] = "no_topic";
  EXPECT_TRUE(broken().starts_with("topic: topic t does not exist | Create it: kafka-topics.sh")) << broken();
  status["paused"] = true;
  EXPECT_EQ(broken(), "spool: nothing waits: the service is paused | epics2kafkactl resume");
  entry["last_event_age_s"] = nullptr;
  EXPECT_TRUE(broken().starts_with("last event: none has come")) << broken();
  entry["state"] = "DISCONNECTED";
  entry["reason"] = "it hangs";
  hosts[0]["state"] = "HUNG";
  EXPECT_TRUE(broken().starts_with("IOC: 10.0.0.1:5064, HUNG: it hangs | ")) << broken();
  entry["host"] = nullptr;
  EXPECT_TRUE(broken().starts_with("search: it hangs | correct the name")) << broken();
  status["workers"][1] = {{"slot", 1}, {"state", "FAILED"}, {"last_exit", "exit 78"}};
  EXPECT_EQ(broken(),
            "worker: worker 1, FAILED; it ended last by exit 78 | mend what it ended by, then "
            "epics2kafkactl restart 1");
  entry["worker"] = nullptr;
  EXPECT_TRUE(broken().starts_with("worker: none serves it yet")) << broken();
  entry["state"] = "QUARANTINED";
  EXPECT_EQ(broken(), "entry: QUARANTINED: it hangs | epics2kafkactl retry a takes it out");
}

TEST_F(ChainTest, what_its_worker_would_tell_is_unknown_without_it) {
  entry["worker"] = 0;
  const Chain made = chain();
  EXPECT_EQ(made.links[2].state, LinkState::broken);
  EXPECT_EQ(made.links[3].state, LinkState::unknown);
  EXPECT_EQ(made.links[4].state, LinkState::unknown);
}

TEST_F(ChainTest, what_kafka_refuses_does_not_hide_an_ioc_that_is_gone) {
  entry["state"] = "NO_TOPIC";
  entry["blocked"] = "no_topic";
  EXPECT_TRUE(broken().starts_with("topic: ")) << broken();
  hosts[0]["state"] = "GONE";
  EXPECT_TRUE(broken().starts_with("IOC: 10.0.0.1:5064, GONE | ")) << broken();
}

TEST_F(ChainTest, a_loss_is_a_break_while_it_is_recent) {
  entry["lost"] = 3;
  entry["last_loss"] = {{"reason", "spool_full"}, {"at", "2026-11-27T00:19:50Z"}};
  EXPECT_TRUE(broken().starts_with("spool: 3 events are lost, the last for spool_full | ")) << broken();
  entry["last_loss"]["at"] = "2026-11-27T00:00:00Z";
  EXPECT_EQ(broken(), "");
}

TEST_F(ChainTest, as_json_it_names_the_first_broken_link_and_its_remedy) {
  EXPECT_EQ(chain_json(chain())["broken"], nullptr);
  status["paused"] = true;
  const Json json = chain_json(chain());
  EXPECT_EQ(json["broken"], "spool");
  EXPECT_EQ(json["remedy"], "epics2kafkactl resume");
  EXPECT_EQ(json["links"][6]["state"], "broken");
  EXPECT_EQ(json["links"][4]["since"], "2026-11-27T00:00:00Z");
}

TEST_F(ChainTest, documents_of_another_shape_break_nothing) {
  for (const char* text : {"{}", "[]", "null", R"({"worker":[1],"state":5,"last_loss":"x","host":7})"}) {
    entry = Json::parse(text);
    (void)chain_text(chain(), 0, {true});
    (void)chain_json(chain());
  }
}

TEST(NearNames, the_nearest_come_first_whatever_their_case_and_far_ones_not_at_all) {
  NearNames near("IOC:TEMP1");
  for (const char* name :
       {"other", "IOC:TEMP1", "IOC:PRES1", "IOC:TEMP12", "ioc:temp1", "IOC:TEMP", "IOC:TMEP1", "IOC:TEMP12"})
    near.add(name);
  ASSERT_EQ(near.best().size(), NearNames::kNames);
  EXPECT_EQ(near.best()[0], "ioc:temp1");
  EXPECT_EQ(near.best()[1], "IOC:TEMP12");
  EXPECT_EQ(near.best()[2], "IOC:TEMP");
}

}  // namespace
}  // namespace e2k::supervisor::ctl
