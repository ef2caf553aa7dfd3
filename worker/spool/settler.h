// Shell. Settles records: what became of each goes into its segment's settlement map and into the ledger.
//
// One thread, the publisher's. Every settlement is announced in the ledger first, so that a recovery can
// carry it out again (proto/ledger_format.h). A record is settled once; later attempts change nothing. One
// settler serves all logs of a slot.
#pragma once

#include <cstdint>

#include "worker/spool/ledger.h"
#include "worker/spool/log.h"

namespace e2k::spool {

// An EVENT or ERROR record in its place.
struct StandingRecord {
  Log* log = nullptr;
  Segment* segment = nullptr;
  uint64_t unit = 0;

  const RecordHeader& header() const { return segment->record(unit); }
  Position position() const { return Position::at(segment->number(), unit); }
  bool is_settled() const { return segment->settlement(unit) != 0; }
};

class Settler {
public:
  explicit Settler(ledger::Ledger& books) : books_(books), header_(books.header()) {}

  struct Acknowledgement {
    int32_t partition;
    int64_t offset;
    int64_t latency_ns;  // since it was received; negative: not known
    bool restamped = false;
  };
  void acknowledge(const StandingRecord& record, const Acknowledgement& how);
  // `to_tell`: losses that are still to be told of; more than one where the record itself was to tell.
  void lose(const StandingRecord& record, ledger::LossReason reason, int64_t real_ns, uint32_t to_tell = 1);
  // Kafka has a record that tells of so many losses, or never will.
  void tell(EntryIndex index, uint32_t lost);
  void coalesce(const StandingRecord& record);

  // Its copy will stand at `copy` in the log `copy_log`. Between the two the copy is committed.
  void announce_move(const StandingRecord& record, LogId copy_log, Position copy);
  void finish_move(const StandingRecord& record);

private:
  // The entry's line, with the map and both counters changed; nullptr when there was nothing to settle.
  ledger::Entry* settle(const StandingRecord& record, uint8_t settlement);

  ledger::Ledger& books_;
  ledger::Header& header_;
};

}  // namespace e2k::spool
