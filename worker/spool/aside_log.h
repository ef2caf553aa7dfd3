// Shell. What a blocked topic waits with: copies of its records, in a log of the topic's own.
//
// An event that can't be published must not hold a segment of the live log, in which all topics stand. So it
// is *moved*: copied here, then settled there as moved, which changes no counter; it still waits. Each topic
// has a log of its own, so its order is kept, its oldest events can be dropped without touching another's,
// and what it takes of the spool is simply the size of its folder.
//
// One thread, the publisher's, appends, reads and settles; segments are made on the spot (small ones first,
// each twice as large as the last), which may wait for the disk.
//
// A move is announced in the ledger before the copy is committed and carried out after: a process that dies
// in between leaves either the original or the copy waiting, never both (recovery.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "common/result.h"
#include "worker/spool/log.h"
#include "worker/spool/log_reader.h"
#include "worker/spool/record_writer.h"
#include "worker/spool/settler.h"

namespace e2k::spool {

class AsideLog {
public:
  AsideLog(std::unique_ptr<Log> log, LogIdentity identity, std::string topic, uint64_t largest_data_bytes);

  const std::string& topic() const { return topic_; }  // as commanded
  Log& log() { return *log_; }
  // To read what waits, from the oldest on; the publisher moves it.
  LogReader& reader() { return reader_; }
  uint64_t file_bytes() const { return log_->file_bytes(); }
  bool empty() const { return log_->segments() == 0; }

  // What the next move of such a record adds to the files; 0: there is room in the segment at hand.
  uint64_t growth_for(const RecordView& record, const EntryNames& names) const;
  // Likewise, of a log that is not there yet.
  static uint64_t first_growth_for(const RecordView& record, const EntryNames& names);
  // Moves a record that waits elsewhere in the same slot. Where it stands now; an error names path and cause,
  // and nothing has changed.
  Result<StandingRecord> move(Settler& settler, const StandingRecord& from, const RecordView& record,
                              const EntryNames& names);

  // A segment whose events are all settled: its file goes.
  void give_back(Segment& segment);

private:
  uint64_t units_for(const RecordView& record, const EntryNames& names) const;
  uint64_t next_data_bytes(uint64_t units) const;

  std::unique_ptr<Log> log_;
  const LogIdentity identity_;
  const std::string topic_;
  const uint64_t largest_data_bytes_;
  LogReader reader_;
  Segment* active_ = nullptr;
  uint64_t unit_ = 0;
  uint64_t last_number_;
  uint64_t last_data_bytes_ = 0;
  std::unordered_set<uint32_t> described_;  // in the active segment
};

}  // namespace e2k::spool
