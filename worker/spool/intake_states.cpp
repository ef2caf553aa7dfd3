// What the intake keeps of entries, servers and the search beside the events.
#include <algorithm>
#include <cstring>
#include <string>

#include "common/log.h"
#include "worker/spool/intake.h"
#include "worker/spool/intake_entry.h"

namespace e2k::worker {

// Where the predecessor of this process served the entry it begins with that one's last sign of life. One
// that this process served before, or none of this slot, was another worker's meanwhile, or is subscribed to
// anew: it begins now.
void SpoolIntake::begin_gap(ledger::CaLine& line) noexcept {
  const uint32_t last_ended = line.gap_ended_unix_s.load(kRelaxed);
  if (line.gap_began_unix_s.load(kRelaxed) != 0 && last_ended == 0) return;
  const uint32_t last_event = unix_s(line.last_arrival_real_ns.load(kRelaxed));
  const bool was_ours = line.step_since_unix_s.load(kRelaxed) != 0;
  const bool was_predecessors = !was_ours && std::max(last_event, last_ended) != 0;
  const uint32_t served = was_predecessors
                              ? std::max({unix_s(books_.predecessor_alive_real_ns()), last_event, last_ended})
                              : unix_s(real_now().value);
  line.gap_ended_unix_s.store(0, kRelaxed);
  line.gap_began_unix_s.store(served, kRelaxed);
  line.gaps.fetch_add(1, kRelaxed);
}

void SpoolIntake::end_gap(IntakeEntry& entry) noexcept {
  ledger::CaLine& line = line_of(entry);
  if (line.gap_began_unix_s.load(kRelaxed) == 0 || line.gap_ended_unix_s.load(kRelaxed) != 0) return;
  line.gap_ended_unix_s.store(unix_s(real_now().value), kRelaxed);
}

// Its first event is one in any case: somebody waits for it, and tells by it where the other stopped.
bool SpoolIntake::hold(EntryIndex index) {
  ledger::Entry* line = books_.line(index);
  if (line == nullptr) return false;
  if (holds_.is_held(index)) return true;
  {
    std::lock_guard lock(lock_);
    line->publisher.last_event_hash.store(0, kRelaxed);
  }
  if (!holds_.begin(index, monotonic_now())) {
    log::error("entry.not_held index={} reason=\"{} are held, which is all that may be\"", index.value,
               ledger::kHolds);
    return false;
  }
  line->publisher.held.store(1, std::memory_order_release);
  return true;
}

bool SpoolIntake::release(EntryIndex index, const EventIdentity& after) {
  if (!holds_.release(index, after, monotonic_now())) return false;
  lines_[index.value].publisher.held.store(0, kRelaxed);
  bell_.ring();
  return true;
}

void SpoolIntake::discard(EntryIndex index) {
  if (!holds_.discard(index, monotonic_now())) return;
  lines_[index.value].publisher.held.store(0, kRelaxed);
  bell_.ring();
}

void SpoolIntake::take_over(IntakeEntry& to, const IntakeEntry& from) noexcept {
  const auto copy = [](auto& there, const auto& here) { there.store(here.load(kRelaxed), kRelaxed); };
  ledger::Entry &there = lines_[to.index], &here = lines_[from.index];
  std::lock_guard hosts(hosts_lock_);
  count_channel(to, there.ca.state.load(kRelaxed), -1);
  {
    std::lock_guard lock(lock_);
    to.host = from.host;
    to.awaits_first = from.awaits_first;
  }
  copy(there.ca.state, here.ca.state);
  copy(there.ca.step, here.ca.step);
  copy(there.ca.detail, here.ca.detail);
  copy(there.ca.step_since_unix_s, here.ca.step_since_unix_s);
  copy(there.ca.host, here.ca.host);
  copy(there.ca.also_host, here.ca.also_host);
  copy(there.ca.dbr_type, here.ca.dbr_type);
  copy(there.ca.count, here.ca.count);
  constexpr uint32_t kOfConnection = ledger::kWasConnected | ledger::kDisconnectedPublished;
  add_flags(to, flags(from) & kOfConnection);
  clear_flags(to, ~flags(from) & kOfConnection);
  count_channel(to, there.ca.state.load(kRelaxed), +1);
}

void SpoolIntake::set_assigned(EntryIndex index, Mask mask) noexcept {
  if (index.value < header_.entries_used.load(kRelaxed))
    lines_[index.value].ca.assigned_mask.store(static_cast<uint8_t>(mask.bits), kRelaxed);
}

void SpoolIntake::set_state(IntakeEntry& entry, ledger::EntryState state) noexcept {
  std::lock_guard lock(hosts_lock_);
  const ledger::EntryState before = line_of(entry).state.load(kRelaxed);
  if (before == state) return;
  count_channel(entry, before, -1);
  line_of(entry).state.store(state, kRelaxed);
  count_channel(entry, state, +1);
}

void SpoolIntake::count_channel(IntakeEntry& entry, ledger::EntryState state, int change) noexcept {
  ledger::Host* const host = counters_of_host(entry);
  if (host == nullptr) return;
  const auto by = static_cast<uint32_t>(change);
  switch (state) {
    case ledger::EntryState::connected:
    case ledger::EntryState::denied:
    case ledger::EntryState::no_data:
      bump(host->connected, by);
      return;
    case ledger::EntryState::disconnected:
      bump(host->disconnected, by);
      return;
    case ledger::EntryState::unused:
    case ledger::EntryState::pending:
    case ledger::EntryState::never_connected:
      return;
  }
}

void SpoolIntake::set_step(IntakeEntry& entry, ledger::Step step, uint16_t detail) noexcept {
  ledger::CaLine& line = line_of(entry);
  if (line.step.load(kRelaxed) == step && line.detail.load(kRelaxed) == detail) return;
  line.step.store(step, kRelaxed);
  line.detail.store(detail, kRelaxed);
  line.step_since_unix_s.store(static_cast<uint32_t>(real_now().value / kNsPerSecond), kRelaxed);
}

void SpoolIntake::add_flags(IntakeEntry& entry, uint32_t flags) noexcept {
  line_of(entry).flags.fetch_or(static_cast<uint8_t>(flags), kRelaxed);
}

void SpoolIntake::clear_flags(IntakeEntry& entry, uint32_t flags) noexcept {
  line_of(entry).flags.fetch_and(static_cast<uint8_t>(~flags), kRelaxed);
}

uint32_t SpoolIntake::flags(const IntakeEntry& entry) const noexcept {
  return line_of(entry).flags.load(kRelaxed);
}

void SpoolIntake::set_host(IntakeEntry& entry, std::string_view host) noexcept {
  std::lock_guard hosts(hosts_lock_);
  const uint16_t number = number_of_host(host);
  if (number == entry.host) return;
  ledger::CaLine& line = line_of(entry);
  const ledger::EntryState state = line.state.load(kRelaxed);
  count_channel(entry, state, -1);
  {
    std::lock_guard lock(lock_);
    entry.host = number;
  }
  count_channel(entry, state, +1);
  line.host.store(number, kRelaxed);
}

void SpoolIntake::set_type(IntakeEntry& entry, uint16_t dbr_type, uint32_t count) noexcept {
  {
    std::lock_guard lock(lock_);
    entry.awaits_first = true;
  }
  line_of(entry).dbr_type.store(dbr_type, kRelaxed);
  line_of(entry).count.store(count, kRelaxed);
}

void SpoolIntake::set_also_host(IntakeEntry& entry, std::string_view host) noexcept {
  std::lock_guard hosts(hosts_lock_);
  line_of(entry).also_host.store(number_of_host(host), kRelaxed);
}

void SpoolIntake::set_server(std::string_view host, const ServerFacts& facts) noexcept {
  std::lock_guard hosts(hosts_lock_);
  const uint16_t number = number_of_host(host);
  if (number == 0) return;
  ledger::Host& row = header_.hosts[number - 1];
  if (row.state.load(kRelaxed) != facts.state) {
    row.state.store(facts.state, kRelaxed);
    row.state_since_real_ns.store(real_now().value, kRelaxed);
  }
  row.waiting.store(facts.waiting, kRelaxed);
  row.circuits_opened.store(facts.circuits_opened, kRelaxed);
  row.circuits_failed.store(facts.circuits_failed, kRelaxed);
}

// The row keeps its name, for readers, until it is given out again.
void SpoolIntake::forget_host(std::string_view host) noexcept {
  std::lock_guard hosts(hosts_lock_);
  const auto place = hosts_.find(std::string(host));
  if (place == hosts_.end()) return;
  if (place->second != 0) free_hosts_.push_back(place->second);
  hosts_.erase(place);
}

// The header's sums go on over generations.
void SpoolIntake::set_search(const SearchFacts& facts) noexcept {
  const auto advance = [](std::atomic<uint64_t>& sum, uint64_t now, uint64_t& told) {
    sum.store(sum.load(kRelaxed) + (now - told), kRelaxed);
    told = now;
  };
  advance(header_.searches_sent, facts.frames_sent, search_told_.frames_sent);
  advance(header_.searches_answered, facts.answers, search_told_.answers);
  advance(header_.searches_refused, facts.refused_answers, search_told_.refused_answers);
  advance(header_.circuits_opened, facts.circuits_opened, search_told_.circuits_opened);
  advance(header_.circuits_failed, facts.circuits_failed, search_told_.circuits_failed);
  header_.duplicated.store(facts.duplicated_entries, kRelaxed);
}

void SpoolIntake::turn_skew_window() noexcept {
  std::lock_guard hosts(hosts_lock_);
  for (uint32_t number = 1; number <= host_rows_; ++number) {
    ledger::Host& row = header_.hosts[number - 1];
    std::lock_guard lock(lock_);
    // A window without events says nothing new.
    if (const int64_t least_ns = row.skew_window_ns.load(kRelaxed); least_ns != ledger::kNoSkew)
      row.skew_ns.store(least_ns, kRelaxed);
    row.skew_window_ns.store(ledger::kNoSkew, kRelaxed);
  }
}

// 0 for "", and when the table is full: the host's channels work, its row is missing.
uint16_t SpoolIntake::number_of_host(std::string_view host) {
  static_assert(ledger::kHosts <= UINT16_MAX);
  if (host.empty()) return 0;
  const std::string name(host.substr(0, sizeof(ledger::Host::name) - 1));
  auto [place, is_new] = hosts_.try_emplace(name, 0);
  if (!is_new && place->second != 0) return static_cast<uint16_t>(place->second);
  if (!free_hosts_.empty()) {
    place->second = free_hosts_.back();
    free_hosts_.pop_back();
  } else if (host_rows_ < ledger::kHosts) {
    place->second = ++host_rows_;
  } else {
    return 0;
  }
  ledger::Host& row = header_.hosts[place->second - 1];
  row.events.store(0, kRelaxed);
  row.state.store(ledger::HostState::none, kRelaxed);
  row.skew_ns.store(ledger::kNoSkew, kRelaxed);
  row.skew_window_ns.store(ledger::kNoSkew, kRelaxed);
  std::memset(row.name, 0, sizeof row.name);
  std::memcpy(row.name, name.data(), name.size());
  return static_cast<uint16_t>(place->second);
}

}  // namespace e2k::worker
