#include "tests/support/ca/recording_intake.h"

#include <cstring>
#include <utility>

namespace e2k::worker {
namespace {

template <class T>
T load(const std::vector<std::byte>& value, size_t element) {
  T out{};
  if ((element + 1) * sizeof out <= value.size())
    std::memcpy(&out, value.data() + element * sizeof out, sizeof out);
  return out;
}

}  // namespace

double Recorded::number(size_t element) const {
  switch (dbr_type) {
    case 1:
    case 3:
      return load<int16_t>(value, element);
    case 2:
      return double{load<float>(value, element)};
    case 4:
      return load<int8_t>(value, element);
    case 5:
      return load<int32_t>(value, element);
    case 6:
      return load<double>(value, element);
    default:
      return -1;
  }
}

std::string Recorded::text(size_t element) const {
  if ((element + 1) * 40 > value.size()) return {};
  return reinterpret_cast<const char*>(value.data()) + element * 40;
}

IntakeEntry* RecordingIntake::open_entry(EntryIndex index, const EntrySpec& spec, uint32_t ledger_flags,
                                         bool resumes) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[index.value];
  entry = std::make_unique<IntakeEntry>();
  entry->index = index.value;
  entry->spec = spec;
  entry->flags = ledger_flags;
  entry->in_gap = resumes;
  entry->gaps = resumes ? 1 : 0;
  return entry.get();
}

void RecordingIntake::close_entry(IntakeEntry* entry) {
  change([&] {
    put_into_state(*entry, ledger::EntryState::unused);
    entry->open = false;
    ++closed_;
  });
}

void RecordingIntake::end_gap(IntakeEntry& entry) noexcept {
  change([&] { entry.in_gap = false; });
}

void RecordingIntake::take_over(IntakeEntry& to, const IntakeEntry& from) noexcept {
  change([&] {
    put_into_state(to, from.state);
    constexpr uint32_t kOfConnection = ledger::kWasConnected | ledger::kDisconnectedPublished;
    to.flags = (to.flags & ~kOfConnection) | (from.flags & kOfConnection);
    to.step = from.step;
    to.detail = from.detail;
    to.host = from.host;
    to.also_host = from.also_host;
    to.dbr_type = from.dbr_type;
    to.count = from.count;
    to.awaits_first = from.awaits_first;
  });
}

EventIdentity RecordingIntake::last_event(const IntakeEntry& entry) const noexcept {
  const std::lock_guard lock(mutex_);
  return entry.last;
}

void RecordingIntake::event(std::span<IntakeEntry* const> entries, const CaEvent& event) noexcept {
  change([&] {
    ++event_calls_;
    const EventIdentity identity = identity_of(event);
    for (IntakeEntry* entry : entries) take(*entry, event, identity);
  });
}

void RecordingIntake::refused(IntakeEntry& entry, ledger::LossReason) noexcept {
  change([&] { ++entry.refused; });
}

void RecordingIntake::take(IntakeEntry& entry, const CaEvent& event, const EventIdentity& identity) {
  if (std::exchange(entry.awaits_first, false) && identity.is(entry.last)) {
    ++entry.suppressed;
    return;
  }
  entry.last = identity;
  ++events_;
  if (entry.records.empty()) ++with_events_;
  if (counts_only_ && !entry.records.empty()) return;
  Recorded r;
  r.dbr_type = event.dbr_type;
  r.status = event.status;
  r.severity = event.severity;
  r.count = event.count;
  if (!counts_only_) r.value.assign(event.value.begin(), event.value.end());
  r.arrival = std::chrono::steady_clock::now();
  entry.records.push_back(std::move(r));
}

void RecordingIntake::error(IntakeEntry& entry, std::string_view text, ledger::Thread) noexcept {
  change([&] {
    entry.last.hash = 0;
    Recorded r;
    r.is_error = true;
    r.error = text;
    r.arrival = std::chrono::steady_clock::now();
    entry.records.push_back(std::move(r));
  });
}

void RecordingIntake::set_state(IntakeEntry& entry, ledger::EntryState state) noexcept {
  change([&] { put_into_state(entry, state); });
}

void RecordingIntake::put_into_state(IntakeEntry& entry, ledger::EntryState state) {
  if (states_[entry.state] > 0) --states_[entry.state];
  entry.state = state;
  ++states_[state];
}

void RecordingIntake::add_flags(IntakeEntry& entry, uint32_t flags) noexcept {
  change([&] { entry.flags |= flags; });
}

void RecordingIntake::clear_flags(IntakeEntry& entry, uint32_t flags) noexcept {
  change([&] { entry.flags &= ~flags; });
}

uint32_t RecordingIntake::flags(const IntakeEntry& entry) const noexcept {
  const std::lock_guard lock(mutex_);
  return entry.flags;
}

void RecordingIntake::set_step(IntakeEntry& entry, ledger::Step step, uint16_t detail) noexcept {
  change([&] {
    entry.step = step;
    entry.detail = detail;
  });
}

void RecordingIntake::set_host(IntakeEntry& entry, std::string_view host) noexcept {
  change([&] { entry.host = host; });
}

void RecordingIntake::set_type(IntakeEntry& entry, uint16_t dbr_type, uint32_t count) noexcept {
  change([&] {
    entry.dbr_type = dbr_type;
    entry.count = count;
    entry.awaits_first = true;
  });
}

void RecordingIntake::set_also_host(IntakeEntry& entry, std::string_view host) noexcept {
  change([&] { entry.also_host = host; });
}

void RecordingIntake::set_server(std::string_view host, const ServerFacts& facts) noexcept {
  change([&] { servers_[std::string(host)] = facts; });
}

void RecordingIntake::set_search(const SearchFacts& facts) noexcept {
  change([&] { search_ = facts; });
}

ServerFacts RecordingIntake::server(const std::string& host) const {
  const std::lock_guard lock(mutex_);
  const auto it = servers_.find(host);
  return it == servers_.end() ? ServerFacts{} : it->second;
}

SearchFacts RecordingIntake::search() const {
  const std::lock_guard lock(mutex_);
  return search_;
}

IntakeEntry RecordingIntake::entry(uint32_t index) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(index);
  return it == entries_.end() ? IntakeEntry{} : *it->second;
}

size_t RecordingIntake::in_state(ledger::EntryState state) const {
  const std::lock_guard lock(mutex_);
  const auto it = states_.find(state);
  return it == states_.end() ? 0 : it->second;
}

size_t RecordingIntake::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

size_t RecordingIntake::event_calls() const {
  const std::lock_guard lock(mutex_);
  return event_calls_;
}

size_t RecordingIntake::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

size_t RecordingIntake::with_events() const {
  const std::lock_guard lock(mutex_);
  return with_events_;
}

bool RecordingIntake::wait(std::chrono::milliseconds deadline, const std::function<bool()>& holds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, deadline, holds);
}

bool RecordingIntake::wait_records(uint32_t index, size_t count, std::chrono::milliseconds deadline) {
  return wait(deadline, [&] { return records(index).size() >= count; });
}

}  // namespace e2k::worker
