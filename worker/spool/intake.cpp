#include "worker/spool/intake.h"

#include <algorithm>
#include <cstring>

#include "common/log.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// A counter with one writer at a time needs no locked instruction.
template <class T>
void bump(std::atomic<T>& counter, T by = 1) {
  counter.store(static_cast<T>(counter.load(kRelaxed) + by), kRelaxed);
}

}  // namespace

// The three names lie in one block: a hundred thousand idle entries cost memory, not speed.
class IntakeEntry {
public:
  IntakeEntry(EntryIndex number, ledger::Entry* its_line, const EntrySpec& spec)
      : line(its_line),
        index(number.value),
        topic_bytes(static_cast<uint16_t>(spec.topic.size())),
        channel_bytes(static_cast<uint16_t>(spec.channel.size())),
        key_bytes(static_cast<uint32_t>(spec.key.size())),
        text(new char[spec.topic.size() + spec.channel.size() + spec.key.size() + 1]) {
    char* to = text.get();
    for (const std::string* s : {&spec.topic, &spec.channel, &spec.key}) {
      std::memcpy(to, s->data(), s->size());
      to += s->size();
    }
  }
  spool::EntryNames names() const {
    const char* p = text.get();
    return {{p, topic_bytes}, {p + topic_bytes, channel_bytes}, {p + topic_bytes + channel_bytes, key_bytes}};
  }

  ledger::Entry* line;
  ledger::Host* host = nullptr;  // read under the leaf lock, changed under both
  uint64_t described_in = 0;
  uint32_t index;
  uint16_t topic_bytes, channel_bytes;
  uint32_t key_bytes;
  std::unique_ptr<char[]> text;
};

SpoolIntake::SpoolIntake(spool::Spool& spool, ledger::Ledger& books, Doorbell& bell)
    : spool_(spool), books_(books), header_(books.header()), bell_(bell), writer_(spool) {}

SpoolIntake::~SpoolIntake() = default;

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
  place = std::make_unique<IntakeEntry>(index, line, entry);
  line->ca.flags.store(ledger_flags, kRelaxed);
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
  append(entry, e, event.value.first(e.count * element));
}

void SpoolIntake::error(IntakeEntry& entry, std::string_view text) noexcept {
  spool::NewEvent e;
  e.kind = spool::RecordKind::error;
  e.count = static_cast<uint32_t>(text.size());
  append(entry, e, std::as_bytes(std::span(text)));
}

void SpoolIntake::append(IntakeEntry& entry, spool::NewEvent& event,
                         std::span<const std::byte> value) noexcept {
  event.index = entry.index;
  event.arrival_monotonic_ns = monotonic_now().value;
  event.arrival_real_ns = event.arrival_monotonic_ns + spool_.real_offset_ns();
  ledger::FlightWord& flight = header_.flight[static_cast<size_t>(ledger::Thread::ca_callback)];
  bool ring;
  {
    std::lock_guard lock(lock_);
    flight.entry_plus_one.store(uint64_t{entry.index} + 1, kRelaxed);
    event.ordinal = static_cast<uint16_t>(entry.line->ca.appended.load(kRelaxed) + 1);
    const spool::Appended outcome = writer_.append(event, value, entry.names(), entry.described_in);
    book(entry, event, outcome);
    flight.entry_plus_one.store(0, kRelaxed);
    ring = sleep_announced_;
    sleep_announced_ = false;
  }
  if (ring) bell_.ring();
}

void SpoolIntake::book(IntakeEntry& entry, const spool::NewEvent& event, spool::Appended outcome) noexcept {
  ledger::CaLine& line = entry.line->ca;
  if (event.kind == spool::RecordKind::event) {
    bump(header_.ca_events);
    if (entry.host != nullptr) bump(entry.host->events);
    line.last_stamp.store(uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds, kRelaxed);
  }
  line.last_arrival_real_ns.store(event.arrival_real_ns, kRelaxed);
  if (outcome.position.word == 0) {
    bump(header_.lost_unspooled[static_cast<size_t>(outcome.reason)]);
    bump(line.lost_unspooled);
    return;
  }
  // In this order also for who looks after a kill: committed, counted, marked as counted.
  constexpr auto release = std::memory_order_release;
  line.appended.store(line.appended.load(kRelaxed) + 1, release);
  line.appended_upto.store(outcome.position.word, release);
  bump(header_.appended);
  appended_.store(appended_.load(kRelaxed) + 1, release);
}

bool SpoolIntake::announce_sleep(spool::Position read_upto) {
  std::lock_guard lock(lock_);
  if (writer_.head() != read_upto) return false;
  sleep_announced_ = true;
  return true;
}

uint64_t SpoolIntake::appended() const {
  return appended_.load(std::memory_order_acquire);
}

void SpoolIntake::set_state(IntakeEntry& entry, ledger::EntryState state) noexcept {
  std::lock_guard lock(hosts_lock_);
  const ledger::EntryState before = entry.line->ca.state.load(kRelaxed);
  if (before == state) return;
  count_channel(entry, before, -1);
  entry.line->ca.state.store(state, kRelaxed);
  count_channel(entry, state, +1);
}

void SpoolIntake::count_channel(IntakeEntry& entry, ledger::EntryState state, int change) noexcept {
  if (entry.host == nullptr) return;
  const auto by = static_cast<uint32_t>(change);
  switch (state) {
    case ledger::EntryState::connected:
    case ledger::EntryState::denied:
      bump(entry.host->connected, by);
      return;
    case ledger::EntryState::disconnected:
      bump(entry.host->disconnected, by);
      return;
    case ledger::EntryState::unused:
    case ledger::EntryState::pending:
    case ledger::EntryState::never_connected:
      return;
  }
}

void SpoolIntake::add_flags(IntakeEntry& entry, uint32_t flags) noexcept {
  entry.line->ca.flags.fetch_or(flags, kRelaxed);
}

uint32_t SpoolIntake::flags(const IntakeEntry& entry) const noexcept {
  return entry.line->ca.flags.load(kRelaxed);
}

void SpoolIntake::count_gap(IntakeEntry& entry) noexcept {
  entry.line->ca.gaps.fetch_add(1, kRelaxed);
}

void SpoolIntake::set_source(IntakeEntry& entry, std::string_view host, uint16_t dbr_type,
                             uint32_t count) noexcept {
  std::lock_guard hosts(hosts_lock_);
  uint32_t number = 0;
  ledger::Host* found = host_of(host, number);
  const ledger::EntryState state = entry.line->ca.state.load(kRelaxed);
  count_channel(entry, state, -1);
  {
    std::lock_guard lock(lock_);
    entry.host = found;
  }
  count_channel(entry, state, +1);
  entry.line->ca.host.store(number, kRelaxed);
  entry.line->ca.dbr_type.store(dbr_type, kRelaxed);
  entry.line->ca.count.store(count, kRelaxed);
}

// nullptr and 0 when the table is full: the host's channels work, its row is missing.
ledger::Host* SpoolIntake::host_of(std::string_view host, uint32_t& number) {
  const std::string name(host.substr(0, sizeof(ledger::Host::name) - 1));
  auto [place, is_new] = hosts_.try_emplace(name, 0);
  if (is_new && hosts_.size() <= ledger::kHosts) {
    place->second = static_cast<uint32_t>(hosts_.size());
    ledger::Host& row = header_.hosts[place->second - 1];
    std::memcpy(row.name, name.data(), name.size());  // the rest is zero already
  }
  number = place->second;
  return number == 0 ? nullptr : &header_.hosts[number - 1];
}

}  // namespace e2k::worker
