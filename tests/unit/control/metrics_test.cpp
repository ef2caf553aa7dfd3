#include "supervisor/control/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace e2k::supervisor {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string a_text() {
  StatusView status;
  status.version = "1\"\\\n";
  status.state = ServiceState::running;
  WorkerView worker;
  worker.slot = Slot{3};
  worker.events = {10, 7, 1, 1, 1, 0};
  worker.lost_by_reason = {{"spool_io", 1}};
  worker.restarts_by_reason = {{"crash", 2}};
  worker.latency_buckets[0] = 4;
  worker.latency_buckets[ledger::kLatencyBuckets - 1] = 1;
  worker.latency_sum_s = 0.5;
  WorkerView gone;
  gone.slot = Slot{9};
  gone.events = {5, 4, 1, 0, 0, 0};
  return metrics_text(status, {worker, WorkerView{}}, {gone}, {});
}

// The rules of the text format that a scraper insists on: HELP and TYPE before a family's samples, once; the
// samples of a family together; names, labels and values well formed; counters end in _total.
TEST(Metrics, text_keeps_the_rules_of_the_format) {
  const std::regex sample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+|\+Inf|-Inf|NaN))re");
  std::map<std::string, std::string> types;
  std::set<std::string> finished, samples;
  std::string current, line;
  std::istringstream lines(a_text());
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string hash, word, name, type;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> word >> name >> type;
      EXPECT_TRUE(types.emplace(name, type).second) << line;
      EXPECT_EQ(name.ends_with("_total"), type == "counter") << line;
      if (!current.empty()) finished.insert(current);
      current = name;
    } else if (!line.starts_with("# HELP ")) {
      std::smatch match;
      ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
      std::string family = match[1];
      if (types[current] == "histogram")
        family = std::regex_replace(family, std::regex("_(bucket|sum|count)$"), "");
      EXPECT_EQ(family, current) << line;
      EXPECT_FALSE(finished.contains(family)) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
}

TEST(Metrics, workers_are_labelled_by_slot) {
  const std::string text = a_text();
  EXPECT_THAT(text, HasSubstr("epics2kafka_events_received_total{worker=\"3\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_events_lost_total{worker=\"3\",reason=\"spool_io\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_worker_restarts_total{worker=\"3\",reason=\"crash\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_state{state=\"RUNNING\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_build_info{version=\"1\\\"\\\\\\n\"} 1\n"));
}

TEST(Metrics, latency_buckets_are_cumulative) {
  const std::string text = a_text();
  EXPECT_THAT(text, HasSubstr("epics2kafka_event_latency_seconds_bucket{worker=\"3\",le=\"0.001\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_event_latency_seconds_bucket{worker=\"3\",le=\"300\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_event_latency_seconds_bucket{worker=\"3\",le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_event_latency_seconds_sum{worker=\"3\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("epics2kafka_event_latency_seconds_count{worker=\"3\"} 5\n"));
}

TEST(Metrics, what_a_gone_slot_counted_stays_in_the_sums) {
  EXPECT_THAT(a_text(), HasSubstr("epics2kafka_events_received_total{worker=\"9\"} 5"));
  EXPECT_THAT(a_text(), HasSubstr("epics2kafka_events_waiting{worker=\"9\"} 1"));
  EXPECT_THAT(a_text(), Not(HasSubstr("epics2kafka_worker_up{worker=\"9\"}")));
}

}  // namespace
}  // namespace e2k::supervisor
