#include "supervisor/status/spool_texts.h"

#include <fmt/format.h>

#include <iterator>

namespace e2k::supervisor {

using ledger::Blocked;
using ledger::LossReason;

std::string bytes_text(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double n = static_cast<double>(bytes);
  size_t unit = 0;
  for (; n >= 1024 && unit + 1 < std::size(kUnits); ++unit) n /= 1024;
  return fmt::format("{:.{}f} {}", n, unit == 0 ? 0 : 1, kUnits[unit]);
}

std::string duration_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} minutes", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{:.0f} hours", seconds / 3600);
  return fmt::format("{:.0f} days", seconds / 86400);
}

const char* cause_of(Blocked why) {
  switch (why) {
    case Blocked::no_topic:
      return "does not exist";
    case Blocked::not_authorised:
      return "may not be written to";
    case Blocked::no_leader:
      return "has a partition without a leader";
    case Blocked::encoder:
      return "has no schema id yet";
    case Blocked::silent:
      return "is at a broker that acknowledges nothing";
    case Blocked::no:
      break;
  }
  return "takes nothing";
}

std::string remedy_of(Blocked why, std::string_view topic) {
  switch (why) {
    case Blocked::no_topic:
      return fmt::format(
          "Create it: kafka-topics.sh --create --topic {}; epics2kafkactl channels --state NO_TOPIC "
          "shows whose events wait",
          topic);
    case Blocked::not_authorised:
      return fmt::format(
          "Grant it: kafka-acls.sh --add --allow-principal USER --operation Write --topic {}; "
          "epics2kafkactl channels --state NOT_AUTHORISED shows whose events wait",
          topic);
    case Blocked::no_leader:
      return fmt::format("Bring its brokers back: kafka-topics.sh --describe --topic {} shows which", topic);
    case Blocked::encoder:
      return "See SCHEMA_REGISTRY; epics2kafkactl channel NAME says more";
    case Blocked::silent:
      return fmt::format(
          "Look at the brokers that lead it and their network: kafka-topics.sh --describe --topic "
          "{} shows which",
          topic);
    case Blocked::no:
      break;
  }
  return "epics2kafkactl channels shows whose events wait";
}

const char* remedy_of(LossReason reason) {
  switch (reason) {
    case LossReason::no_segment:
    case LossReason::dropped_oldest:
    case LossReason::dropped_newest:
      return "The spool was full: mend Kafka, or raise spool.max_total_bytes. ";
    case LossReason::event_too_large:
      return "Raise spool.max_event_bytes above the largest array. ";
    case LossReason::spool_io:
      return "spool.directory can't be written: look at its disk. ";
    case LossReason::refused_by_broker:
      return "Raise max.message.bytes of the topic and message.max.bytes in [kafka], or look at its time "
             "stamps "
             "(message.timestamp.*). ";
    case LossReason::encoding_failed:
      return "The converter can't express them: the worker's log says why. ";
    case LossReason::spool_behind:
      return "Put spool.directory on a faster disk. ";
    case LossReason::spool_gone:
      return "See SPOOL_GONE. ";
    case LossReason::damaged:
      return "See LOG_DAMAGED. ";
    case LossReason::killed_worker:
      return "Workers died over them: mend the converter; the worker's log names the topic. ";
    case LossReason::malformed:
      return "Their server sends fewer elements than it says: mend it; the worker's log names the channel. ";
    case LossReason::none:
      break;
  }
  return "";
}

}  // namespace e2k::supervisor
