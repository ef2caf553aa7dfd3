#include "supervisor/commands/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace e2k::supervisor {

void Replay::restore(std::map<int32_t, int64_t> next_offsets, bool lost_records) {
  restored_ = true;
  phase_ = Phase::replaying_over;
  known_ = kept_ = std::move(next_offsets);
  if (lost_records) lose("an earlier run of the service saw it");
}

bool Replay::serve_restored() {
  return restored_ && !std::exchange(serving_, true);
}

void Replay::reading(std::span<const int32_t> partitions) {
  partitions_.insert(partitions.begin(), partitions.end());
}

bool Replay::take(const TopicRecord& record) {
  int64_t& next = read_[record.partition];
  if (record.offset < next)
    lose(fmt::format("partition {} goes on at offset {} after {}", record.partition, record.offset, next));
  next = record.offset + 1;
  if (phase_ == Phase::replaying_over) {
    if (is_refused_(record)) return true;
    hold(record);
    return false;
  }
  int64_t& kept = kept_[record.partition];
  kept = std::max(kept, next);
  return true;
}

// What is not refused has a key.
void Replay::hold(const TopicRecord& record) {
  Numbered& last = held_[std::string(*record.key)];
  last.number = ++last_number_;
  last.held.partition = record.partition;
  last.held.offset = record.offset;
  last.held.timestamp_ms = record.timestamp_ms;
  last.held.value.reset();
  if (record.value) last.held.value.emplace(*record.value);
}

std::vector<Replay::Held> Replay::release() {
  std::vector<Numbered> in_order;
  in_order.reserve(held_.size());
  while (!held_.empty()) {
    auto node = held_.extract(held_.begin());
    in_order.push_back(std::move(node.mapped()));
    in_order.back().held.key = std::move(node.key());
  }
  held_ = {};
  std::sort(in_order.begin(), in_order.end(),
            [](const Numbered& a, const Numbered& b) { return a.number < b.number; });
  std::vector<Held> held;
  held.reserve(in_order.size());
  for (Numbered& one : in_order) held.push_back(std::move(one.held));
  return held;
}

std::optional<Replay::End> Replay::end(int32_t partition, int64_t offset) {
  int64_t& next = read_[partition];
  if (offset < next) lose(fmt::format("partition {} ends at offset {}, not {}", partition, offset, next));
  next = offset;
  ended_.insert(partition);
  if (live() || ended_ != partitions_) return std::nullopt;
  for (const auto& [known, behind] : std::exchange(known_, {}))
    if (const auto found = read_.find(known); found == read_.end() || found->second < behind)
      lose(fmt::format("partition {} once ended at offset {}", known, behind));
  for (const auto& [known, behind] : read_) kept_[known] = std::max(kept_[known], behind);
  phase_ = Phase::live;
  serving_ = true;
  return End{release(), restored_ && !has_lost_records()};
}

void Replay::start_over() {
  if (serving_) phase_ = Phase::replaying_over;
  held_ = {};
  partitions_.clear();
  ended_.clear();
  for (const auto& [partition, behind] : std::exchange(read_, {}))
    known_[partition] = std::max(known_[partition], behind);
}

int64_t Replay::offset() const {
  if (read_.empty()) return -1;
  int64_t sum = 0;
  for (const auto& [partition, next] : read_) sum += next;
  return sum;
}

// The first one: what follows tells of the same.
void Replay::lose(std::string what) {
  if (lost_.empty()) lost_ = std::move(what);
}

}  // namespace e2k::supervisor
