#include "supervisor/ctl/views.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "supervisor/ctl/blocked.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {

using Json = nlohmann::json;

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

std::string topics_text(const Json& topics) {
  Rows rows = {{"TOPIC", "ENTRIES", "CONNECTED", "IN", "OUT", "WAITING", "LOST", "BLOCKED"}};
  for (const Json& topic : topics) {
    const double blocked = number(topic, "blocked_entries");
    rows.push_back({cell(topic, at(topic, "kafka_name").is_string() ? "kafka_name" : "topic"),
                    short_number(number(topic, "entries")), short_number(number(topic, "connected")),
                    rate(number(topic, "received_per_s")), rate(number(topic, "acknowledged_per_s")),
                    short_number(number(topic, "waiting")), short_number(number(topic, "lost")),
                    blocked == 0 ? "-"
                                 : "it " + blocked_words(text_in(topic, "blocked")) + " (" +
                                       plural(blocked, "entry", "entries") + ")"});
  }
  return table(rows);
}

std::string rejected_text(const Json& rejected) {
  Rows rows = {{"PARTITION", "OFFSET", "TIME", "KEY", "REASON"}};
  for (const Json& one : at(rejected, "items"))
    rows.push_back({cell(one, "partition"), cell(one, "offset"), cell(one, "timestamp"), cell(one, "key"),
                    cell(one, "reason")});
  return table(rows);
}

}  // namespace e2k::supervisor::ctl
