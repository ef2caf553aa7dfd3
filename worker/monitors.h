// Shell. The worker's share of the channels, as its *link* thread sees it: hand over assignments, ask how far
// they got. Implemented by worker/ca; replaced in tests of the link.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proto/control_message.h"
#include "worker/search_report.h"

namespace e2k::worker {

class Monitors {
public:
  virtual ~Monitors() = default;

  // Queues one numbered batch for the *ca* thread and returns at once. Batches are applied in the order of
  // the calls.
  virtual void post(uint64_t number, std::vector<AssignItem> items) = 0;
  // The number of the last batch that was applied. Any thread.
  virtual uint64_t applied() const = 0;
  // Clears every subscription, in batches; nothing is received any more once cleared() is true. Any thread.
  virtual void clear_all() = 0;
  virtual bool cleared() const = 0;
  // Counts the turns of the *ca* thread's loop; it turns at least every second.
  virtual uint64_t turns() const = 0;
  // Any thread.
  virtual SearchReport search_report() const = 0;
  // Entries that it was told to monitor, by the batches that were applied. Any thread.
  virtual uint32_t serves() const { return 0; }
  // Which Channel Access library makes the calls. Any thread.
  virtual std::string library() const { return ""; }
};

}  // namespace e2k::worker
