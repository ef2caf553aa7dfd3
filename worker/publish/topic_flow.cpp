#include "worker/publish/topic_flow.h"

#include <algorithm>
#include <utility>

namespace e2k::worker {
namespace {

using ledger::Blocked;

struct Step {
  FlowState& s;
  const FlowInput& in;
  const FlowSettings& settings;
  FlowOutcome outcome;

  void set_why(Blocked why) {
    if (std::exchange(s.why, why) != why) outcome.why_changed = true;
  }

  void flow_on() {
    s.flow = Flow::flowing;
    s.lane = in.now_ns < s.careful_until_ns ? Lane::careful : Lane::main;
  }

  void wait() {
    s.flow = Flow::waiting;
    s.back_off_ns = std::clamp(s.back_off_ns * 2, settings.first_back_off_ns, settings.longest_back_off_ns);
    s.retry_at_ns = in.now_ns + s.back_off_ns;
  }

  // Everything in flight is back.
  void end_recall() {
    if (s.flow != Flow::recalling || s.in_flight != 0) return;
    outcome.read_again = true;
    switch (s.after_recall) {
      case Flow::waiting:
        return wait();
      case Flow::trial:
        s.flow = Flow::trial;
        s.lane = Lane::careful;
        return;
      case Flow::flowing:
      case Flow::recalling:
        return flow_on();
    }
  }

  void produced() {
    if (s.in_flight++ == 0) s.produced_at_ns = in.now_ns;
  }

  void acknowledged() {
    --s.in_flight;
    s.acknowledged_at_ns = in.now_ns;
    s.produced_at_ns = in.now_ns;
    s.back_off_ns = 0;
    if (s.flow == Flow::recalling) return end_recall();
    if (s.schemas_known) set_why(Blocked::no);
    // Lanes are changed with nothing in flight only: each keeps its own order.
    if (s.flow == Flow::trial || (s.flow == Flow::flowing && s.in_flight == 0)) flow_on();
  }

  void recall(Flow after) {
    // What was said first stands: an obstacle is not forgotten for the records that come back with it.
    if (s.flow == Flow::recalling && s.after_recall == Flow::waiting) return;
    s.flow = Flow::recalling;
    s.after_recall = after;
  }

  void failed() {
    --s.in_flight;
    switch (in.failure) {
      case Failure::record_refused: {
        const bool alone = s.lane == Lane::careful;
        s.careful_until_ns = in.now_ns + settings.careful_ns;
        outcome.record_is_lost = alone;
        if (alone && s.flow != Flow::recalling) return flow_on();
        recall(Flow::flowing);
        break;
      }
      case Failure::returned:
        recall(s.flow == Flow::recalling ? s.after_recall : s.flow);
        break;
      case Failure::no_topic:
        set_why(Blocked::no_topic);
        recall(Flow::waiting);
        break;
      case Failure::not_authorised:
        set_why(Blocked::not_authorised);
        recall(Flow::waiting);
        break;
      case Failure::no_leader:
        set_why(Blocked::no_leader);
        recall(Flow::waiting);
        break;
    }
    end_recall();
  }

  void tick() {
    if (s.flow == Flow::waiting && in.now_ns >= s.retry_at_ns) {
      s.flow = Flow::trial;
      s.lane = Lane::careful;
    }
    const bool silent = s.flow == Flow::flowing && s.in_flight != 0 && in.others_flow &&
                        in.now_ns - s.produced_at_ns > settings.silent_ns;
    if (silent && s.why == Blocked::no) set_why(Blocked::silent);
  }

  FlowOutcome operator()() {
    switch (in.event) {
      case FlowEvent::produced:
        produced();
        break;
      case FlowEvent::acknowledged:
        acknowledged();
        break;
      case FlowEvent::failed:
        failed();
        break;
      case FlowEvent::tick:
        tick();
        break;
      case FlowEvent::schemas_known:
        s.schemas_known = true;
        if (s.why == Blocked::encoder) set_why(Blocked::no);
        break;
      case FlowEvent::still_missing:
        if (s.flow == Flow::waiting) wait();
        break;
      case FlowEvent::schemas_missing:
        s.schemas_known = false;
        set_why(Blocked::encoder);
        break;
    }
    return outcome;
  }
};

}  // namespace

FlowOutcome step(FlowState& state, const FlowInput& input, const FlowSettings& settings) {
  return Step{state, input, settings, {}}();
}

}  // namespace e2k::worker
