#include "proto/ledger_format.h"

namespace e2k::ledger {

const char* to_string(LossReason reason) {
  switch (reason) {
    case LossReason::none:
      return "none";
    case LossReason::no_segment:
      return "spool_full";
    case LossReason::event_too_large:
      return "event_too_large";
    case LossReason::spool_io:
      return "spool_io";
    case LossReason::refused_by_broker:
      return "refused_by_broker";
    case LossReason::encoding_failed:
      return "encoding_failed";
    case LossReason::dropped_oldest:
      return "dropped_oldest";
    case LossReason::dropped_newest:
      return "dropped_newest";
    case LossReason::spool_behind:
      return "spool_behind";
    case LossReason::spool_gone:
      return "spool_gone";
    case LossReason::damaged:
      return "damaged";
    case LossReason::killed_worker:
      return "killed_worker";
  }
  return "unknown";  // a number of a newer version, read from a file
}

const char* to_string(Blocked why) {
  switch (why) {
    case Blocked::no:
      return "no";
    case Blocked::no_topic:
      return "no_topic";
    case Blocked::not_authorised:
      return "not_authorised";
    case Blocked::no_leader:
      return "no_leader";
    case Blocked::window_full:
      return "window_full";
    case Blocked::encoder:
      return "encoder";
    case Blocked::silent:
      return "silent";
  }
  return "unknown";
}

}  // namespace e2k::ledger
