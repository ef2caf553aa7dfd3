#include "supervisor/ctl/status_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "supervisor/ctl/channel_view.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

constexpr int64_t kNow = 1'795'738'800'000'000'000;  // 2026-11-27T00:20:00Z

Seen plain() {
  return {kNow, {false}};
}

Json status_with(double lag_s, uint64_t waiting, double lost_per_s) {
  return {{"state", "RUNNING"},
          {"rates", {{"received_per_s", 142.0}, {"acknowledged_per_s", 3.5}, {"lost_per_s", lost_per_s}}},
          {"events", {{"waiting", waiting}}},
          {"spool", {{"oldest_event_age_s", lag_s}}}};
}

bool fits(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.size() > kColumns) return false;
  return true;
}

TEST(Words, a_stamp_is_read_to_the_nanosecond_and_told_as_an_age) {
  EXPECT_EQ(unix_ns_of("2026-11-27T00:20:00.000000001Z"), kNow + 1);
  EXPECT_EQ(unix_ns_of("2026-11-27T00:20:00Z"), kNow);
  for (const char* wrong :
       {"", "now", "2026-13-27T00:20:00Z", "2026-11-27T00:20:00", "2026-11-27T00:20:00Zx"})
    EXPECT_EQ(unix_ns_of(wrong), std::nullopt) << wrong;
  EXPECT_EQ(ago("2026-11-27T00:19:48.5Z", kNow), "11 s ago");
  EXPECT_EQ(ago("2026-11-26T23:20:00Z", kNow), "60 min ago");
  EXPECT_EQ(ago("2026-11-26T00:20:00Z", kNow), "24 h ago");
  EXPECT_EQ(ago("2026-11-17T00:20:00Z", kNow), "10 days ago");
  EXPECT_EQ(ago(Json(), kNow), "-");
}

