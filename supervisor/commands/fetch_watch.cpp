#include "supervisor/commands/fetch_watch.h"

#include <utility>

namespace e2k::supervisor {

void FetchWatch::moved(int32_t partition, int64_t next) {
  Partition& one = partitions_[partition];
  one.next = next;
  one.refusal.clear();
  if (one.has_leader) one.still_since.reset();
}

void FetchWatch::refused(int32_t partition, std::string words) {
  partitions_[partition].refusal = std::move(words);
}

void FetchWatch::looked(int32_t partition, bool has_leader, std::optional<int64_t> end, MonotonicNs now,
                        RealNs real) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;  // it is not read yet
  Partition& one = found->second;
  const bool has_moved = !one.is_looked_at || one.next != one.next_at_last_look;
  // What was never told of is behind any end: an empty partition's end is told, too.
  const bool is_behind = !one.next || (end && *end > *one.next);
  one.is_looked_at = true;
  one.next_at_last_look = one.next;
  one.has_leader = has_leader;
  if (has_leader && (has_moved || !is_behind)) {
    one.still_since.reset();
  } else if (!one.still_since) {
    one.still_since = now;
    one.still_since_real = real;
  }
}

std::string FetchWatch::refusal() const {
  for (const auto& [number, one] : partitions_)
    if (!one.refusal.empty()) return one.refusal;
  return "";
}

bool FetchWatch::is_in_doubt() const {
  for (const auto& [number, one] : partitions_)
    if (!one.refusal.empty() || one.still_since) return true;
  return false;
}

std::vector<FetchWatch::Stalled> FetchWatch::stalled(MonotonicNs now) const {
  std::vector<Stalled> stalled;
  for (const auto& [number, one] : partitions_)
    if (one.still_since && one.refusal.empty() && now.value - one.still_since->value >= kPatienceNs)
      stalled.push_back({number, one.has_leader, one.still_since_real});
  return stalled;
}

std::vector<int32_t> FetchWatch::to_ask_again() const {
  std::vector<int32_t> partitions;
  for (const auto& [number, one] : partitions_)
    if (!one.refusal.empty()) partitions.push_back(number);
  return partitions;
}

}  // namespace e2k::supervisor
