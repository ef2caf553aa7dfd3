#include "common/kafka/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::kafka {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST(KafkaConf, properties_are_set_verbatim) {
  const auto conf = make_conf({{"bootstrap.servers", "h:9092"}, {"linger.ms", "7"}});
  ASSERT_TRUE(conf);
  char value[64];
  size_t bytes = sizeof value;
  ASSERT_EQ(rd_kafka_conf_get(conf->get(), "linger.ms", value, &bytes), RD_KAFKA_CONF_OK);
  EXPECT_STREQ(value, "7");
}

TEST(KafkaConf, every_unknown_name_and_bad_value_is_reported) {
  const auto conf = make_conf({{"linger.mss", "7"}, {"batch.size", "-1"}, {"socket.keepalive.enable", "x"}});
  ASSERT_FALSE(conf);
  ASSERT_EQ(conf.error().size(), 3u);
  EXPECT_EQ(conf.error()[0].property, "batch.size");
  EXPECT_EQ(conf.error()[1].property, "linger.mss");
  EXPECT_THAT(conf.error()[1].reason, HasSubstr("No such configuration property"));
  EXPECT_EQ(conf.error()[2].property, "socket.keepalive.enable");
}

TEST(KafkaConf, time_that_is_no_number_is_reported_though_librdkafka_takes_it) {
  for (const char* property : {"linger.ms", "queue.buffering.max.ms"}) {
    const auto conf = make_conf({{property, "nan"}});
    ASSERT_FALSE(conf);
    ASSERT_EQ(conf.error().size(), 1u);
    EXPECT_EQ(conf.error()[0].property, property);
    EXPECT_THAT(conf.error()[0].reason, HasSubstr("nan"));
  }
  EXPECT_TRUE(make_conf({{"client.id", "nan"}, {"linger.ms", "0.5"}}));
}

TEST(KafkaConf, contradictions_are_found_by_making_a_handle) {
  EXPECT_TRUE(check_properties({{"bootstrap.servers", "127.0.0.1:1"}}, RD_KAFKA_PRODUCER).empty());
  const auto problems = check_properties({{"enable.idempotence", "true"}, {"acks", "1"}}, RD_KAFKA_PRODUCER);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].property, "");
  EXPECT_THAT(problems[0].reason, HasSubstr("acks"));
}

TEST(KafkaConf, an_unreadable_certificate_is_found_before_anything_connects) {
  const auto problems = check_properties(
      {{"security.protocol", "ssl"}, {"ssl.ca.location", "/nonexistent/ca.pem"}}, RD_KAFKA_CONSUMER);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].reason, HasSubstr("ssl.ca.location"));
}

TEST(KafkaConf, property_names_hold_global_and_topic_ones) {
  EXPECT_THAT(property_names(), Contains("bootstrap.servers"));
  EXPECT_THAT(property_names(), Contains("partitioner"));
  EXPECT_THAT(property_names(), Contains("sasl.password"));
}

}  // namespace
}  // namespace e2k::kafka
