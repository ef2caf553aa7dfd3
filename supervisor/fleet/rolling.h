// Pure. A restart of many slots, one after the other: the next begins when the one before has been welcomed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>

#include "common/ids.h"

namespace e2k::supervisor {

class Rolling {
public:
  void add(Slot slot) {
    if (now_ != slot && std::find(waiting_.begin(), waiting_.end(), slot) == waiting_.end())
      waiting_.push_back(slot);
  }
  // Who is to be restarted now; nothing while one is under way, or none is left.
  std::optional<Slot> next() {
    if (now_ || waiting_.empty()) return std::nullopt;
    now_ = waiting_.front();
    waiting_.pop_front();
    return now_;
  }
  void welcomed(Slot slot) {
    if (now_ == slot) now_.reset();
  }
  // One that does not come back ends it, before it takes the others down too. How many were left, if it did.
  std::optional<size_t> gave_up(Slot slot) {
    if (now_ != slot) return std::nullopt;
    const size_t left = waiting_.size();
    now_.reset();
    waiting_.clear();
    return left;
  }
  void clear() { waiting_.clear(); }

private:
  std::deque<Slot> waiting_;
  std::optional<Slot> now_;
};

}  // namespace e2k::supervisor
