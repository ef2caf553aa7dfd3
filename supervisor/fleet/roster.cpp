#include "supervisor/fleet/roster.h"

#include <algorithm>
#include <utility>

#include "common/process_use.h"
#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {

void Worker::forget_generation() {
  if (ledger) previous = std::exchange(ledger, std::nullopt);
  heartbeat.reset();
  ca_turns = publish_turns = callback_word = appended = 0;
  control_version = kControlVersion;
  conversation = 0;
  welcomed = is_outdated = false;
}

std::string Worker::what_stands_still(const Heartbeat& beat) {
  const bool publishes = std::exchange(publish_turns, beat.publish_turns) != beat.publish_turns;
  // While it appends, the publisher may wait for it.
  if (callback_stands_still()) return "a callback of libca";
  return publishes ? "" : "its publish thread";
}

bool Worker::callback_stands_still() {
  if (!ledger) return false;
  constexpr auto relaxed = std::memory_order_relaxed;
  const ledger::Header& header = ledger->header();
  const auto callback = static_cast<size_t>(ledger::Thread::ca_callback);
  const uint64_t word = header.flight[callback].entry_plus_one.load(relaxed);
  const uint64_t came = header.appended.load(relaxed) + header.ca_events.load(relaxed);
  const bool same = std::exchange(callback_word, word) == word;
  const bool none_came = std::exchange(appended, came) == came;
  return word != 0 && same && none_came;
}

std::string Worker::holder_of_books() const {
  if (!previous) return "";
  const ledger::Header& header = previous->header();
  if (header.generation == state.generation.value || !is_running(header.pid, header.process_start_ticks))
    return "";
  return books_are_held_by(Generation{header.generation}, header.pid);
}

Fleet::SlotView Worker::view() const {
  const ledger::LedgerReader* const own = ledger ? &*ledger : nullptr;
  return {slot,
          &state,
          &restarts_by_reason,
          started_at,
          heartbeat ? &*heartbeat : nullptr,
          own,
          own == nullptr && previous ? &*previous : own,
          outbox.assigned_items(),
          outbox.unapplied_items(),
          libca};
}

Roster::Roster(boost::asio::io_context& loop, const Config& config) : loop_(loop), config_(config) {
  for (uint16_t i = 0; i < config.workers.count; ++i) add(Slot{i});
}

Worker& Roster::add(Slot slot) {
  if (workers_.size() <= slot.value) workers_.resize(slot.value + size_t{1});
  std::unique_ptr<Worker>& worker = workers_[slot.value];
  if (!worker) worker = std::make_unique<Worker>(loop_, slot);
  if (!std::exchange(worker->present, true)) {
    present_.push_back(worker.get());
    std::sort(present_.begin(), present_.end(), [](auto* a, auto* b) { return a->slot < b->slot; });
  }
  // Of an earlier run, or drained by another since this slot was given up.
  worker->forget_generation();
  if (auto previous = ledger::LedgerReader::open(ledger_path(config_, slot), slot))
    worker->previous.emplace(std::move(*previous));
  worker->retires = false;
  return *worker;
}

void Roster::remove(Slot slot) {
  if (Worker* const worker = find(slot)) worker->present = false;
  std::erase_if(present_, [slot](const Worker* worker) { return worker->slot == slot; });
}

bool Roster::others_serve(const Worker& worker, const std::set<Slot>& drainers) const {
  return std::ranges::any_of(present_, [&](const Worker* one) {
    return one != &worker && one->state.phase == SlotPhase::running && !drainers.contains(one->slot);
  });
}

bool Roster::at_rest() const {
  return std::all_of(present_.begin(), present_.end(), [](const auto& worker) {
    const SlotPhase phase = worker->state.phase;
    return phase == SlotPhase::stopped || phase == SlotPhase::idle || phase == SlotPhase::failed;
  });
}

Result<void> Roster::open_ledger(Worker& worker) const {
  if (worker.ledger) return {};
  auto opened =
      ledger::LedgerReader::open(ledger_path(config_, worker.slot), worker.slot, worker.state.generation);
  if (!opened) return tl::unexpected(opened.error());
  worker.ledger.emplace(std::move(*opened));
  worker.previous.reset();
  return {};
}

}  // namespace e2k::supervisor
