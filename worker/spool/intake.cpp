#include "worker/spool/intake.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "worker/crash_mark.h"
#include "worker/spool/intake_entry.h"
#include "worker/spool/lost_notice.h"

namespace e2k::worker {
namespace {

// Which event came last is certain under the leaf lock only.
void stamp_as_last_event(const ledger::CaLine& line, spool::NewEvent& error) {
  const uint64_t stamp = line.last_stamp.load(kRelaxed);
  error.stamp_seconds = static_cast<uint32_t>(stamp >> 32);
  error.stamp_nanoseconds = static_cast<uint32_t>(stamp);
}

}  // namespace

SpoolIntake::SpoolIntake(spool::LiveLog& log, ledger::Ledger& books, Doorbell& bell, bool takes_errors,
                         names::NamesBook* names)
    : log_(log),
      books_(books),
      header_(books.header()),
      lines_(books.entries()),
      bell_(bell),
      takes_errors_(takes_errors),
      names_(names),
      holds_(header_),
      appender_(log) {}

SpoolIntake::~SpoolIntake() = default;

ledger::CaLine& SpoolIntake::line_of(const IntakeEntry& entry) const noexcept {
  return lines_[entry.index].ca;
}

ledger::Host* SpoolIntake::counters_of_host(const IntakeEntry& entry) const noexcept {
  return entry.host == 0 ? nullptr : &header_.hosts[entry.host - 1];
}

IntakeEntry* SpoolIntake::open_entry(EntryIndex index, const EntrySpec& entry, uint32_t ledger_flags,
                                     bool resumes) {
  if (entry.topic.size() > kMaxTopicBytes || entry.channel.size() > kMaxChannelNameBytes ||
      entry.key.size() > spool::kMaxKeyBytes) {
    log::error("entry.refused channel={} reason=\"a name of it is too long; a key has at most {} bytes\"",
               log::quoted(entry.channel), spool::kMaxKeyBytes);
    return nullptr;
  }
  ledger::Entry* line = books_.line(index);
  if (line == nullptr) return nullptr;
  if (entries_.size() <= index.value) entries_.resize(index.value + 1);
  auto& place = entries_[index.value];
  if (place) {
    log::error("entry.refused channel={} reason=\"its index {} is in use\"", log::quoted(entry.channel),
               index.value);
    return nullptr;
  }
  if (names_ != nullptr) {
    if (auto noted = names_->note(index, {entry.topic, entry.channel, entry.key}); !noted) {
      log::error("entry.refused channel={} reason={}", log::quoted(entry.channel),
                 log::quoted(noted.error().message));
      return nullptr;
    }
  }
  place = IntakeEntry::make(index, *topics_.insert(entry.topic).first, entry);
  ledger::CaLine& ca = line->ca;
  if (resumes) begin_gap(ca);
  place->untold_losses = line->publisher.untold_unspooled.load(kRelaxed);
  ca.flags.store(static_cast<uint8_t>(ledger_flags), kRelaxed);
  ca.state.store(ledger::EntryState::pending, kRelaxed);
  ca.step.store(ledger::Step::none, kRelaxed);
  ca.step_since_unix_s.store(0, kRelaxed);
  ca.detail.store(0, kRelaxed);
  ca.host.store(0, kRelaxed);
  ca.also_host.store(0, kRelaxed);
  ca.dbr_type.store(0xffff, kRelaxed);
  ca.count.store(0, kRelaxed);
  return place.get();
}

// Its step's time tells from now on that this process served it: see begin_gap().
void SpoolIntake::close_entry(IntakeEntry* entry) {
  end_gap(*entry);
  set_state(*entry, ledger::EntryState::unused);
  ledger::CaLine& line = line_of(*entry);
  line.step.store(ledger::Step::none, kRelaxed);
  line.step_since_unix_s.store(unix_s(real_now().value), kRelaxed);
  entries_[entry->index].reset();
}

void SpoolIntake::stamp_arrival(spool::NewEvent& event) const noexcept {
  event.arrival_monotonic_ns = monotonic_now().value;
  event.arrival_real_ns = event.arrival_monotonic_ns + log_.real_offset_ns();
}

void SpoolIntake::event(std::span<IntakeEntry* const> entries, const CaEvent& event) noexcept {
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
  const auto value = event.value.first(e.count * element);
  const EventIdentity identity = identity_of(event);
  stamp_arrival(e);
  auto& flight = header_.flight[static_cast<size_t>(ledger::Thread::ca_callback)].entry_plus_one;
  work_as(ledger::Thread::ca_callback);
  bool ring;
  {
    std::lock_guard lock(lock_);
    for (IntakeEntry* const entry : entries) {
      flight.store(uint64_t{entry->index} + 1, kRelaxed);
      const bool first = std::exchange(entry->awaits_first, false);
      if (first && identity.is(last_event(*entry))) continue;
      append(*entry, e, value, identity.hash);
      if (ledger::Host* host = counters_of_host(*entry)) {
        bump(host->events);
        if (!first) note_skew(*host, e);
      }
    }
    flight.store(0, kRelaxed);
    log_.tell_head(appender_.head().unit());
    ring = std::exchange(sleep_announced_, false);
  }
  if (ring) bell_.ring();
}

void SpoolIntake::refused(IntakeEntry& entry, ledger::LossReason reason) noexcept {
  spool::NewEvent e;
  e.kind = spool::RecordKind::event;
  stamp_arrival(e);
  std::lock_guard lock(lock_);
  bump(header_.ca_events);
  line_of(entry).last_arrival_real_ns.store(e.arrival_real_ns, kRelaxed);
  // What comes next is told in any case.
  lines_[entry.index].publisher.last_event_hash.store(0, kRelaxed);
  book_loss(entry, e, reason);
}

void SpoolIntake::error(IntakeEntry& entry, std::string_view text, ledger::Thread by) noexcept {
  if (!takes_errors_) return;
  spool::NewEvent e;
  e.kind = spool::RecordKind::error;
  e.count = static_cast<uint32_t>(text.size());
  stamp_arrival(e);
  auto& flight = header_.flight[static_cast<size_t>(by)].entry_plus_one;
  work_as(by);
  bool ring;
  {
    std::lock_guard lock(lock_);
    flight.store(uint64_t{entry.index} + 1, kRelaxed);
    append(entry, e, std::as_bytes(std::span(text)), 0);
    flight.store(0, kRelaxed);
    log_.tell_head(appender_.head().unit());
    ring = std::exchange(sleep_announced_, false);
  }
  if (ring) bell_.ring();
}

void SpoolIntake::append(IntakeEntry& entry, spool::NewEvent& event, std::span<const std::byte> value,
                         uint64_t hash) noexcept {
  if (entry.untold_losses > 0 && value.size() <= log_.max_event_bytes()) tell_losses(entry, event);
  event.index = entry.index;
  if (event.kind == spool::RecordKind::error) stamp_as_last_event(line_of(entry), event);
  event.ordinal = static_cast<uint16_t>(line_of(entry).appended.load(kRelaxed) + 1);
  book(entry, event, appender_.append(event, value, entry.names(), entry.described_in), hash);
}

// Where there is no room for it, it is tried again in front of the next record; it is not worth an event.
void SpoolIntake::tell_losses(IntakeEntry& entry, const spool::NewEvent& next) noexcept {
  auto& untold = lines_[entry.index].publisher.untold_unspooled;
  const uint32_t told = std::exchange(entry.untold_losses, 0);
  if (!takes_errors_) return untold.store(0, kRelaxed);
  spool::LostNotice buffer;
  const std::string_view text = spool::write_lost_notice(told, buffer);
  spool::NewEvent e;
  e.kind = spool::RecordKind::error;
  e.index = entry.index;
  e.count = static_cast<uint32_t>(text.size());
  e.arrival_monotonic_ns = next.arrival_monotonic_ns;
  e.arrival_real_ns = next.arrival_real_ns;
  stamp_as_last_event(line_of(entry), e);
  e.ordinal = static_cast<uint16_t>(line_of(entry).appended.load(kRelaxed) + 1);
  const auto outcome = appender_.append(e, std::as_bytes(std::span(text)), entry.names(), entry.described_in);
  if (outcome.position.word == 0) {
    entry.untold_losses = told;  // nobody has received it: it is not counted
    return;
  }
  untold.store(0, kRelaxed);
  book(entry, e, outcome, 0);
}

void SpoolIntake::book(IntakeEntry& entry, const spool::NewEvent& event, spool::Appended outcome,
                       uint64_t hash) noexcept {
  // In this order also for who looks after a kill: committed, recognised again, counted.
  constexpr auto release = std::memory_order_release;
  ledger::CaLine& line = line_of(entry);
  line.last_arrival_real_ns.store(event.arrival_real_ns, kRelaxed);
  if (event.kind == spool::RecordKind::event) {
    bump(header_.ca_events);
    line.last_stamp.store(uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds, release);
  }
  const bool lost = outcome.position.word == 0;
  lines_[entry.index].publisher.last_event_hash.store(lost ? 0 : hash, release);
  if (lost) return book_loss(entry, event, outcome.reason);
  line.appended.store(line.appended.load(kRelaxed) + 1, release);
  bump(header_.appended);
}

void SpoolIntake::book_loss(IntakeEntry& entry, const spool::NewEvent& event,
                            ledger::LossReason reason) noexcept {
  ledger::Entry& line = lines_[entry.index];
  bump(header_.lost_unspooled[static_cast<size_t>(reason)]);
  bump(line.ca.lost_unspooled);
  line.publisher.last_loss.store(static_cast<uint8_t>(reason), kRelaxed);
  line.publisher.last_loss_unix_s.store(unix_s(event.arrival_real_ns), kRelaxed);
  if (entry.untold_losses < UINT32_MAX) ++entry.untold_losses;
  line.publisher.untold_unspooled.store(entry.untold_losses, kRelaxed);
}

void SpoolIntake::note_skew(ledger::Host& host, const spool::NewEvent& event) noexcept {
  if (event.stamp_seconds == 0) return;
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

EventIdentity SpoolIntake::last_event(const IntakeEntry& entry) const noexcept {
  return {line_of(entry).last_stamp.load(kRelaxed),
          lines_[entry.index].publisher.last_event_hash.load(kRelaxed)};
}

}  // namespace e2k::worker
