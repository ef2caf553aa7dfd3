// Pure. Whether the records of an output topic flow: the one machine that decides it.
//
//   trial      nothing was acknowledged yet since the topic was first seen, or since it was blocked: one
//   record
//              alone, in the careful lane. A topic that can't be produced to never ends the main producer.
//     acknowledged         -> flowing
//   flowing    records are produced as they are read: in the main lane, or, for a while after one of them was
//              refused, one by one in the careful lane, where a refusal costs that record alone
//     a record comes back  -> recalling
//   recalling  nothing is produced until all that is in flight has come back; then what is not settled is
//   read
//              again, in its order
//     all is back          -> waiting, where the topic is the obstacle; else what it was before
//   waiting    blocked, until a retry is due
//     retry is due         -> trial
//     it is still missing  -> waiting, for longer
//
// Beside that a topic waits while the ids of its schemas are not known. Times are monotonic nanoseconds.
#pragma once

#include <cstdint>

#include "proto/ledger_format.h"

namespace e2k::worker {

enum class Flow : uint8_t { trial, flowing, recalling, waiting };
enum class Lane : uint8_t { main, careful };
inline constexpr int kLanes = 2;

// How a record came back.
enum class Failure : uint8_t {
  record_refused,  // for what is in it, or in another record of its batch
  no_topic,
  not_authorised,
  no_leader,
  returned,  // by our own producer, before it was known what became of it
};

struct FlowSettings {
  int64_t first_back_off_ns = 500'000'000;
  // Below the ten seconds in which a topic that was mended has to flow.
  int64_t longest_back_off_ns = 8'000'000'000;
  int64_t careful_ns = 60'000'000'000;  // since the last refusal
  int64_t silent_ns = 60'000'000'000;   // without an acknowledgement, while others have them
};

struct FlowState {
  Flow flow = Flow::trial;
  Flow after_recall = Flow::trial;
  Lane lane = Lane::careful;
  bool schemas_known = false;
  ledger::Blocked why = ledger::Blocked::no;
  uint32_t in_flight = 0;
  int64_t retry_at_ns = 0;
  int64_t back_off_ns = 0;
  int64_t careful_until_ns = 0;
  int64_t acknowledged_at_ns = 0;  // 0: never
  int64_t produced_at_ns = 0;  // while in flight: when the first of them was, since the last acknowledgement
};

// Whether a record may be produced now, as far as the topic is concerned.
constexpr bool may_produce(const FlowState& s) {
  if (!s.schemas_known) return false;
  if (s.flow == Flow::trial) return s.in_flight == 0;
  return s.flow == Flow::flowing && (s.lane == Lane::main || s.in_flight == 0);
}

enum class FlowEvent : uint8_t {
  produced,
  acknowledged,
  failed,
  tick,
  schemas_known,
  schemas_missing,
  still_missing
};

struct FlowInput {
  FlowEvent event;
  int64_t now_ns;
  Failure failure = Failure::returned;  // of `failed`
  bool others_flow = false;             // of `tick`: acknowledgements come for other topics
};

struct FlowOutcome {
  bool record_is_lost = false;  // the one that failed: it was alone, and refused
  bool read_again = false;      // what is not settled, from the oldest one on
  bool why_changed = false;
};

FlowOutcome step(FlowState& state, const FlowInput& input, const FlowSettings& settings);

}  // namespace e2k::worker
