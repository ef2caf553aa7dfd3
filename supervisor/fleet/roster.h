// Shell. The slots that there are, and what is kept of each beside its machine's state: the process, its
// token, its ledger, what is on its way to it.
//
// A Worker never moves, because handlers of the event loop refer to it, and lives as long as the Roster: one
// whose slot is given up is only left out, and is the slot's again when that comes back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "proto/control_message.h"
#include "proto/ledger_reader.h"
#include "supervisor/fleet/adoption.h"
#include "supervisor/fleet/fleet.h"
#include "supervisor/fleet/launcher.h"
#include "supervisor/fleet/outbox.h"
#include "supervisor/fleet/slot_machine.h"
#include "supervisor/fleet/worker_record.h"

namespace e2k::supervisor {

struct Worker {
  Worker(boost::asio::io_context& loop, Slot which) : slot(which), timer(loop) {}

  const Slot slot;
  SlotState state;
  std::map<std::string, uint64_t> restarts_by_reason;
  boost::asio::steady_timer timer;  // next_deadline
  std::string token;
  std::optional<Process> process;
  std::optional<boost::asio::posix::stream_descriptor> exit;
  MonotonicNs started_at;
  bool present = false;  // its slot is one of the fleet's
  bool retires = false;  // it is told to stop for good; then its slot is none of the fleet's
  bool welcomed = false;
  std::string libca;
  std::optional<std::string> log_level;        // of this slot alone, told by an operator
  uint32_t control_version = kControlVersion;  // that it speaks
  uint64_t conversation = 0;                   // that it was asked for; 0: it was launched here
  WorkerRecord record;
  bool is_outdated = false;  // it can't be told what has changed since it was launched
  Outbox outbox;
  std::optional<Heartbeat> heartbeat;
  std::optional<ledger::LedgerReader> ledger;
  std::optional<ledger::LedgerReader> previous;  // its predecessor's, until `ledger` has taken over its sums
  // As of the last heartbeat that was taken for a sign of life.
  uint64_t ca_turns = 0;
  uint64_t publish_turns = 0;
  // Likewise, in its ledger: what libca's callbacks were at work on, and what they had appended by then.
  uint64_t callback_word = 0, appended = 0;
  MonotonicNs stop_until;

  Started started() const {
    return {slot, state.generation, process.has_value(), token, welcomed, conversation};
  }
  // Its predecessor's figures stand until the next worker has opened its own books.
  void forget_generation();
  // Whoever had the slot's books before the present generation, if it lives: in words, else "".
  std::string holder_of_books() const;
  Fleet::SlotView view() const;
  // What the heartbeat shows to stand still since the last one, "its publish thread"; "": nothing does. A
  // callback is at work on an entry for microseconds.
  std::string what_stands_still(const Heartbeat& heartbeat);

private:
  bool callback_stands_still();
};

class Roster {
public:
  // A slot each of workers.count. Ledgers of earlier runs are opened.
  Roster(boost::asio::io_context& loop, const Config& config);

  Worker& add(Slot slot);
  void remove(Slot slot);
  Worker& at(Slot slot) { return *workers_.at(slot.value); }
  const Worker& at(Slot slot) const { return *workers_.at(slot.value); }
  // Null: there is no such slot. Asked once an entry.
  Worker* find(Slot slot) const {
    if (slot.value >= workers_.size() || !workers_[slot.value]) return nullptr;
    return workers_[slot.value]->present ? workers_[slot.value].get() : nullptr;
  }
  // By slot.
  const std::vector<Worker*>& all() const { return present_; }
  // Another one than this, and none of the drainers, has a worker that greeted.
  bool others_serve(const Worker& worker, const std::set<Slot>& drainers) const;
  // Nothing of them runs or is about to.
  bool at_rest() const;
  // Opens the ledger of the worker's generation, unless it is open. The Error: it is not there, or not its.
  Result<void> open_ledger(Worker& worker) const;

private:
  boost::asio::io_context& loop_;
  const Config& config_;
  std::vector<std::unique_ptr<Worker>> workers_;  // all that ever were, by slot
  std::vector<Worker*> present_;
};

}  // namespace e2k::supervisor
