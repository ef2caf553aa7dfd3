// Shell. Where Channel Access's side of the worker puts what it received: append to the spool, count in the
// ledger, wake the publisher if it sleeps. The only way in for events.
//
// Threads: open_entry, close_entry and the setters are called by the *ca* thread or by libca's callbacks,
// event and error by any thread; one short leaf lock orders the appends, and no call is made out of this
// class while it is held. Nothing here throws, blocks on a disk or allocates in event() and error().
// take_over() and end_gap() are setters.
//
// Ownership: the Intake owns its Entry objects; a handle stays valid from open_entry to close_entry. The
// caller makes sure that no callback can still use a handle when it closes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/clock.h"
#include "common/ids.h"
#include "proto/command_record.h"
#include "proto/ledger_format.h"
#include "worker/ca_event.h"

namespace e2k::worker {

class IntakeEntry;  // opaque: an entry's ledger line, its names, and the segment that last described it

// How a server stands with this worker, and how its circuits fared so far.
struct ServerFacts {
  ledger::HostState state;
  uint32_t waiting;  // channels
  uint32_t circuits_opened, circuits_failed;
  friend bool operator==(const ServerFacts&, const ServerFacts&) = default;
};

// Counted since the worker began.
struct SearchFacts {
  uint64_t frames_sent, answers, refused_answers, circuits_opened, circuits_failed;
  uint32_t duplicated_entries;  // now
};

class Intake {
public:
  virtual ~Intake() = default;

  // `entry.key` empty: the channel's name is the key. nullptr: no room in the ledger (logged). A line that
  // was in use before, of this or an earlier process, keeps its figures; state, step, host and type begin
  // anew. `resumes`: the entry was served before, and is so again. The time between is a gap of it, which
  // lasts until end_gap(): what came meanwhile was never received.
  virtual IntakeEntry* open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags,
                                  bool resumes = false) = 0;
  virtual void close_entry(IntakeEntry* entry) = 0;
  // From now on what comes of the entry is kept and not published; it is about to be opened, or was held when
  // an earlier process served it. false: too many are held (logged). See ledger::Hold.
  virtual bool hold(EntryIndex) { return false; }
  // What is held from behind `after` on is published, `after` not known: all; false: it is not held. It need
  // not be open.
  virtual bool release(EntryIndex, const EventIdentity& /*after*/) { return false; }
  // It is closed, and what was held of it counts as coalesced: somebody else published it. Nothing where it
  // is not held.
  virtual void discard(EntryIndex) {}
  // No effect where no gap lasts.
  virtual void end_gap(IntakeEntry& entry) noexcept = 0;
  // `to` goes on with the channel where `from` stops, on the same connection: state, step, host, type, what
  // was told of losses of the connection. No figure changes, nor which event was the last: under another key
  // it is told anew.
  virtual void take_over(IntakeEntry& to, const IntakeEntry& from) noexcept = 0;

  // One event for each of `entries`, with one lock and one reading of the clock for all. To an entry whose
  // subscription's first event it is (set_type) and whose last record was that very event it is given no
  // second time: it counts as not received. An entry that lost events here before has one error record `Lost
  // N events` put in front of its next record that finds room.
  virtual void event(std::span<IntakeEntry* const> entries, const CaEvent& event) noexcept = 0;
  void event(IntakeEntry& entry, const CaEvent& one) noexcept {
    IntakeEntry* const entries[] = {&entry};
    event(entries, one);
  }
  // An event came that can't be kept: it is received, and lost for that reason.
  virtual void refused(IntakeEntry& entry, ledger::LossReason reason) noexcept = 0;
  // `text` as Kafka's consumers will see it: Disconnected, Never Connected, Read access denied, …
  // `by`: whose flight word is set meanwhile.
  virtual void error(IntakeEntry& entry, std::string_view text, ledger::Thread by) noexcept = 0;

  virtual void set_state(IntakeEntry& entry, ledger::EntryState state) noexcept = 0;
  // How far the entry's channel got; `detail` as CaLine has it.
  virtual void set_step(IntakeEntry& entry, ledger::Step step, uint16_t detail = 0) noexcept = 0;
  // flags: ledger::kNeverConnectedPublished, kWasConnected, kDisconnectedPublished. The first is cleared by a
  // new command, the second never, the last by the next connection. The record goes before its flag: a death
  // in between repeats it, where the other order would lose it.
  virtual void add_flags(IntakeEntry& entry, uint32_t flags) noexcept = 0;
  virtual void clear_flags(IntakeEntry& entry, uint32_t flags) noexcept = 0;
  virtual uint32_t flags(const IntakeEntry& entry) const noexcept = 0;
  // The entry's last event; not known where none came yet, or something came between it and the next one: an
  // error record, a loss.
  virtual EventIdentity last_event(const IntakeEntry& entry) const noexcept = 0;
  // The server that the entry's channel is at, or tries to be: "ip:port"; "": none.
  virtual void set_host(IntakeEntry& entry, std::string_view host) noexcept = 0;
  // What the connected channel natively is. The entry's next event is the subscription's first.
  virtual void set_type(IntakeEntry& entry, uint16_t dbr_type, uint32_t count) noexcept = 0;
  // Another server that answers for the channel's name; "": none does.
  virtual void set_also_host(IntakeEntry& entry, std::string_view host) noexcept = 0;

  // What the index is assigned for from now on (CaLine::assigned_mask); no bits: for nothing.
  virtual void set_assigned(EntryIndex, Mask) noexcept {}

  virtual void set_server(std::string_view host, const ServerFacts& facts) noexcept = 0;
  // No entry is there any more, or will be before it is named again.
  virtual void forget_host(std::string_view host) noexcept = 0;
  virtual void set_search(const SearchFacts& facts) noexcept = 0;
  // Begins a new window of the servers' clock skews (ledger::Host::skew_ns).
  virtual void turn_skew_window() noexcept = 0;
};

}  // namespace e2k::worker
