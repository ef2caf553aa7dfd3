#include "worker/spool/spool.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "proto/command_record.h"

namespace e2k::spool {
namespace {

constexpr size_t kCursorBytes = 4096;
constexpr auto kKeeperTurn = std::chrono::milliseconds(500);
constexpr const char* kCursorName = "/cursor";
// Settled segments that are kept for reuse beside the ready ones.
constexpr size_t kKeptSettled = 2;
// Half a minute without a turn of segments: one less is kept ready.
constexpr int kQuietTurns = 60;

const char* to_string(SpoolState state) {
  switch (state) {
    case SpoolState::ok:
      return "ok";
    case SpoolState::full:
      return "full";
    case SpoolState::disk_full:
      return "disk_full";
    case SpoolState::failing:
      return "failing";
  }
  return "";
}

// What a segment must hold at the least: one largest event, its entry's description, and the end mark.
uint64_t least_data_bytes(uint64_t max_event_bytes) {
  const uint64_t names = kMaxTopicBytes + kMaxChannelNameBytes + kMaxKeyBytes;
  return (units_of(max_event_bytes + sizeof(EventRecord)) + units_of(names + sizeof(ChannelRecord)) + 1) *
         kUnitBytes;
}

// The wanted size; a quarter of a small share, so that three fit with their maps; never below the least.
uint64_t data_bytes_for(const SpoolOptions& o) {
  const uint64_t least = least_data_bytes(o.max_event_bytes);
  const uint64_t wanted = std::min(o.segment_bytes, o.max_bytes / 4);
  return std::max<uint64_t>({least, wanted / 65536 * 65536, 65536});
}

SpoolOptions with_sizes(SpoolOptions o) {
  o.segment_bytes = data_bytes_for(o);
  return o;
}

}  // namespace

Spool::Spool(const SpoolOptions& options, ledger::Header& books)
    : options_(with_sizes(options)), books_(books) {
  identity_ = {options.slot, options.generation, read_boot_id()};
}

Result<std::unique_ptr<Spool>> Spool::create(const SpoolOptions& options, ledger::Header& books) {
  std::unique_ptr<Spool> spool(new Spool(options, books));
  if (auto started = spool->start(); !started) {
    // What it made of a log is of no use to anybody.
    if (spool->cursor_ != nullptr) (void)spool->remove_log();
    return tl::unexpected(started.error());
  }
  return spool;
}

Result<void> Spool::start() {
  if (options_.segment_bytes / kUnitBytes > uint64_t{1} << Position::kUnitBits)
    return fail("spool.max_event_bytes is " + std::to_string(options_.max_event_bytes) +
                "; a segment holds 1 GiB at the most, set it lower");
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  wanted_ready_ = options_.spares;
  most_ready_ = std::max<uint64_t>(options_.spares, options_.max_bytes / 4 / file_bytes);
  if (options_.max_bytes < 2 * file_bytes)
    return fail("a worker's share of the spool is " + std::to_string(options_.max_bytes) +
                " bytes, but it needs " + std::to_string(2 * file_bytes) +
                ": raise spool.max_total_bytes or lower spool.max_event_bytes");
  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  if (error) return fail("spool directory " + options_.directory + " cannot be made: " + error.message());
  if (!std::filesystem::is_empty(options_.directory, error) || error)
    return fail("spool directory " + options_.directory + " is not empty: it holds another log");
  refresh_clock();
  if (auto made = make_cursor(); !made) return made;
  for (size_t i = 0; i < 1 + options_.spares; ++i) {
    const SpoolState room = room_for_one_more(files_ * file_bytes);
    if (room != SpoolState::ok && i == 0)
      return fail("spool directory " + options_.directory +
                  ": the disk would fall below spool.keep_free_bytes; make room there");
    if (room != SpoolState::ok) break;
    auto segment = make_ready(nullptr, next_number_);
    if (!segment) return tl::unexpected(segment.error());
    ready_.push_back(std::move(*segment));
    ++next_number_;
    ++files_;
  }
  roll();
  count_bytes();
  books_.spool_max_bytes.store(share(), std::memory_order_relaxed);
  keeper_ = std::thread([this] { keep(); });
  return {};
}

Result<void> Spool::make_cursor() {
  const std::string path = options_.directory + kCursorName;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail("spool cursor " + path + " cannot be made: " + std::strerror(errno));
  if (int code = ::posix_fallocate(fd.get(), 0, kCursorBytes))
    return fail("spool cursor " + path + ": " + std::strerror(code));
  void* base = ::mmap(nullptr, kCursorBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return fail("spool cursor " + path + " cannot be mapped: " + std::strerror(errno));
  cursor_ = static_cast<CursorFile*>(base);
  *cursor_ = CursorFile{.magic = 0,
                        .format_version = kFormatVersion,
                        .generation = options_.generation.value,
                        .slot = options_.slot.value,
                        .reserved = {},
                        .settled_upto = Position::at(1, 0).word};
  std::atomic_ref<uint64_t>(cursor_->magic).store(kCursorMagic, std::memory_order_release);
  return {};
}

Spool::~Spool() {
  stop_keeper();
  if (cursor_ != nullptr) ::munmap(cursor_, kCursorBytes);
}

void Spool::stop_keeper() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (keeper_.joinable()) keeper_.join();
}

Segment* Spool::roll() {
  {
    std::unique_lock lock(mutex_);
    if (ready_.empty() && state() == SpoolState::ok && keeper_.joinable())
      is_ready_.wait_for(lock, kLongestWait, [this] { return !ready_.empty() || state() != SpoolState::ok; });
    if (ready_.empty()) return nullptr;
    if (ready_.size() == 1 && keeper_.joinable()) {
      wanted_ready_ = std::min(wanted_ready_ * 2, most_ready_);
      quiet_turns_ = 0;
    }
    live_.push_back(std::move(ready_.front()));
    ready_.pop_front();
    active_ = live_.back().get();
  }
  wake_.notify_one();
  return active_;
}

ledger::LossReason Spool::refusal() const {
  switch (state()) {
    case SpoolState::ok:
      return ledger::LossReason::spool_behind;
    case SpoolState::failing:
      return ledger::LossReason::spool_io;
    case SpoolState::full:
    case SpoolState::disk_full:
      return ledger::LossReason::no_segment;
  }
  return ledger::LossReason::no_segment;
}

Segment* Spool::find(uint64_t number) const {
  std::lock_guard lock(mutex_);
  if (live_.empty() || number < live_.front()->number()) return nullptr;
  const uint64_t at = number - live_.front()->number();
  return at < live_.size() ? live_[at].get() : nullptr;
}

void Spool::settled_upto(Position position) {
  std::atomic_ref<uint64_t>(cursor_->settled_upto).store(position.word, std::memory_order_release);
  bool gave_back = false;
  {
    std::lock_guard lock(mutex_);
    // The appender's segment stays, however full and settled it is.
    while (live_.size() > 1 && live_.front()->number() < position.segment()) {
      settled_.push_back(std::move(live_.front()));
      live_.pop_front();
      gave_back = true;
    }
  }
  if (gave_back) wake_.notify_one();
}

Position Spool::cursor() const {
  return Position{std::atomic_ref<uint64_t>(cursor_->settled_upto).load(std::memory_order_acquire)};
}

Result<void> Spool::remove_log() {
  stop_keeper();
  std::error_code error;
  std::filesystem::remove_all(options_.directory, error);
  if (error) return fail("spool directory " + options_.directory + " cannot be removed: " + error.message());
  return {};
}

void Spool::keep() {
  ::pthread_setname_np(::pthread_self(), "spool");
  std::unique_lock lock(mutex_);
  while (!ending_) {
    keep_one_turn(lock);
    if (ending_) break;
    const bool work =
        (ready_.size() < wanted_ready_ || settled_.size() > kKeptSettled) && state() == SpoolState::ok;
    if (!work) adapt_spares(wake_.wait_for(lock, kKeeperTurn) == std::cv_status::timeout);
    refresh_clock();
  }
}

void Spool::adapt_spares(bool quiet_turn) {
  if (!quiet_turn || wanted_ready_ <= options_.spares) return;
  if (++quiet_turns_ < kQuietTurns) return;
  quiet_turns_ = 0;
  --wanted_ready_;  // what is ready beyond it is used up by the next turns
}

void Spool::keep_one_turn(std::unique_lock<std::mutex>& lock) {
  const bool wanted = ready_.size() < wanted_ready_;
  std::unique_ptr<Segment> settled;
  if (!settled_.empty() && (wanted || settled_.size() > kKeptSettled)) {
    settled = std::move(settled_.back());
    settled_.pop_back();
  }
  if (!wanted && !settled) return;
  const uint64_t number = next_number_;
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  const uint64_t bytes_on_disk = files_ * file_bytes;
  lock.unlock();
  const bool reused = settled != nullptr;
  std::unique_ptr<Segment> made;
  SpoolState outcome = SpoolState::ok;
  std::string why;
  if (!wanted) {
    if (auto removed = settled->remove(); !removed) why = removed.error().message;
  } else {
    outcome = reused ? SpoolState::ok : room_for_one_more(bytes_on_disk);
    if (outcome == SpoolState::ok) {
      auto ready = make_ready(std::move(settled), number);
      if (ready) {
        made = std::move(*ready);
      } else {
        outcome = SpoolState::failing;
        why = ready.error().message;
      }
    }
  }
  lock.lock();
  if (reused) --files_;
  if (made) {
    ++files_;
    ++next_number_;
    ready_.push_back(std::move(made));
  }
  const auto told = wanted ? enter(outcome, std::move(why)) : std::nullopt;
  count_bytes();
  is_ready_.notify_all();
  if (!told) return;
  // A journal that stalls must not hold up the appender.
  lock.unlock();
  tell(*told);
  lock.lock();
}

Result<std::unique_ptr<Segment>> Spool::make_ready(std::unique_ptr<Segment> settled, uint64_t number) {
  if (!settled) return Segment::create(options_.directory, identity_, number, options_.segment_bytes);
  auto reused = settled->reuse(number);
  if (reused) return settled;
  // Under which of its two names the file stands is not known any more.
  (void)settled->remove();
  ::unlink((options_.directory + "/" + Segment::file_name(number)).c_str());
  return tl::unexpected(reused.error());
}

SpoolState Spool::room_for_one_more(uint64_t bytes_on_disk) const {
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  if (bytes_on_disk + file_bytes > share()) return SpoolState::full;
  struct statvfs disk {};
  if (::statvfs(options_.directory.c_str(), &disk) != 0) return SpoolState::failing;
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  return free_bytes < options_.keep_free_bytes + file_bytes ? SpoolState::disk_full : SpoolState::ok;
}

// Older logs take of the share, but never what a log cannot do without.
uint64_t Spool::share() const {
  const uint64_t least = 2 * Segment::file_bytes_for(options_.segment_bytes);
  const uint64_t left =
      options_.max_bytes > options_.bytes_elsewhere ? options_.max_bytes - options_.bytes_elsewhere : 0;
  return std::max(least, left);
}

std::optional<Spool::Told> Spool::enter(SpoolState state, std::string why) {
  if (state_.exchange(state, std::memory_order_relaxed) == state) return std::nullopt;
  return Told{state, std::move(why)};
}

void Spool::tell(const Told& told) const {
  if (told.state == SpoolState::ok) {
    log::info("spool_ok directory={}", log::quoted(options_.directory));
  } else {
    log::error("spool_{} directory={} max_bytes={} reason={}", to_string(told.state),
               log::quoted(options_.directory), share(), log::quoted(told.why));
  }
}

void Spool::refresh_clock() {
  real_offset_ns_.store(real_now().value - monotonic_now().value, std::memory_order_relaxed);
}

void Spool::count_bytes() {
  const uint64_t bytes = files_ * Segment::file_bytes_for(options_.segment_bytes) + kCursorBytes;
  books_.spool_bytes.store(bytes, std::memory_order_relaxed);
}

}  // namespace e2k::spool
