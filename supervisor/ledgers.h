// Shell. All mapped ledgers as one: those of the workers' slots and those of gone ones.
//
// A slot has the ledger of its present worker, once that has greeted, and *books*: that ledger or, until it
// is there, its predecessor's, for what outlives a worker. One thread; nothing here waits.
#pragma once

#include "common/clock.h"
#include "proto/ledger_reader.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/plan/book.h"
#include "supervisor/slot_books.h"

namespace e2k::supervisor {

class Ledgers {
public:
  // All outlive it.
  Ledgers(const Fleet& fleet, const SlotBooks& gone) : fleet_(fleet), gone_(gone) {}

  const ledger::LedgerReader* books(Slot slot) const;
  // What the present worker says of the line.
  const ledger::Entry* line(const Place& place) const;
  // What was ever said of it.
  const ledger::Entry* books_line(const Place& place) const;

  // Whether events of that line wait, or may: books that are lost are found out from the logs.
  bool waits(const Place& place) const;
  // Events of it wait because its topic takes nothing.
  bool is_blocked(const Place& place) const;
  // Events of it wait and do not get any less: while Kafka or a schema registry refuses a topic, or no broker
  // answers, they can't leave the worker that has them.
  bool is_stuck(const Place& place, RealNs now) const;

  // Whether an entry that left a place has no event there any more. `owner`: the worker that is to serve it.
  Left judge(Book::Leaving& leaving, std::optional<Slot> owner, MonotonicNs now) const;
  // The line is held: by its present worker, or when the last one ended.
  bool is_held(const Place& place) const;

private:
  const Fleet& fleet_;
  const SlotBooks& gone_;
};

}  // namespace e2k::supervisor
