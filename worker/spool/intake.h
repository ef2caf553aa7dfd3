// Shell. The Intake of a running worker: appends to the spool, counts in the ledger, rings for the publisher.
//
// One leaf lock orders everything that an append does: the record, the entry's CA line, the header's CA sums,
// the host's counter. Under it the clock is not read, nothing is allocated and nothing else is locked, but
// for the turn of a segment (the log's mutexes, held for pointers only) once in some hundred thousand events.
//
// No wake-up is lost: the publisher announces its sleep under the same lock, and only if nothing lies behind
// the position it has read up to. An append comes either before (then the sleep is refused) or after (then it
// sees the announcement and rings). The lock orders the two; no fence and no atomic is needed. The bell is a
// counter, so a ring between the announcement and the wait is not lost either. It is rung after the lock is
// free.
//
// With `takes_errors` false error records have no place in what is published (an older schema): error() then
// appends and counts nothing.
//
// Table of hosts and states of channels have a lock of their own, since they search and compare names. Where
// both are needed it is taken first.
//
// What an entry lost here is told in one error record `Lost N events`, appended in front of its next record
// that finds room, so that it stands in the log where the loss was. N counts since the last such record, over
// restarts, too: the ledger keeps it.
//
// An event's identity (stamp and hash) is stored after its record was committed, since the other order could
// lose the event; after a death in between recovery takes it from the record. An error record, or a loss,
// clears the hash: what comes next is told in any case.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "worker/intake.h"
#include "worker/spool/appender.h"
#include "worker/spool/doorbell.h"
#include "worker/spool/holds.h"
#include "worker/spool/ledger.h"
#include "worker/spool/live_log.h"
#include "worker/spool/names_book.h"

namespace e2k::worker {

class SpoolIntake final : public Intake {
public:
  // All outlive the intake. Without a book of names (tests) nothing is kept of what an index means.
  SpoolIntake(spool::LiveLog& log, ledger::Ledger& books, Doorbell& bell, bool takes_errors = true,
              names::NamesBook* names = nullptr);
  ~SpoolIntake() override;

  IntakeEntry* open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags,
                          bool resumes = false) override;
  void close_entry(IntakeEntry* entry) override;
  bool hold(EntryIndex index) override;
  bool release(EntryIndex index, const EventIdentity& after) override;
  void discard(EntryIndex index) override;
  void end_gap(IntakeEntry& entry) noexcept override;
  void take_over(IntakeEntry& to, const IntakeEntry& from) noexcept override;
  using Intake::event;
  void event(std::span<IntakeEntry* const> entries, const CaEvent& event) noexcept override;
  void refused(IntakeEntry& entry, ledger::LossReason reason) noexcept override;
  void error(IntakeEntry& entry, std::string_view text, ledger::Thread by) noexcept override;
  void set_state(IntakeEntry& entry, ledger::EntryState state) noexcept override;
  void set_step(IntakeEntry& entry, ledger::Step step, uint16_t detail) noexcept override;
  void add_flags(IntakeEntry& entry, uint32_t flags) noexcept override;
  void clear_flags(IntakeEntry& entry, uint32_t flags) noexcept override;
  uint32_t flags(const IntakeEntry& entry) const noexcept override;
  EventIdentity last_event(const IntakeEntry& entry) const noexcept override;
  void set_host(IntakeEntry& entry, std::string_view host) noexcept override;
  void set_type(IntakeEntry& entry, uint16_t dbr_type, uint32_t count) noexcept override;
  void set_also_host(IntakeEntry& entry, std::string_view host) noexcept override;
  void set_assigned(EntryIndex index, Mask mask) noexcept override;
  void set_server(std::string_view host, const ServerFacts& facts) noexcept override;
  void forget_host(std::string_view host) noexcept override;
  void set_search(const SearchFacts& facts) noexcept override;
  void turn_skew_window() noexcept override;

  // The publisher's: true, if nothing was appended behind `read_upto`; the next append rings the bell.
  bool announce_sleep(spool::Position read_upto);
  // The publisher's: readers can't get over what stands in that segment; the log goes on in the next one.
  void leave_segment(uint64_t number);
  // The publisher's: what each line has appended, by index, and the place behind the last of these records.
  spool::Position appended_by_index(std::vector<uint64_t>& counts) const;
  // The publisher's: events that were found in a log and that the books did not know of.
  void count_found(EntryIndex index, uint64_t events);

private:
  ledger::CaLine& line_of(const IntakeEntry& entry) const noexcept;
  ledger::Host* counters_of_host(const IntakeEntry& entry) const noexcept;
  void begin_gap(ledger::CaLine& line) noexcept;
  void stamp_arrival(spool::NewEvent& event) const noexcept;
  // Under the leaf lock. `hash`: an event's identity, 0 for an error record.
  void append(IntakeEntry& entry, spool::NewEvent& event, std::span<const std::byte> value,
              uint64_t hash) noexcept;
  void tell_losses(IntakeEntry& entry, const spool::NewEvent& next) noexcept;
  void book(IntakeEntry& entry, const spool::NewEvent& event, spool::Appended outcome,
            uint64_t hash) noexcept;
  void book_loss(IntakeEntry& entry, const spool::NewEvent& event, ledger::LossReason reason) noexcept;
  void note_skew(ledger::Host& host, const spool::NewEvent& event) noexcept;
  uint16_t number_of_host(std::string_view host);
  void count_channel(IntakeEntry& entry, ledger::EntryState state, int change) noexcept;

  spool::LiveLog& log_;
  ledger::Ledger& books_;
  ledger::Header& header_;
  ledger::Entry* const lines_;  // by index
  Doorbell& bell_;
  const bool takes_errors_;
  names::NamesBook* const names_;  // the *ca* thread's
  Holds holds_;                    // likewise

  alignas(64) mutable std::mutex lock_;  // the leaf lock
  spool::Appender appender_;
  bool sleep_announced_ = false;

  alignas(64) std::mutex hosts_lock_;
  SearchFacts search_told_{};                          // (the *ca* thread's) as far as the header has it
  std::unordered_map<std::string, uint32_t> hosts_;    // name -> number from 1; 0: the table was full
  std::vector<uint32_t> free_hosts_;                   // numbers whose rows are given out again
  uint32_t host_rows_ = 0;                             // that were ever given out
  std::unordered_set<std::string> topics_;             // entries share them; never erased
  std::vector<std::unique_ptr<IntakeEntry>> entries_;  // by index
};

}  // namespace e2k::worker
