#include "supervisor/commands/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace e2k::supervisor {

namespace {

constexpr const char* kSeenEarlier = "an earlier run of the service saw it";
constexpr size_t kPartitionBytes = sizeof(int32_t);

std::string name_of(int32_t partition, std::string_view key) {
  std::string name(kPartitionBytes + key.size(), '\0');
  std::memcpy(name.data(), &partition, kPartitionBytes);
  std::ranges::copy(key, name.begin() + kPartitionBytes);
  return name;
}

}  // namespace

void Replay::restore(Restored restored) {
  restored_ = true;
  phase_ = Phase::replaying_over;
  known_ = kept_ = std::move(restored.next_offsets);
  log_ = std::move(restored.log);
  if (restored.lost_records) lose(kSeenEarlier);
  if (restored.renewed) renewed_ = kSeenEarlier;
}

bool Replay::serve_restored() {
  return restored_ && !std::exchange(serving_, true);
}

void Replay::reading(std::span<const int32_t> partitions, const TopicLog& log) {
  partitions_.insert(partitions.begin(), partitions.end());
  know_log(log);
}

void Replay::know_log(const TopicLog& log) {
  if (!log.id.empty() && log.id != log_.id) {
    if (!log_.id.empty() && (serving_ || restored_)) {
      renewed_ = fmt::format("its id was {} and is {}", log_.id, log.id);
      // What was known of the former one says nothing of this.
      known_.clear();
      kept_.clear();
    }
    log_ = {log.id, {}};
  }
  for (const auto& [partition, begin] : log.begins) {
    const auto [known, is_new] = log_.begins.try_emplace(partition, begin);
    if (!is_new && begin > known->second)
      lose(fmt::format("the records of partition {} before offset {} were deleted", partition, begin));
    known->second = std::max(known->second, begin);
  }
}

bool Replay::take(const TopicRecord& record) {
  int64_t& next = read_[record.partition];
  if (record.offset < next) {
    lose(fmt::format("partition {} goes on at offset {} after {}", record.partition, record.offset, next));
    // It is read anew: not record by record, for it may hold little of what it held.
    if (live()) {
      phase_ = Phase::replaying_over;
      ended_.erase(record.partition);
      ++log_number_;
    }
  }
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
  Numbered& last = held_[name_of(record.partition, *record.key)];
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
    in_order.back().held.key = node.key().substr(kPartitionBytes);
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
  return End{release(), restored_ && !has_lost_records() && !is_renewed()};
}

void Replay::start_over() {
  if (serving_) phase_ = Phase::replaying_over;
  ++log_number_;
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