TEST(Words, numbers_keep_to_five_characters) {
  EXPECT_EQ(short_number(99'999), "99999");
  EXPECT_EQ(short_number(100'000), "100k");
  EXPECT_EQ(short_number(999'600), "1.00M");
  EXPECT_EQ(short_number(12'345'678), "12.3M");
  EXPECT_EQ(short_number(-1), "-");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(grouped(100), "100");
  EXPECT_EQ(rate(0.25), "0.2/s");
  EXPECT_EQ(rate(142), "142/s");
}

TEST(Words, text_is_wrapped_at_blanks_and_printable) {
  EXPECT_EQ(wrapped("aaa bbb ccc", 2, 9), "  aaa bbb\n  ccc\n");
  EXPECT_EQ(wrapped("a\x1b  bbbbbbbbbb", 0, 5), "a\\x1b\nbbbbbbbbbb\n");
  EXPECT_EQ(wrapped("", 3), "");
}

TEST(StatusView, the_first_line_says_whether_events_are_lost_or_late) {
  EXPECT_EQ(flow_line(status_with(0.2, 3, 0), {}),
            "Events are on time: 142/s in, 3.5/s out, lag 0.2s, 3 wait\n");
  EXPECT_EQ(flow_line(status_with(130, 3210, 0), {}),
            "EVENTS ARE DELAYED: 142/s in, 3.5/s out, lag 2m10s, 3210 wait\n");
  EXPECT_EQ(flow_line(status_with(130, 1, 20), {}),
            "EVENTS ARE BEING LOST: 20/s lost, 142/s in, 3.5/s out, lag 2m10s\n");
  Json paused = status_with(130, 3, 0);
  paused["state"] = "PAUSED";
  EXPECT_EQ(flow_line(paused, {}), "Events wait, paused: 142/s in, 3.5/s out, lag 2m10s, 3 wait\n");
  paused = status_with(0.2, 0, 0);
  paused["paused"] = true;
  EXPECT_EQ(flow_line(paused, {}), "Events wait, paused: 142/s in, 3.5/s out, lag 0.0s\n");
  Json quiet = status_with(0, 0, 0);
  quiet["rates"] = {{"received_per_s", 0}, {"acknowledged_per_s", 0}};
  EXPECT_EQ(flow_line(quiet, {}), "No events come in: 0/s in, 0/s out, lag 0.0s\n");
  // What was the oldest, and waits no more, is no lag.
  EXPECT_EQ(flow_line(status_with(130, 0, 0), {}), "Events are on time: 142/s in, 3.5/s out, lag 0.0s\n");
}

TEST(StatusView, reasons_come_in_the_order_given_with_age_and_command_and_hold_what_they_cause) {
  Json status = status_with(0, 0, 0);
  status["reasons"] = {{{"code", "ZZZ"},
                        {"message", "first"},
                        {"since", "2026-11-27T00:19:48Z"},
                        {"command", "epics2kafkactl hosts"}},
                       {{"code", "EFFECT"}, {"message", "of it"}, {"because", "ZZZ"}},
                       {{"code", "AAA"},
                        {"message", "see epics2kafkactl top"},
                        {"since", "2026-11-27T00:18:00Z"},
                        {"muted", true},
                        {"command", "epics2kafkactl top"}}};
  const std::string text = status_text(status, plain());
  EXPECT_NE(
      text.find("! ZZZ, since 12 s ago\n    first\n    More: epics2kafkactl hosts\n    Hence EFFECT: of it\n"
                "! AAA, since 2 min ago (muted)\n    see epics2kafkactl top\n\n"),
      std::string::npos)
      << text;
}

TEST(StatusView, eighty_columns_hold_it_whatever_there_is) {
  Json status = status_with(1e6, UINT64_MAX, 1e9);
  status["name"] = "epics2kafka";
  status["channels"] = {{"total", 900'000}, {"connected", 123'456}, {"never_connected", 700'000},
                        {"denied", 1'000},  {"no_topic", 75'000},   {"pending", 8'000}};
  status["reasons"] = {{{"code", "BROKERS_DOWN"},
                        {"since", "2026-11-27T00:19:48Z"},
                        {"message",
                         "no broker is reached at broker1:9092,broker2:9092: connections are refused; "
                         "start them, or correct bootstrap.servers"}}};
  for (int slot = 0; slot < 64; ++slot)
    status["workers"].push_back(
        {{"slot", slot},
         {"state", "UNRESPONSIVE"},
         {"uptime_s", 1e7},
         {"connected", 100'000},
         {"entries", 900'000},
         {"events", {{"received", 123'456'789'012}, {"waiting", 1e6}, {"lost", 123'456}}},
         {"restarts", 12'345},
         {"rss_bytes", 1023.9 * 1024 * 1024},
         {"last_exit",
          "signal 11 (SIGSEGV), while it was at work on a channel whose name "
          "is longer than a line, as names of channels are"}});
  const std::string text = status_text(status, plain());
  EXPECT_TRUE(fits(text)) << text;
  EXPECT_NE(text.find("worker 63 ended last by signal 11 (SIGSEGV)"), std::string::npos);
}

TEST(StatusView, files_laid_out_in_advance_are_not_what_waits) {
  Json status = status_with(0, 7, 0);
  status["spool"] = {{"bytes", 136'347'648}, {"used_bytes", 34'086'912}, {"max_bytes", 268'435'456}};
  EXPECT_NE(status_text(status, plain())
                .find("spool      7 events wait; 32.5 MiB of files in use, 130.0 MiB laid out"),
            std::string::npos);
}

TEST(StatusView, figures_do_not_contradict_the_reasons_above_them) {
  Json status = status_with(0, 0, 0);
  status["commands"] = {{"topic", "c"}, {"caught_up", true}, {"channels", 1}, {"rejected", 2}};
  status["kafka"] = {{"brokers_up", 1}};
  std::string text = status_text(status, plain());
  EXPECT_NE(text.find("2 bad since the start, none stands\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1 broker is connected\n"), std::string::npos) << text;
  status["reasons"] = {{{"code", "COMMANDS_REJECTED"}}, {{"code", "BROKERS_SILENT"}}};
  text = status_text(status, plain());
  EXPECT_NE(text.find("2 bad since the start (epics2kafkactl rejected)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1 broker is connected, and none answers\n"), std::string::npos) << text;
}

TEST(StatusView, colours_are_added_on_demand_only) {
  const Json status = status_with(130, 3, 0);
  EXPECT_EQ(status_text(status, plain()).find('\x1b'), std::string::npos);
  EXPECT_NE(status_text(status, {kNow, {true}}).find("\x1b[1;31mEVENTS ARE DELAYED\x1b[0m"),
            std::string::npos);
}

TEST(ChannelView, state_and_reason_come_first) {
  const Json channel = Json::parse(R"({"entries":[{"channel":"a\u001bb","topic":"t","state":"NO_TOPIC",
    "since":"2026-11-27T00:19:48Z","reason":"topic t does not exist in Kafka; create it","mask":"va","worker":1,
    "command_offset":5,"last_event_age_s":0.5,"last_stamp":"2026-11-27T00:19:59.500000000Z","clock_skew_s":-7.0,
    "received":3,"waiting":3,"gaps":1,"last_gap":{"begin":"2026-11-27T00:01:02.123456789Z","end":null},
    "last_loss":{"reason":"spool_full","at":"2026-11-27T00:18:00Z"}}]})");
  const std::string text = channel_text(channel, plain());
  EXPECT_TRUE(
      text.starts_with("a\\x1bb for t: NO_TOPIC, since 12 s ago\n"
                       "  topic t does not exist in Kafka; create it\n"
                       "  command     offset 5 of the command topic, mask va, key a\\x1bb\n"))
      << text;
  for (const char* part : {"last event  0.5s ago, stamp 2026-11-27 00:19:59.500 UTC, which is 7.0s after\n"
                           "              it came",
                           "3 received = 0 in Kafka + 3 waiting", "last loss   spool_full, 2 min ago",
                           "gaps        1, the last from 2026-11-27 00:01:02.123 UTC to now"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(StatusView, documents_of_another_shape_give_gaps) {
  for (const char* text :
       {"{}", "[]", "null", "1", R"({"workers":5,"reasons":{},"channels":[1],"entries":3})",
        R"({"entries":[1,{"last_gap":3,"since":"x","last_loss":{}}],"reasons":[4],"workers":[null]})",
        R"({"uptime_s":1e300,"spool":{"bytes":-1},"events":{"waiting":-5}})"}) {
    const Json json = Json::parse(text);
    EXPECT_FALSE(status_text(json, plain()).empty());
    (void)channel_text(json, plain());
    (void)health_text(json, plain());
  }
}

}  // namespace
}  // namespace e2k::supervisor::ctl
