// A fleet without processes: the test says when its workers greet and die, and reads what they were told.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "supervisor/fleet/fleet.h"
#include "test_ledger.h"

namespace e2k::supervisor {

class FakeFleet final : public Fleet {
public:
  explicit FakeFleet(size_t workers, Callbacks callbacks = {}) : callbacks_(std::move(callbacks)) {
    for (uint16_t i = 0; i < workers; ++i) workers_[Slot{i}] = std::make_unique<Worker>();
  }

  // What happens to the workers.
  void greet(Slot slot) {
    Worker& w = of(slot);
    if (callbacks_.launching) w.extras = callbacks_.launching(slot);
    w.state.phase = SlotPhase::running;
    w.state.generation = Generation{++last_generation_};
    w.state.pid = 1000 + slot.value;
    auto ledger = std::make_unique<TestLedger>(slot, w.state.generation);
    if (w.ledger && !w.extras.fresh_books) ledger->take_over(*w.ledger);
    w.ledger = std::move(ledger);
    w.welcomed = true;
    w.assigned = w.unapplied = 0;
    if (callbacks_.welcomed) callbacks_.welcomed(slot, w.state.generation);
  }
  // A worker of an earlier supervisor lives there, and is awaited until it is adopted.
  void found(Slot slot) {
    of(slot).state.phase = SlotPhase::starting;
    of(slot).state.found = true;
  }
  // It greets; its ledger says that it serves these masks by index.
  void adopt(Slot slot, const std::map<uint32_t, uint8_t>& masks) {
    Worker& w = of(slot);
    w.state.phase = SlotPhase::running;
    w.state.generation = Generation{++last_generation_};
    w.state.pid = 1000 + slot.value;
    w.ledger = std::make_unique<TestLedger>(slot, w.state.generation);
    for (const auto& [index, mask] : masks) {
      w.ledger->line(EntryIndex{index}).ca.assigned_mask = mask;
      w.ledger->line(EntryIndex{index}).ca.state = ledger::EntryState::connected;
    }
    w.welcomed = true;
    callbacks_.adopted(slot, w.state.generation);
    if (!is_adopting()) callbacks_.adoption_over();
  }
  bool is_adopting() const override {
    for (const auto& w : workers_)
      if (w.second->state.found && w.second->state.phase == SlotPhase::starting) return true;
    return false;
  }
  void die(Slot slot, int wait_status = 9) {
    Worker& w = of(slot);
    w.state.phase = SlotPhase::backoff;
    w.state.pid = 0;
    w.state.last_cause = ExitCause::crash;
    w.state.last_exit = how_it_ended(wait_status, "");
    w.welcomed = false;
    if (callbacks_.lost)
      callbacks_.lost(obituary_of(slot, w.state.generation, ExitCause::crash, w.state.last_exit, wait_status,
                                  w.ledger ? &w.ledger->header() : nullptr));
  }
  TestLedger& ledger_of(Slot slot) { return *of(slot).ledger; }
  SlotState& state_of(Slot slot) { return of(slot).state; }
  void fail(Slot slot) {
    of(slot).state.phase = SlotPhase::failed;
    of(slot).welcomed = false;
    if (callbacks_.gave_up) callbacks_.gave_up(slot, "exit 78");
  }
  // One death after which it is not started again.
  void die_for_good(Slot slot) {
    Worker& w = of(slot);
    w.state.phase = SlotPhase::failed;
    w.state.pid = 0;
    w.state.last_exit = "exit 78";
    w.welcomed = false;
    callbacks_.lost(obituary_of(slot, w.state.generation, ExitCause::exit, "exit 78", 78 << 8,
                                w.ledger ? &w.ledger->header() : nullptr));
    callbacks_.gave_up(slot, "exit 78");
  }
  // Of the items that it was given, so many at the end are not applied.
  void set_unapplied(Slot slot, uint64_t items) { of(slot).unapplied = items; }

  // What the slot's workers were given since this was asked last.
  std::vector<AssignItem> take_given(Slot slot) { return std::exchange(of(slot).given, {}); }
  const LaunchExtras& extras(Slot slot) { return of(slot).extras; }
  bool started = false, paused = false, stopping = false;
  std::vector<Slot> restarted, retiring;
  std::set<Slot> spares;
  void set_spares(const std::set<Slot>& slots) override { spares = slots; }

  std::string held;
  void set_held(const std::string& channels) override { held = channels; }
  void start() override { started = true; }
  void stop() override {
    stopping = true;
    for (auto& [slot, w] : workers_) w->state.phase = SlotPhase::stopped;
    if (callbacks_.all_stopped) callbacks_.all_stopped();
  }
  void assign(Slot slot, std::vector<AssignItem> items) override {
    Worker& w = of(slot);
    if (!w.welcomed) return;
    w.assigned += items.size();
    for (AssignItem& item : items) w.given.push_back(std::move(item));
  }
  void restart(Slot slot, const std::string& because) override {
    restarted.push_back(slot);
    why = because;
  }
  std::string why;  // of the last restart
  void lend(Slot slot, Slot) override { of(slot).state.lent = true; }
  void give_back(Slot slot) override {
    SlotState& state = of(slot).state;
    state.lent = false;
    const bool is_due =
        state.tries_again && monotonic_now().value - state.phase_since.value >= 60 * kNsPerSecond;
    if (std::exchange(state.restart_wanted, false) || is_due) state.phase = SlotPhase::starting;
    returned.push_back(slot);
  }
  std::vector<Slot> returned;
  void add(Slot slot) override { workers_[slot] = std::make_unique<Worker>(); }
  void retire(Slot slot) override { retiring.push_back(slot); }
  // The worker that was told to stop for good has stopped.
  void leave(Slot slot) {
    workers_.erase(slot);
    if (callbacks_.retired) callbacks_.retired(slot);
  }
  bool has(Slot slot) const override { return workers_.contains(slot); }
  void set_paused(bool to) override { paused = to; }
  std::vector<SlotView> slots() const override {
    std::vector<SlotView> views;
    for (const auto& [number, worker] : workers_) views.push_back(slot(number));
    return views;
  }
  SlotView slot(Slot slot) const override {
    const Worker& w = *workers_.at(slot);
    const ledger::LedgerReader* const ledger = w.ledger ? &w.ledger->reader() : nullptr;
    return {slot,   &w.state,   &w.restarts_by_reason, {}, w.heartbeat ? &*w.heartbeat : nullptr, ledger,
            ledger, w.assigned, w.unapplied,           ""};
  }

private:
  struct Worker {
    SlotState state;
    bool welcomed = false;
    std::map<std::string, uint64_t> restarts_by_reason;
    std::unique_ptr<TestLedger> ledger;
    std::optional<Heartbeat> heartbeat;
    std::vector<AssignItem> given;
    LaunchExtras extras;
    uint64_t assigned = 0, unapplied = 0;
  };
  Worker& of(Slot slot) { return *workers_.at(slot); }

  Callbacks callbacks_;
  std::map<Slot, std::unique_ptr<Worker>> workers_;
  uint32_t last_generation_ = 0;
};

}  // namespace e2k::supervisor
