// Pure. The assignments on their way to one worker: cut into numbered batches, a few sent ahead, repeated
// until applied.
//
// Items leave in the order in which they came and in batches of at most kMaxBatchItems and about
// kMaxBatchBytes. At most kWindow batches are unapplied at a time; the oldest unapplied ones are sent again
// after kRepeatMs without progress. Unbounded in length: it holds what the planner decided, which is bounded
// by commands.max_channels.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "common/clock.h"
#include "proto/control_message.h"

namespace e2k::supervisor {

class Outbox {
public:
  static constexpr size_t kMaxBatchItems = 1000;
  static constexpr size_t kMaxBatchBytes = 1u << 20;
  static constexpr size_t kWindow = 4;
  static constexpr int64_t kRepeatMs = 1000;

  // A new conversation: nothing waits, the next number is 1. `version`: which the worker speaks.
  void reset(uint32_t version = kControlVersion);
  void add(std::vector<AssignItem> items);
  // The worker has applied all batches up to `number`. A number that was never sent is ignored: false.
  bool applied(uint64_t number, MonotonicNs now);
  // Encoded messages that are due now, each to be sent once.
  std::vector<std::string> due(MonotonicNs now);
  // Since the worker is there.
  uint64_t assigned_items() const { return assigned_items_; }
  // Of them, the last ones that are not applied yet.
  uint64_t unapplied_items() const { return unapplied_items_; }

private:
  struct Batch {
    uint64_t number;
    size_t items;
    std::string bytes;
  };
  void cut();

  std::deque<AssignItem> waiting_;
  std::deque<Batch> sent_;  // unapplied, by number
  uint64_t last_number_ = 0;
  uint64_t assigned_items_ = 0, unapplied_items_ = 0;
  uint32_t version_ = kControlVersion;
  uint64_t next_to_send_ = 1;  // batches below were sent at least once
  MonotonicNs last_progress_;  // when something was applied, or sent with nothing before it
};

}  // namespace e2k::supervisor
