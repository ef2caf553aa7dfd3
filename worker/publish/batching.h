// Pure. How the time that the site lets a record wait for company (linger.ms) is divided between the
// publisher's nap and librdkafka.
//
// A wait in librdkafka costs its broker thread a wake-up when the first record comes and another when the
// time is over. A nap costs one, in which records and reports are served together, and one of twice the
// length halves the number of produce requests besides. So time is napped first, up to the longest nap: at
// its end the records of the whole nap reach librdkafka within a fraction of a millisecond, and little is
// left to wait for.
//
// A nap that gathers many records is worth its wake-up in less time: from some number a nap on it is made
// shorter as the rate grows, by three tenths at the most, which then shows in the age of what is published.
//
// A record waits half a longest nap on average, and then for librdkafka: linger.ms together, as the site
// said, from 6.25 ms on; up to a fifth more below, where the floor of librdkafka's share applies (6 ms for
// the default of 5). The longest wait is half a nap more. All this while events come in quick succession: the
// first one after a pause rings the publisher out of its sleep.
//
// Where many topics would otherwise need more requests than can be made, records wait longer (gathering.h):
// two hundred times what the site said at the most, and never longer than a second. 0 forbids it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace e2k::worker {

struct Batching {
  int64_t nap_ns;
  int64_t librdkafka_linger_ns;
  int64_t longest_hold_ns;
};

inline constexpr int64_t kShortestNapNs = 500'000;
// A compromise: longer naps would save wake-ups still, but show in the age of what is published.
inline constexpr int64_t kLongestNapNs = 10'000'000;
inline constexpr int64_t kHoldFactor = 200;
inline constexpr int64_t kLongestHoldNs = 1'000'000'000;

// `linger_ns`: the site's linger.ms, 0 or more.
constexpr Batching batching_for(int64_t linger_ns) {
  const int64_t nap_ns = std::clamp(2 * linger_ns, kShortestNapNs, kLongestNapNs);
  // A fifth at the least: the publisher itself takes a moment to hand over what a nap has gathered.
  return {nap_ns, std::max(linger_ns - nap_ns / 2, linger_ns / 5),
          std::min(linger_ns, kLongestHoldNs / kHoldFactor) * kHoldFactor};
}

// The next nap, after `records` came in `in_ns`.
constexpr int64_t nap_for(int64_t longest_ns, uint64_t records, int64_t in_ns) {
  constexpr int64_t kEnough = 128;  // records a nap
  if (records == 0) return longest_ns;
  const int64_t enough_ns = kEnough * in_ns / static_cast<int64_t>(records);
  return std::clamp(enough_ns, longest_ns / 10 * 7, longest_ns);
}

}  // namespace e2k::worker
