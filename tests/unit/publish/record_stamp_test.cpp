#include "worker/publish/record_stamp.h"

#include <gtest/gtest.h>

namespace e2k::worker {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kArrivalNs = 1'700'000'000 * kNsPerSecond + 250'000'000;
constexpr auto kArrivalSince1990 = static_cast<uint32_t>(1'700'000'000 - kEpicsEpochUnixSeconds);

spool::EventRecord stamped(uint32_t seconds, uint32_t nanoseconds = 250'000'000) {
  spool::EventRecord e{};
  e.stamp_seconds = seconds;
  e.stamp_nanoseconds = nanoseconds;
  e.arrival_real_ns = kArrivalNs;
  return e;
}
spool::EventRecord stamped_before_arrival(int64_t seconds, uint32_t nanoseconds = 250'000'000) {
  return stamped(static_cast<uint32_t>(int64_t{kArrivalSince1990} - seconds), nanoseconds);
}
bool gets_arrival(const StampRules& rules, const spool::EventRecord& e) {
  const RecordStamp stamp = stamp_of_event(rules, e);
  EXPECT_EQ(stamp.unix_ns, stamp.restamped ? kArrivalNs : ioc_unix_ns(e));
  return stamp.restamped;
}

TEST(RecordStamp, is_the_iocs_however_old) {
  EXPECT_EQ(stamp_of_event({}, stamped_before_arrival(1, 5)).unix_ns,
            kArrivalNs - kNsPerSecond - 250'000'000 + 5);
  EXPECT_FALSE(gets_arrival({}, stamped_before_arrival(30 * kDayS)));
  EXPECT_FALSE(gets_arrival({}, stamped(600))) << "1990 and ten minutes";
}

TEST(RecordStamp, of_a_record_that_was_never_processed_is_the_time_of_arrival) {
  EXPECT_TRUE(gets_arrival({}, stamped(0, 0)));
  EXPECT_FALSE(gets_arrival({}, stamped(0, 1)));
}

TEST(RecordStamp, further_ahead_than_allowed_is_replaced) {
  const StampRules rules{TimestampSource::ioc, 600, 0};
  EXPECT_FALSE(gets_arrival(rules, stamped_before_arrival(-600)));
  EXPECT_TRUE(gets_arrival(rules, stamped_before_arrival(-600, 250'000'001)));
  EXPECT_TRUE(gets_arrival(rules, stamped(UINT32_MAX)));
}

TEST(RecordStamp, older_than_allowed_is_replaced) {
  const StampRules rules{TimestampSource::ioc, 600, kDayS};
  EXPECT_FALSE(gets_arrival(rules, stamped_before_arrival(kDayS)));
  EXPECT_TRUE(gets_arrival(rules, stamped_before_arrival(kDayS, 249'999'999)));
  EXPECT_TRUE(gets_arrival(rules, stamped(600)));
  EXPECT_FALSE(gets_arrival(rules, stamped_before_arrival(-600))) << "the future has its own limit";
  const StampRules widest{TimestampSource::ioc, 3'153'600'000, 3'153'600'000};
  EXPECT_FALSE(gets_arrival(widest, stamped(1)));
  EXPECT_FALSE(gets_arrival(widest, stamped(4'000'000'000)));
}

TEST(RecordStamp, with_nanoseconds_that_are_none_stays_within_its_second) {
  const int64_t second_ns = (600 + kEpicsEpochUnixSeconds) * kNsPerSecond;
  EXPECT_EQ(stamp_of_event({}, stamped(600, 999'999'999)).unix_ns, second_ns + 999'999'999);
  EXPECT_EQ(stamp_of_event({}, stamped(600, 1'000'000'000)).unix_ns, second_ns + 999'999'999);
  EXPECT_EQ(stamp_of_event({}, stamped(600, UINT32_MAX)).unix_ns, second_ns + 999'999'999);
  EXPECT_TRUE(gets_arrival({}, stamped(UINT32_MAX, UINT32_MAX)));
  const StampRules strict{TimestampSource::ioc, 0, 1};
  EXPECT_FALSE(gets_arrival(strict, stamped_before_arrival(1, UINT32_MAX))) << "within the second before";
  EXPECT_TRUE(gets_arrival(strict, stamped_before_arrival(2, UINT32_MAX)));
}

TEST(RecordStamp, that_is_to_be_the_time_of_arrival_counts_as_no_replacement) {
  const RecordStamp stamp = stamp_of_event({TimestampSource::arrival, 600, 1}, stamped(0, 0));
  EXPECT_EQ(stamp.unix_ns, kArrivalNs);
  EXPECT_FALSE(stamp.restamped);
}

TEST(RecordStamp, of_an_error_is_the_time_of_arrival) {
  const RecordStamp stamp = stamp_of_error({}, stamped_before_arrival(-60));
  EXPECT_EQ(stamp.unix_ns, kArrivalNs);
  EXPECT_FALSE(stamp.restamped);
}

TEST(RecordStamp, of_an_error_is_with_connection_events_no_earlier_than_that_of_the_value_before_it) {
  const auto stamp_ns = [](const spool::EventRecord& e, StampRules rules) {
    rules.connection_events = true;
    const RecordStamp stamp = stamp_of_error(rules, e);
    EXPECT_FALSE(stamp.restamped) << "errors do not count";
    return stamp.unix_ns;
  };
  const spool::EventRecord ahead = stamped_before_arrival(-60, 5), behind = stamped_before_arrival(60);
  EXPECT_EQ(stamp_ns(ahead, {}), ioc_unix_ns(ahead));
  EXPECT_EQ(stamp_ns(behind, {}), kArrivalNs);
  EXPECT_EQ(stamp_ns(stamped(0, 0), {}), kArrivalNs) << "no value yet";
  EXPECT_EQ(stamp_ns(ahead, {TimestampSource::ioc, 59, 0}), kArrivalNs) << "the value had its arrival, too";
  EXPECT_EQ(stamp_ns(behind, {TimestampSource::ioc, 600, 59}), kArrivalNs);
  EXPECT_EQ(stamp_ns(ahead, {TimestampSource::arrival}), kArrivalNs);
  EXPECT_EQ(stamp_ns(stamped(UINT32_MAX, UINT32_MAX), {}), kArrivalNs);
}

}  // namespace
}  // namespace e2k::worker
