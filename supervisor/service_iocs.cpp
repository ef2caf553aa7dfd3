// The part of the Service that shows the IOCs, and judges them.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "supervisor/fleet/slot_life.h"
#include "supervisor/service.h"
#include "supervisor/status/channel_reason.h"
#include "supervisor/status/ioc_problems.h"

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kDuplicateExamples = 3;
constexpr int64_t kExamplesIntervalNs = 10 * kNsPerSecond;

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

std::vector<HostView> Service::hosts() const {
  std::map<std::string, HostView> by_name;
  for (const auto& slot : fleet_->slots()) {
    if (slot.ledger == nullptr) continue;
    for (const ledger::Host& row : slot.ledger->header().hosts) {
      if (row.name[0] == '\0') break;
      HostView& view = by_name[std::string(row.name, strnlen(row.name, sizeof row.name))];
      if (is_alive(*slot.state)) add_row(view, row, slot.slot);
      view.events += row.events.load(kRelaxed);
    }
  }
  std::vector<HostView> views;
  for (auto& [name, view] : by_name) {
    view.host = name;
    if (auto rate = host_events_.find(name); rate != host_events_.end())
      view.events_per_s = rate->second.second;
    views.push_back(std::move(view));
  }
  return views;
}

ChannelFacts Service::channel_facts(EntryId id, const ledger::Entry& line) const {
  ChannelFacts facts;
  facts.state = line.ca.state.load(kRelaxed);
  facts.step = line.ca.step.load(kRelaxed);
  facts.detail = line.ca.detail.load(kRelaxed);
  facts.elements = line.ca.count.load(kRelaxed);
  const ledger::LedgerReader* reader = fleet_->ledger(shares_.place(id)->slot);
  facts.host = reader->host_name(line.ca.host.load(kRelaxed));
  facts.also_host = reader->host_name(line.ca.also_host.load(kRelaxed));
  return facts;
}

// Entries are gone through only where a worker says that there are some.
void Service::judge_iocs_of(const std::vector<HostView>& hosts) {
  uint64_t duplicated = 0;
  for (const auto& slot : fleet_->slots()) {
    if (!is_alive(*slot.state)) continue;
    if (slot.ledger != nullptr) duplicated += slot.ledger->header().duplicated.load(kRelaxed);
  }
  const MonotonicNs now = monotonic_now();
  if (duplicated > 0 && now.value - examples_found_at_.value > kExamplesIntervalNs) {
    examples_found_at_ = now;
    std::vector<DuplicateExample> examples;
    commands_.visit([&](const EntryRef& entry) {
      if (examples.size() >= kDuplicateExamples) return;
      const ledger::Entry* line = line_of(entry.id);
      if (line == nullptr || line->ca.also_host.load(kRelaxed) == 0) return;
      const ChannelFacts facts = channel_facts(entry.id, *line);
      examples.push_back({std::string(entry.channel), facts.host, facts.also_host});
    });
    duplicate_examples_ = std::move(examples);
  }
  const IocProblems problems = judge_iocs(hosts, duplicated, duplicate_examples_,
                                          static_cast<double>(config_.status.max_clock_skew_s), real_now());
  tell(ReasonCode::ioc_refuses, problems.refuses);
  tell(ReasonCode::ioc_hung, problems.hung);
  tell(ReasonCode::ioc_clock, problems.clock);
  tell(ReasonCode::channel_duplicated, problems.duplicated);
  tell(ReasonCode::address_unresolved, address_problem(slot_facts()));
}

}  // namespace e2k::supervisor
