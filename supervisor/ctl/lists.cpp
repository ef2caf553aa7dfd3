#include "supervisor/ctl/lists.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/sorted_rows.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/views.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

constexpr size_t kSortedRows = 1000;
constexpr int kBetweenLooksMs = 1000;

std::string target_of(const ChannelsFilter& filter) {
  const size_t page =
      filter.sort.empty() && filter.limit ? std::clamp<size_t>(*filter.limit, 1, 10'000) : 10'000;
  std::string query = "/channels?limit=" + std::to_string(page);
  for (const std::string& state : filter.states) query += "&state=" + percent_encode(state);
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) query += std::string("&") + name + "=" + percent_encode(value);
  };
  add("prefix", filter.prefix);
  add("topic", filter.topic);
  add("host", filter.host);
  if (filter.worker) query += "&worker=" + std::to_string(*filter.worker);
  if (filter.older_than_s) query += fmt::format("&older_than_s={}", *filter.older_than_s);
  if (filter.lost) query += "&lost=true";
  return query;
}

bool is_filtered(const ChannelsFilter& f) {
  return !f.states.empty() || !f.prefix.empty() || !f.topic.empty() || !f.host.empty() || f.worker ||
         f.older_than_s || f.lost;
}

struct Count {
  size_t shown = 0, passed = 0;  // `passed`: the filters let through, as far as was read
  bool is_whole = true;          // all pages were read
};

// How many entries there are beside those that were shown; nothing where that can't be told.
void tell_left_out(const Client& client, const ChannelsFilter& filter, const Count& count,
                   const Output& output) {
  const bool cut = !count.is_whole || count.shown < count.passed;
  if (output.json || (!cut && !is_filtered(filter))) return;
  const auto body = client.get("/status");
  const auto status = body ? parse_object(*body) : Outcome<Json>(Json());
  if (!status) return;
  const double total = number(at(*status, "channels"), "total");
  const double filtered = total - static_cast<double>(count.passed);
  std::string text =
      fmt::format("{} of {}", grouped(static_cast<double>(count.shown)), plural(total, "entry", "entries"));
  if (count.is_whole && filtered > 0) text += fmt::format("; left out: {} by the filters", grouped(filtered));
  if (count.is_whole && cut)
    text += fmt::format("; left out: {} beyond --limit {}",
                        grouped(static_cast<double>(count.passed - count.shown)),
                        filter.limit.value_or(kSortedRows));
  if (!count.is_whole) text += "; more were left out by --limit";
  output.err << text << '\n';
}

// Prints pages as they come, and forgets them.
class Printer {
public:
  explicit Printer(const Output& output) : output_(output) {}

  void page(const std::string& body, const Json& items, bool first, bool last) {
    if (!output_.json) {
      output_.out << text_.part(items);
    } else if (first && last && !body.empty()) {
      output_.out << body << '\n';  // as it came
    } else {
      // One document of several pages, none of which is kept.
      if (first) output_.out << R"({"api":1,"items":[)";
      for (const Json& item : items) {
        output_.out << separator_ << item.dump(-1, ' ', false, Json::error_handler_t::replace);
        separator_ = ",";
      }
      if (last) output_.out << "],\"next\":null}\n";
    }
  }

private:
  const Output& output_;
  ChannelsText text_;
  std::string separator_;
};

Exit show_sorted(const Client& client, const ChannelsFilter& filter, const Output& output) {
  auto sorted = SortedRows::by(filter.sort, filter.limit.value_or(kSortedRows));
  if (!sorted) return complain({Exit::usage, sorted.error()}, output);
  const auto read = each_page(client, target_of(filter), [&](const std::string&, Json& items, bool, bool) {
    for (Json& item : items) sorted->add(std::move(item));
    return true;
  });
  if (!read) return complain(read.error(), output);
  const Count count{std::min(sorted->seen(), filter.limit.value_or(kSortedRows)), sorted->seen(), true};
  Printer(output).page("", std::move(*sorted).rows(), true, true);
  tell_left_out(client, filter, count, output);
  return Exit::ok;
}

