#include "supervisor/fleet/roster.h"

#include <algorithm>
#include <utility>

#include "common/process_use.h"
#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {

void Worker::forget_generation() {
  if (ledger) previous = std::exchange(ledger, std::nullopt);
  heartbeat.reset();
  ca_turns = publish_turns = 0;
  control_version = kControlVersion;
  conversation = 0;
  welcomed = is_outdated = false;
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

Roster::Roster(boost::asio::io_context& loop, const Config& config) : config_(config) {
  for (uint16_t i = 0; i < config.workers.count; ++i) {
    workers_.push_back(std::make_unique<Worker>(loop, Slot{i}));
    auto previous = ledger::LedgerReader::open(ledger_path(config, Slot{i}), Slot{i});
    if (previous) workers_.back()->previous.emplace(std::move(*previous));
  }
}

bool Roster::at_rest() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
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
