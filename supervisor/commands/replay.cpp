#include "supervisor/commands/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace e2k::supervisor {

namespace {

constexpr const char* kSeenEarlier = "an earlier run of the service saw it";

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
    if (!log_.id.empty() && (serving_ || restored_ || !kept_.empty())) {
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
    if (live() || settling()) {
      phase_ = Phase::replaying_over;
      ended_.erase(record.partition);
      ++log_number_;
    }
  }
  next = record.offset + 1;
  if (phase_ == Phase::replaying_over || settling()) {
    switch (look_(record)) {
      case CommandState::Standing::refused:
        return true;
      case CommandState::Standing::stands:
        drop(record);
        return false;
      case CommandState::Standing::news:
        hold(record);
        return false;
    }
  }
  int64_t& kept = kept_[record.partition];
  kept = std::max(kept, next);
  return true;
}

// What is not refused has a key.
void Replay::hold(const TopicRecord& record) {
  drop(record);
  HeldRecord held{record.partition, record.offset, record.timestamp_ms, std::string(*record.key), {}};
  if (record.value) held.value.emplace(*record.value);
  held_.push_back(std::move(held));
}

// What came before it under its key.
void Replay::drop(const TopicRecord& record) {
  auto& by_key = held_.get<1>();
  const auto before = by_key.find(std::tuple(record.partition, *record.key));
  if (before != by_key.end()) by_key.erase(before);
}

std::vector<HeldRecord> Replay::release(size_t most) {
  std::vector<HeldRecord> released;
  for (; released.size() < most && !held_.empty(); held_.pop_front()) released.push_back(held_.front());
  return released;
}

bool Replay::end(int32_t partition, int64_t offset) {
  int64_t& next = read_[partition];
  if (offset < next) lose(fmt::format("partition {} ends at offset {}, not {}", partition, offset, next));
  next = offset;
  ended_.insert(partition);
  if (live() || settling() || ended_ != partitions_) return false;
  for (const auto& [known, behind] : std::exchange(known_, {}))
    if (const auto found = read_.find(known); found == read_.end() || found->second < behind)
      lose(fmt::format("partition {} once ended at offset {}", known, behind));
  over_ = phase_ == Phase::replaying_over;
  phase_ = Phase::settling;
  serving_ = true;
  return true;
}

void Replay::settled() {
  for (const auto& [partition, behind] : read_) kept_[partition] = std::max(kept_[partition], behind);
  phase_ = Phase::live;
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
