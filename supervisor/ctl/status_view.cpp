#include "supervisor/ctl/status_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <vector>

#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

std::string painted_state(const std::string& state, const Paint& paint) {
  if (state == "RUNNING") return paint.good(state);
  if (state == "DEGRADED") return paint.bad(state);
  return paint.warn(printable(state));
}

std::string reasons_text(const Json& reasons, const Seen& seen) {
  std::string out;
  if (!reasons.is_array()) return out;
  for (const Json& reason : reasons) {
    const bool muted = at(reason, "muted") == true;
    // Who mends the cause mends this one.
    if (!text_in(reason, "because").empty()) continue;
    const std::string head = "! " + printable(cell(reason, "code"));
    out += (muted ? head : seen.paint.bad(head)) + ", since " + ago(at(reason, "since"), seen.now_unix_ns) +
           (muted ? " (muted)" : "") + '\n' + wrapped(cell(reason, "message"), 4);
    const std::string more = text_in(reason, "command");
    if (!more.empty() && cell(reason, "message").find(more) == std::string::npos)
      out += wrapped("More: " + more, 4);
    for (const Json& effect : reasons)
      if (text_in(effect, "because") == cell(reason, "code"))
        out += wrapped("Hence " + printable(cell(effect, "code")) + ": " + cell(effect, "message"), 4);
  }
  return out;
}

// Every state but CONNECTED that some are in.
std::string channels_words(const Json& channels) {
  struct State {
    const char *member, *words;
  };
  static constexpr State kStates[] = {{"disconnected", "disconnected"},
                                      {"never_connected", "never connected"},
                                      {"denied", "denied"},
                                      {"no_topic", "without topic"},
                                      {"not_authorised", "not authorised"},
                                      {"no_data", "without data"},
                                      {"quarantined", "quarantined"},
                                      {"pending", "pending"}};
  std::string text =
      grouped(number(channels, "connected")) + " of " + grouped(number(channels, "total")) + " connected";
  for (const State& state : kStates)
    if (const double count = number(channels, state.member); count > 0)
      text += ", " + grouped(count) + " " + state.words;
  return text;
}

bool stands(const Json& status, std::string_view code) {
  const Json& reasons = at(status, "reasons");
  return reasons.is_array() && std::any_of(reasons.begin(), reasons.end(),
                                           [&](const Json& one) { return text_in(one, "code") == code; });
}

std::string commands_words(const Json& status) {
  const Json& commands = at(status, "commands");
  std::string text = cell(commands, "topic") +
                     (at(commands, "caught_up") == true ? "" : " (still being read)") + ", " +
                     plural(number(commands, "channels"), "entry", "entries");
  if (const double rejected = number(commands, "rejected"); rejected > 0)
    text += ", " + grouped(rejected) + " bad since the start" +
            (stands(status, "COMMANDS_REJECTED") ? " (epics2kafkactl rejected)" : ", none stands");
  if (const Json& note = at(commands, "note"); note.is_string()) text += "; " + printable(cell(note));
  return text;
}

// A broker that hangs keeps its connections.
std::string kafka_words(const Json& status) {
  const Json& kafka = at(status, "kafka");
  const double up = number(kafka, "brokers_up");
  const std::string error = cell(kafka, "last_error");
  return (up == 0 ? "no broker is connected" : plural(up, "broker is", "brokers are") + " connected") +
         (up != 0 && stands(status, "BROKERS_SILENT") ? ", and none answers" : "") +
         (error == "-" ? "" : "; last error: " + error);
}

// A worker's files are laid out in advance: what they take says nothing of what waits.
std::string spool_words(const Json& status) {
  const Json& spool = at(status, "spool");
  const double waiting = number(at(status, "events"), "waiting");
  return plural(waiting, "event waits", "events wait") + "; " + bytes(at(spool, "used_bytes")) +
         " of files in use, " + bytes(at(spool, "bytes")) + " laid out, at most " +
         bytes(at(spool, "max_bytes"));
}

std::string totals_words(const Json& events) {
  std::string text = grouped(number(events, "received")) + " received, " +
                     grouped(number(events, "acknowledged")) + " in Kafka, " +
                     grouped(number(events, "lost")) + " lost";
  if (number(events, "coalesced") > 0) text += ", " + grouped(number(events, "coalesced")) + " coalesced";
  if (number(events, "gaps") > 0) text += ", " + plural(number(events, "gaps"), "gap", "gaps");
  return text;
}

