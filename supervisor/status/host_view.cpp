#include "supervisor/status/host_view.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// What of two workers' views of a server is shown.
int weight(ledger::HostState state) {
  switch (state) {
    case ledger::HostState::none:
      return 0;
    case ledger::HostState::up:
      return 1;
    case ledger::HostState::trying:
      return 2;
    case ledger::HostState::gone:
      return 3;
    case ledger::HostState::silent:
      return 4;
    case ledger::HostState::refusing:
      return 5;
    case ledger::HostState::hung:
      return 6;
  }
  return 0;
}

void add_row(HostView& view, const ledger::Host& row, Slot slot) {
  if (const uint32_t connected = row.connected.load(kRelaxed); connected != 0) {
    ++view.circuits;
    view.channels += connected;
    view.workers.push_back(slot);
  }
  const ledger::HostState state = row.state.load(kRelaxed);
  if (weight(state) > weight(view.state)) {
    view.state = state;
    view.since_unix_ns = row.state_since_real_ns.load(kRelaxed);
  }
  view.waiting += row.waiting.load(kRelaxed);
  view.circuits_opened += row.circuits_opened.load(kRelaxed);
  view.circuits_failed += row.circuits_failed.load(kRelaxed);
  const int64_t skew_ns = row.skew_ns.load(kRelaxed);
  if (skew_ns == ledger::kNoSkew) return;
  const double skew_s = static_cast<double>(skew_ns) / 1e9;
  view.clock_skew_s = view.clock_skew_s ? std::min(*view.clock_skew_s, skew_s) : skew_s;
}

}  // namespace

void HostSums::add(const ledger::LedgerReader& ledger, Slot slot, bool is_alive) {
  for (const ledger::Host& row : ledger.header().hosts) {
    if (row.name[0] == '\0') break;
    HostView& view = by_name_[std::string(row.name, ::strnlen(row.name, sizeof row.name))];
    if (is_alive) add_row(view, row, slot);
    view.events += row.events.load(kRelaxed);
  }
}

std::vector<HostView> HostSums::list() && {
  std::vector<HostView> views;
  for (auto& [name, view] : by_name_) {
    view.host = name;
    views.push_back(std::move(view));
  }
  return views;
}

void HostRates::look(const std::vector<HostView>& hosts, double seconds_since_last) {
  const auto before = std::exchange(by_name_, {});
  for (const HostView& host : hosts) {
    const auto known = before.find(host.host);
    const uint64_t events = known == before.end() ? 0 : known->second.events;
    Rate& rate = by_name_[host.host];
    rate.per_s = host.events >= events ? static_cast<double>(host.events - events) / seconds_since_last : 0;
    rate.events = host.events;
  }
}

double HostRates::events_per_s(const std::string& host) const {
  const auto found = by_name_.find(host);
  return found == by_name_.end() ? 0 : found->second.per_s;
}

}  // namespace e2k::supervisor
