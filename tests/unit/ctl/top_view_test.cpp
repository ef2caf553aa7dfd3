#include "supervisor/ctl/top_view.h"

#include <gtest/gtest.h>

#include <sstream>

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

Json status_with(uint64_t received_0, uint64_t received_1) {
  return {{"name", "epics2kafka"},
          {"state", "DEGRADED"},
          {"reasons",
           {{{"code", "IOC_HUNG"}, {"message", std::string(200, 'x')}, {"since", "2026-11-27T00:00:00Z"}}}},
          {"workers",
           {{{"slot", 0}, {"state", "RUNNING"}, {"events", {{"received", received_0}, {"waiting", 5}}}},
            {{"slot", 1}, {"state", "RUNNING"}, {"events", {{"received", received_1}, {"waiting", 9}}}}}}};
}

const Json kHosts = {{{"host", "10.0.0.1:5064"}, {"state", "UP"}, {"events_per_s", 3.0}},
                     {{"host", "10.0.0.2:5064"}, {"state", "HUNG"}, {"events_per_s", 9.0}, {"waiting", 4}}};
const Json kChannels = {
    {{"channel", "a\x1b"}, {"state", "NO_TOPIC"}, {"reason", "\xc3\xa9" + std::string(200, 'y')}}};

size_t place(const std::string& text, const std::string& part) {
  const size_t found = text.find(part);
  EXPECT_NE(found, std::string::npos) << part << " in\n" << text;
  return found;
}

TEST(TopView, rates_of_workers_are_those_between_two_looks_and_order_as_the_key_says) {
  TopView view;
  view.take(status_with(100, 100), kHosts, kChannels, 10, 0);
  view.take(status_with(120, 500), kHosts, kChannels, 12, 0);
  std::string screen = view.screen(40, 80, {});
  EXPECT_NE(screen.find("200/s"), std::string::npos) << screen;
  EXPECT_LT(place(screen, "\n0       RUNNING"), place(screen, "\n1       RUNNING"));
  EXPECT_TRUE(view.press('i'));
  screen = view.screen(40, 80, {});
  EXPECT_LT(place(screen, "\n1       RUNNING"), place(screen, "\n0       RUNNING"));
  EXPECT_LT(place(screen, "10.0.0.2:5064"), place(screen, "10.0.0.1:5064"));
  EXPECT_NE(screen.find("(now by events in)"), std::string::npos);
  EXPECT_FALSE(view.press('x'));
}

TEST(TopView, a_screen_keeps_to_its_size_and_to_printable_text) {
  TopView view;
  view.take(status_with(1, 1), kHosts, kChannels, 10, 0);
  for (const size_t lines : {0u, 1u, 2u, 8u, 24u}) {
    const std::string screen = view.screen(lines, 80, {});
    std::istringstream text(screen);
    size_t count = 0;
    for (std::string line; std::getline(text, line); ++count)
      EXPECT_LE(line.size(), 80 + 1u) << line;  // of UTF-8 one byte more
    EXPECT_LE(count, std::max<size_t>(2, lines));
    EXPECT_EQ(screen.find('\x1b'), std::string::npos);
  }
}

TEST(TopView, where_there_is_no_terminal_it_is_a_line) {
  TopView view;
  Json status = status_with(1, 1);
  status["channels"] = {{"connected", 58}, {"total", 60}};
  status["events"] = {{"waiting", 3}, {"lost", 2}};
  status["spool"] = {{"oldest_event_age_s", 0.5}};
  view.take(status, Json(), Json(), 10, 1'795'738'800'000'000'000);
  EXPECT_EQ(
      view.line(),
      "2026-11-27T00:20:00.000000000Z DEGRADED in=0/s out=0/s lag=0.5s waiting=3 lost=2 connected=58/60 "
      "reasons=IOC_HUNG\n");
}

TEST(TopView, documents_of_another_shape_give_gaps) {
  for (const char* text : {"{}", "null", "[1]", R"({"workers":[1],"reasons":3})"}) {
    TopView view;
    view.take(Json::parse(text), Json::parse(text), Json::parse(text), 1, 1);
    EXPECT_FALSE(view.screen(24, 80, {}).empty());
    EXPECT_FALSE(view.line().empty());
  }
}

}  // namespace
}  // namespace e2k::supervisor::ctl
