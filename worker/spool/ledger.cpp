#include "worker/spool/ledger.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/clock.h"
#include "common/log.h"
#include "common/process_use.h"

namespace e2k::ledger {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr uint32_t kLinesAtOnce = 1024;
constexpr size_t kPage = 4096;
constexpr uint32_t kEntriesOffset = (sizeof(Header) + kPage - 1) / kPage * kPage;

std::string system_error(const std::string& path, const char* what, int error) {
  return "ledger " + path + ": " + what + ": " + std::strerror(error);
}

int reserve(int fd, size_t from, size_t bytes) {
  int error;
  do error = ::posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(bytes));
  while (error == EINTR);
  return error;
}

template <class T>
void take(std::atomic<T>& to, const std::atomic<T>& from) {
  to.store(from.load(kRelaxed), kRelaxed);
}

void take_over_sums(Header& mine, const Header& before) {
  take(mine.ca_events, before.ca_events);
  take(mine.searches_sent, before.searches_sent);
  take(mine.searches_answered, before.searches_answered);
  take(mine.searches_refused, before.searches_refused);
  take(mine.circuits_opened, before.circuits_opened);
  take(mine.circuits_failed, before.circuits_failed);
  take(mine.appended, before.appended);
  take(mine.acknowledged, before.acknowledged);
  take(mine.coalesced, before.coalesced);
  take(mine.produced, before.produced);
  take(mine.delivery_failures, before.delivery_failures);
  take(mine.republished, before.republished);
  take(mine.logs_drained, before.logs_drained);
  take(mine.damaged_segments, before.damaged_segments);
  take(mine.unreconciled, before.unreconciled);
  take(mine.suspect_log, before.suspect_log);
  take(mine.suspect_position, before.suspect_position);
  take(mine.suspect_deaths, before.suspect_deaths);
  take(mine.alive_real_ns, before.alive_real_ns);
  for (size_t i = 0; i < kReasons; ++i) {
    take(mine.lost_unspooled[i], before.lost_unspooled[i]);
    take(mine.lost_spooled[i], before.lost_spooled[i]);
  }
  for (size_t i = 0; i < kLatencyBuckets; ++i) take(mine.latency_buckets[i], before.latency_buckets[i]);
  take(mine.latency_sum_ns, before.latency_sum_ns);
}

void make_line(Entry& line) {
  line.ca.dbr_type.store(0xffff, kRelaxed);
  line.publisher.last_offset.store(-1, kRelaxed);
  line.publisher.last_partition.store(-1, kRelaxed);
}

bool is_of_this_boot(const Header& before) {
  return before.alive_real_ns.load(kRelaxed) >= real_now().value - clock_ns(CLOCK_BOOTTIME);
}

// Whether what the books know of the log can be trusted: after the death of the machine they may be ahead of
// it, and a log that is gone may have held the last events. (A clock that was set forward since says no,
// too.)
bool knows_last_events(const Header& before) {
  return before.unreconciled.load(kRelaxed) == 0 && is_of_this_boot(before);
}

// What the entry has been through; how its channel stands now is for this generation to find out.
// Without `knows_last` the first event of the new subscription is told in any case.
void take_over_line(Entry& mine, const Entry& before, bool knows_last) {
  make_line(mine);
  take(mine.ca.flags, before.ca.flags);
  take(mine.ca.gaps, before.ca.gaps);
  take(mine.ca.gap_began_unix_s, before.ca.gap_began_unix_s);
  take(mine.ca.gap_ended_unix_s, before.ca.gap_ended_unix_s);
  take(mine.ca.appended, before.ca.appended);
  take(mine.ca.lost_unspooled, before.ca.lost_unspooled);
  take(mine.ca.last_arrival_real_ns, before.ca.last_arrival_real_ns);
  take(mine.ca.last_stamp, before.ca.last_stamp);
  take(mine.publisher.acknowledged, before.publisher.acknowledged);
  take(mine.publisher.lost_spooled, before.publisher.lost_spooled);
  take(mine.publisher.coalesced, before.publisher.coalesced);
  take(mine.publisher.last_offset, before.publisher.last_offset);
  take(mine.publisher.untold_unspooled, before.publisher.untold_unspooled);
  take(mine.publisher.untold_spooled, before.publisher.untold_spooled);
  take(mine.publisher.last_partition, before.publisher.last_partition);
  take(mine.publisher.restamped, before.publisher.restamped);
  take(mine.publisher.last_loss_unix_s, before.publisher.last_loss_unix_s);
  take(mine.publisher.last_loss, before.publisher.last_loss);
  take(mine.publisher.held, before.publisher.held);
  if (knows_last) take(mine.publisher.last_event_hash, before.publisher.last_event_hash);
}

