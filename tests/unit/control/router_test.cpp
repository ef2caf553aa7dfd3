#include "supervisor/control/router.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

int refused(std::string_view method, std::string_view target) {
  const auto routed = route(method, target);
  return routed ? 0 : routed.error().code;
}

TEST(Router, trailing_slashes_are_accepted) {
  EXPECT_EQ(route("GET", "/status/")->verb, Verb::status);
  EXPECT_EQ(route("GET", "/channels/")->verb, Verb::channels);
  EXPECT_EQ(route("POST", "/workers/3/restart//")->slot, Slot{3});
}

TEST(Router, names_are_percent_decoded_after_the_path_was_split) {
  EXPECT_EQ(route("GET", "/channels/IOC%2Fa%3Ab")->channel, "IOC/a:b");
  EXPECT_EQ(route("GET", "/channels/a%00b")->channel, std::string("a\0b", 3));
  EXPECT_EQ(route("GET", "/channels/x%2F")->channel, "x/");
  EXPECT_EQ(refused("GET", "/channels/a%2"), 400);
  EXPECT_EQ(refused("GET", "/channels/a/b"), 404);
}

TEST(Router, a_channel_may_be_called_retry) {
  EXPECT_EQ(route("GET", "/channels/retry")->channel, "retry");
  EXPECT_EQ(route("POST", "/channels/retry/retry?topic=t%26")->topic, "t&");
}

TEST(Router, an_absolute_target_is_its_path) {
  EXPECT_EQ(route("GET", "http://e2k/status")->verb, Verb::status);
  EXPECT_EQ(authority_of("http://e2k:80/status"), "e2k:80");
  EXPECT_EQ(route("GET", "http://e2k")->verb, Verb::page);
}

TEST(Router, the_wrong_method_is_told_the_right_one) {
  const auto routed = route("DELETE", "/status");
  ASSERT_FALSE(routed);
  EXPECT_EQ(routed.error().code, 405);
  EXPECT_EQ(routed.error().allow, "GET, HEAD");
  EXPECT_EQ(route("GET", "/channels/a/retry").error().allow, "POST");
  EXPECT_TRUE(route("HEAD", "/metrics"));
}

TEST(Router, query_of_a_page) {
  const auto page =
      route("GET", "/channels?state=never_connected&worker=2&prefix=a%2Bb+c&limit=10000&after=3162");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->query.states, std::vector{ShownState::never_connected});
  EXPECT_EQ(page->query.worker, Slot{2});
  EXPECT_EQ(page->query.prefix, "a+b+c");
  EXPECT_EQ(page->query.limit, 10000u);
  EXPECT_EQ(page->query.after, "1b");
  EXPECT_EQ(route("GET", "/channels")->query.limit, kDefaultPageItems);
}

TEST(Router, a_page_may_be_of_several_states_of_a_topic_of_a_host_of_what_is_silent_or_lost) {
  const auto page = route("GET",
                          "/channels?state=denied,NO_TOPIC&state=PENDING&topic=t&host=10.0.0.1&lost=true"
                          "&older_than_s=1.5");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->query.states, (std::vector{ShownState::denied, ShownState::no_topic, ShownState::pending}));
  EXPECT_EQ(page->query.topic, "t");
  EXPECT_EQ(page->query.host, "10.0.0.1");
  EXPECT_TRUE(page->query.lost);
  EXPECT_EQ(page->query.older_than_s, 1.5);
  for (const char* query :
       {"state=DENIED,", "state=DENIED,x", "older_than_s=-1", "older_than_s=nan", "lost=yes"})
    EXPECT_EQ(refused("GET", std::string("/channels?") + query), 400) << query;
}

TEST(Router, topics_come_in_pages) {
  const auto page = route("GET", "/topics?limit=5&after=74");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->verb, Verb::topics);
  EXPECT_EQ(page->topics.limit, 5u);
  EXPECT_EQ(page->topics.after, "t");
  EXPECT_EQ(refused("GET", "/topics?limit=0"), 400);
  EXPECT_EQ(refused("GET", "/topics?state=DENIED"), 400);
  EXPECT_EQ(refused("POST", "/topics"), 405);
}

