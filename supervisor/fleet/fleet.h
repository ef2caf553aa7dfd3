// Shell. The workers: launched, greeted, fed with assignments, watched, stopped and started again.
//
// The slots are 0 to workers.count - 1 at first; they may come and go while the fleet runs.
//
// Policy is slot_machine's, mechanism is here: clone/exec with a close-on-exec error pipe and a launch
// contract in a memfd, pidfds, the ZeroMQ ROUTER, timers, one ledger reader a slot, and the one CA repeater
// of the service. One thread: the event loop's. Callbacks come on it and may call back in. A worker's garbage
// is logged and dropped; nothing that a worker does or sends ends the supervisor.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/result.h"
#include "proto/control_message.h"
#include "proto/launch.h"
#include "proto/ledger_reader.h"
#include "supervisor/fleet/slot_machine.h"

namespace e2k::supervisor {

class Fleet {
public:
  // What a launch needs beside the configuration.
  struct LaunchExtras {
    bool fresh_books = false;
    std::vector<Estate> estates = {};
  };
  struct Callbacks {
    // A worker of the slot is about to be launched; no process of it lives.
    std::function<LaunchExtras(Slot)> launching = nullptr;
    // The worker greeted and its numbering was reset: it holds nothing. Answer with assign().
    std::function<void(Slot, Generation)> welcomed;
    // Likewise, a worker of an earlier supervisor: it serves what its ledger says (CaLine::assigned_mask).
    std::function<void(Slot, Generation)> adopted = nullptr;
    // No worker of an earlier supervisor is awaited any more. Not called where none was found.
    std::function<void()> adoption_over = nullptr;
    // The worker is gone, whatever the reason; its ledger can still be read until the slot is launched again.
    std::function<void(const Obituary&)> lost;
    // A slot will not be started again by itself.
    std::function<void(Slot, const std::string& text)> gave_up;
    // A retired slot's worker is gone, and the slot is none of the fleet's any more.
    std::function<void(Slot)> retired = nullptr;
    // A worker is to be replaced. Needed by who calls replace_outdated().
    std::function<void(Slot)> outdated = nullptr;
    // Every slot is stopped, after stop().
    std::function<void()> all_stopped;
  };

  // `first_generation`: greater than any that was ever used in this state directory. The generation given to
  // each launch is reported by generation_used before the launch, so that it can be kept durably.
  static Result<std::unique_ptr<Fleet>> make(boost::asio::io_context& loop, const Config& config,
                                             Generation first_generation, Callbacks callbacks,
                                             std::function<void(Generation)> generation_used);
  virtual ~Fleet() = default;

  // Takes over what workers of an earlier supervisor are found; every other slot, and the repeater.
  virtual void start() = 0;
  virtual void stop() = 0;  // drain, then all_stopped

  // Queues items for the slot's welcomed worker; they are numbered, cut into batches and repeated until
  // applied. Items for a slot whose worker is not welcomed are dropped: welcomed() asks for everything anew.
  virtual void assign(Slot slot, std::vector<AssignItem> items) = 0;

  // The slot is one of the fleet's from now on, and its worker is launched. What had it before must be gone.
  virtual void add(Slot slot) = 0;
  // Slots that are there for a time only, beside those that the spool is divided among: each has as large a
  // part as one of those. To be told before they are added.
  virtual void set_spares(const std::set<Slot>& slots) { (void)slots; }
  // Drain and exit for good, then retired(). Nothing for a slot that is none of the fleet's.
  virtual void retire(Slot slot) = 0;

  // Drain, exit, start again. `why` is told with its exit; "": somebody asked.
  virtual void restart(Slot slot, const std::string& why = "") = 0;

  // The logs of a slot that has failed are another worker's, until they are given back: it is not started
  // meanwhile, and then if somebody asked (SlotState::restart_wanted).
  // The drainer is none that serves.
  virtual void lend(Slot slot, Slot drainer) = 0;
  virtual void give_back(Slot slot) = 0;

  // Workers of an earlier supervisor were found and have not greeted yet: what is assigned is not known.
  virtual bool is_adopting() const { return false; }
  // Calls outdated() for each worker that was launched with other settings, or is of another release. To be
  // called when what they serve is known.
  virtual void replace_outdated() {}

  // The level of workers' logs, of one or of all, and of those that are to come.
  virtual void set_log_level(const std::string& level, std::optional<Slot> slot) {
    (void)level;
    (void)slot;
  }

  // While paused, workers receive and keep what they have. Told to all, and to those that are to come.
  virtual void set_paused(bool paused) = 0;

  // The channels whose waiting events workers hold (proto/held_channels.h). Told to all, and to those
  // that are to come.
  virtual void set_held(const std::string& channels) = 0;

  // Views, for now: the next event of the fleet may end what they point to.
  struct SlotView {
    Slot slot;
    const SlotState* state;
    const std::map<std::string, uint64_t>* restarts_by_reason;
    MonotonicNs started_at;
    const Heartbeat* heartbeat;          // the last of this generation; nullptr before it
    const ledger::LedgerReader* ledger;  // of this generation; nullptr before its first greeting
    const ledger::LedgerReader* books;   // for sums: `ledger`, or its predecessor's until that is there
    uint64_t assigned_items;             // to this generation, all that it was ever given
    uint64_t unapplied_items;            // of them, not yet applied: the last ones
    std::string_view libca;              // which one it runs with; "" before its first greeting
  };
  virtual std::vector<SlotView> slots() const = 0;
  virtual bool has(Slot slot) const = 0;
  // One slot's; it must be one of the fleet's. It copies nothing: for questions asked once an entry.
  virtual SlotView slot(Slot slot) const = 0;
};

}  // namespace e2k::supervisor
