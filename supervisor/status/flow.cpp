#include "supervisor/status/flow.h"

namespace e2k::supervisor {
namespace {

double rate(uint64_t before, uint64_t now, double seconds) {
  return now > before && seconds > 0 ? static_cast<double>(now - before) / seconds : 0;
}

}  // namespace

// What went out is read before what came in, so that nothing goes out that has not come.
void FlowSums::add(const ledger::Header& header) {
  acknowledged += header.acknowledged.load(std::memory_order_acquire);
  const uint64_t unspooled = ledger::sum_of(header.lost_unspooled);
  lost += ledger::sum_of(header.lost_spooled) + unspooled;
  received += header.appended.load(std::memory_order_acquire) + unspooled;
}

void Flow::look(const FlowSums& sums, double seconds) {
  if (!looks_.empty()) {
    const FlowSums& last = looks_.back().sums;
    if (sums.received < last.received || sums.acknowledged < last.acknowledged || sums.lost < last.lost) {
      looks_.clear();
      seconds_ = 0;
    } else {
      seconds_ += seconds;
    }
  }
  looks_.push_back({sums, seconds});
  while (looks_.size() > 2 && seconds_ - looks_[1].seconds >= kWindowS) {
    seconds_ -= looks_[1].seconds;
    looks_.pop_front();
  }
}

FlowRates Flow::rates() const {
  if (looks_.size() < 2) return {};
  const FlowSums &first = looks_.front().sums, &last = looks_.back().sums;
  return {rate(first.received, last.received, seconds_),
          rate(first.acknowledged, last.acknowledged, seconds_), rate(first.lost, last.lost, seconds_)};
}

}  // namespace e2k::supervisor
