// Pure. Of each entry the newest event an interval: which events are published, which are held back for the
// newer one that may come, which a newer one has replaced.
//
// The first event is published at once; what comes within the interval after it is held, each one replacing
// the one before; when the interval is over the held one is published, and the next interval begins. So no
// event is withheld longer than the interval, and the last one always comes. Error records are for release()
// and forget(): they are never held, and the event after one is published at once.
//
// Times are the events' arrival, in Unix nanoseconds: what is read from a backlog is judged by when it came,
// not by when it is read. A clock that is set back releases at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "worker/spool/settler.h"

namespace e2k::worker {

class Coalescer {
public:
  // 0: every event is published.
  explicit Coalescer(int64_t interval_ns) : interval_ns_(interval_ns) {}
  bool is_on() const { return interval_ns_ > 0; }

  struct Verdict {
    bool publish = true;                            // else: it is held from now on
    std::optional<spool::StandingRecord> replaced;  // was held until now: a newer one has come
  };
  Verdict take(uint32_t index, int64_t arrival_ns, const spool::StandingRecord& record) {
    State& s = state(index);
    if (s.held) {
      Verdict verdict{false, s.held};
      s.held = record;
      return verdict;
    }
    const bool free = !s.published || arrival_ns >= s.since_ns + interval_ns_ || arrival_ns < s.since_ns;
    if (free) {
      s.before_ns = s.published ? std::optional(s.since_ns) : std::nullopt;
      s.published = true;
      s.since_ns = arrival_ns;
      return {};
    }
    s.held = record;
    due_.emplace(s.since_ns + interval_ns_, index);
    return {false, std::nullopt};
  }
  // What take() let be published could not be: it will be taken again.
  void take_back(uint32_t index) {
    State& s = state(index);
    s.published = s.before_ns.has_value();
    s.since_ns = s.before_ns.value_or(0);
  }
  // The held event of the entry, which is to be published now.
  std::optional<spool::StandingRecord> release(uint32_t index) {
    if (index >= states_.size()) return std::nullopt;
    return std::exchange(states_[index].held, std::nullopt);
  }
  // The next event is published at once.
  void forget(uint32_t index) {
    if (index < states_.size()) states_[index].published = false;
  }
  // An entry whose interval is over by `log_time_ns`, with its held event, which is to be published now. Its
  // next interval has begun.
  std::optional<std::pair<uint32_t, spool::StandingRecord>> next_due(int64_t log_time_ns) {
    while (!due_.empty()) {
      const auto [due_ns, index] = due_.top();
      if (due_ns > log_time_ns && due_ns - log_time_ns <= interval_ns_) return std::nullopt;
      due_.pop();
      State& s = states_[index];
      if (!s.held) continue;
      s.since_ns = due_ns;
      return std::pair{index, *std::exchange(s.held, std::nullopt)};
    }
    return std::nullopt;
  }
  // When the next one is due; nothing is held: no value.
  std::optional<int64_t> next_due_ns() const {
    return due_.empty() ? std::nullopt : std::optional(due_.top().first);
  }
  // A held event stands elsewhere now.
  void moved(uint32_t index, const spool::StandingRecord& from, const spool::StandingRecord& to) {
    if (index >= states_.size() || !states_[index].held) return;
    spool::StandingRecord& held = *states_[index].held;
    if (held.segment == from.segment && held.unit == from.unit) held = to;
  }

private:
  struct State {
    std::optional<spool::StandingRecord> held;
    std::optional<int64_t> before_ns;
    int64_t since_ns = 0;  // of the interval that runs
    bool published = false;
  };
  State& state(uint32_t index) {
    if (states_.size() <= index) states_.resize(index + 1);
    return states_[index];
  }

  const int64_t interval_ns_;
  std::vector<State> states_;
  std::priority_queue<std::pair<int64_t, uint32_t>, std::vector<std::pair<int64_t, uint32_t>>, std::greater<>>
      due_;
};

}  // namespace e2k::worker
