#include "worker/spool/live_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>

#include "common/clock.h"
#include "common/log.h"
#include "proto/command_record.h"

namespace e2k::spool {
namespace {

constexpr auto kKeeperTurn = std::chrono::milliseconds(500);
// Settled segments that are kept for reuse beside the ready ones.
constexpr size_t kKeptSettled = 2;
// Half a minute without a turn of segments: one less is kept ready.
constexpr int kQuietTurns = 60;
// Faulted in ahead of the appender, at the least.
constexpr uint64_t kPopulatedAheadUnits = (256u << 10) / kUnitBytes;
// Kept in memory behind the appender: what is read and acknowledged there while brokers take their time.
constexpr uint64_t kKeptBehindUnits = (512u << 10) / kUnitBytes;
// Who appends more between two turns of the keeper comes by again so soon that nothing is let go.
constexpr uint64_t kSlowUnits = (256u << 10) / kUnitBytes;
// Turns without more than that, after which a burst is over: what it had faulted in is let go.
constexpr int kSlowTurns = 4;

const char* to_string(RoomState state) {
  switch (state) {
    case RoomState::ok:
      return "ok";
    case RoomState::full:
      return "full";
    case RoomState::disk_full:
      return "disk_full";
    case RoomState::failing:
      return "failing";
  }
  return "";
}

std::string reason_of(RoomState state, const std::string& why_failing) {
  if (state == RoomState::failing) return why_failing;
  return state == RoomState::full ? "events are lost for want of room"
                                  : "its file system would fall below spool.keep_free_bytes";
}

// What a segment must hold at the least: one largest event, its entry's description, and the end mark.
uint64_t least_data_bytes(uint64_t max_event_bytes) {
  const uint64_t names = kMaxTopicBytes + kMaxChannelNameBytes + kMaxKeyBytes;
  return (units_of(max_event_bytes + sizeof(EventRecord)) + units_of(names + sizeof(ChannelRecord)) + 1) *
         kUnitBytes;
}

// The wanted size; a quarter of a small share, so that three fit with their maps; never below the least.
uint64_t data_bytes_for(const LiveLogOptions& o) {
  const uint64_t least = least_data_bytes(o.max_event_bytes);
  const uint64_t wanted = std::min(o.segment_bytes, o.max_bytes / 4);
  return std::max<uint64_t>({least, wanted / 65536 * 65536, 65536});
}

LiveLogOptions with_sizes(LiveLogOptions o) {
  o.segment_bytes = data_bytes_for(o);
  return o;
}

}  // namespace

LiveLog::LiveLog(const LiveLogOptions& options, ledger::Header& books)
    : options_(with_sizes(options)), max_bytes_(options.max_bytes), books_(books) {
  identity_ = {options.slot, options.generation, read_boot_id()};
}

Result<void> LiveLog::judge(const LiveLogOptions& given) {
  const LiveLogOptions o = with_sizes(given);
  if (o.segment_bytes / kUnitBytes > uint64_t{1} << Position::kUnitBits)
    return fail("spool.max_event_bytes is " + std::to_string(o.max_event_bytes) +
                "; a segment holds 1 GiB at the most, set it lower");
  const uint64_t file_bytes = Segment::file_bytes_for(o.segment_bytes);
  if (o.max_bytes < 2 * file_bytes)
    return fail("a worker's share of the spool is " + std::to_string(o.max_bytes) + " bytes, but it needs " +
                std::to_string(2 * file_bytes) +
                ": raise spool.max_total_bytes or lower spool.max_event_bytes");
  return {};
}

Result<std::unique_ptr<LiveLog>> LiveLog::create(const LiveLogOptions& options, ledger::Header& books) {
  std::unique_ptr<LiveLog> live(new LiveLog(options, books));
  if (auto started = live->start(); !started) {
    // What it made of a log is of no use to anybody.
    if (live->log_) (void)live->remove_log();
    return tl::unexpected(started.error());
  }
  return live;
}

Result<void> LiveLog::start() {
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  wanted_ready_ = options_.spares;
  most_ready_ = std::max<uint64_t>(options_.spares, options_.max_bytes / 4 / file_bytes);
  auto log = Log::create(options_.spool, options_.directory, options_.generation.value);
  if (!log) return tl::unexpected(log.error());
  log_ = std::move(*log);
  refresh_clock();
  for (size_t i = 0; i < 1 + options_.spares; ++i) {
    const RoomState room = room_for_one_more(files_ * file_bytes);
    if (room != RoomState::ok && i == 0)
      return fail("spool directory " + options_.directory +
                  ": the disk would fall below spool.keep_free_bytes; make room there");
    if (room != RoomState::ok) break;
    auto segment = make_ready(nullptr, next_number_);
    if (!segment) return tl::unexpected(segment.error());
    ready_.push_back(std::move(*segment));
    ++next_number_;
    ++files_;
  }
  roll();
  count_bytes();
  set_max_bytes(options_.max_bytes);
  keeper_ = std::thread([this] { keep(); });
  if (options_.sync_interval_ms > 0) writer_back_ = std::thread([this] { write_back(); });
  return {};
}

LiveLog::~LiveLog() {
  stop_threads();
}

void LiveLog::stop_threads() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  if (writer_back_.joinable()) writer_back_.join();
}

