#include "supervisor/ctl/views.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

const Json& at(const Json& object, const char* name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.3g}", value.get<double>());
  if (value.is_object()) {
    std::string parts;
    for (const auto& [name, part] : value.items())
      parts += (parts.empty() ? "" : ", ") + name + " " + cell(part);
    return parts;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string cell(const Json& object, const char* name) {
  return cell(at(object, name));
}

std::string duration(const Json& seconds) {
  if (!seconds.is_number()) return "-";
  const double s = seconds.get<double>();
  if (!(s >= 0) || s > 1e12) return "-";
  const auto whole = static_cast<int64_t>(s);
  if (s < 60) return fmt::format("{:.1f}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
}

std::string bytes(const Json& value) {
  if (!value.is_number()) return "-";
  double n = value.get<double>();
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (n >= 1024 && unit + 1 < std::size(units)) {
    n /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", n, unit == 0 ? 0 : 1, units[unit]);
}

std::string reasons_text(const Json& reasons) {
  std::string out;
  if (!reasons.is_array()) return out;
  for (const Json& reason : reasons)
    out += "! " + printable(cell(reason, "code")) + ": " + printable(cell(reason, "message")) + " (since " +
           printable(cell(reason, "since")) + ")\n";
  return out;
}

}  // namespace

std::string status_text(const Json& status) {
  const Json &commands = at(status, "commands"), &channels = at(status, "channels"),
             &events = at(status, "events"), &kafka = at(status, "kafka"), &spool = at(status, "spool");
  std::string out = printable(cell(status, "name")) + " " + printable(cell(status, "version")) + ": " +
                    printable(cell(status, "state")) + ", pid " + cell(status, "pid") + ", up " +
                    duration(at(status, "uptime_s")) + "\n" + reasons_text(at(status, "reasons"));
  const Json& libraries = at(status, "libraries");
  Rows rows = {
      {"libraries", "librdkafka " + cell(libraries, "librdkafka") + ", libca " + cell(libraries, "libca")},
      {"commands", cell(commands, "topic") +
                       (at(commands, "caught_up") == true ? "" : " (still being read)") + ", " +
                       cell(commands, "channels") + " entries, " + cell(commands, "rejected") + " rejected"},
      {"channels", cell(channels, "connected") + " of " + cell(channels, "total") + " connected, " +
                       cell(channels, "disconnected") + " disconnected, " +
                       cell(channels, "never_connected") + " never connected, " + cell(channels, "denied") +
                       " denied, " + cell(channels, "no_data") + " without data, " +
                       cell(channels, "pending") + " pending, " + cell(channels, "quarantined") +
                       " quarantined"},
      {"events", cell(events, "received") + " received, " + cell(events, "acknowledged") + " acknowledged, " +
                     cell(events, "waiting") + " waiting, " + cell(events, "lost") + " lost, " +
                     cell(events, "coalesced") + " coalesced"},
      {"kafka", cell(kafka, "brokers_up") + " brokers up" +
                    (cell(kafka, "last_error") == "-" ? "" : ", last error: " + cell(kafka, "last_error"))},
      {"spool", bytes(at(spool, "bytes")) + " of " + bytes(at(spool, "max_bytes")) + ", oldest event " +
                    duration(at(spool, "oldest_event_age_s"))}};
  for (const Json& gone : at(status, "gone_slots"))
    if (at(at(gone, "events"), "waiting") != 0)
      rows.push_back({"slot " + cell(gone, "slot"), "is served no more; worker " + cell(gone, "heir") +
                                                        " drains " + cell(at(gone, "events"), "waiting") +
                                                        " events of it"});
  return out + table(rows) + "\n" + workers_text(at(status, "workers"));
}

std::string workers_text(const Json& workers) {
  Rows rows = {{"WORKER", "STATE", "PID", "UP", "CHANNELS", "CONNECTED", "RECEIVED", "WAITING", "LOST",
                "RESTARTS", "MEMORY", "LAST EXIT"}};
  for (const Json& worker : workers) {
    const Json& events = at(worker, "events");
    rows.push_back({cell(worker, "slot"), cell(worker, "state"), cell(worker, "pid"),
                    duration(at(worker, "uptime_s")), cell(worker, "channels"), cell(worker, "connected"),
                    cell(events, "received"), cell(events, "waiting"), cell(events, "lost"),
                    cell(worker, "restarts"), bytes(at(worker, "rss_bytes")), cell(worker, "last_exit")});
  }
  return table(rows);
}

std::string ChannelsText::part(const Json& entries) {
  Rows rows;
  if (widths_.empty())
    rows.push_back({"CHANNEL", "TOPIC", "STATE", "WORKER", "MASK", "HOST", "RECEIVED", "WAITING", "LOST",
                    "AGE", "REASON"});
  for (const Json& entry : entries)
    rows.push_back({cell(entry, "channel"), cell(entry, "topic"), cell(entry, "state"), cell(entry, "worker"),
                    cell(entry, "mask"), cell(entry, "host"), cell(entry, "received"), cell(entry, "waiting"),
                    cell(entry, "lost"), duration(at(entry, "last_event_age_s")), cell(entry, "reason")});
  return table(rows, widths_);
}

std::string channel_text(const Json& channel) {
  std::string out;
  for (const Json& entry : at(channel, "entries")) {
    if (!out.empty()) out += '\n';
    Rows rows;
    for (const auto& [name, value] : entry.items()) rows.push_back({name, cell(value)});
    out += table(rows);
  }
  return out;
}

std::string rejected_text(const Json& rejected) {
  Rows rows = {{"PARTITION", "OFFSET", "TIME", "KEY", "REASON"}};
  for (const Json& one : at(rejected, "items"))
    rows.push_back({cell(one, "partition"), cell(one, "offset"), cell(one, "timestamp"), cell(one, "key"),
                    cell(one, "reason")});
  return table(rows);
}

std::string health_text(const Json& ready) {
  return printable(cell(ready, "state")) + (at(ready, "ready") == true ? ", ready\n" : ", not ready\n") +
         reasons_text(at(ready, "reasons"));
}

}  // namespace e2k::supervisor::ctl
