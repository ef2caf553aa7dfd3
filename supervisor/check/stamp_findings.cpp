#include "supervisor/check/stamp_findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace e2k::supervisor::check {
namespace {

constexpr size_t kExamples = 5;
constexpr int64_t kMsPerSecond = 1000;

// "10 days", "90 s": whole units, the largest of which there are two or more.
std::string duration(double seconds) {
  constexpr double kDay = 86'400, kHour = 3'600;
  if (seconds >= 2 * kDay) return fmt::format("{:.0f} days", seconds / kDay);
  if (seconds >= 2 * kHour) return fmt::format("{:.0f} hours", seconds / kHour);
  return fmt::format("{:.0f} s", seconds);
}

bool erases_by_age(const TopicFacts& topic) {
  return topic.seen == Seen::there && topic.cleanup_policy.find("delete") != std::string::npos &&
         topic.retention_ms && *topic.retention_ms >= 0;
}

// Half of the retention leaves the records the other half to be read in; a minute lets late events keep their
// own stamps.
int64_t safe_limit_s(int64_t retention_ms) {
  const int64_t half_s = retention_ms / 2 / kMsPerSecond;
  constexpr int64_t kMinute = 60;
  return kMinute * kMsPerSecond < retention_ms ? std::max(half_s, kMinute) : std::max<int64_t>(half_s, 1);
}

void of_unseen(const Facts& facts, std::vector<Finding>& found) {
  std::vector<const TopicFacts*> unseen;
  for (const TopicFacts& topic : facts.outputs)
    if (topic.seen == Seen::there && topic.cleanup_policy.empty()) unseen.push_back(&topic);
  if (unseen.empty()) return;
  found.push_back({Level::warning,
                   fmt::format("retention: that of {} output topics can't be seen, {} for one ({}); grant "
                               "DescribeConfigs on them, or see that output.max_past_s is below it",
                               unseen.size(), unseen.front()->name, unseen.front()->policy_words)});
}

}  // namespace

void of_stamps(const Facts& facts, std::vector<Finding>& found) {
  if (facts.outputs.empty()) return;
  if (!facts.iocs_stamps) {
    found.push_back({Level::ok, "retention: records have the time of arrival"});
    return;
  }
  of_unseen(facts, found);
  // Of a topic whose retention is longer than output.max_past_s, every record is younger than it.
  std::vector<const TopicFacts*> exposed;
  for (const TopicFacts& topic : facts.outputs)
    if (erases_by_age(topic) &&
        (facts.max_past_s == 0 || facts.max_past_s > *topic.retention_ms / kMsPerSecond))
      exposed.push_back(&topic);
  if (exposed.empty()) {
    found.push_back({Level::ok,
                     "retention: no output topic is known to erase by age what "
                     "output.max_past_s lets through"});
    return;
  }
  std::vector<const TopicFacts*> hit;
  for (const TopicFacts* topic : exposed) {
    const auto age = facts.stamps.oldest.find(topic->name);
    if (age == facts.stamps.oldest.end()) continue;
    if (age->second.age_s * kMsPerSecond > static_cast<double>(*topic->retention_ms)) hit.push_back(topic);
  }
  if (!facts.stamps.words.empty())
    found.push_back(
        {Level::warning,
         fmt::format("retention: {} output topics erase by age, and {} stamps is not known, because {}; {}",
                     exposed.size(), facts.stamps.oldest.empty() ? "the age of" : "the age of some",
                     facts.stamps.words,
                     facts.stamps.no_supervisor ? "check again while one runs" : "check again")});
  else if (hit.empty())
    found.push_back({Level::ok, fmt::format("retention: that of {} output topics is longer than any stamp's "
                                            "age now",
                                            exposed.size())});
  if (hit.empty()) return;
  // One setting for all topics: it must suit the shortest retention.
  int64_t shortest_ms = *hit.front()->retention_ms;
  for (const TopicFacts* topic : exposed) shortest_ms = std::min(shortest_ms, *topic->retention_ms);
  const int64_t limit_s = safe_limit_s(shortest_ms);
  for (size_t i = 0; i < std::min(hit.size(), kExamples); ++i) {
    const StampAge& age = facts.stamps.oldest.at(hit[i]->name);
    found.push_back(
        {Level::warning,
         fmt::format("retention: output topic {} has retention.ms={} ({}), and the stamp of channel {} is {} "
                     "old: the broker erases such records soon after they arrive; set output.max_past_s = {}",
                     hit[i]->name, *hit[i]->retention_ms,
                     duration(static_cast<double>(*hit[i]->retention_ms) / kMsPerSecond), age.channel,
                     duration(age.age_s), limit_s)});
  }
  if (hit.size() > kExamples)
    found.push_back({Level::warning, fmt::format("retention: the same of {} more output topics; set "
                                                 "output.max_past_s = {}",
                                                 hit.size() - kExamples, limit_s)});
}

}  // namespace e2k::supervisor::check