Segment* LiveLog::roll() {
  {
    std::lock_guard lock(mutex_);
    if (ready_.empty()) return nullptr;
    if (ready_.size() <= 2 && keeper_.joinable()) {
      wanted_ready_ = std::min(wanted_ready_ * 2, most_ready_);
      quiet_turns_ = 0;
    }
    active_ = ready_.front().get();
    head_unit_.store(0, std::memory_order_relaxed);
    // The number before the segment is in the log: from then on it can be settled, and must not be taken out.
    active_number_.store(active_->number(), std::memory_order_release);
    log_->add(std::move(ready_.front()));
    ready_.pop_front();
  }
  wake_.notify_all();
  return active_;
}

ledger::LossReason LiveLog::refusal() const {
  switch (state()) {
    case RoomState::ok:
      return ledger::LossReason::spool_behind;
    case RoomState::failing:
      return ledger::LossReason::spool_io;
    case RoomState::full:
    case RoomState::disk_full:
      return options_.drop_newest ? ledger::LossReason::dropped_newest : ledger::LossReason::no_segment;
  }
  return ledger::LossReason::no_segment;
}

void LiveLog::give_back(std::shared_ptr<Segment> segment) {
  {
    std::lock_guard lock(mutex_);
    settled_.push_back(std::move(segment));
  }
  wake_.notify_all();
}

bool LiveLog::is_short() const {
  std::lock_guard lock(mutex_);
  if (state() == RoomState::ok || freed_ != judged_ || !settled_.empty() || ready_.size() > 1) return false;
  return ready_.empty() || head_unit_.load(std::memory_order_relaxed) > active_->units() / 2;
}

bool LiveLog::lets_grow(uint64_t bytes) const {
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  std::lock_guard lock(mutex_);
  return files_ * file_bytes + elsewhere_.load(std::memory_order_relaxed) + bytes <=
         max_bytes_.load(std::memory_order_relaxed) + file_bytes;
}

void LiveLog::set_max_bytes(uint64_t bytes) {
  max_bytes_.store(bytes, std::memory_order_relaxed);
  books_.spool_max_bytes.store(bytes, std::memory_order_relaxed);
}

void LiveLog::take_elsewhere(uint64_t bytes) {
  if (elsewhere_.exchange(bytes, std::memory_order_relaxed) <= bytes) return;
  {
    std::lock_guard lock(mutex_);
    ++freed_;
  }
  wake_.notify_all();
}

uint64_t LiveLog::used_bytes() const {
  std::lock_guard lock(mutex_);
  return (files_ - std::min<uint64_t>(files_, ready_.size() + settled_.size())) * segment_file_bytes();
}

Result<void> LiveLog::remove_log() {
  stop_threads();
  return log_->remove();
}

void LiveLog::keep() {
  ::pthread_setname_np(::pthread_self(), "spool");
  std::unique_lock lock(mutex_);
  while (!ending_) {
    keep_one_turn(lock);
    count_bytes();  // also without work: other logs come and go
    if (ending_) break;
    const bool work =
        (ready_.size() < wanted_ready_ || settled_.size() > kKeptSettled) && state() == RoomState::ok;
    if (!work && freed_ == judged_)
      adapt_spares(wake_.wait_for(lock, kKeeperTurn) == std::cv_status::timeout);
    refresh_clock();
    lock.unlock();
    // A journal that stalls must not hold up the appender.
    tell_of_room();
    follow_appender();
    lock.lock();
  }
}

