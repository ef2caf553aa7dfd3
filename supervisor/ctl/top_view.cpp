#include "supervisor/ctl/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/status_view.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

struct Line {
  double in = 0, out = 0, waiting = 0, lost = 0;
  std::vector<std::string> cells;
};

// Figures descend; what is equal, and names, stay as they came.
std::string ordered_table(std::vector<std::string> heading, std::vector<Line> lines, TopOrder order) {
  const auto figure = [order](const Line& line) {
    return order == TopOrder::in        ? line.in
           : order == TopOrder::out     ? line.out
           : order == TopOrder::waiting ? line.waiting
           : order == TopOrder::lost    ? line.lost
                                        : 0.0;
  };
  std::ranges::stable_sort(lines, [&](const Line& a, const Line& b) { return figure(a) > figure(b); });
  Rows rows = {std::move(heading)};
  for (Line& line : lines) rows.push_back(std::move(line.cells));
  return table(rows);
}

// The first characters, whole ones.
std::string cut(std::string_view text, size_t columns) {
  std::string out;
  for (size_t shown = 0; !text.empty() && shown < columns; ++shown) {
    const size_t bytes = std::max<size_t>(1, utf8_character_bytes(text));
    out += text.substr(0, bytes);
    text.remove_prefix(bytes);
  }
  return out;
}

const char* word_of(TopOrder order) {
  switch (order) {
    case TopOrder::name:
      return "name";
    case TopOrder::in:
      return "events in";
    case TopOrder::out:
      return "events out";
    case TopOrder::waiting:
      return "waiting";
    case TopOrder::lost:
      return "lost";
  }
  return "";
}

}  // namespace

void TopView::take(Json status, Json hosts, Json channels, double now_s, int64_t now_unix_ns) {
  status_ = std::move(status);
  hosts_ = std::move(hosts);
  channels_ = std::move(channels);
  now_unix_ns_ = now_unix_ns;
  const double seconds = now_s - looked_at_s_;
  std::map<std::string, Sums> sums;
  rates_.clear();
  for (const Json& worker : at(status_, "workers")) {
    const Json& events = at(worker, "events");
    const std::string slot = cell(worker, "slot");
    sums[slot] = {number(events, "received"), number(events, "acknowledged")};
    const auto before = before_.find(slot);
    if (before == before_.end() || seconds <= 0) continue;
    rates_[slot] = {std::max(0.0, sums[slot].received - before->second.received) / seconds,
                    std::max(0.0, sums[slot].acknowledged - before->second.acknowledged) / seconds};
  }
  before_ = std::move(sums);
  looked_at_s_ = now_s;
}

bool TopView::press(char key) {
  static const std::map<char, TopOrder> kKeys = {{'s', TopOrder::name},
                                                 {'i', TopOrder::in},
                                                 {'o', TopOrder::out},
                                                 {'w', TopOrder::waiting},
                                                 {'l', TopOrder::lost}};
  const auto found = kKeys.find(key);
  if (found == kKeys.end()) return false;
  order_ = found->second;
  return true;
}

std::string TopView::workers() const {
  std::vector<Line> lines;
  for (const Json& worker : at(status_, "workers")) {
    const Json& events = at(worker, "events");
    const std::string slot = cell(worker, "slot");
    const auto found = rates_.find(slot);
    const Sums rates = found == rates_.end() ? Sums{} : found->second;
    lines.push_back(
        {rates.received,
         rates.acknowledged,
         number(events, "waiting"),
         number(events, "lost"),
         {slot, cell(worker, "state"),
          short_number(number(worker, "connected")) + "/" + short_number(number(worker, "entries")),
          rate(rates.received), rate(rates.acknowledged), short_number(number(events, "waiting")),
          short_number(number(events, "lost")), bytes(at(worker, "rss_bytes"))}});
  }
  return ordered_table({"WORKER", "STATE", "CONNECTED", "IN", "OUT", "WAITING", "LOST", "MEMORY"},
                       std::move(lines), order_);
}

std::string TopView::hosts() const {
  std::vector<Line> lines;
  for (const Json& host : hosts_) {
    const double events_per_s = number(host, "events_per_s"), waiting = number(host, "waiting");
    lines.push_back({events_per_s,
                     events_per_s,
                     waiting,
                     waiting,
                     {cell(host, "host"), cell(host, "state"), ago(at(host, "since"), now_unix_ns_),
                      short_number(number(host, "channels")), rate(events_per_s), short_number(waiting)}});
  }
  return ordered_table({"IOC", "STATE", "SINCE", "CHANNELS", "EVENTS", "WAITING"}, std::move(lines), order_);
}

std::string TopView::channels() const {
  Rows rows = {{"NOT CONNECTED", "STATE", "REASON"}};
  for (const Json& entry : channels_)
    rows.push_back({cell(entry, "channel"), cell(entry, "state"), cell(entry, "reason")});
  return rows.size() == 1 ? "Every channel is connected.\n" : table(rows);
}

std::string TopView::reasons() const {
  std::string out;
  for (const Json& reason : at(status_, "reasons"))
    out += "! " + printable(cell(reason, "code")) + ", since " + ago(at(reason, "since"), now_unix_ns_) +
           ": " + printable(cell(reason, "message")) + '\n';
  return out;
}

std::string TopView::screen(size_t lines, size_t columns, const Paint& paint) const {
  std::string foot =
      std::string("q ends; order by s name, i in, o out, w waiting, l lost (now by ") + word_of(order_) + ")";
  std::vector<std::string> parts = {
      printable(cell(status_, "name")) + " is " + printable(cell(status_, "state")) + ", up " +
          duration(at(status_, "uptime_s")) + ", " + grouped(number(at(status_, "channels"), "connected")) +
          " of " + grouped(number(at(status_, "channels"), "total")) + " connected\n" + reasons(),
      workers(), hosts(), channels()};
  std::vector<std::string> shown;
  for (const std::string& part : parts) {
    std::istringstream text(part);
    for (std::string line; std::getline(text, line);) shown.push_back(cut(line, columns));
    shown.emplace_back();
  }
  // The first line is coloured, and fits; the last one is kept.
  constexpr size_t kFixedLines = 2;
  shown.resize(std::min(shown.size(), lines > kFixedLines ? lines - kFixedLines : 0));
  std::string out = flow_line(status_, paint);
  for (const std::string& line : shown) out += line + '\n';
  return out + cut(foot, columns);
}

std::string TopView::line() const {
  std::string codes;
  for (const Json& reason : at(status_, "reasons"))
    codes += (codes.empty() ? "" : ",") + cell(reason, "code");
  const Json &rates = at(status_, "rates"), &events = at(status_, "events"),
             &channels = at(status_, "channels");
  const double waiting = number(events, "waiting");
  return fmt::format("{} {} in={} out={} lag={} waiting={:.0f} lost={:.0f} connected={}/{} reasons={}\n",
                     iso8601_utc(now_unix_ns_ / kNsPerSecond * kNsPerSecond),
                     printable(cell(status_, "state")), rate(number(rates, "received_per_s")),
                     rate(number(rates, "acknowledged_per_s")),
                     duration(waiting > 0 ? number(at(status_, "spool"), "oldest_event_age_s") : 0.0),
                     waiting, number(events, "lost"), cell(channels, "connected"), cell(channels, "total"),
                     codes.empty() ? "-" : printable(codes));
}

}  // namespace e2k::supervisor::ctl
