// Pure. Finds the channel that ends a worker where no flight word names it, by serving only some of the
// worker's channels at a time.
//
// One search a slot. It begins with kCrashes crashes within kWindow of which nothing was recorded. All the
// slot's channels are suspects then. A part of them is on trial: served, together with all that are no
// suspects; the others are withheld. A crash clears those that were withheld; a trial that ends without one,
// after the time in which the crashes before came, clears those that were tried. The last suspect is guilty
// when the worker dies once more while it is served; if it does not, nothing was found and the search ends.
//
// A trial takes two fifths: of 10,000 channels it takes at most 11 more crashes, or 18 trials without one.
//
//   idle       waits for crashes
//   searching  a trial is on; waits for a crash, or for its end
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"

namespace e2k::supervisor {

class Bisection {
public:
  static constexpr size_t kCrashes = 2;
  static constexpr int64_t kWindowNs = 60 * kNsPerSecond;
  static constexpr int64_t kShortestTrialNs = kNsPerSecond;
  static constexpr int64_t kLongestTrialNs = 10 * kNsPerSecond;

  // What is to be done; channels that stand in neither list stay as they are.
  struct Orders {
    std::vector<std::string> withhold, serve;
    std::optional<std::string> guilty;
    bool ended = false;  // without one
  };

  // The slot's worker crashed and nothing of it was recorded. `channels`: all that the slot has, asked for
  // when a search begins.
  template <class Channels>
  Orders on_crash(MonotonicNs now, Channels&& channels) {
    if (is_searching()) return crashed_in_trial(now);
    note(now);
    if (crashes_.size() < kCrashes) return {};
    return begin(channels());
  }
  // Now and then while searching. `serves`: the worker runs and has all that it is to have.
  Orders on_time(MonotonicNs now, bool serves);
  // The slot is closed, or its channels are no longer its: what is withheld is to be served.
  Orders give_up();

  bool is_searching() const { return !trial_.empty(); }
  const std::vector<std::string>& withheld() const { return withheld_; }
  size_t suspects() const { return trial_.size() + withheld_.size(); }

private:
  void note(MonotonicNs now);
  Orders begin(std::vector<std::string> channels);
  Orders crashed_in_trial(MonotonicNs now);
  // Divides what is suspect; those on trial are to be served.
  void divide(std::vector<std::string> suspects, Orders& orders, bool are_withheld);
  int64_t trial_ns() const;
  void end();

  std::deque<MonotonicNs> crashes_;
  std::vector<std::string> trial_, withheld_;
  std::optional<MonotonicNs> served_since_;
  int64_t longest_life_ns_ = 0;  // of a worker that served all of its trial, until it crashed
};

}  // namespace e2k::supervisor