// Faults in ahead of the appender, as far again as it went since the last turn, and lets go behind it.
void LiveLog::follow_appender() {
  const uint64_t head = head_unit_.load(std::memory_order_relaxed);
  const uint64_t number = active_number_.load(std::memory_order_acquire);
  const bool rolled = number != last_number_;
  const uint64_t went = !rolled && head > last_head_ ? head - last_head_ : head;
  const bool slow = went <= kSlowUnits;
  if (rolled) {
    const auto left = log_->share(last_number_);
    if (slow && left) let_go_behind(*left, left->units());
    let_go_unit_ = 0;
  }
  last_number_ = number;
  last_head_ = head;
  const auto segment = log_->share(number);
  if (!segment) return;
  const uint64_t ahead = head + std::max(kPopulatedAheadUnits, 2 * went);
  slow_turns_ = slow ? slow_turns_ + 1 : 0;
  if (slow_turns_ == kSlowTurns) let_go_ahead(*segment, ahead);
  segment->populate(ahead);
  if (slow && head > let_go_unit_ + 2 * kKeptBehindUnits) let_go_behind(*segment, head - kKeptBehindUnits);
}

void LiveLog::let_go_behind(Segment& segment, uint64_t upto_unit) {
  segment.let_go(let_go_unit_, upto_unit);
  let_go_unit_ = upto_unit;
}

void LiveLog::let_go_ahead(Segment& active, uint64_t from_unit) {
  active.let_go_from(from_unit);
  std::unique_lock lock(mutex_);
  const std::vector<std::shared_ptr<Segment>> ready(ready_.begin(), ready_.end());
  lock.unlock();
  // One that is made active meanwhile faults its pages in again as it comes to them.
  for (const auto& segment : ready) segment->let_go_from(kPopulatedAheadUnits);
}

void LiveLog::write_back() {
  ::pthread_setname_np(::pthread_self(), "spool-sync");
  const auto interval = std::chrono::milliseconds(options_.sync_interval_ms);
  std::unique_lock lock(mutex_);
  auto due = std::chrono::steady_clock::now() + interval;
  while (!ending_) {
    wake_.wait_until(lock, due);
    if (ending_ || std::chrono::steady_clock::now() < due) continue;
    lock.unlock();
    write_back_once();
    lock.lock();
    due = std::chrono::steady_clock::now() + interval;
  }
}

// What was appended by now. Segments may be taken out meanwhile, and even be used again: then what they hold
// is settled, and nothing is lost by writing it.
void LiveLog::write_back_once() {
  const int64_t now_ns = real_now().value;
  const uint64_t active = active_number_.load(std::memory_order_acquire);
  const uint64_t head = head_unit_.load(std::memory_order_relaxed);
  std::map<uint64_t, uint64_t> written;  // what is in the log, by number
  Result<void> outcome;
  if (options_.sync_first) outcome = options_.sync_first();
  for (const auto& segment : log_->share_all()) {
    if (!outcome) break;
    const uint64_t number = segment->number();
    const uint64_t upto = number < active ? segment->units() : number == active ? head : 0;
    const auto before = written_back_.find(number);
    const uint64_t from = before == written_back_.end() ? 0 : before->second;
    written[number] = upto;
    if (upto > from || before == written_back_.end()) outcome = segment->write_out(from, upto);
    if (!outcome) break;
  }
  if (!outcome) {
    if (!std::exchange(write_back_fails_, true))
      log::error(
          "spool.not_synced reason={} remedy=\"what waits survives the worker's death but not the "
          "machine's\"",
          log::quoted(outcome.error().message));
    return;
  }
  write_back_fails_ = false;
  written_back_ = std::move(written);
  books_.synced_real_ns.store(static_cast<uint64_t>(now_ns), std::memory_order_relaxed);
}

// `settled` comes from the publisher, or nothing does.
void LiveLog::keep_one_turn(std::unique_lock<std::mutex>& lock) {
  const bool wanted = ready_.size() < wanted_ready_;
  std::shared_ptr<Segment> settled;
  if (!settled_.empty() && (wanted || settled_.size() > kKeptSettled)) {
    settled = std::move(settled_.back());
    settled_.pop_back();
  }
  const uint64_t freed = freed_;
  if (!wanted && !settled) {
    judged_ = freed;
    return;
  }
  const uint64_t number = next_number_;
  const uint64_t bytes_on_disk = files_ * Segment::file_bytes_for(options_.segment_bytes);
  lock.unlock();
  const bool reused = settled != nullptr;
  Made made;
  if (settled && bytes_on_disk > share()) {
    // The slot's other logs have grown.
    made.state = RoomState::full;
    if (auto removed = settled->remove(); !removed)
      log::warn("segment.not_removed reason={}", log::quoted(removed.error().message));
  } else if (wanted) {
    made = make_one_more(std::move(settled), number, bytes_on_disk);
  } else if (auto removed = settled->remove(); !removed) {
    log::warn("segment.not_removed reason={}", log::quoted(removed.error().message));
  }
  lock.lock();
  judged_ = freed;
  if (reused) --files_;
  if (made.segment) {
    ++files_;
    ++next_number_;
    ready_.push_back(std::move(made.segment));
  }
  if (wanted) enter(made);
}

