// Pure. How long records of a topic wait for others of the same topic, where many topics have many of them.
//
// A produce request holds one topic's records, and costs what a dozen records cost, or with thousands of
// topics several dozen. Few topics fill their requests by themselves. With many, each request has one record,
// and neither librdkafka nor the broker keeps up: there only waiting helps, and then it also shortens the
// queues. So there is a budget of requests a second. As long as it does, nothing waits here, whatever the
// number of topics; beyond it a topic whose records come quickly enough to meet each other is held, for as
// short as the budget allows. Others are not held: they would wait in vain.
//
// It counts what comes, not what is sent, so that its own effect does not sway it; and decides every period.
// Times are monotonic nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>

namespace e2k::worker {

// A topic's records in the last periods; the Gathering's own.
struct TopicPace {
  uint32_t period = 0;
  uint32_t count = 0;         // in that period
  uint32_t count_before = 0;  // in the one before it
};

// The values that measuring led to.
struct GatheringSettings {
  int64_t period_ns = 1'000'000'000;
  // Requests a period that are too many; and so few that it does not matter.
  int64_t too_many = 5'000;
  int64_t few = 1'000;
  // What is aimed at: this many records a request.
  int64_t aim = 12;
};

class Gathering {
public:
  // A nap of the publisher holds as long.
  static constexpr int64_t kShortestHoldNs = 20'000'000;
  // More of one topic than this wait for no more.
  static constexpr uint32_t kFull = 64;

  // `longest_hold_ns`: what the site allows (batching.h).
  explicit Gathering(int64_t longest_hold_ns, GatheringSettings settings = {})
      : settings_(settings),
        longest_hold_ns_(longest_hold_ns),
        company_(std::max<int64_t>(
            1, kCompany * settings.period_ns / std::max(longest_hold_ns, kShortestHoldNs))) {}

  // Once a turn.
  void begin_turn(int64_t now_ns) {
    if (began_ns_ == 0) began_ns_ = now_ns;
    const int64_t took_ns = now_ns - began_ns_;
    if (took_ns < settings_.period_ns) return;
    decide(took_ns);
    // After a sleep nothing is known of the topics.
    period_ += took_ns < 2 * settings_.period_ns ? 1 : 2;
    requests_ = brisk_topics_ = brisk_requests_ = 0;
    began_ns_ = now_ns;
  }

  // One more record of a topic has come. true: it may wait for the next one, for hold_ns() at the most.
  bool may_wait(TopicPace& pace) {
    if (pace.period != period_) {
      pace.count_before = pace.period + 1 == period_ ? pace.count : 0;
      pace.count = 0;
      pace.period = period_;
    }
    if (pace.count < kTurnsAPeriod) {
      const int64_t count = ++pace.count;
      ++requests_;
      if (count == company_) {
        ++brisk_topics_;
        brisk_requests_ += count;
      } else if (count > company_) {
        ++brisk_requests_;
      }
    }
    return hold_ns_ != 0 && pace.count_before * hold_ns_ >= kCompany * settings_.period_ns;
  }

  // 0: nothing waits.
  int64_t hold_ns() const { return hold_ns_; }

private:
  // The publisher's turns under load: what comes within one goes out in one request without any help.
  static constexpr uint32_t kTurnsAPeriod = 100;
  // Records that meet, for waiting to be worth it.
  static constexpr int64_t kCompany = 2;

  void decide(int64_t took_ns) {
    const auto a_period = [&](int64_t count) { return count * settings_.period_ns / took_ns; };
    hold_ns_ = a_period(requests_) < (hold_ns_ != 0 ? settings_.too_many / 2 : settings_.too_many)
                   ? 0
                   : brisk_topics_ * settings_.period_ns /
                         std::max(a_period(brisk_requests_) / settings_.aim, settings_.few);
    hold_ns_ = hold_ns_ < kShortestHoldNs ? 0 : std::min(hold_ns_, longest_hold_ns_);
  }

  GatheringSettings settings_;
  int64_t longest_hold_ns_;
  int64_t company_;  // records a period from which on a topic's records meet within the longest hold
  int64_t hold_ns_ = 0;
  int64_t began_ns_ = 0;  // of the period
  uint32_t period_ = 1;
  // In this period: requests that there would be without any waiting, and of topics whose records would meet.
  int64_t requests_ = 0;
  int64_t brisk_topics_ = 0;
  int64_t brisk_requests_ = 0;
};

}  // namespace e2k::worker
