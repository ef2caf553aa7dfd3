// The part of the Service that goes through all entries, a slice at a time: what their lines say, and the
// snapshot.
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/time_grid.h"
#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

// A round takes as long as there are entries for, at most five seconds, and more where nothing changes; none
// begins sooner than a second after the one before.
constexpr int64_t kSweepPauseNs = 100 * kNsPerMs;
constexpr uint32_t kSlicesOfARound = 50, kSmallestSlice = 2000;
constexpr int64_t kRoundNs = kNsPerSecond;
// At most one snapshot in this time while commands keep changing.
constexpr int64_t kSnapshotIntervalMs = 2000;
constexpr size_t kBucketsOfASlice = 5000;
constexpr milliseconds kSnapshotPause{5};

}  // namespace

void Service::sweep() {
  const MonotonicNs now = monotonic_now();
  const RealNs real = real_now();
  if (!harvest_->is_within_round()) {
    swept_at_ = now;
    harvest_->begin_round(spools_.wants_lines(now));
    look_at_host_tables();
  }
  look_for_changes();
  channel_round_.begin_slice();
  const Harvest::Slice slice = harvest_->next(std::max(kSmallestSlice, commands_.ids() / kSlicesOfARound),
                                              real, [this](const Harvest::Seen& seen) {
                                                news_of_round_ |= board_->saw(seen.entry, seen.line);
                                                see_channel(seen);
                                              });
  if (slice.ended) channel_round_.end_round();
  board_->look_at_lines();
  snapshot_due_ |= slice.news;
  news_of_round_ |= slice.news || slice.lines.has_value();
  if (slice.ended) pace_.round_ended(std::exchange(news_of_round_, false));
  if (slice.lines) spools_.tell(std::move(*slice.lines), now);
  if (stopping_) return;
  const int64_t pause_ns = pace_.slowness() * kSweepPauseNs;
  const int64_t due_ns = slice.ended ? std::max(swept_at_.value + kRoundNs, now.value + 1) : now.value + 1;
  sweep_timer_.expires_at(time_point_of(next_on_grid(MonotonicNs{due_ns - 1}, pause_ns)));
  sweep_timer_.async_wait([this](const error_code& error) {
    if (!error) sweep();
  });
}

void Service::look_for_changes() {
  HeaderPicture picture;
  for (const auto& view : fleet_->slots())
    if (view.ledger != nullptr) picture.add(view.slot, *view.ledger);
  pace_.look(picture);
  if (shares_.is_behind() || shares_.book().under_way() != 0) pace_.stir();
}

void Service::see_channel(const Harvest::Seen& seen) {
  if (shares_.bar(seen.entry.id) != Bar::none) return;
  if (seen.line == nullptr) return channel_round_.see_pending(seen.entry.id.value, seen.entry.channel);
  learn_host(seen.entry.id, seen.place->slot, *seen.line);
  channel_round_.see(seen.entry.id.value, seen.entry.channel, *seen.reader, *seen.line);
}

void Service::save_snapshot_if_due() {
  const MonotonicNs time = monotonic_now();
  if (!snapshot_due_ || !replay_.serving() || replay_.settling() || snapshot_running_) return;
  if (time.value - snapshot_saved_at_.value < kSnapshotIntervalMs * kNsPerMs) return;
  snapshot_due_ = false;
  snapshot_running_ = true;
  snapshot_saved_at_ = time;
  begin_snapshot();
  walk_for_snapshot();
}

void Service::begin_snapshot() {
  // A file that was begun before goes first: both have the same name until they are whole.
  if (snapshot_file_) boost::asio::post(writer_, [begun = snapshot_file_] { begun->reset(); });
  snapshot_file_ = std::make_shared<std::optional<SnapshotFile>>();
  snapshot_pieces_ = {};
  commands_.begin_walk();
  boost::asio::post(writer_, [this, file = snapshot_file_, keys = commands_.keys()] {
    file->emplace(directory_.path(), config_.commands.topic, keys);
  });
}

void Service::add_to_snapshot(const CommandState::LiveKey& key) {
  snapshot_pieces_.add(key);
  if (auto full = snapshot_pieces_.take_full())
    boost::asio::post(writer_, [file = snapshot_file_, full = std::move(*full)] { (*file)->append(full); });
}

void Service::walk_for_snapshot() {
  const auto walked =
      commands_.walk(kBucketsOfASlice, [this](const CommandState::LiveKey& key) { add_to_snapshot(key); });
  if (walked == CommandState::Walk::done) return write_snapshot();
  if (walked == CommandState::Walk::begins_anew) begin_snapshot();
  snapshot_timer_.expires_after(kSnapshotPause);
  snapshot_timer_.async_wait([this](const error_code& error) {
    if (!error) walk_for_snapshot();
  });
}

// What changed since the walk began stands behind the rest as it is now.
void Service::write_snapshot() {
  SnapshotTail tail;
  for (std::string& raw : commands_.end_walk()) {
    if (const auto key = commands_.find_key(raw)) {
      add_to_snapshot(*key);
    } else {
      tail.ended.push_back(std::move(raw));
    }
  }
  tail.next_offsets = replay_.kept();
  tail.shrank = replay_.has_lost_records();
  tail.renewed = replay_.is_renewed();
  tail.log = replay_.log();
  boost::asio::post(writer_, [this, last = stopping_, file = std::exchange(snapshot_file_, nullptr),
                              rest = snapshot_pieces_.take_rest(), tail = std::move(tail)] {
    (*file)->append(rest);
    const auto saved = (*file)->commit(tail);
    file->reset();
    // After the last one the loop no longer runs.
    if (last && !saved) log::error("snapshot.not_saved error={}", log::quoted(saved.error().message));
    boost::asio::post(loop_, [this, saved] {
      snapshot_running_ = false;
      note_kept(StateProblems::Thing::snapshot, saved);
      if (!saved) snapshot_due_ = true;
    });
  });
}

// Nothing is served any more, so that it may take its time. It queues behind one that is being written: the
// writer is a single thread.
void Service::save_snapshot_at_the_end() {
  if (!replay_.serving() || replay_.settling() || (!snapshot_due_ && !commands_.is_walked())) return;
  begin_snapshot();
  while (commands_.walk(commands_.keys() + 1, [this](const CommandState::LiveKey& key) {
    add_to_snapshot(key);
  }) != CommandState::Walk::done) {
  }
  write_snapshot();
}

}  // namespace e2k::supervisor
