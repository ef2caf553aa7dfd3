// Pure. Which time stamp a Kafka record gets: the IOC's, or the time of arrival where the rules of [output]
// prefer that.
//
// Results are Unix nanoseconds. An IOC stamps in seconds since 1990 and nanoseconds; nanoseconds over
// 999,999,999, which only a broken server sends, count as 999,999,999: the second is still the IOC's. A stamp
// of 0 is none: the record was never processed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"
#include "common/config/config.h"
#include "proto/spool_format.h"

namespace e2k::worker {

struct StampRules {
  TimestampSource source = TimestampSource::ioc;
  int64_t max_future_s = 600;
  int64_t max_past_s = 0;          // 0: no limit
  bool connection_events = false;  // error records come no earlier than the value before them, by stamps too
};

struct RecordStamp {
  int64_t unix_ns = 0;
  bool restamped = false;  // the IOC's stamp was asked for and is of no use
};

constexpr bool has_ioc_stamp(const spool::EventRecord& e) {
  return e.stamp_seconds != 0 || e.stamp_nanoseconds != 0;
}

constexpr int64_t ioc_unix_ns(const spool::EventRecord& e) {
  return (int64_t{e.stamp_seconds} + kEpicsEpochUnixSeconds) * kNsPerSecond +
         std::min<int64_t>(e.stamp_nanoseconds, kNsPerSecond - 1);
}

constexpr RecordStamp stamp_of_event(const StampRules& rules, const spool::EventRecord& e) {
  if (rules.source == TimestampSource::arrival) return {e.arrival_real_ns, false};
  const int64_t stamp_ns = ioc_unix_ns(e);
  const bool too_far_ahead = stamp_ns > e.arrival_real_ns + rules.max_future_s * kNsPerSecond;
  const bool too_old =
      rules.max_past_s != 0 && stamp_ns < e.arrival_real_ns - rules.max_past_s * kNsPerSecond;
  if (!has_ioc_stamp(e) || too_far_ahead || too_old) return {e.arrival_real_ns, true};
  return {stamp_ns, false};
}

// An error record carries the stamp of its entry's last event.
constexpr RecordStamp stamp_of_error(const StampRules& rules, const spool::EventRecord& e) {
  if (!rules.connection_events) return {e.arrival_real_ns, false};
  return {std::max(e.arrival_real_ns, stamp_of_event(rules, e).unix_ns), false};
}

}  // namespace e2k::worker
