// Shell. N records of an IOC in this process, each a count: 0, then 1, 2, 3, … at each bump.
//
// A CA server replaces the newest queued update of a subscription when the client is slow, and no client can
// see that. Here it can be seen and prevented: a subscription whose last update has left its queue loses
// nothing by the next one. All calls come from one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct dbCommon;

namespace e2k::load {

class CounterRecords {
public:
  // Loads and starts the database; throws std::runtime_error. Once a process. With more than one element the
  // first one counts, the others stay what they are: tenths.
  CounterRecords(const std::string& prefix, size_t count, size_t elements = 1);

  // Counts one record up and posts it, with the present time as its stamp.
  void bump(size_t record);
  // Updates of that record which the server still holds.
  uint64_t pending(size_t record) const;

  size_t size() const { return records_.size(); }
  size_t monitors() const;    // subscriptions of all records
  uint64_t pending() const;   // of all records
  uint64_t replaced() const;  // updates that the server overwrote, by the present subscriptions

private:
  struct Record {
    dbCommon* common;
    double* value;  // the first element
    void* field;    // what is posted: subscriptions know a field by its address
  };
  std::vector<Record> records_;
};

}  // namespace e2k::load
