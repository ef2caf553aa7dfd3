#include "worker/spool/intake.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

#include "common/log.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// A counter with one writer at a time needs no locked instruction.
template <class T>
void bump(std::atomic<T>& counter, T by = 1) {
  counter.store(static_cast<T>(counter.load(kRelaxed) + by), kRelaxed);
}

// Which event came last is certain under the leaf lock only.
void stamp_as_last_event(const ledger::CaLine& line, spool::NewEvent& error) {
  const uint64_t stamp = line.last_stamp.load(kRelaxed);
  error.stamp_seconds = static_cast<uint32_t>(stamp >> 32);
  error.stamp_nanoseconds = static_cast<uint32_t>(stamp);
}

}  // namespace

// One block with its channel and key: a hundred thousand idle entries cost memory, not speed.
class IntakeEntry {
public:
  static std::unique_ptr<IntakeEntry> make(EntryIndex index, const std::string& topic,
                                           const EntrySpec& spec) {
    const size_t bytes = offsetof(IntakeEntry, text_) + spec.channel.size() + spec.key.size();
    void* memory = ::operator new(std::max(bytes, sizeof(IntakeEntry)));
    auto* entry = new (memory) IntakeEntry;
    entry->topic = &topic;
    entry->index = index.value;
    entry->channel_bytes = static_cast<uint16_t>(spec.channel.size());
    entry->key_bytes = static_cast<uint16_t>(spec.key.size());
    char* text = static_cast<char*>(memory) + offsetof(IntakeEntry, text_);
    std::memcpy(text, spec.channel.data(), spec.channel.size());
    std::memcpy(text + spec.channel.size(), spec.key.data(), spec.key.size());
    return std::unique_ptr<IntakeEntry>(entry);
  }
  // Its size is not the class's.
  static void operator delete(void* memory) { ::operator delete(memory); }

  spool::EntryNames names() const {
    return {*topic, {text_, channel_bytes}, {text_ + channel_bytes, key_bytes}};
  }

  const std::string* topic = nullptr;
  uint64_t described_in = 0;
  uint32_t index = 0;
  uint16_t host = 0;         // number from 1, 0: none; read under the leaf lock, changed under both
  bool awaits_first = true;  // under the leaf lock: the next event is a subscription's first
  uint16_t channel_bytes = 0, key_bytes = 0;
  char text_[1];  // the channel and the key, if it has one of its own; make() allocates what they take
};

SpoolIntake::SpoolIntake(spool::LiveLog& log, ledger::Ledger& books, Doorbell& bell, bool takes_errors)
    : log_(log),
      books_(books),
      header_(books.header()),
      lines_(books.entries()),
      bell_(bell),
      takes_errors_(takes_errors),
      appender_(log) {}

SpoolIntake::~SpoolIntake() = default;

ledger::CaLine& SpoolIntake::line_of(const IntakeEntry& entry) const noexcept {
  return lines_[entry.index].ca;
}

ledger::Host* SpoolIntake::counters_of_host(const IntakeEntry& entry) const noexcept {
  return entry.host == 0 ? nullptr : &header_.hosts[entry.host - 1];
}

IntakeEntry* SpoolIntake::open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags) {
  if (entry.topic.size() > kMaxTopicBytes || entry.channel.size() > kMaxChannelNameBytes ||
      entry.key.size() > spool::kMaxKeyBytes) {
    log::error("entry_refused channel={} reason=\"a name of it is too long; a key has at most {} bytes\"",
               log::quoted(entry.channel), spool::kMaxKeyBytes);
    return nullptr;
  }
  ledger::Entry* line = books_.line(index);
  if (line == nullptr) return nullptr;
  if (entries_.size() <= index.value) entries_.resize(index.value + 1);
  auto& place = entries_[index.value];
  if (place) {
    log::error("entry_refused channel={} reason=\"its index {} is in use\"", log::quoted(entry.channel),
               index.value);
    return nullptr;
  }
  place = IntakeEntry::make(index, *topics_.insert(entry.topic).first, entry);
  line->ca.flags.store(static_cast<uint8_t>(ledger_flags), kRelaxed);
  line->ca.state.store(ledger::EntryState::pending, kRelaxed);
  return place.get();
}

void SpoolIntake::close_entry(IntakeEntry* entry) {
  set_state(*entry, ledger::EntryState::unused);
  entries_[entry->index].reset();
}

