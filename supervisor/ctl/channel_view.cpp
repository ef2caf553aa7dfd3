#include "supervisor/ctl/channel_view.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

std::string figure(const char* name, const std::string& words) {
  constexpr size_t kIndent = 14;
  std::string text = wrapped(words, kIndent);
  const std::string label = std::string("  ") + name;
  return text.replace(0, std::min(label.size(), text.size()), label);
}

std::string ioc_words(const Json& entry) {
  std::string words = at(entry, "host").is_string() ? text_in(entry, "host") : "none is known";
  if (at(entry, "type").is_string())
    words += ", " + text_in(entry, "type") + ", " + plural(number(entry, "count"), "element", "elements");
  if (at(entry, "also_at").is_string()) words += "; " + text_in(entry, "also_at") + " answers, too";
  return words;
}

std::string last_event_words(const Json& entry) {
  if (!at(entry, "last_event_age_s").is_number()) return "none yet";
  std::string words = duration(at(entry, "last_event_age_s")) + " ago";
  if (at(entry, "last_stamp").is_string()) words += ", stamp " + stamp_words(at(entry, "last_stamp"));
  // Below this it is the way from the IOC here, not its clock.
  constexpr double kShownSkewS = 1;
  const double skew_s = number(entry, "clock_skew_s");
  if (skew_s >= kShownSkewS) words += ", which is " + duration(skew_s) + " before it came";
  if (skew_s <= -kShownSkewS) words += ", which is " + duration(-skew_s) + " after it came";
  return words;
}

std::string kafka_words(const Json& entry) {
  std::string words = "topic " + cell(entry, "topic") + ", ";
  words += at(entry, "last_offset").is_number() ? "last at partition " + cell(entry, "last_partition") +
                                                      ", offset " + cell(entry, "last_offset")
                                                : "nothing acknowledged since its worker began";
  if (at(entry, "blocked").is_string()) words += "; blocked: " + text_in(entry, "blocked");
  return words;
}

std::string counts_words(const Json& entry) {
  return grouped(number(entry, "received")) + " received = " + grouped(number(entry, "acknowledged")) +
         " in Kafka + " + grouped(number(entry, "waiting")) + " waiting + " + grouped(number(entry, "lost")) +
         " lost + " + grouped(number(entry, "coalesced")) + " coalesced";
}

std::string entry_text(const Json& entry, const Seen& seen) {
  const std::string state = printable(cell(entry, "state"));
  std::string out =
      seen.paint.bold(printable(cell(entry, "channel"))) + " for " + printable(cell(entry, "topic")) + ": " +
      (state == "CONNECTED" ? seen.paint.good(state) : seen.paint.bad(state)) +
      (at(entry, "since").is_string() ? ", since " + ago(at(entry, "since"), seen.now_unix_ns) : "") + '\n';
  if (const std::string reason = text_in(entry, "reason"); !reason.empty()) out += wrapped(reason, 2);
  out += figure("command", "offset " + cell(entry, "command_offset") + " of the command topic, mask " +
                               cell(entry, "mask") + ", key " +
                               (at(entry, "key").is_string() ? cell(entry, "key") : cell(entry, "channel")));
  out += figure("worker",
                (at(entry, "worker").is_number() ? cell(entry, "worker") : "none yet") + move_words(entry));
  out += figure("IOC", ioc_words(entry)) + figure("last event", last_event_words(entry)) +
         figure("Kafka", kafka_words(entry)) + figure("events", counts_words(entry));
  if (const Json& loss = at(entry, "last_loss"); loss.is_object())
    out += figure("last loss", cell(loss, "reason") + ", " + ago(at(loss, "at"), seen.now_unix_ns));
  if (const double gaps = number(entry, "gaps"); gaps > 0) {
    const Json& gap = at(entry, "last_gap");
    out += figure("gaps", grouped(gaps) + ", the last from " + stamp_words(at(gap, "begin")) + " to " +
                              (at(gap, "end").is_string() ? stamp_words(at(gap, "end")) : "now"));
  }
  if (const double restamped = number(entry, "restamped"); restamped > 0)
    out += figure("restamped", plural(restamped, "event has", "events have") +
                                   " the time of arrival: the IOC's stamp was 0, or out of bounds");
  return out;
}

}  // namespace

std::string move_words(const Json& entry) {
  const Json& move = at(entry, "move");
  if (!move.is_object()) return "";
  return ", on its way from worker " + cell(move, "from") + " to worker " + cell(move, "to") + " (" +
         text_in(move, "step") + ")";
}

std::string stamp_words(const Json& stamp) {
  if (!stamp.is_string()) return "-";
  std::string text = stamp.get<std::string>();
  constexpr size_t kToMilliseconds = 23, kDateAndTime = 11;  // 2026-11-24T01:02:03.123
  if (text.size() <= kToMilliseconds || text[kDateAndTime - 1] != 'T') return text;
  text[kDateAndTime - 1] = ' ';
  return text.substr(0, kToMilliseconds) + " UTC";
}

std::string channel_text(const Json& channel, const Seen& seen) {
  std::string out;
  for (const Json& entry : at(channel, "entries")) out += (out.empty() ? "" : "\n") + entry_text(entry, seen);
  return out;
}

}  // namespace e2k::supervisor::ctl
