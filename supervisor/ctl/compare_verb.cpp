#include "supervisor/ctl/compare_verb.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/config/value_rules.h"
#include "common/text.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/topic_window.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownBytes = 120;

// What was compared, and what came out.
struct Outcomes {
  std::string topic, shadow;
  Window window;
  WindowRead topic_read, shadow_read;
  Comparison comparison;
  bool same = false;
};

std::string time_text(int64_t ms) {
  return iso8601_utc(ms * 1'000'000).substr(0, 23) + "Z";
}

std::string shown(const std::optional<std::string>& value) {
  if (!value) return "null";
  return value->size() <= kShownBytes ? *value : value->substr(0, kShownBytes) + "…";
}

std::string lacking_side(const ComparedDifference& difference, const Outcomes& all) {
  if (!difference.missing_in) return "other order";
  return "missing in " + (*difference.missing_in == Side::topic ? all.topic : all.shadow);
}

Json json_of(const Outcomes& all) {
  const Comparison& c = all.comparison;
  Json differences = Json::array();
  for (const ComparedDifference& one : c.differences)
    differences.push_back(
        {{"key", utf8_or_latin1(one.key)},
         {"kind", one.missing_in ? "missing" : "order"},
         {"missing_in", !one.missing_in                  ? Json(nullptr)
                        : *one.missing_in == Side::topic ? Json("topic")
                                                         : Json("shadow")},
         {"stamp", time_text(one.record.stamp_ms)},
         {"partition", one.record.partition},
         {"offset", one.record.offset},
         {"value", one.record.value ? Json(utf8_or_latin1(*one.record.value)) : Json(nullptr)}});
  return {
      {"api", 1},
      {"same", all.same},
      {"topic", all.topic},
      {"shadow", all.shadow},
      {"from", time_text(all.window.from_ms)},
      {"to", time_text(all.window.to_ms)},
      {"records", {{"topic", c.topic_records}, {"shadow", c.shadow_records}, {"same", c.same}}},
      {"keys",
       {{"both", c.common_keys}, {"topic_only", c.topic_only_keys}, {"shadow_only", c.shadow_only_keys}}},
      {"missing", {{"topic", c.missing_in_topic}, {"shadow", c.missing_in_shadow}}},
      {"reordered_keys", c.reordered_keys},
      {"repeated_in_topic", c.repeated_in_topic},
      {"early_stamps", {{"topic", all.topic_read.early_stamps}, {"shadow", all.shadow_read.early_stamps}}},
      {"differences", std::move(differences)}};
}

std::string text_of(const Outcomes& all) {
  const Comparison& c = all.comparison;
  std::string text = fmt::format("{} and {}, {} to {}\n", all.topic, all.shadow,
                                 time_text(all.window.from_ms), time_text(all.window.to_ms));
  for (const auto& [read, name] : {std::pair{&all.topic_read, &all.topic}, {&all.shadow_read, &all.shadow}})
    if (read->early_stamps)
      text += fmt::format(
          "the stamps of {} are 20 years early, as the Java connector writes them: allowed for\n", *name);
  if (c.empty()) return text + "no record on either side: nothing is compared\n";
  text += table(
      {{"", all.topic, all.shadow},
       {"records", std::to_string(c.topic_records), std::to_string(c.shadow_records)},
       {"keys of this side alone", std::to_string(c.topic_only_keys), std::to_string(c.shadow_only_keys)},
       {"missing here", std::to_string(c.missing_in_topic), std::to_string(c.missing_in_shadow)}});
  text += fmt::format("{} keys on both sides, {} of them in another order; {} records the same\n",
                      c.common_keys, c.reordered_keys, c.same);
  if (c.repeated_in_topic != 0)
    text += fmt::format("{} records of {} repeat the one before them and do not count\n", c.repeated_in_topic,
                        all.topic);
  if (!c.differences.empty()) {
    std::vector<std::vector<std::string>> rows{{"KEY", "STAMP", "PARTITION@OFFSET", "", "VALUE"}};
    for (const ComparedDifference& one : c.differences)
      rows.push_back({one.key, time_text(one.record.stamp_ms),
                      fmt::format("{}@{}", one.record.partition, one.record.offset), lacking_side(one, all),
                      shown(one.record.value)});
    text += "\n" + table(rows);
  }
  return text + (all.same ? "\nthe same\n" : "\nnot the same\n");
}

Outcome<Window> window_of(const CompareRequest& request) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Window window;
  window.now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto length_ms = static_cast<int64_t>(request.seconds * 1000);
  const int64_t last_ms = window.now_ms - static_cast<int64_t>(request.lag_s * 1000);
  if (request.since.empty()) {
    window.to_ms = last_ms;
    window.from_ms = last_ms - length_ms;
    return window;
  }
  const auto since = parse_time_ms(request.since);
  if (!since)
    return tl::unexpected(
        Failure{Exit::usage,
                "--since " + request.since + ": no time; accepted: 2026-01-31T23:59:59Z, or Unix seconds"});
  window.from_ms = *since;
  window.to_ms = std::min(last_ms, *since + length_ms);
  if (window.to_ms <= window.from_ms)
    return tl::unexpected(Failure{
        Exit::usage,
        "--since " + request.since + ": is later than what both sides have surely published (--lag)"});
  return window;
}

}  // namespace

std::optional<int64_t> parse_time_ms(const std::string& text) {
  int64_t seconds = 0;
  const char* end = text.data() + text.size();
  if (const auto number = std::from_chars(text.data(), end, seconds);
      number.ec == std::errc() && number.ptr == end && seconds >= 0 && seconds < 100'000'000'000)
    return seconds * 1000;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second,
                  &used) != 6 ||
      static_cast<size_t>(used) != text.size())
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

Exit compare(const TopicUse& use, const CompareRequest& request) {
  Outcomes all;
  const std::string prefix = request.prefix.empty() ? use.settings.topic_prefix : request.prefix;
  if (prefix.empty())
    return complain({Exit::usage,
                     "there is no prefix: give --prefix, or the configuration (--config) whose "
                     "output.topic_prefix it is"},
                    use.output);
  all.topic = request.topic;
  all.shadow = prefix + request.topic;
  for (const std::string& name : {all.topic, all.shadow})
    if (const auto problem = config::topic_problem(name))
      return complain({Exit::usage, fmt::format("the topic {} {}", name, *problem)}, use.output);
  const auto window = window_of(request);
  if (!window) return complain(window.error(), use.output);
  all.window = *window;
  // The topic's end is looked for first: what it has by then, the shadow has a little longer to bring.
  for (const auto& [name, read] : {std::pair{&all.topic, &all.topic_read}, {&all.shadow, &all.shadow_read}}) {
    auto found = read_window(use.settings, *name, all.window, use.timeout, request.max_records);
    if (!found) return complain(found.error(), use.output);
    *read = std::move(*found);
  }
  all.comparison = compare_windows(all.topic_read.records, all.shadow_read.records, request.connector,
                                   request.differences);
  all.same = !all.comparison.empty() && is_same(all.comparison, request.connector);
  if (use.output.json)
    use.output.out << json_of(all).dump() << '\n';
  else
    use.output.out << text_of(all);
  return all.same ? Exit::ok : Exit::failed;
}

}  // namespace e2k::supervisor::ctl
