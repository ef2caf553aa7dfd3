// What is written down of a worker: as it was written, and of another release.
#include "supervisor/fleet/worker_record.h"

#include <gtest/gtest.h>

namespace e2k::supervisor {
namespace {

WorkerRecord a_record() {
  WorkerRecord record;
  record.slot = Slot{3};
  record.generation = Generation{17};
  record.pid = 1234;
  record.start_ticks = 98765;
  record.token = "abcd";
  record.control_version = 2;
  record.release = "1.2.3";
  record.settings = "digest";
  record.log_level = "info";
  record.started_real_ns = 1'700'000'000'000'000'000;
  record.restarts = 4;
  record.restarts_by_reason = {{"crash", 3}, {"request", 1}};
  record.last_cause = ExitCause::crash;
  record.last_exit = "signal 11 (SIGSEGV), core dumped";
  return record;
}

TEST(WorkerRecord, is_read_as_it_was_written) {
  EXPECT_EQ(parse_worker_record(to_text(a_record())).value(), a_record());
}

TEST(WorkerRecord, of_a_later_release_is_read_as_far_as_it_is_known) {
  std::string text = to_text(a_record());
  text.insert(text.find("slot"), "colour green\n");
  EXPECT_EQ(parse_worker_record(text).value(), a_record());
  const std::string few = "epics2kafka-worker-record 1\npid 7\ntoken t\nend\n";
  EXPECT_EQ(parse_worker_record(few)->restarts, 0u);
}

TEST(WorkerRecord, in_another_format_torn_or_without_a_process_is_refused) {
  const std::string whole = to_text(a_record());
  for (const std::string& text :
       {std::string(), std::string("epics2kafka-worker-record 2\n") + whole.substr(whole.find('\n') + 1),
        whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 4),
        std::string("epics2kafka-worker-record 1\npid x\ntoken t\nend\n"),
        std::string("epics2kafka-worker-record 1\ntoken t\nend\n")})
    EXPECT_FALSE(parse_worker_record(text)) << text;
}

TEST(WorkerRecord, foreign_text_can_not_make_a_line_of_its_own) {
  WorkerRecord record = a_record();
  record.last_exit = "exit 78\npid 1";
  EXPECT_EQ(parse_worker_record(to_text(record))->pid, 1234);
}

}  // namespace
}  // namespace e2k::supervisor
