// The launch contract, there and back.
#include "proto/launch.h"

#include <gtest/gtest.h>

namespace e2k {
namespace {

LaunchContract sample() {
  LaunchContract c;
  c.slot = Slot{2};
  c.generation = Generation{40'000};
  c.token = "0123456789abcdef0123456789abcdef";
  c.endpoint = "ipc:///run/epics2kafka/link.sock";
  c.supervisor_pid = 4711;
  c.ledger_path = "/run/epics2kafka/workers/2.ledger";
  c.spool_path = "/var/lib/epics2kafka/spool/2.40000";
  c.spool_max_bytes = 1'073'741'824;
  c.when_full = WhenFull::drop_newest;
  c.producer = {{"bootstrap.servers", "localhost:9092"}, {"sasl.password", "secret"}};
  c.epics = {{"EPICS_CA_ADDR_LIST", "127.0.0.1"}};
  c.timestamp = TimestampSource::arrival;
  c.max_past_s = 86'400;
  c.stamp_header = true;
  c.connection_events = true;
  c.name_encoding = NameEncoding::latin1;
  c.min_interval_ms = 250;
  c.value_converter = "json";
  c.value_options = {{"schemas.enable", "false"}};
  c.lease_s = 30;
  c.spool_sync_interval_ms = 0;
  c.fresh_books = true;
  c.estates = {{Slot{7}, "/run/epics2kafka/workers/7.ledger"}};
  c.paused = true;
  return c;
}

TEST(LaunchContract, comes_back_as_it_was_written) {
  const LaunchContract c = sample();
  const auto back = decode_launch(encode(c));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(encode(*back), encode(c));
  EXPECT_EQ(back->slot, c.slot);
  EXPECT_EQ(back->generation, c.generation);
  EXPECT_EQ(back->producer, c.producer);
  EXPECT_EQ(back->epics, c.epics);
  EXPECT_EQ(back->when_full, c.when_full);
  EXPECT_EQ(back->timestamp, c.timestamp);
  EXPECT_EQ(back->max_past_s, c.max_past_s);
  EXPECT_EQ(back->stamp_header, c.stamp_header);
  EXPECT_EQ(back->connection_events, c.connection_events);
  EXPECT_EQ(back->name_encoding, c.name_encoding);
  EXPECT_EQ(back->lease_s, c.lease_s);
  EXPECT_EQ(back->spool_sync_interval_ms, 0);
  EXPECT_TRUE(back->fresh_books);
  EXPECT_EQ(back->estates, c.estates);
  EXPECT_TRUE(back->paused);
  EXPECT_EQ(back->drain_timeout_ms, c.drain_timeout_ms);
}

TEST(LaunchContract, of_another_version_names_both) {
  std::string bytes = encode(sample());
  ASSERT_EQ(bytes[3], static_cast<char>(kLaunchVersion));  // behind the head of an array16
  bytes[3] = 9;
  const auto back = decode_launch(bytes);
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("version 9"), std::string::npos) << back.error().message;
}

TEST(LaunchContract, that_is_cut_short_is_refused_at_every_length) {
  const std::string bytes = encode(sample());
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_launch(bytes.substr(0, n))) << n;
}

}  // namespace
}  // namespace e2k