void SpoolIntake::event(IntakeEntry& entry, const CaEvent& event) noexcept {
  spool::NewEvent e;
  e.kind = spool::RecordKind::event;
  // A record whose size and type contradict each other would end the log for its readers.
  const size_t element = spool::dbr_element_bytes(event.dbr_type);
  const size_t held = element == 0 ? 0 : event.value.size() / element;
  e.dbr_type = element == 0 ? uint8_t{0} : event.dbr_type;
  e.status = event.status;
  e.severity = event.severity;
  e.count = static_cast<uint32_t>(std::min<size_t>(event.count, held));
  e.stamp_seconds = event.stamp_seconds;
  e.stamp_nanoseconds = event.stamp_nanoseconds;
  append(entry, e, event.value.first(e.count * element), ledger::Thread::ca_callback);
}

void SpoolIntake::error(IntakeEntry& entry, std::string_view text, ledger::Thread by) noexcept {
  if (!takes_errors_) return;
  spool::NewEvent e;
  e.kind = spool::RecordKind::error;
  e.count = static_cast<uint32_t>(text.size());
  append(entry, e, std::as_bytes(std::span(text)), by);
}

void SpoolIntake::append(IntakeEntry& entry, spool::NewEvent& event, std::span<const std::byte> value,
                         ledger::Thread by) noexcept {
  event.index = entry.index;
  event.arrival_monotonic_ns = monotonic_now().value;
  event.arrival_real_ns = event.arrival_monotonic_ns + log_.real_offset_ns();
  ledger::FlightWord& flight = header_.flight[static_cast<size_t>(by)];
  bool ring;
  {
    std::lock_guard lock(lock_);
    flight.entry_plus_one.store(uint64_t{entry.index} + 1, kRelaxed);
    if (event.kind == spool::RecordKind::error) stamp_as_last_event(line_of(entry), event);
    event.ordinal = static_cast<uint16_t>(line_of(entry).appended.load(kRelaxed) + 1);
    const spool::Appended outcome = appender_.append(event, value, entry.names(), entry.described_in);
    book(entry, event, outcome);
    flight.entry_plus_one.store(0, kRelaxed);
    log_.tell_head(appender_.head().unit());
    ring = sleep_announced_;
    sleep_announced_ = false;
  }
  if (ring) bell_.ring();
}

void SpoolIntake::book(IntakeEntry& entry, const spool::NewEvent& event, spool::Appended outcome) noexcept {
  ledger::CaLine& line = line_of(entry);
  if (event.kind == spool::RecordKind::event) {
    bump(header_.ca_events);
    if (ledger::Host* host = counters_of_host(entry)) {
      bump(host->events);
      note_skew(entry, *host, event);
    }
    line.last_stamp.store(uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds, kRelaxed);
  }
  line.last_arrival_real_ns.store(event.arrival_real_ns, kRelaxed);
  if (outcome.position.word == 0) {
    bump(header_.lost_unspooled[static_cast<size_t>(outcome.reason)]);
    bump(line.lost_unspooled);
    return;
  }
  // In this order also for who looks after a kill: committed, counted.
  constexpr auto release = std::memory_order_release;
  line.appended.store(line.appended.load(kRelaxed) + 1, release);
  bump(header_.appended);
}

void SpoolIntake::note_skew(IntakeEntry& entry, ledger::Host& host, const spool::NewEvent& event) noexcept {
  if (std::exchange(entry.awaits_first, false) || event.stamp_seconds == 0) return;
  const int64_t stamp_ns =
      (int64_t{event.stamp_seconds} + kEpicsEpochUnixSeconds) * kNsPerSecond + event.stamp_nanoseconds;
  const int64_t skew_ns = event.arrival_real_ns - stamp_ns;
  const int64_t least_ns = host.skew_window_ns.load(kRelaxed);
  if (least_ns == ledger::kNoSkew || skew_ns < least_ns) host.skew_window_ns.store(skew_ns, kRelaxed);
}

bool SpoolIntake::announce_sleep(spool::Position read_upto) {
  std::lock_guard lock(lock_);
  if (appender_.head() != read_upto) return false;
  sleep_announced_ = true;
  return true;
}

void SpoolIntake::leave_segment(uint64_t number) {
  std::lock_guard lock(lock_);
  appender_.leave_segment(number);
}

spool::Position SpoolIntake::appended_by_index(std::vector<uint64_t>& counts) const {
  std::lock_guard lock(lock_);
  counts.resize(header_.entries_used.load(std::memory_order_acquire));
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = lines_[i].ca.appended.load(kRelaxed);
  return appender_.head();
}

void SpoolIntake::count_found(EntryIndex index, uint64_t events) {
  std::lock_guard lock(lock_);
  bump(lines_[index.value].ca.appended, events);
  bump(header_.appended, events);
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

void SpoolIntake::count_gap(IntakeEntry& entry) noexcept {
  line_of(entry).gaps.fetch_add(1, kRelaxed);
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
