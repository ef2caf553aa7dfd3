// Pure. Which of an entry's held events go out when it is released: those behind the event `after`, which the
// worker that served it before published last.
//
// Events are shown in the order in which they were received, twice: first to find `after` among them, then to
// be judged. Where it is not among them (or has no identity: an error record came last there), all that are
// older by their stamp stay back, up to the first that is not: rather a repeat than a loss.
#pragma once

#include <cstdint>

#include "worker/ca_event.h"

namespace e2k::worker {

class HeldEvents {
public:
  explicit HeldEvents(const EventIdentity& after) : after_(after) {}

  void look(const EventIdentity& event) {
    ++looked_at_;
    if (found_at_ == 0 && event.is(after_)) found_at_ = looked_at_;
  }
  // Whether it was published before.
  bool is_old(uint64_t stamp) {
    ++judged_;
    if (found_at_ != 0) return judged_ <= found_at_;
    newer_came_ = newer_came_ || stamp >= after_.stamp;
    return !newer_came_;
  }

private:
  const EventIdentity after_;
  uint64_t looked_at_ = 0, found_at_ = 0, judged_ = 0;
  bool newer_came_ = false;
};

}  // namespace e2k::worker