LiveLog::Made LiveLog::make_one_more(std::shared_ptr<Segment> settled, uint64_t number,
                                     uint64_t bytes_on_disk) {
  Made made;
  made.state = settled ? RoomState::ok : room_for_one_more(bytes_on_disk);
  if (made.state != RoomState::ok) return made;
  auto ready = make_ready(std::move(settled), number);
  if (ready) {
    made.segment = std::move(*ready);
  } else {
    made.state = RoomState::failing;
    made.why = ready.error().message;
  }
  return made;
}

void LiveLog::adapt_spares(bool quiet_turn) {
  if (!quiet_turn || wanted_ready_ <= options_.spares) return;
  if (++quiet_turns_ < kQuietTurns) return;
  quiet_turns_ = 0;
  --wanted_ready_;  // what is ready beyond it is used up by the next turns
}

Result<std::shared_ptr<Segment>> LiveLog::make_ready(std::shared_ptr<Segment> settled, uint64_t number) {
  if (!settled) {
    auto made = Segment::create(options_.directory, identity_, number, options_.segment_bytes);
    if (!made) return tl::unexpected(made.error());
    return std::shared_ptr<Segment>(std::move(*made));
  }
  auto reused = settled->reuse(number);
  if (reused) return settled;
  // Under which of its two names the file stands is not known any more.
  (void)settled->remove();
  ::unlink((options_.directory + "/" + Segment::file_name(number)).c_str());
  return tl::unexpected(reused.error());
}

RoomState LiveLog::room_for_one_more(uint64_t bytes_on_disk) const {
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  if (bytes_on_disk + file_bytes > share()) return RoomState::full;
  struct statvfs disk {};
  if (::statvfs(options_.directory.c_str(), &disk) != 0) return RoomState::failing;
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  return free_bytes < options_.keep_free_bytes + file_bytes ? RoomState::disk_full : RoomState::ok;
}

// Other logs take of the share, but never what a log cannot do without.
uint64_t LiveLog::share() const {
  const uint64_t least = 2 * Segment::file_bytes_for(options_.segment_bytes);
  const uint64_t elsewhere = elsewhere_.load(std::memory_order_relaxed);
  const uint64_t most = max_bytes_.load(std::memory_order_relaxed);
  return std::max(least, most > elsewhere ? most - elsewhere : 0);
}

void LiveLog::enter(Made& made) {
  state_.store(made.state, std::memory_order_relaxed);
  if (made.state == RoomState::failing) why_failing_ = std::move(made.why);
}

void LiveLog::tell_of_room() {
  using ledger::LossReason;
  uint64_t lost = 0;
  for (const LossReason reason :
       {LossReason::no_segment, LossReason::dropped_newest, LossReason::dropped_oldest, LossReason::spool_io})
    for (const auto* sums : {books_.lost_unspooled, books_.lost_spooled})
      lost += sums[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
  const auto told = room_line_.take(state(), lost, monotonic_now().value);
  if (!told) return;
  if (*told == RoomState::ok) {
    log::info("spool.ok directory={}", log::quoted(options_.directory));
  } else {
    log::error("spool.{} directory={} max_bytes={} reason={}", to_string(*told),
               log::quoted(options_.directory), share(), log::quoted(reason_of(*told, why_failing_)));
  }
}

void LiveLog::refresh_clock() {
  const int64_t now_ns = real_now().value;
  real_offset_ns_.store(now_ns - monotonic_now().value, std::memory_order_relaxed);
  books_.alive_real_ns.store(now_ns, std::memory_order_relaxed);
}

// With the mutex held.
void LiveLog::count_bytes() {
  const uint64_t file_bytes = Segment::file_bytes_for(options_.segment_bytes);
  const uint64_t elsewhere = elsewhere_.load(std::memory_order_relaxed);
  const uint64_t idle = std::min<uint64_t>(files_, ready_.size() + settled_.size());
  books_.spool_bytes.store(files_ * file_bytes + elsewhere, std::memory_order_relaxed);
  books_.spool_used_bytes.store((files_ - idle) * file_bytes + elsewhere, std::memory_order_relaxed);
}

}  // namespace e2k::spool