std::string figure(const char* name, const std::string& words) {
  constexpr size_t kIndent = 11;
  std::string text = wrapped(words, kIndent);
  const std::string label(name);
  return text.replace(0, std::min(label.size(), text.size()), label);
}

bool fits(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.size() > kColumns) return false;
  return true;
}

}  // namespace

std::string flow_line(const Json& status, const Paint& paint) {
  const Json &rates = at(status, "rates"), &events = at(status, "events");
  const double lag_s = number(at(status, "spool"), "oldest_event_age_s"),
               lost_per_s = number(rates, "lost_per_s");
  const double waiting = number(events, "waiting");
  const bool is_late = waiting > 0 && lag_s > kLateS;
  const bool paused = at(status, "paused") == true || at(status, "state") == "PAUSED";
  std::string figures = rate(number(rates, "received_per_s")) + " in, " +
                        rate(number(rates, "acknowledged_per_s")) + " out, lag " +
                        duration(waiting > 0 ? lag_s : 0.0);
  if (lost_per_s > 0)
    return paint.bad("EVENTS ARE BEING LOST") + ": " + rate(lost_per_s) + " lost, " + figures + '\n';
  if (waiting > 0) figures += ", " + short_number(waiting) + (waiting == 1 ? " waits" : " wait");
  if (paused) return paint.warn("Events wait, paused") + ": " + figures + '\n';
  if (is_late) return paint.bad("EVENTS ARE DELAYED") + ": " + figures + '\n';
  // Be it that the IOCs have nothing to say: that it is on time nobody knows.
  if (waiting == 0 && number(rates, "received_per_s") == 0) return "No events come in: " + figures + '\n';
  return paint.good("Events are on time") + ": " + figures + '\n';
}

std::string status_text(const Json& status, const Seen& seen) {
  std::string out = flow_line(status, seen.paint);
  out += printable(cell(status, "name")) + " " + printable(cell(status, "version")) + " is " +
         painted_state(cell(status, "state"), seen.paint) + ", pid " + cell(status, "pid") + ", up " +
         duration(at(status, "uptime_s")) + '\n' + reasons_text(at(status, "reasons"), seen) + '\n';
  const Json& libraries = at(status, "libraries");
  out += figure("channels", channels_words(at(status, "channels"))) +
         figure("commands", commands_words(status)) + figure("kafka", kafka_words(status)) +
         figure("spool", spool_words(status)) + figure("events", totals_words(at(status, "events"))) +
         figure("libraries",
                "librdkafka " + cell(libraries, "librdkafka") + ", libca " + cell(libraries, "libca"));
  for (const Json& gone : at(status, "gone_slots"))
    if (at(at(gone, "events"), "waiting") != 0)
      out += figure("slot", cell(gone, "slot") + " is served no more; worker " + cell(gone, "heir") +
                                " drains " + cell(at(gone, "events"), "waiting") + " events of it");
  return out + '\n' + compact_workers_text(at(status, "workers"));
}

std::string compact_workers_text(const Json& workers) {
  Rows rows = {{"SLOT", "STATE", "UP", "CONNECTED", "RECEIVED", "WAITING", "LOST", "RESTARTS", "MEMORY"}};
  std::string exits;
  for (const Json& worker : workers) {
    const Json& events = at(worker, "events");
    rows.push_back({cell(worker, "slot"), cell(worker, "state"), duration(at(worker, "uptime_s")),
                    short_number(number(worker, "connected")) + "/" + short_number(number(worker, "entries")),
                    short_number(number(events, "received")), short_number(number(events, "waiting")),
                    short_number(number(events, "lost")), short_number(number(worker, "restarts")),
                    bytes(at(worker, "rss_bytes"))});
    if (const std::string exit = text_in(worker, "last_exit"); !exit.empty())
      exits += wrapped("worker " + cell(worker, "slot") + " ended last by " + exit, 0);
  }
  std::string text = table(rows);
  for (size_t dropped = 0; dropped < 2 && !fits(text); ++dropped) {
    for (auto& row : rows) row.pop_back();
    text = table(rows);
  }
  return text + exits;
}

std::string health_text(const Json& ready, const Seen& seen) {
  return painted_state(cell(ready, "state"), seen.paint) +
         (at(ready, "ready") == true ? ", ready\n" : ", not ready\n") +
         reasons_text(at(ready, "reasons"), seen);
}

}  // namespace e2k::supervisor::ctl
