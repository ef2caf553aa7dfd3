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
    case LossReason::malformed:
      return "malformed";
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
    case Blocked::encoder:
      return "encoder";
    case Blocked::silent:
      return "silent";
  }
  return "unknown";
}

uint64_t sum_of(const std::atomic<uint64_t> (&reasons)[kReasons]) {
  uint64_t sum = 0;
  for (const auto& count : reasons) sum += count.load(std::memory_order_acquire);
  return sum;
}

uint64_t waiting_of(const Header& header) {
  constexpr auto acquire = std::memory_order_acquire;
  const uint64_t settled =
      header.acknowledged.load(acquire) + header.coalesced.load(acquire) + sum_of(header.lost_spooled);
  const uint64_t appended = header.appended.load(acquire);
  return appended > settled ? appended - settled : 0;
}

}  // namespace e2k::ledger
