// Shell. The records that a producer has and that have not come back: a table, so that a report finds its
// record by a number, and so that a record can be moved to another log meanwhile.
//
// Rows are given out again. The table grows in steps with what is in flight at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "worker/spool/settler.h"

namespace e2k::worker {

struct Topic;

struct InFlight {
  spool::StandingRecord record;  // no segment: it stands in no log (`Lost N events`)
  Topic* topic = nullptr;        // nullptr: the row is free
  uint32_t index = 0;            // EntryIndex
  uint32_t bytes = 0;            // of key and value
  uint32_t lost = 0;             // events that a `Lost N events` tells of
  bool restamped = false;        // it has the time of arrival instead of the IOC's stamp
};

class InFlightTable {
public:
  uint64_t size() const { return used_; }
  InFlight& row(uint32_t number) { return chunks_[number / kChunk][number % kChunk]; }

  uint32_t add(const InFlight& what) {
    if (free_.empty()) grow();
    const uint32_t number = free_.back();
    free_.pop_back();
    row(number) = what;
    ++used_;
    return number;
  }
  InFlight take(uint32_t number) {
    const InFlight was = row(number);
    row(number).topic = nullptr;
    free_.push_back(number);
    --used_;
    return was;
  }
  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& chunk : chunks_)
      for (uint32_t i = 0; i < kChunk; ++i)
        if (chunk[i].topic != nullptr) visit(chunk[i]);
  }

private:
  static constexpr uint32_t kChunk = 1024;

  void grow() {
    const auto first = static_cast<uint32_t>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<InFlight[]>(kChunk));
    for (uint32_t i = kChunk; i-- > 0;) free_.push_back(first + i);
  }

  std::vector<std::unique_ptr<InFlight[]>> chunks_;
  std::vector<uint32_t> free_;
  uint64_t used_ = 0;
};

}  // namespace e2k::worker
