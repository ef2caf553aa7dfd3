#define EPICS_PRIVATE_API  // struct evSubscrip: what a subscription has queued and replaced
#include "counter_records.h"

#include <dbAccess.h>
#include <dbChannel.h>
#include <dbEvent.h>
#include <dbLock.h>
#include <dbStaticLib.h>
#include <epicsMutex.h>
#include <epicsTime.h>
#include <iocInit.h>
#include <iocshRegisterCommon.h>
#include <waveformRecord.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>

namespace e2k::load {
namespace {

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string(what) + " failed");
}

// Calls `visit(subscription)` for each subscription of the record. The server's own thread counts `npend`
// down meanwhile, under a lock that is not to be had here.
template <class Visit>
void for_each_subscription(dbCommon* record, Visit visit) {
  epicsMutexMustLock(record->mlok);
  for (ELLNODE* node = ellFirst(&record->mlis); node != nullptr; node = ellNext(node))
    visit(*reinterpret_cast<evSubscrip*>(node));
  epicsMutexUnlock(record->mlok);
}

uint64_t read_counter(unsigned long& counter) {
  return std::atomic_ref(counter).load(std::memory_order_acquire);
}

// Of a scalar the queue holds a copy. Of an array it holds none: the server reads the record when the update
// has left the queue, and would send the next value in its place.
bool is_being_read(evSubscrip& s) {
  return s.useValque == 0 && std::atomic_ref(s.callBackInProgress).load(std::memory_order_acquire) != 0;
}

}  // namespace

CounterRecords::CounterRecords(const std::string& prefix, size_t count, size_t elements) {
  iocshRegisterCommon();
  must(dbLoadDatabase("base.dbd", E2K_DBD_DIR, nullptr) == 0, "loading base.dbd");
  must(registerAllRecordDeviceDrivers(pdbbase) == 0, "registering the record types");
  std::string database;
  const std::string kind = elements == 1 ? "ai" : "waveform";
  const std::string fields =
      elements == 1 ? "field(VAL, \"0\")"
                    : "field(FTVL, \"DOUBLE\") field(NELM, \"" + std::to_string(elements) + "\")";
  for (size_t i = 0; i < count; ++i)
    database +=
        "record(" + kind + ", \"" + prefix + std::to_string(i) + "\") { " + fields + " field(UDF, \"0\") }\n";
  // The reader closes the file.
  FILE* file = fmemopen(database.data(), database.size(), "r");
  must(file != nullptr && dbReadDatabaseFP(&pdbbase, file, nullptr, nullptr) == 0, "loading the records");
  must(iocInit() == 0, "iocInit");
  records_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    DBADDR address;
    must(dbNameToAddr((prefix + std::to_string(i)).c_str(), &address) == 0, "finding a record");
    if (elements == 1) {
      records_.push_back({address.precord, static_cast<double*>(address.pfield), address.pfield});
      continue;
    }
    std::vector<double> values(elements);
    for (size_t k = 1; k < elements; ++k) values[k] = static_cast<double>(k) / 10;
    must(dbPutField(&address, DBR_DOUBLE, values.data(), static_cast<long>(elements)) == 0,
         "filling an array");
    auto* waveform = reinterpret_cast<waveformRecord*>(address.precord);
    records_.push_back({address.precord, static_cast<double*>(waveform->bptr), &waveform->val});
  }
}

void CounterRecords::bump(size_t index) {
  const Record record = records_[index];
  dbScanLock(record.common);
  *record.value += 1;
  epicsTimeGetCurrent(&record.common->time);
  db_post_events(record.common, record.field, DBE_VALUE | DBE_LOG);
  dbScanUnlock(record.common);
}

uint64_t CounterRecords::pending(size_t index) const {
  uint64_t sum = 0;
  for_each_subscription(records_[index].common, [&](evSubscrip& s) {
    const uint64_t queued = read_counter(s.npend);  // before the other: an update leaves the queue to be read
    sum += queued + (is_being_read(s) ? 1 : 0);
  });
  return sum;
}

size_t CounterRecords::monitors() const {
  size_t sum = 0;
  for (const Record& record : records_) for_each_subscription(record.common, [&](evSubscrip&) { ++sum; });
  return sum;
}

uint64_t CounterRecords::pending() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < records_.size(); ++i) sum += pending(i);
  return sum;
}

uint64_t CounterRecords::replaced() const {
  uint64_t sum = 0;
  for (const Record& record : records_)
    for_each_subscription(record.common, [&](evSubscrip& s) { sum += read_counter(s.nreplace); });
  return sum;
}

}  // namespace e2k::load
