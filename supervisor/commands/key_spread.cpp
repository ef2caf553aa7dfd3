#include "supervisor/commands/key_spread.h"

#include <algorithm>
#include <tuple>

namespace e2k::supervisor {
namespace {

// Against a topic in which keys come and go for ever.
constexpr size_t kMostEnded = 1'000'000;

}  // namespace

bool KeySpread::is_split(const Partitions& partitions) {
  return std::ranges::count_if(partitions, [](const auto& one) { return one.second.is_set; }) > 1;
}

// The key's records by partition; null while all are in the record's own.
KeySpread::Partitions* KeySpread::of(std::string_view key, const RecordPlace& record,
                                     const std::optional<RecordPlace>& standing) {
  const std::string name(key);
  if (const auto found = spread_.find(name); found != spread_.end()) return &found->second;
  std::optional<RecordPlace> before = standing;
  const auto ended = ended_.find(name);
  if (!before && ended != ended_.end()) before = ended->second;
  if (!before || before->partition == record.partition) return nullptr;
  if (ended != ended_.end()) ended_.erase(ended);
  Partitions& made = spread_[name];
  made[before->partition] = {before->timestamp_ms, before->offset, standing.has_value()};
  return &made;
}

bool KeySpread::counts(std::string_view key, const RecordPlace& record, bool is_set,
                       const std::optional<RecordPlace>& standing) {
  if (!only_partition_) only_partition_ = record.partition;
  several_ |= *only_partition_ != record.partition;
  if (!several_) return true;
  Partitions* const partitions = of(key, record, standing);
  if (partitions == nullptr) {
    if (is_set) {
      if (!ended_.empty()) ended_.erase(std::string(key));
    } else if (ended_.size() < kMostEnded) {
      ended_[std::string(key)] = record;
    }
    return true;
  }
  split_ -= is_split(*partitions) ? 1 : 0;
  const auto [own, is_new] =
      partitions->try_emplace(record.partition, Last{record.timestamp_ms, record.offset, is_set});
  // Of its own partition it is the last, whatever clocks say.
  if (!is_new) own->second = {std::max(own->second.timestamp_ms, record.timestamp_ms), record.offset, is_set};
  split_ += is_split(*partitions) ? 1 : 0;
  return std::ranges::all_of(*partitions, [&, own = own](const auto& one) {
    return std::tuple(one.second.timestamp_ms, one.first) <=
           std::tuple(own->second.timestamp_ms, record.partition);
  });
}

void KeySpread::begin(bool has_several_partitions) {
  *this = {};
  several_ = has_several_partitions;
}

std::optional<CommandState::SplitKey> KeySpread::example() const {
  if (split_ == 0) return std::nullopt;
  const auto found = std::ranges::find_if(spread_, [](const auto& one) { return is_split(one.second); });
  CommandState::SplitKey example{found->first, {}};
  for (const auto& [partition, last] : found->second)
    if (last.is_set) example.partitions.push_back(partition);
  return example;
}

}  // namespace e2k::supervisor
