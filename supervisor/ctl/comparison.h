// Pure. Two topics over a window of time, compared: the same keys, the same values in the same order for each
// key, and what one side lacks.
//
// Values are the same where their bytes are, or their JSON (numbers by their value), or their bytes behind
// the schema id of Confluent's wire format. Time stamps are not compared: they only choose the window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace e2k::supervisor::ctl {

struct WindowRecord {
  std::optional<std::string> key, value;
  int64_t stamp_ms = 0;  // true: see true_stamp_ms
  int32_t partition = 0;
  int64_t offset = 0;
};

// The Java connector takes EPICS' epoch (1990) for Unix's, so that its stamps are 631,152,000 s early. What
// is older than ten years is taken for such a one.
int64_t true_stamp_ms(int64_t stamp_ms, int64_t now_ms);
inline constexpr int64_t kEpochsApartMs = 631'152'000'000;

enum class Side { topic, shadow };

struct ComparedDifference {
  std::string key;
  // Which side lacks the record; nothing: both have the key's values, in different order, and this is the
  // first that stands elsewhere.
  std::optional<Side> missing_in;
  WindowRecord record;  // of the side that has it
};

struct Comparison {
  size_t topic_records = 0, shadow_records = 0;
  size_t common_keys = 0, topic_only_keys = 0, shadow_only_keys = 0;
  size_t same = 0;
  size_t missing_in_topic = 0, missing_in_shadow = 0;
  size_t reordered_keys = 0;
  size_t repeated_in_topic = 0;                 // left out of the comparison
  std::vector<ComparedDifference> differences;  // by key, `most` at the most

  bool empty() const { return topic_records == 0 && shadow_records == 0; }
};

// `connector`: the topic is the Java connector's, which keeps the newest event of a poll and repeats events
// after its restarts: a record that repeats the one before it (value and stamp) is left out of the topic's.
Comparison compare_windows(const std::vector<WindowRecord>& topic, const std::vector<WindowRecord>& shadow,
                           bool connector, size_t most);

// Whether the shadow can take the topic's place; with `connector` the topic may lack values.
bool is_same(const Comparison& comparison, bool connector);

}  // namespace e2k::supervisor::ctl
