// Shell. Where Channel Access's side of the worker puts what it received: append to the spool, count in the
// ledger, wake the publisher if it sleeps. The only way in for events.
//
// Threads: open_entry, close_entry and the state setters are called by the *ca* thread or by libca's
// callbacks, event and error by any thread; one short leaf lock orders the appends, and no call is made out
// of this class while it is held. Nothing here throws, blocks on a disk or allocates in event() and error().
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

namespace e2k::worker {

// One monitor event as libca hands it over. `value` holds `count` native elements, as in dbr_time_*'s value.
struct CaEvent {
  uint8_t dbr_type;  // native DBR_* number
  int16_t status;
  int16_t severity;
  uint32_t stamp_seconds;  // since 1990
  uint32_t stamp_nanoseconds;
  uint32_t count;
  std::span<const std::byte> value;
};

class IntakeEntry;  // opaque: an entry's ledger line, its names, and the segment that last described it

class Intake {
public:
  virtual ~Intake() = default;

  // `entry.key` empty: the channel's name is the key. nullptr: no room in the ledger (logged).
  virtual IntakeEntry* open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags) = 0;
  virtual void close_entry(IntakeEntry* entry) = 0;

  virtual void event(IntakeEntry& entry, const CaEvent& event) noexcept = 0;
  // `text` as Kafka's consumers will see it: Disconnected, Never Connected, Read access denied, …
  virtual void error(IntakeEntry& entry, std::string_view text) noexcept = 0;

  virtual void set_state(IntakeEntry& entry, ledger::EntryState state) noexcept = 0;
  // flags: ledger::kNeverConnectedPublished, kWasConnected, kDisconnectedPublished. The first two are never
  // cleared; the last is by the next connection. The record goes before its flag: a death in between repeats
  // it, where the other order would lose it.
  virtual void add_flags(IntakeEntry& entry, uint32_t flags) noexcept = 0;
  virtual void clear_flags(IntakeEntry& entry, uint32_t flags) noexcept = 0;
  virtual uint32_t flags(const IntakeEntry& entry) const noexcept = 0;
  // The entry was served before, by another worker or process, and is so again: what came in between was
  // never received.
  virtual void count_gap(IntakeEntry& entry) noexcept = 0;
  // Where the entry's channel is connected and what it natively is. host: "ip:port" (ca_host_name).
  virtual void set_source(IntakeEntry& entry, std::string_view host, uint16_t dbr_type,
                          uint32_t count) noexcept = 0;
};

}  // namespace e2k::worker