// Ten columns of a server's row.
std::string hosts_text(const Json& hosts, int64_t now_unix_ns) {
  Rows rows = {{"HOST", "STATE", "SINCE", "CHANNELS", "WAITING", "EVENTS/S", "CIRCUITS", "FAILED", "CLOCK",
                "WORKERS"}};
  for (const Json& host : at(hosts, "items")) {
    std::string workers;
    for (const Json& slot : at(host, "workers")) workers += (workers.empty() ? "" : ",") + cell(slot);
    const Json& skew = at(host, "clock_skew_s");
    const double skew_s = skew.is_number() ? skew.get<double>() : 0;
    constexpr double kShownSkewS = 1;
    rows.push_back({cell(host, "host"), cell(host, "state"), ago(at(host, "since"), now_unix_ns),
                    cell(host, "channels"), cell(host, "waiting"), rate(number(host, "events_per_s")),
                    cell(host, "circuits"), cell(host, "circuits_failed"),
                    !skew.is_number()        ? "-"
                    : skew_s >= kShownSkewS  ? duration(skew_s) + " behind"
                    : skew_s <= -kShownSkewS ? duration(-skew_s) + " ahead"
                                             : "right",
                    workers.empty() ? "-" : workers});
  }
  return table(rows);
}

}  // namespace

Exit show_channels(const Client& client, const ChannelsFilter& filter, const Output& output) {
  if (!filter.sort.empty()) return show_sorted(client, filter, output);
  Printer printer(output);
  Count count;
  const auto read =
      each_page(client, target_of(filter), [&](const std::string& body, Json& items, bool first, bool last) {
        const size_t left = filter.limit.value_or(SIZE_MAX) - count.shown;
        const bool cut = items.is_array() && items.size() > left;
        if (cut) items.erase(items.begin() + static_cast<std::ptrdiff_t>(left), items.end());
        count.shown += items.size();
        count.passed = count.shown;
        count.is_whole = last && !cut;
        const bool enough = count.shown >= filter.limit.value_or(SIZE_MAX);
        printer.page(count.is_whole ? body : "", items, first, last || enough);
        return !enough;
      });
  if (!read) return complain(read.error(), output);
  tell_left_out(client, filter, count, output);
  return Exit::ok;
}

Exit show_hosts(const Client& client, const Output& output) {
  const auto body = client.get("/hosts");
  if (!body) return complain(body.error(), output);
  const auto json = parse_object(*body);
  if (!json) return complain(json.error(), output);
  output.out << (output.json ? *body + "\n" : hosts_text(*json, real_now().value));
  return Exit::ok;
}

Exit TopicsVerb::show(const Client& client, const Output& output) {
  const auto look = [&](Json& rows) -> Outcome<Look> {
    Look sums;
    rows = Json::array();
    const auto read =
        each_page(client, "/topics?limit=10000", [&](const std::string&, Json& items, bool, bool) {
          for (Json& item : items) {
            sums[text_in(item, "topic")] = {number(item, "received"), number(item, "acknowledged")};
            rows.push_back(std::move(item));
          }
          return true;
        });
    if (!read) return tl::unexpected(read.error());
    return sums;
  };
  Json rows;
  if (!before_) {
    auto first = look(rows);
    if (!first) return complain(first.error(), output);
    before_ = {Clock::now(), std::move(*first)};
    ::poll(nullptr, 0, kBetweenLooksMs);
  }
  auto now = look(rows);
  if (!now) return complain(now.error(), output);
  const double seconds =
      std::max(0.001, std::chrono::duration<double>(Clock::now() - before_->first).count());
  for (Json& row : rows) {
    const auto before = before_->second.find(text_in(row, "topic"));
    const Sums last = before == before_->second.end() ? Sums{} : before->second;
    row["received_per_s"] = std::max(0.0, number(row, "received") - last.received) / seconds;
    row["acknowledged_per_s"] = std::max(0.0, number(row, "acknowledged") - last.acknowledged) / seconds;
  }
  before_ = {Clock::now(), std::move(*now)};
  if (output.json)
    output.out << Json{{"api", 1}, {"items", std::move(rows)}, {"next", nullptr}}.dump(
                      -1, ' ', false, Json::error_handler_t::replace)
               << '\n';
  else
    output.out << topics_text(rows);
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
