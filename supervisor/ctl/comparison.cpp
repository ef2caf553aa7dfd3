#include "supervisor/ctl/comparison.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace e2k::supervisor::ctl {
namespace {

constexpr int64_t kTenYearsMs = 315'576'000'000;
// Of two sequences that are no part of each other: above this, only their values are counted.
constexpr size_t kMostSteps = 4'000'000;

using Records = std::vector<const WindowRecord*>;

// What is the same for equal values.
std::string canonical(const std::optional<std::string>& value) {
  if (!value) return "null";
  if (value->size() >= 5 && (*value)[0] == '\0') return "wire " + value->substr(5);
  if (value->starts_with("{") || value->starts_with("[")) {
    const auto json = nlohmann::json::parse(*value, nullptr, false);
    if (!json.is_discarded())
      return "json " + json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return "text " + *value;
}

struct Sequence {
  Records records;
  std::vector<std::string> values;
  void add(const WindowRecord& record, std::string value) {
    records.push_back(&record);
    values.push_back(std::move(value));
  }
};
struct Pair {
  Sequence topic, shadow;
};

struct Unmatched {
  std::vector<size_t> topic, shadow;  // positions that the other side lacks
};

// Both walk through the same values, those of `part` in order within `whole`: the positions that part lacks.
std::optional<std::vector<size_t>> lacking(const Sequence& part, const Sequence& whole) {
  std::vector<size_t> positions;
  size_t at = 0;
  for (size_t i = 0; i < whole.values.size(); ++i) {
    if (at < part.values.size() && part.values[at] == whole.values[i])
      ++at;
    else
      positions.push_back(i);
  }
  if (at < part.values.size()) return std::nullopt;
  return positions;
}

// By the longest common subsequence.
Unmatched by_order(const Sequence& a, const Sequence& b) {
  const size_t rows = a.values.size(), columns = b.values.size();
  std::vector<uint32_t> length((rows + 1) * (columns + 1), 0);
  const auto at = [&](size_t i, size_t j) -> uint32_t& { return length[i * (columns + 1) + j]; };
  for (size_t i = rows; i-- > 0;)
    for (size_t j = columns; j-- > 0;)
      at(i, j) = a.values[i] == b.values[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
  Unmatched unmatched;
  size_t i = 0, j = 0;
  while (i < rows && j < columns) {
    if (a.values[i] == b.values[j])
      ++i, ++j;
    else if (at(i + 1, j) >= at(i, j + 1))
      unmatched.topic.push_back(i++);
    else
      unmatched.shadow.push_back(j++);
  }
  for (; i < rows; ++i) unmatched.topic.push_back(i);
  for (; j < columns; ++j) unmatched.shadow.push_back(j);
  return unmatched;
}

// By how often each value comes, whatever its place.
Unmatched by_number(const Sequence& a, const Sequence& b) {
  std::map<std::string_view, int64_t> surplus;
  for (const std::string& value : a.values) ++surplus[value];
  for (const std::string& value : b.values) --surplus[value];
  Unmatched unmatched;
  for (size_t i = a.values.size(); i-- > 0;)
    if (auto& left = surplus[a.values[i]]; left > 0) --left, unmatched.topic.push_back(i);
  for (size_t j = b.values.size(); j-- > 0;)
    if (auto& left = surplus[b.values[j]]; left < 0) ++left, unmatched.shadow.push_back(j);
  std::ranges::reverse(unmatched.topic);
  std::ranges::reverse(unmatched.shadow);
  return unmatched;
}

Unmatched unmatched_of(const Sequence& topic, const Sequence& shadow) {
  if (auto positions = lacking(topic, shadow)) return {{}, std::move(*positions)};
  if (auto positions = lacking(shadow, topic)) return {std::move(*positions), {}};
  if (topic.values.size() * shadow.values.size() <= kMostSteps) return by_order(topic, shadow);
  return by_number(topic, shadow);
}

class Comparing {
public:
  Comparing(bool connector, size_t most) : connector_(connector), most_(most) {}

  void take(const std::vector<WindowRecord>& records, Sequence Pair::*side) {
    for (const WindowRecord& record : records) {
      Sequence& sequence = keys_[record.key.value_or("")].*side;
      std::string value = canonical(record.value);
      if (connector_ && side == &Pair::topic && !sequence.values.empty() && sequence.values.back() == value &&
          sequence.records.back()->stamp_ms == record.stamp_ms)
        ++made_.repeated_in_topic;
      else
        sequence.add(record, std::move(value));
    }
  }

  Comparison compare() && {
    for (const auto& [key, pair] : keys_) {
      const auto& [topic, shadow] = pair;
      made_.topic_records += topic.values.size();
      made_.shadow_records += shadow.values.size();
      ++(topic.values.empty()    ? made_.shadow_only_keys
         : shadow.values.empty() ? made_.topic_only_keys
                                 : made_.common_keys);
      compare(key, topic, shadow);
    }
    return std::move(made_);
  }

private:
  void compare(const std::string& key, const Sequence& topic, const Sequence& shadow) {
    const Unmatched unmatched = unmatched_of(topic, shadow);
    made_.same += topic.values.size() - unmatched.topic.size();
    if (!unmatched.topic.empty() && !unmatched.shadow.empty()) {
      const Unmatched numbers = by_number(topic, shadow);
      if (numbers.topic.empty() && numbers.shadow.empty()) {
        ++made_.reordered_keys;
        note(key, std::nullopt, *topic.records[unmatched.topic.front()]);
        return;
      }
    }
    made_.missing_in_shadow += unmatched.topic.size();
    made_.missing_in_topic += unmatched.shadow.size();
    for (const size_t i : unmatched.topic) note(key, Side::shadow, *topic.records[i]);
    if (connector_) return;  // what it lacks is counted only
    for (const size_t i : unmatched.shadow) note(key, Side::topic, *shadow.records[i]);
  }

  void note(const std::string& key, std::optional<Side> missing_in, const WindowRecord& record) {
    if (made_.differences.size() < most_) made_.differences.push_back({key, missing_in, record});
  }

  const bool connector_;
  const size_t most_;
  std::map<std::string, Pair> keys_;
  Comparison made_;
};

}  // namespace

int64_t true_stamp_ms(int64_t stamp_ms, int64_t now_ms) {
  return stamp_ms < now_ms - kTenYearsMs ? stamp_ms + kEpochsApartMs : stamp_ms;
}

Comparison compare_windows(const std::vector<WindowRecord>& topic, const std::vector<WindowRecord>& shadow,
                           bool connector, size_t most) {
  Comparing comparing(connector, most);
  comparing.take(topic, &Pair::topic);
  comparing.take(shadow, &Pair::shadow);
  return std::move(comparing).compare();
}

bool is_same(const Comparison& comparison, bool connector) {
  return comparison.missing_in_shadow == 0 && comparison.topic_only_keys == 0 &&
         comparison.reordered_keys == 0 && (connector || comparison.missing_in_topic == 0);
}

}  // namespace e2k::supervisor::ctl
