#include "supervisor/handover/handover.h"

namespace e2k::supervisor {
namespace {

bool is_over(MonotonicNs since, int64_t span_ns, MonotonicNs now) {
  return now.value - since.value > span_ns;
}

}  // namespace

const char* to_string(HandoverState state) {
  switch (state) {
    case HandoverState::preparing:
      return "preparing";
    case HandoverState::releasing:
      return "releasing";
    case HandoverState::activating:
      return "activating";
    case HandoverState::done:
      return "done";
    case HandoverState::given_up:
      return "given up";
  }
  return "";
}

Handover::Step Handover::step(const PreparingFacts& facts, MonotonicNs now) {
  if (state_ != HandoverState::preparing) return Step::wait;
  const auto go = [this] {
    state_ = HandoverState::releasing;
    return Step::go_over;
  };
  if (facts.new_failed) {
    state_ = HandoverState::given_up;
    return Step::give_up;
  }
  if (!facts.old_lives) return go();
  // Any event of the new one's does: it has received everything since its first.
  if (facts.new_received && !met_from_) {
    met_from_ = now;
    met_stamp_ = facts.new_stamp;
  }
  if (met_from_ && (facts.old_stamp >= met_stamp_ || is_over(*met_from_, kMeetNs, now))) return go();
  if (!facts.old_receives && facts.new_applied) return go();  // nobody receives: there is nothing to lose
  if (!is_over(since_, facts.old_must_go ? kMustGoNs : kPrepareNs, now)) return Step::wait;
  if (facts.old_must_go) return go();
  state_ = HandoverState::given_up;
  return Step::give_up;
}

bool Handover::old_left() {
  if (state_ != HandoverState::releasing) return false;
  state_ = HandoverState::activating;
  return true;
}

void Handover::new_failed() {
  if (state_ == HandoverState::releasing || state_ == HandoverState::activating) state_ = HandoverState::done;
}

void Handover::applied() {
  if (state_ == HandoverState::activating) state_ = HandoverState::done;
}

Left judge_leaving(const LeavingFacts& facts, std::optional<MonotonicNs>& dead_since, MonotonicNs now) {
  if (facts.failed) return facts.waits ? Left::late : Left::yes;
  if (!facts.lives) {
    if (!dead_since) dead_since = now;
    return is_over(*dead_since, Handover::kNoSuccessorNs, now) ? Left::late : Left::no;
  }
  dead_since.reset();
  return facts.applied && !facts.waits ? Left::yes : Left::no;
}

}  // namespace e2k::supervisor
