// Pure. How fast the rounds through all entries go: as a change is to be seen soon, and as slowly as is
// decent where nothing has changed for a while.
//
// What nearly always comes with a change of an entry's state is counted in its ledger's header, too: circuits
// that open and end, servers' states and connected entries, answers to searches, failed deliveries, losses. A
// picture of those is cheap to take, and one that is another ends the calm at once. What shows in a line
// alone (access that is withdrawn, a subscription that brings nothing) is seen in the course of a slow round.
#pragma once

#include <cstdint>

#include "proto/ledger_reader.h"

namespace e2k::supervisor {

// Of what changes with the states of a ledger's entries.
class HeaderPicture {
public:
  void add(Slot slot, const ledger::LedgerReader& reader) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    const ledger::Header& header = reader.header();
    put(slot.value);
    put(header.generation);
    put(reader.entries_used());
    put(header.searches_answered.load(kRelaxed));
    put(header.searches_refused.load(kRelaxed));
    put(header.circuits_opened.load(kRelaxed));
    put(header.circuits_failed.load(kRelaxed));
    put(header.duplicated.load(kRelaxed));
    put(header.delivery_failures.load(kRelaxed));
    put(header.aside_logs.load(kRelaxed));
    put(ledger::sum_of(header.lost_unspooled));
    put(ledger::sum_of(header.lost_spooled));
    for (const ledger::Host& host : header.hosts) {
      if (host.name[0] == '\0') break;
      put(host.connected.load(kRelaxed));
      put(host.disconnected.load(kRelaxed));
      put(host.waiting.load(kRelaxed));
      put(static_cast<uint64_t>(host.state.load(kRelaxed)));
    }
  }
  uint64_t value() const { return value_; }

private:
  void put(uint64_t figure) { value_ = (value_ ^ figure) * 0x9e3779b97f4a7c15 + (value_ >> 29); }
  uint64_t value_ = 1;
};

class SweepPace {
public:
  static constexpr int kRoundsUntilCalm = 3, kSlowness = 5;

  // Something is about to change, or did.
  void stir() { quiet_rounds_ = 0; }
  void look(const HeaderPicture& picture) {
    if (picture.value() == picture_) return;
    picture_ = picture.value();
    stir();
  }
  void round_ended(bool with_news) { quiet_rounds_ = with_news ? 0 : quiet_rounds_ + 1; }
  // By how much the pauses within a round are longer than they have to be.
  int slowness() const { return quiet_rounds_ >= kRoundsUntilCalm ? kSlowness : 1; }

private:
  uint64_t picture_ = 0;
  int quiet_rounds_ = 0;
};

}  // namespace e2k::supervisor
