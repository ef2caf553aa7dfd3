#include "supervisor/status/slot_view.h"

#include <algorithm>
#include <map>
#include <string>

namespace e2k::supervisor {
namespace {

constexpr double kNsPerSecondF = 1e9;
constexpr auto kRelaxed = std::memory_order_relaxed;

std::map<std::string, uint64_t> losses_of(const ledger::Header& header) {
  std::map<std::string, uint64_t> losses;
  for (size_t i = 1; i < ledger::kReasons; ++i) {
    const uint64_t count = header.lost_spooled[i].load(std::memory_order_relaxed) +
                           header.lost_unspooled[i].load(std::memory_order_relaxed);
    if (count != 0) losses[ledger::to_string(static_cast<ledger::LossReason>(i))] = count;
  }
  return losses;
}

}  // namespace

EventCounts counts_of_slot(const ledger::LedgerReader& reader, const LineSums& lines) {
  EventCounts sum;
  const ledger::Header& header = reader.header();
  const uint64_t spooled_losses = ledger::sum_of(header.lost_spooled);
  const uint64_t unspooled_losses = ledger::sum_of(header.lost_unspooled);
  // What went out is read before what came in, so that what waits is never negative.
  sum.acknowledged = header.acknowledged.load(std::memory_order_acquire);
  sum.coalesced = header.coalesced.load(std::memory_order_acquire);
  const uint64_t appended = header.appended.load(std::memory_order_acquire);
  const uint64_t settled = sum.acknowledged + sum.coalesced + spooled_losses;
  sum.waiting = appended > settled ? appended - settled : 0;
  sum.lost = spooled_losses + unspooled_losses;
  sum.received = sum.acknowledged + sum.waiting + sum.lost + sum.coalesced;
  sum.gaps = header.opening.gaps + lines.gaps;
  return sum;
}

const char* shown_phase(SlotPhase phase) {
  switch (phase) {
    case SlotPhase::starting:
      return "STARTING";
    case SlotPhase::running:
      return "RUNNING";
    case SlotPhase::unresponsive:
      return "UNRESPONSIVE";
    case SlotPhase::stopping:
    case SlotPhase::killing:
      return "STOPPING";
    case SlotPhase::backoff:
      return "BACKOFF";
    case SlotPhase::failed:
      return "FAILED";
    case SlotPhase::idle:
    case SlotPhase::stopped:
      return "STOPPED";
  }
  return "";
}

void add_ledger(WorkerView& view, const ledger::LedgerReader& books, const LineSums& lines, bool is_alive) {
  view.events = counts_of_slot(books, lines);
  view.restamped = books.header().opening.restamped + lines.restamped;
  if (is_alive) view.connected = lines.connected;
  const ledger::Header& header = books.header();
  if (is_alive) view.in_flight = header.in_flight.load(kRelaxed);
  view.ca_events = header.ca_events.load(kRelaxed);
  view.searches_sent = header.searches_sent.load(kRelaxed);
  view.searches_answered = header.searches_answered.load(kRelaxed);
  view.searches_refused = header.searches_refused.load(kRelaxed);
  view.circuits_opened = header.circuits_opened.load(kRelaxed);
  view.circuits_failed = header.circuits_failed.load(kRelaxed);
  view.produced = header.produced.load(kRelaxed);
  view.delivery_failures = header.delivery_failures.load(kRelaxed);
  view.spool_bytes = header.spool_bytes.load(kRelaxed);
  view.spool_max_bytes = header.spool_max_bytes.load(kRelaxed);
  view.lost_by_reason = losses_of(header);
  for (size_t i = 0; i < ledger::kLatencyBuckets; ++i)
    view.latency_buckets[i] = header.latency_buckets[i].load(kRelaxed);
  view.latency_sum_s = static_cast<double>(header.latency_sum_ns.load(kRelaxed)) / kNsPerSecondF;
}

void add_books_of_slot(StatusView& view, const ledger::LedgerReader& books, const LineSums& lines,
                       RealNs now) {
  view.events += counts_of_slot(books, lines);
  const ledger::Header& header = books.header();
  view.spool_bytes += header.spool_bytes.load(kRelaxed);
  view.spool_used_bytes += header.spool_used_bytes.load(kRelaxed);
  if (const int64_t oldest = header.oldest_waiting_arrival_real_ns.load(kRelaxed); oldest != 0)
    view.oldest_event_age_s =
        std::max(view.oldest_event_age_s, static_cast<double>(now.value - oldest) / kNsPerSecondF);
}

}  // namespace e2k::supervisor