// What was held is held still. Times of another boot mean nothing: then all goes out.
void take_over_holds(Ledger& mine, const Header& before) {
  const bool same_boot = is_of_this_boot(before);
  Header& header = mine.header();
  uint32_t used = 0;
  for (uint32_t i = 0; i < before.holds_used.load(kRelaxed) && i < kHolds; ++i) {
    const Hold& row = before.holds[i];
    const HoldState state = row.state.load(kRelaxed);
    if (state == HoldState::none) continue;
    if (!same_boot) {
      if (Entry* line = mine.used_line(EntryIndex{row.index})) line->publisher.held = 0;
      continue;
    }
    Hold& to = header.holds[used++];
    to.index = row.index;
    to.begun_monotonic_ns = row.begun_monotonic_ns;
    to.until_monotonic_ns = row.until_monotonic_ns;
    to.after_stamp = row.after_stamp;
    to.after_hash = row.after_hash;
    to.state.store(state, kRelaxed);
  }
  header.holds_used.store(used, kRelaxed);
  header.holds_changed.store(1, kRelaxed);
}

// What a slot has been through, for books whose lines begin anew.
Opening opening_after(const Header& mine, const Ledger& before) {
  Opening opening = before.header().opening;
  for (uint32_t i = 0; const Entry* line = before.used_line(EntryIndex{i}); ++i) {
    opening.gaps += line->ca.gaps.load(kRelaxed);
    opening.restamped += line->publisher.restamped.load(kRelaxed);
  }
  opening.appended = mine.appended;
  opening.lost_unspooled = sum_of(mine.lost_unspooled);
  opening.acknowledged = mine.acknowledged;
  opening.lost_spooled = sum_of(mine.lost_spooled);
  opening.coalesced = mine.coalesced;
  return opening;
}

}  // namespace

// A file that cannot be the predecessor's is told and passed over.
Result<void> Ledger::open_with_balance(const std::string& path, Lines lines) {
  Header& mine = header();
  if (::access(path.c_str(), F_OK) != 0) return {};
  auto opened = open_for_repair(path);
  if (!opened || (*opened)->header().slot != mine.slot) {
    log::warn("ledger.predecessor_unreadable path={}", log::quoted(path));
    return {};
  }
  const Ledger& before = **opened;
  take_over_sums(mine, before.header());
  if (lines == Lines::begun_anew) {
    // None of its logs is left: whatever still waited is gone with them.
    const uint64_t settled = mine.acknowledged + mine.coalesced + sum_of(mine.lost_spooled);
    if (mine.appended > settled)
      mine.lost_spooled[static_cast<size_t>(LossReason::spool_gone)] += mine.appended - settled;
    mine.opening = opening_after(mine, before);
    return {};
  }
  mine.opening = before.header().opening;
  predecessor_alive_real_ns_ = before.header().alive_real_ns.load(kRelaxed);
  const uint32_t used = std::min(before.header().entries_used.load(kRelaxed), mine.entry_capacity);
  if (auto reserved = reserve_lines(used); !reserved) return reserved;
  const bool knows_last = knows_last_events(before.header());
  for (uint32_t i = 0; i < used; ++i) take_over_line(entries()[i], before.entries()[i], knows_last);
  mine.entries_used.store(used, std::memory_order_release);
  take_over_holds(*this, before.header());
  return {};
}

Result<std::unique_ptr<Ledger>> Ledger::create(const std::string& path, Slot slot, Generation generation,
                                               uint32_t capacity, Lines lines) {
  const std::string temporary = path + ".new";
  std::unique_ptr<Ledger> ledger(new Ledger);
  ledger->path_ = path;
  ::unlink(temporary.c_str());
  ledger->fd_.reset(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!ledger->fd_) return fail(system_error(temporary, "cannot be made", errno));
  const size_t bytes = kEntriesOffset + size_t{capacity} * sizeof(Entry);
  if (::ftruncate(ledger->fd_.get(), static_cast<off_t>(bytes)) != 0)
    return fail(system_error(temporary, "cannot be sized", errno));
  if (int error = reserve(ledger->fd_.get(), 0, kEntriesOffset))
    return fail(system_error(temporary, "its size cannot be reserved", error));
  void* base =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ledger->fd_.get(), 0);
  if (base == MAP_FAILED) return fail(system_error(temporary, "cannot be mapped", errno));
  ledger->base_ = base;
  ledger->bytes_ = bytes;

  Header& h = ledger->header();
  h.format_version = kFormatVersion;
  h.generation = generation.value;
  h.slot = slot.value;
  h.pid = ::getpid();
  if (const auto use = process_use(::getpid())) h.process_start_ticks = use->start_ticks;
  h.started_real_ns = real_now().value;
  h.entry_capacity = capacity;
  h.entries_offset = kEntriesOffset;
  h.exit_code.store(-1, kRelaxed);
  if (auto taken = ledger->open_with_balance(path, lines); !taken) return tl::unexpected(taken.error());
  if (auto reserved = ledger->reserve_lines(1); !reserved) return tl::unexpected(reserved.error());
  h.magic = kMagic;
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(system_error(path, "cannot be put into place", errno));
  return ledger;
}

