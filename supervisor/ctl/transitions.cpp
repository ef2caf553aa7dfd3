#include "supervisor/ctl/transitions.h"

#include <array>
#include <utility>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/blocked.h"
#include "supervisor/ctl/channel_view.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

// What is said of a thing that is no longer in its list, by kind.
constexpr auto kAbsent = std::to_array<const char*>(
    {"", "ended", "gone", "gone", "takes records again", "CONNECTED, or commanded no more"});

}  // namespace

std::vector<Transition> Transitions::take(const Looked& looked) {
  Picture now[kKinds];
  now[0]["service"] = {text_in(looked.status, "state"), ""};
  for (const Json& reason : at(looked.status, "reasons"))
    now[1]["reason " + cell(reason, "code")] = {"stands", text_in(reason, "message")};
  for (const Json& worker : at(looked.status, "workers")) {
    const std::string state = text_in(worker, "state");
    now[2]["worker " + cell(worker, "slot")] = {state,
                                                state == "RUNNING" ? "" : text_in(worker, "last_exit")};
  }
  for (const Json& host : looked.hosts) now[3]["IOC " + cell(host, "host")] = {text_in(host, "state"), ""};
  for (const Json& topic : looked.topics)
    if (const std::string blocked = text_in(topic, "blocked"); !blocked.empty())
      now[4]["topic " + cell(topic, "topic")] = {"blocked", "it " + blocked_words(blocked)};
  for (const Json& entry : looked.channels)
    now[5]["channel " + cell(entry, "channel") + " for " + cell(entry, "topic")] = {text_in(entry, "state"),
                                                                                    text_in(entry, "reason")};
  std::vector<Transition> changes;
  for (size_t kind = 0; kind < kKinds; ++kind) compare(kind, std::move(now[kind]), changes);
  return changes;
}

std::vector<Transition> Transitions::unanswered() {
  std::vector<Transition> changes;
  compare(0, {{"service", {"not answering", ""}}}, changes);
  return changes;
}

void Transitions::compare(size_t kind, Picture now, std::vector<Transition>& changes) {
  Picture& last = pictures_[kind];
  for (const auto& [what, standing] : now) {
    const auto before = last.find(what);
    if (before == last.end())
      changes.push_back({what, "", standing.state, standing.words});
    else if (before->second.state != standing.state)
      changes.push_back({what, before->second.state, standing.state, standing.words});
  }
  for (const auto& [what, standing] : last)
    if (!now.contains(what)) changes.push_back({what, standing.state, kAbsent[kind], ""});
  last = std::move(now);
}

std::string line_of(const Transition& t, int64_t now_unix_ns) {
  std::string line = stamp_words(Json(iso8601_utc(now_unix_ns))) + "  " + printable(t.what) + ": ";
  if (!t.before.empty()) line += printable(t.before) + " -> ";
  line += printable(t.state);
  if (!t.words.empty()) line += ": " + printable(t.words);
  return line;
}

Json json_of(const Transition& t, int64_t now_unix_ns) {
  return {{"time", iso8601_utc(now_unix_ns)},
          {"what", t.what},
          {"before", t.before.empty() ? Json() : Json(t.before)},
          {"state", t.state},
          {"text", t.words}};
}

}  // namespace e2k::supervisor::ctl