TEST(Router, bad_parameters_are_refused_by_name) {
  for (const char* query : {"limit=0", "limit=10001", "limit=x", "state=LOST", "worker=-1", "worker=70000",
                            "after=xyz", "after=1", "sate=DENIED", "%zz=1"})
    EXPECT_EQ(refused("GET", std::string("/channels?") + query), 400) << query;
  EXPECT_NE(route("GET", "/channels?sate=x").error().message.find("accepted: state"), std::string::npos);
  EXPECT_EQ(refused("POST", "/workers/restart?rolling=yes"), 400);
  EXPECT_EQ(refused("GET", "/status?verbose=1"), 400);
  EXPECT_EQ(refused("GET", "/metrics?collect=all"), 0);
}

TEST(Router, a_pause_is_put) {
  EXPECT_EQ(route("PUT", "/pause")->verb, Verb::pause);
  EXPECT_EQ(route("PUT", "/resume/")->verb, Verb::resume);
  const auto posted = route("POST", "/pause");
  ASSERT_FALSE(posted);
  EXPECT_EQ(posted.error().code, 405);
  EXPECT_EQ(posted.error().allow, "PUT");
}

TEST(Router, a_log_level_is_put_for_all_or_for_one_worker_and_is_one_that_there_is) {
  const auto all = route("PUT", "/log-level?level=debug");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->verb, Verb::log_level);
  EXPECT_EQ(all->level, "debug");
  EXPECT_FALSE(all->one_worker);
  EXPECT_EQ(route("PUT", "/log-level?worker=3&level=trace")->one_worker, Slot{3});
  for (const char* target : {"/log-level", "/log-level?level=loud", "/log-level?level=info&worker=x",
                             "/log-level?level=info&slot=1"})
    EXPECT_EQ(refused("PUT", target), 400) << target;
  EXPECT_EQ(refused("POST", "/log-level?level=info"), 405);
}

TEST(Router, a_reload_is_posted) {
  EXPECT_EQ(route("POST", "/reload")->verb, Verb::reload);
  EXPECT_EQ(refused("GET", "/reload"), 405);
  EXPECT_EQ(refused("POST", "/reload?now=true"), 400);
}

TEST(Router, a_count_of_workers_is_put) {
  const auto routed = route("PUT", "/workers/count?n=3");
  ASSERT_TRUE(routed);
  EXPECT_EQ(routed->verb, Verb::scale);
  EXPECT_EQ(routed->workers, 3);
  EXPECT_TRUE(is_change(routed->verb));
  for (const char* query : {"", "?n=0", "?n=1025", "?n=two", "?n=", "?count=3"})
    EXPECT_EQ(refused("PUT", std::string("/workers/count") + query), 400) << query;
  EXPECT_EQ(refused("POST", "/workers/count?n=3"), 405);
}

TEST(Router, unknown_paths_are_not_found) {
  for (const char* path : {"/nothing", "/page.php", "/page/page.js", "/status/x", "/workers/x", "/workers/-1",
                           "/workers/1/stop", "/health", "/health/x", "/workers/70000"})
    EXPECT_EQ(refused("GET", path), 404) << path;
  EXPECT_EQ(refused("OPTIONS", "*"), 400);
}

TEST(Router, the_page_is_at_the_root_beside_its_files) {
  EXPECT_EQ(route("GET", "/")->file, "index.html");
  EXPECT_EQ(route("GET", "")->file, "index.html");
  EXPECT_EQ(route("HEAD", "/page.js?v=1")->file, "page.js");
  EXPECT_EQ(route("GET", "/page.css")->verb, Verb::page);
  EXPECT_EQ(route("GET", "/access")->verb, Verb::access);
  EXPECT_EQ(refused("POST", "/"), 405);
}

TEST(Router, cursors_come_back_as_they_went) {
  const std::string raw("a\0\xff/", 4);
  EXPECT_EQ(decode_cursor(encode_cursor(raw)), raw);
}

}  // namespace
}  // namespace e2k::supervisor