Result<std::unique_ptr<Ledger>> Ledger::open_for_repair(const std::string& path) {
  std::unique_ptr<Ledger> ledger(new Ledger);
  ledger->path_ = path;
  ledger->fd_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!ledger->fd_) return fail(system_error(path, "cannot be opened", errno));
  struct stat info {};
  if (::fstat(ledger->fd_.get(), &info) != 0) return fail(system_error(path, "cannot be looked at", errno));
  const auto bytes = static_cast<size_t>(info.st_size);
  if (bytes < kEntriesOffset) return fail("ledger " + path + ": is too short to be one");
  void* base =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, ledger->fd_.get(), 0);
  if (base == MAP_FAILED) return fail(system_error(path, "cannot be mapped", errno));
  ledger->base_ = base;
  ledger->bytes_ = bytes;
  const Header& h = ledger->header();
  const bool sound = h.magic == kMagic && h.format_version == kFormatVersion &&
                     h.entries_offset == kEntriesOffset &&
                     (bytes - kEntriesOffset) / sizeof(Entry) >= h.entry_capacity &&
                     h.entries_used.load(kRelaxed) <= h.entry_capacity;
  if (!sound) return fail("ledger " + path + ": is not a whole ledger of this version");
  ledger->reserved_ = h.entries_used.load(kRelaxed);
  return ledger;
}

bool Ledger::is_kept() const {
  const Header& h = header();
  return h.pid != ::getpid() && is_running(h.pid, h.process_start_ticks);
}

void Ledger::keep() {
  Header& h = header();
  h.pid = ::getpid();
  if (const auto use = process_use(::getpid())) h.process_start_ticks = use->start_ticks;
}

void Ledger::let_go() {
  header().pid = 0;
}

Ledger::~Ledger() {
  if (base_ != nullptr) ::munmap(base_, bytes_);
}

Entry* Ledger::entries() const {
  return reinterpret_cast<Entry*>(static_cast<char*>(base_) + kEntriesOffset);
}

Result<void> Ledger::reserve_lines(uint32_t count) {
  const uint32_t capacity = header().entry_capacity;
  if (count <= reserved_) return {};
  const uint32_t wanted = std::min(capacity, (count + kLinesAtOnce - 1) / kLinesAtOnce * kLinesAtOnce);
  const size_t from = kEntriesOffset + size_t{reserved_} * sizeof(Entry);
  if (int error = reserve(fd_.get(), from, size_t{wanted - reserved_} * sizeof(Entry)))
    return fail(system_error(path_, "has no room for more entries", error));
  reserved_ = wanted;
  return {};
}

Entry* Ledger::line(EntryIndex index) {
  std::lock_guard lock(lines_);
  Header& h = header();
  if (index.value >= h.entry_capacity) {
    log::error("ledger.full path={} capacity={}", log::quoted(path_), h.entry_capacity);
    return nullptr;
  }
  if (auto reserved = reserve_lines(index.value + 1); !reserved) {
    log::error("ledger.full reason={}", log::quoted(reserved.error().message));
    return nullptr;
  }
  // Lines in between belong to indices that are still to come; they are made as unused ones too.
  const uint32_t used = h.entries_used.load(kRelaxed);
  for (uint32_t i = used; i <= index.value; ++i) make_line(entries()[i]);
  if (index.value >= used) h.entries_used.store(index.value + 1, std::memory_order_release);
  return entries() + index.value;
}

Entry* Ledger::used_line(EntryIndex index) const {
  return index.value < header().entries_used.load(std::memory_order_acquire) ? entries() + index.value
                                                                             : nullptr;
}

}  // namespace e2k::ledger
