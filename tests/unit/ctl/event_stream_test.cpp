#include "supervisor/ctl/event_stream.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "supervisor/ctl/events.h"

namespace e2k::supervisor::ctl {
namespace {

std::string all_of(const std::vector<SentEvent>& events) {
  std::string text;
  for (const SentEvent& event : events) text += event.kind + "=" + event.data + ";";
  return text;
}

TEST(EventStream, events_are_whole_whatever_pieces_they_come_in) {
  const std::string sent =
      "retry: 2000\n\n: \n\nid: 7.1\nevent: change\ndata: {\"a\":1}\n\ndata: x\r\ndata: y\r\n\r\n";
  EventStream whole;
  EXPECT_EQ(all_of(whole.take(sent)), "change={\"a\":1};message=x\ny;");
  EXPECT_EQ(whole.last_id(), "7.1");
  EventStream bitwise;
  std::string text;
  for (const char byte : sent) text += all_of(bitwise.take({&byte, 1}));
  EXPECT_EQ(text, "change={\"a\":1};message=x\ny;");
}

TEST(EventStream, an_id_counts_once_its_event_is_whole_and_what_was_cut_off_is_forgotten) {
  EventStream stream;
  stream.take("id: 7.1\ndata: a\n\nid: 7.2\nevent: change\ndata: b");
  EXPECT_EQ(stream.last_id(), "7.1");
  stream.begin_anew();
  EXPECT_EQ(all_of(stream.take("data: c\n\n")), "message=c;");
  EXPECT_EQ(stream.last_id(), "7.1");
}

TEST(Events, a_line_has_the_time_what_changed_and_why_and_is_printable) {
  const auto line = [](const char* json) { return event_line(nlohmann::json::parse(json)).substr(29); };
  EXPECT_EQ(
      line(R"({"time":"1970-01-01T00:00:01.000000000Z","what":"worker 0","before":"RUNNING","state":"BACKOFF",
                 "text":"signal\u001b 11"})"),
      "worker 0: RUNNING -> BACKOFF: signal\\x1b 11");
  EXPECT_EQ(
      line(
          R"({"time":"1970-01-01T00:00:01.000000000Z","what":"IOC a","before":null,"state":"UP","text":""})"),
      "IOC a: UP");
}

}  // namespace
}  // namespace e2k::supervisor::ctl
