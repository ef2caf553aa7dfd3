// Pure. Whether reading the command topic makes progress, partition by partition.
//
// That brokers describe a topic does not mean that they let it be read: Read may be refused where Describe is
// granted, a partition may have no leader, or one that answers nothing. So what counts is what came: records
// and ends move a partition's position. A refusal stands until something comes of that partition again;
// librdkafka tells it once and tries on in silence, and tells nothing when there is nothing new, so that
// to_ask_again() names the partitions whose end is to be asked for once more. A partition stalls when it has
// no leader, or ends behind its position, which has not moved since the look before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"

namespace e2k::supervisor {

class FetchWatch {
public:
  // How long a partition may stand still before it is told: elections and restarts of brokers are shorter.
  static constexpr int64_t kPatienceNs = 3 * kNsPerSecond;

  // The partition is read from now on, anew if it was before.
  void begin(int32_t partition) { partitions_[partition] = {}; }
  void forget() { partitions_.clear(); }
  // A record or an end came; `next` is the position behind it.
  void moved(int32_t partition, int64_t next);
  void refused(int32_t partition, std::string words);
  // What a look found: `end` is where the partition ends, nothing where that was not answered.
  void looked(int32_t partition, bool has_leader, std::optional<int64_t> end, MonotonicNs now, RealNs real);

  // In librdkafka's words; "" while nothing is refused.
  std::string refusal() const;
  // Something stands still, if only for a moment: worth looking again soon.
  bool is_in_doubt() const;
  struct Stalled {
    int32_t partition;
    bool has_leader;
    RealNs since;
  };
  std::vector<Stalled> stalled(MonotonicNs now) const;
  std::vector<int32_t> to_ask_again() const;

private:
  struct Partition {
    std::optional<int64_t> next;
    std::string refusal;
    bool is_looked_at = false;
    std::optional<int64_t> next_at_last_look;
    bool has_leader = true;
    std::optional<MonotonicNs> still_since;
    RealNs still_since_real;
  };
  std::map<int32_t, Partition> partitions_;
};

}  // namespace e2k::supervisor
