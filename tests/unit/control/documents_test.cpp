#include "supervisor/control/documents.h"

#include <gtest/gtest.h>

#include "common/clock.h"
#include "tests/unit/control/fake_model.h"

namespace e2k::supervisor {
namespace {

std::string page_document(const EntryPage& page) {
  PageDocument document;
  return run_to_end(InSlices<std::string>([&] { return document.go_on(page); }));
}

TEST(Documents, status_has_the_documented_shape) {
  StatusView status;
  status.name = "epics2kafka";
  status.version = "0.1.0";
  status.librdkafka = "2.12.0";
  status.state = ServiceState::degraded;
  status.reasons = {{"WORKER_FAILING", "worker 1 fails", 1'500'000'000'000'000'001}};
  status.pid = 7;
  status.uptime_s = 1.5;
  status.reload = {2, ReloadState::refused, "no"};
  status.commands = {"epics-channels", "ca-source", true, 9, 3, 1};
  status.entries_total = 3;
  status.channels_distinct = 2;
  status.entries_by_state = {0, 1, 0, 1, 0, 1, 0, 0};
  status.events = {10, 7, 1, 1, 1, 2};
  status.brokers_up = 1;
  status.spool_bytes = 5;
  status.spool_max_bytes = 6;
  status.kafka_servers = "b:9092";
  status.spool_used_bytes = 4;
  status.received_per_s = 2.5;
  status.acknowledged_per_s = 2;
  status.lost_per_s = 0.5;
  status.config_path = "/etc/c.toml";
  status.config_sha256 = "ab";
  status.epics = {{"EPICS_CA_ADDR_LIST", "10.0.0.1"}};
  WorkerView gone;
  gone.slot = Slot{5};
  gone.heir = Slot{1};
  EXPECT_EQ(
      status_document(status, {}, {gone}, true),
      R"({"api":1,"name":"epics2kafka","version":"0.1.0","libraries":{"librdkafka":"2.12.0","libca":null},"state":"DEGRADED","paused":false,"reasons":[{"code":"WORKER_FAILING",)"
      R"("message":"worker 1 fails","since":"2017-07-14T02:40:00.000000001Z","command":"","muted":false,"because":null}],"pid":7,"uptime_s":1.5,"reload":{"number":2,"state":"refused","message":"no"},)"
      R"("commands":{"topic":"epics-channels","group":"ca-source","caught_up":true,"offset":9,"channels":3,)"
      R"("rejected":1,"note":null},"channels":{"total":3,"distinct":2,"connected":1,"disconnected":1,"never_connected":0,)"
      R"("denied":0,"pending":0,"quarantined":0,"no_topic":1,"not_authorised":0,"no_data":0},"events":{"received":10,)"
      R"("acknowledged":7,"waiting":1,"lost":1,"coalesced":1,"gaps":2},"rates":{"received_per_s":2.5,"acknowledged_per_s":2.0,"lost_per_s":0.5},"kafka":{"brokers_up":1,)"
      R"("last_error":"","bootstrap_servers":"b:9092"},"spool":{"bytes":5,"max_bytes":6,"used_bytes":4,"oldest_event_age_s":0.0},)"
      R"("config":{"path":"/etc/c.toml","sha256":"ab"},"epics":{"EPICS_CA_ADDR_LIST":"10.0.0.1"},"workers":[],"gone_slots":[{"slot":5,"heir":1,"events":{"received":0,)"
      R"("acknowledged":0,"waiting":0,"lost":0,"coalesced":0,"gaps":0},"spool_bytes":0}]})");
}

TEST(Documents, topics_have_the_documented_shape) {
  TopicPage page;
  page.items.push_back({"t", "shadow.t", 3, 2, {10, 7, 3, 0, 0, 0}, ledger::Blocked::no_topic, 1});
  page.next = "t";
  EXPECT_EQ(
      topics_document(page),
      R"({"api":1,"items":[{"topic":"t","kafka_name":"shadow.t","entries":3,"connected":2,"received":10,)"
      R"("acknowledged":7,"waiting":3,"lost":0,"coalesced":0,"gaps":0,"blocked":"no_topic",)"
      R"("blocked_entries":1}],"next":"74"})");
}

TEST(Documents, an_entry_has_the_documented_shape) {
  EntryView entry = an_entry("a/b");
  EXPECT_EQ(
      channel_document("a/b", {entry}),
      R"({"channel":"a/b","entries":[{"channel":"a/b","topic":"topic1","key":null,"mask":"va","worker":null,)"
      R"("move":null,"state":"PENDING","type":null,"count":0,"host":null,"also_at":null,"received":0,"acknowledged":0,"waiting":0,)"
      R"("lost":0,"coalesced":0,"gaps":0,"last_gap":null,"last_loss":null,"blocked":null,"last_event_age_s":null,"last_stamp":null,"restamped":0,"clock_skew_s":null,)"
      R"("last_partition":null,"last_offset":null,"command_offset":-1,"since":null,"reason":""}]})");
  entry.key = "k";
  entry.worker = Slot{2};
  entry.last_stamp_unix_ns = 1;
  entry.last_offset = 4;
  entry.gap_began_unix_ns = 1'000'000'000;
  entry.last_loss = ledger::LossReason::spool_io;
  entry.last_loss_unix_ns = 2'000'000'000;
  entry.blocked = ledger::Blocked::no_leader;
  entry.move = MoveView{Slot{2}, Slot{0}, HandoverState::releasing};
  const std::string known = channel_document("a/b", {entry});
  EXPECT_NE(known.find(R"("key":"k","mask":"va","worker":2)"), std::string::npos);
  EXPECT_NE(known.find(R"("last_stamp":"1970-01-01T00:00:00.000000001Z")"), std::string::npos);
  EXPECT_NE(known.find(R"("last_offset":4)"), std::string::npos);
  EXPECT_NE(known.find(R"("move":{"from":2,"to":0,"step":"releasing"})"), std::string::npos) << known;
  EXPECT_NE(known.find(R"("last_gap":{"begin":"1970-01-01T00:00:01.000000000Z","end":null})"),
            std::string::npos);
  EXPECT_NE(known.find(R"("last_loss":{"reason":"spool_io","at":"1970-01-01T00:00:02.000000000Z"})"),
            std::string::npos);
  EXPECT_NE(known.find(R"("blocked":"no_leader")"), std::string::npos);
}

TEST(Documents, foreign_bytes_never_break_a_document) {
  EntryView entry = an_entry("caf\xe9\n\"\x01");
  entry.host = "\xff";
  EXPECT_NE(channel_document(entry.channel, {entry}).find("\"caf\xc3\xa9\\n\\\"\\u0001\""),
            std::string::npos);
}

TEST(Documents, a_page_names_the_next) {
  EXPECT_EQ(page_document({}), R"({"api":1,"items":[],"next":null})");
  EXPECT_NE(page_document({{an_entry("a"), an_entry("b")}, "b"}).find(R"(},{)"), std::string::npos);
  EXPECT_TRUE(page_document({{}, "b"}).ends_with(R"("next":"62"})"));
}

TEST(Documents, errors_have_the_shape_of_connect) {
  EXPECT_EQ(error_document(404, "no \xff"), "{\"error_code\":404,\"message\":\"no \xc3\xbf\"}");
}

TEST(Documents, lists) {
  HostView host;
  host.host = "ioc:5064";
  host.circuits = 1;
  host.channels = 2;
  host.events = 3;
  host.workers = {Slot{0}};
  host.events_per_s = 4.5;
  host.state = ledger::HostState::refusing;
  host.since_unix_ns = kNsPerSecond;
  host.waiting = 7;
  host.circuits_failed = 8;
  EXPECT_EQ(hosts_document({host}),
            R"({"api":1,"items":[{"host":"ioc:5064","circuits":1,"workers":[0],"channels":2,"events":3,)"
            R"("events_per_s":4.5,"state":"REFUSING","since":"1970-01-01T00:00:01.000000000Z","waiting":7,)"
            R"("circuits_opened":0,"circuits_failed":8,"clock_skew_s":null}]})");
  EXPECT_EQ(rejected_document({{0, 5, 1000, "k", "not JSON"}}),
            R"({"api":1,"items":[{"partition":0,"offset":5,"timestamp":"1970-01-01T00:00:01.000000000Z",)"
            R"("key":"k","reason":"not JSON"}]})");
}

}  // namespace
}  // namespace e2k::supervisor
