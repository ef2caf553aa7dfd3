#include "supervisor/quarantine/bisection.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace e2k::supervisor {

void Bisection::note(MonotonicNs now) {
  crashes_.push_back(now);
  while (now.value - crashes_.front().value > kWindowNs) crashes_.pop_front();
}

Bisection::Orders Bisection::begin(std::vector<std::string> channels) {
  Orders orders;
  crashes_.clear();
  longest_life_ns_ = 0;
  served_since_.reset();
  if (channels.empty()) return orders;
  std::ranges::sort(channels);
  divide(std::move(channels), orders, false);
  return orders;
}

void Bisection::divide(std::vector<std::string> suspects, Orders& orders, bool are_withheld) {
  const size_t tried = suspects.size() == 1 ? 1 : std::max<size_t>(1, suspects.size() * 2 / 5);
  const auto middle = suspects.begin() + static_cast<std::ptrdiff_t>(tried);
  withheld_.assign(std::make_move_iterator(middle), std::make_move_iterator(suspects.end()));
  suspects.erase(middle, suspects.end());
  trial_ = std::move(suspects);
  served_since_.reset();
  if (are_withheld) {
    orders.serve.insert(orders.serve.end(), trial_.begin(), trial_.end());
  } else {
    orders.withhold.insert(orders.withhold.end(), withheld_.begin(), withheld_.end());
  }
}

Bisection::Orders Bisection::crashed_in_trial(MonotonicNs now) {
  Orders orders;
  if (served_since_) longest_life_ns_ = std::max(longest_life_ns_, now.value - served_since_->value);
  orders.serve = std::move(withheld_);
  withheld_.clear();
  if (trial_.size() == 1) {
    orders.guilty = trial_.front();
    end();
    return orders;
  }
  divide(std::exchange(trial_, {}), orders, false);
  return orders;
}

int64_t Bisection::trial_ns() const {
  return std::clamp(2 * longest_life_ns_, kShortestTrialNs, kLongestTrialNs);
}

Bisection::Orders Bisection::on_time(MonotonicNs now, bool serves) {
  Orders orders;
  if (!is_searching()) return orders;
  if (!serves) {
    served_since_.reset();
    return orders;
  }
  if (!served_since_) served_since_ = now;
  if (now.value - served_since_->value < trial_ns()) return orders;
  if (withheld_.empty()) {
    orders.ended = true;
    end();
    return orders;
  }
  divide(std::exchange(withheld_, {}), orders, true);
  return orders;
}

Bisection::Orders Bisection::give_up() {
  Orders orders;
  orders.ended = is_searching();
  orders.serve = std::move(withheld_);
  end();
  return orders;
}

void Bisection::end() {
  trial_.clear();
  withheld_.clear();
  served_since_.reset();
}

}  // namespace e2k::supervisor
