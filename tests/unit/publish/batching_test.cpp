#include "worker/publish/batching.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "worker/publish/producer.h"
#include "worker/spool/doorbell.h"

namespace e2k::worker {
namespace {

constexpr int64_t kMs = 1'000'000;

TEST(Batching, a_record_waits_for_as_long_as_the_site_said_on_average) {
  for (const int64_t linger_ms : {7, 10, 50, 500, 900'000}) {
    const Batching b = batching_for(linger_ms * kMs);
    EXPECT_EQ(b.nap_ns / 2 + b.librdkafka_linger_ns, linger_ms * kMs) << linger_ms;
  }
}

TEST(Batching, short_times_leave_a_fifth_for_the_hand_over) {
  EXPECT_EQ(batching_for(5 * kMs).nap_ns, 10 * kMs);
  EXPECT_EQ(batching_for(5 * kMs).librdkafka_linger_ns, 1 * kMs);
  EXPECT_EQ(batching_for(1 * kMs).nap_ns, 2 * kMs);
  EXPECT_EQ(batching_for(1 * kMs).librdkafka_linger_ns, kMs / 5);
}

TEST(Batching, nap_is_never_shorter_than_half_a_millisecond_nor_longer_than_ten) {
  EXPECT_EQ(batching_for(0).nap_ns, kShortestNapNs);
  EXPECT_EQ(batching_for(0).librdkafka_linger_ns, 0);
  EXPECT_EQ(batching_for(100 * kMs).nap_ns, kLongestNapNs);
}

TEST(Batching, naps_that_gather_many_records_are_shorter_but_no_less_than_seven_tenths) {
  EXPECT_EQ(nap_for(10 * kMs, 0, 10 * kMs), 10 * kMs);
  EXPECT_EQ(nap_for(10 * kMs, 128, 10 * kMs), 10 * kMs);
  EXPECT_EQ(nap_for(10 * kMs, 160, 10 * kMs), 8 * kMs);
  EXPECT_EQ(nap_for(10 * kMs, 200, 10 * kMs), 7 * kMs);
  EXPECT_EQ(nap_for(10 * kMs, 3000, 5 * kMs), 7 * kMs);
  EXPECT_EQ(nap_for(2 * kMs, 40, 2 * kMs), 2 * kMs);
}

double linger_in_effect_ms(const Producer& producer) {
  char text[64];
  size_t bytes = sizeof text;
  EXPECT_EQ(rd_kafka_conf_get(rd_kafka_conf(producer.handle()), "linger.ms", text, &bytes), RD_KAFKA_CONF_OK);
  return std::strtod(text, nullptr);
}

struct Configured {
  const char* property;
  const char* value;
  int64_t nap_ns;
  double librdkafka_ms;
};

class ProducersBatching : public ::testing::TestWithParam<Configured> {};

TEST_P(ProducersBatching, librdkafka_gets_what_the_nap_leaves) {
  const Configured& site = GetParam();
  const auto bell = Doorbell::create();
  ASSERT_TRUE(bell);
  std::map<std::string, std::string> properties{{"bootstrap.servers", "127.0.0.1:1"}};
  if (*site.property != 0) properties[site.property] = site.value;
  const auto producer = Producer::create(properties, (*bell)->fd());
  ASSERT_TRUE(producer) << producer.error().message;
  EXPECT_EQ((*producer)->nap_ns(), site.nap_ns);
  EXPECT_DOUBLE_EQ(linger_in_effect_ms(**producer), site.librdkafka_ms);
}

INSTANTIATE_TEST_SUITE_P(All, ProducersBatching,
                         ::testing::Values(Configured{"", "", 10 * kMs, 1},
                                           Configured{"linger.ms", "0", kMs / 2, 0},
                                           Configured{"linger.ms", "0.5", kMs, 0.1},
                                           Configured{"linger.ms", "25", 10 * kMs, 20},
                                           Configured{"queue.buffering.max.ms", "3", 6 * kMs, 0.6}));

}  // namespace
}  // namespace e2k::worker
