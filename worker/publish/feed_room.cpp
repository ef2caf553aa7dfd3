// What a feed does about the room that its logs take.
#include <algorithm>
#include <unordered_map>

#include "common/log.h"
#include "worker/publish/feed.h"
#include "worker/spool/reconciliation.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// So many segments behind the reader may still be waited for where they are.
constexpr uint64_t kSegmentsBehind = 2;
// A segment in which nothing could be moved.
constexpr int64_t kLookAgainNs = 100 * kNsPerMs;
// That are free or about to be, while the oldest makes room for what comes: a share that shrinks by them
// would cost the next oldest.
constexpr uint64_t kSegmentsAtWork = 3;
constexpr int64_t kTellNs = 200 * kNsPerMs;

}  // namespace

void Feed::tidy() {
  give_back_settled();
  // What was moved makes room, if not before the next turn.
  if (!evacuate_what_stands_in_the_way()) drop_for_room();
  if (now_ns_ - told_at_ns_ < kTellNs) return;
  told_at_ns_ = now_ns_;
  look_for_silence();
  tell_ledger();
  apply_share();
  look_whether_something_is_missing();
  reconcile_if_needed(ledger::LossReason::damaged);
}

void Feed::give_back_settled() {
  for (uint32_t order = 0; order <= parts_.older.size(); ++order) {
    const bool live = order == parts_.older.size();
    if (live ? parts_.live == nullptr : parts_.older[order] == nullptr) continue;
    spool::Log& log = log_at(order);
    for (const auto& segment : log.share_all()) {
      if (!segment->use().done() || (live && parts_.live->is_active(*segment))) continue;
      if (reader_ != nullptr && reader_->segment() == segment.get()) continue;
      give_back(log, order, *segment);
    }
    if (!live && order < current_ && log.segments() == 0) {
      note_damaged(log.take_damaged());
      // First the books: a log that they know of and that is not there was removed by somebody else.
      const std::unique_ptr<spool::Log> drained = std::move(parts_.older[order]);
      --older_left_;
      tell_older_logs();
      if (auto removed = drained->remove(); !removed)
        log::warn("spool.not_removed reason={}", log::quoted(removed.error().message));
      log::info("log.drained log={}", log::quoted(drained->directory()));
      header_.logs_drained.fetch_add(1, kRelaxed);
    }
  }
  for (Topic* topic : troubled_) {
    // Of one that waits nothing is settled; there may be a thousand such.
    if (topic->aside == nullptr || topic->flow.flow == Flow::waiting) continue;
    for (const auto& segment : topic->aside->log().share_all())
      if (segment->use().done()) topic->aside->give_back(*segment);
    if (topic->aside->empty()) forget_aside(*topic);
  }
}

void Feed::forget_aside(Topic& topic) {
  const auto logs = static_cast<uint32_t>(parts_.aside->all().size());
  header_.aside_logs.store(logs - (topic.aside != nullptr ? 1 : 0), kRelaxed);
  if (topic.aside != nullptr) note_damaged(topic.aside->log().take_damaged());
  parts_.aside->remove(topic.commanded);
  topic.aside = nullptr;
  topic.aside_unread = topic.rewind_aside = false;
}

void Feed::give_back(spool::Log& log, uint32_t order, spool::Segment& segment) {
  auto taken = log.take(segment.number());
  if (!taken) return;
  if (taken->use().damaged) return log.put_aside(std::move(taken), "a record in it does not hold together");
  if (order == parts_.older.size()) return parts_.live->give_back(std::move(taken));
  if (auto removed = taken->remove(); !removed)
    log::warn("segment.not_removed reason={}", log::quoted(removed.error().message));
}

// true: something was moved.
bool Feed::evacuate_what_stands_in_the_way() {
  is_short_ = parts_.live != nullptr && parts_.live->is_short();
  // What its topic will take is waited for where it is, as long as there is room: its copies would take that
  // of the blocked ones.
  const bool any_blocked =
      std::any_of(troubled_.begin(), troubled_.end(), [](const Topic* topic) { return topic->is_blocked(); });
  if (!any_blocked && !is_short_) return false;
  if (outlet_.is_silent_for(kOutageNs, now_ns_)) return false;
  immovable_.clear();
  for (uint32_t order = 0; order <= parts_.older.size() && order <= current_; ++order) {
    const bool live = order == parts_.older.size();
    if (live ? parts_.live == nullptr : parts_.older[order] == nullptr) continue;
    spool::Log& log = log_at(order);
    const uint64_t reader_in =
        order < current_ || reader_ == nullptr ? UINT64_MAX : reader_->position().segment();
    // Where the reader stands, too, rather than that it is dropped.
    const uint64_t behind = is_short_ || order < current_ ? 0 : kSegmentsBehind + 1;
    for (const auto& segment : log.share_all()) {
      if (!segment->use().complete || segment->use().done() || segment->number() + behind > reader_in)
        continue;
      if (!is_short_ && now_ns_ < segment->use().look_again_at_ns) {
        // Nothing that is newer may be moved past what remains here.
        immovable_.insert(segment->use().stuck_topics.begin(), segment->use().stuck_topics.end());
        continue;
      }
      // One a turn: reports are waiting.
      if (evacuate(log, order, *segment)) return true;
      segment->use().look_again_at_ns = now_ns_ + kLookAgainNs;
    }
  }
  return false;
}

// false: there was nothing that could be moved.
bool Feed::evacuate(spool::Log& log, uint32_t order, spool::Segment& segment) {
  std::unordered_map<uint32_t, spool::EntryNames> names;
  spool::RecordView view;
  std::unordered_set<const void*> stuck;
  bool any = false;
  if (is_short_) put_all_gathered_back();
  for (uint64_t unit = 0; spool::read_again(segment.view(), unit, view) == spool::ReadOutcome::record;
       unit += view.units) {
    const uint32_t index = view.header->index;
    if (view.header->kind == spool::RecordKind::channel) {
      const std::string_view key = view.key() == view.channel() ? std::string_view() : view.key();
      names[index] = {view.topic(), view.channel(), key};
      continue;
    }
    if (!view.is_event() || segment.settlement(unit) != 0) continue;
    OutputEntry* entry = entry_of(index);
    const auto described = names.find(index);
    if (entry == nullptr || described == names.end()) continue;
    switch (move_aside({&log, &segment, unit}, view, *entry->topic, described->second)) {
      case Moved::yes:
        any = true;
        break;
      case Moved::no:
        stuck.insert(entry->topic);
        immovable_.insert(entry->topic);
        break;
    }
  }
  outlet_.moved(segment, moves_);
  moves_.clear();
  segment.use().stuck_topics.assign(stuck.begin(), stuck.end());
  if (!stuck.empty()) return any;
  // Nothing is left in it: backlogs go on behind it.
  const LogPlace behind{order, spool::Position::at(segment.number() + 1, 0)};
  for (Topic* topic : troubled_)
    if (topic->has_left && topic->left_from < behind && topic->left_from.log == order &&
        topic->left_from.position.segment() == segment.number())
      topic->left_from = behind;
  return true;
}

// Of a topic of which one could not be moved, what comes behind it is not moved either: it would be read
// first.
Feed::Moved Feed::move_aside(const spool::StandingRecord& from, const spool::RecordView& view, Topic& topic,
                             const spool::EntryNames& names) {
  if ((!is_short_ && !topic.is_blocked()) || immovable_.contains(&topic)) return Moved::no;
  const bool busy = from.segment->is_busy(from.unit);
  bool drop_this = false;
  const bool has_room = make_room_aside(topic, view, names, drop_this);
  if (has_room && drop_this && !busy) {
    lose(from, ledger::LossReason::dropped_newest);
    return Moved::yes;
  }
  auto aside = has_room ? parts_.aside->get(topic.commanded)
                        : Result<spool::AsideLog*>(tl::unexpected(Error{"there is no room for it"}));
  auto to = aside ? (*aside)->move(settler_, from, view, names)
                  : Result<spool::StandingRecord>(tl::unexpected(aside.error()));
  if (!to) {
    if (has_room) log::error("event.not_moved reason={}", log::quoted(to.error().message));
    if (aside && (*aside)->empty()) forget_aside(topic);
    return Moved::no;
  }
  if (std::exchange(topic.aside, *aside) == nullptr)
    header_.aside_logs.store(static_cast<uint32_t>(parts_.aside->all().size()), kRelaxed);
  trouble(topic);
  // Also what is in flight is read again there, to be counted.
  topic.aside_unread = true;
  if (busy) {
    from.segment->clear_busy(from.unit);
    to->segment->set_busy(to->unit);
    moves_.emplace(from.unit, *to);
    coalescer_.moved(view.header->index, from, *to);
  }
  return Moved::yes;
}

void Feed::set_share(uint64_t bytes) {
  told_share_ = bytes;
  apply_share();
}

void Feed::apply_share() {
  if (!told_share_) return;
  uint64_t share = *told_share_;
  spool::AsideLogs& aside = *parts_.aside;
  if (parts_.live != nullptr) {
    spool::LiveLog& live = *parts_.live;
    const uint64_t used = live.used_bytes() + older_bytes() + aside.file_bytes();
    if (used > share)
      share = std::max(share, std::min(live.max_bytes(), used + kSegmentsAtWork * live.segment_file_bytes()));
    if (share != live.max_bytes()) live.set_max_bytes(share);
  }
  aside.set_max_bytes(
      std::max(spool::AsideLogs::part_of(share), std::min(aside.max_bytes(), aside.file_bytes())));
}

// For a topic's own log to take one more. `drop_this`: what is to be moved has to go instead.
bool Feed::make_room_aside(Topic& topic, const spool::RecordView& view, const spool::EntryNames& names,
                           bool& drop_this) {
  for (;;) {
    const uint64_t bytes = parts_.aside->growth_for(topic.commanded, view, names);
    if (bytes == 0) return true;
    tell_elsewhere();
    if (parts_.aside->file_bytes() + bytes <= parts_.aside->max_bytes() &&
        (parts_.live == nullptr || parts_.live->lets_grow(bytes)))
      return true;
    Topic* largest = nullptr;
    for (Topic* other : troubled_) {
      if (other->aside == nullptr || !other->is_blocked()) continue;
      if (largest == nullptr || other->aside->file_bytes() > largest->aside->file_bytes()) largest = other;
    }
    if (largest == nullptr) {
      // Nobody has anything aside yet that could go: this one's share is nothing, then.
      drop_this = topic.is_blocked() && topic.aside == nullptr && parts_.aside->file_bytes() == 0;
      return drop_this;
    }
    if (parts_.drop_newest && largest == &topic) {
      drop_this = true;
      return true;
    }
    // What others have in flight does not cost the oldest then.
    if (parts_.drop_newest && !topic.is_blocked()) return false;
    if (!drop_oldest_aside(*largest)) return false;
  }
}

bool Feed::drop_oldest_aside(Topic& topic) {
  spool::AsideLog& aside = *topic.aside;
  spool::Segment* oldest = aside.log().first();
  if (oldest == nullptr || oldest->use().busy != 0) return false;
  const uint64_t lost = drop(aside.log(), *oldest);
  if (drop_lines_.admit(MonotonicNs{now_ns_}))
    log::warn(
        "events.dropped topic={} events={} reason=\"it is blocked, and its share of the spool is used up\"",
        log::quoted(topic.name), lost);
  aside.give_back(*oldest);
  if (aside.empty()) forget_aside(topic);
  return true;
}

// By the same look at the room as what is moved: what is short only since then gets its turn of moving first.
void Feed::drop_for_room() {
  if (parts_.live == nullptr || parts_.drop_newest || !is_short_) return;
  for (uint32_t order = 0; order <= parts_.older.size(); ++order) {
    const bool live = order == parts_.older.size();
    if (!live && parts_.older[order] == nullptr) continue;
    spool::Log& log = log_at(order);
    for (spool::Segment* s = log.first(); s != nullptr; s = log.from(s->number() + 1)) {
      if (s->use().busy != 0 || (live && parts_.live->is_active(*s))) continue;
      const LogPlace behind{order, spool::Position::at(s->number() + 1, 0)};
      const uint64_t lost = drop(log, *s);
      if (lost != 0 && drop_lines_.admit(MonotonicNs{now_ns_}))
        log::warn("events.dropped log={} segment={} events={} reason=\"the spool is full\"",
                  log::quoted(log.directory()), s->number(), lost);
      if (reader_ != nullptr && reader_->segment() == s) go_to(behind);
      give_back(log, order, *s);
      tell_elsewhere();  // the next oldest stays, if that is enough
      return;
    }
  }
}

// Everything in it that waits is lost. The segment is then done.
uint64_t Feed::drop(spool::Log& log, spool::Segment& segment) {
  uint64_t lost = 0;
  spool::RecordView view;
  for (uint64_t unit = 0; spool::read_record(segment.view(), unit, view) == spool::ReadOutcome::record;
       unit += view.units) {
    note_read(segment, view);
    if (view.header->kind == spool::RecordKind::channel) describe(view);
    if (!view.is_event() || segment.settlement(unit) != 0) continue;
    lose({&log, &segment, unit}, ledger::LossReason::dropped_oldest);
    ++lost;
  }
  segment.use().complete = true;
  return lost;
}

int64_t Feed::oldest_waiting_arrival_ns() {
  int64_t oldest = 0;
  const auto look_at = [&](spool::Log& log) {
    spool::RecordView view;
    for (const auto& segment : log.share_all()) {
      if (segment->use().done()) continue;
      // What is settled stays settled: no record is passed twice.
      uint64_t& unit = segment->use().waiting_from;
      for (; spool::read_again(segment->view(), unit, view) == spool::ReadOutcome::record;
           unit += view.units) {
        if (!view.is_event() || segment->settlement(unit) != 0) continue;
        const int64_t arrival = view.event().arrival_real_ns;
        if (oldest == 0 || arrival < oldest) oldest = arrival;
        return;
      }
    }
  };
  for (Topic* topic : troubled_)
    if (topic->aside != nullptr) look_at(topic->aside->log());
  for (const auto& log : parts_.older)
    if (log) look_at(*log);
  if (parts_.live != nullptr) look_at(parts_.live->log());
  return oldest;
}

uint64_t Feed::older_bytes() const {
  uint64_t bytes = 0;
  for (const auto& log : parts_.older)
    if (log) bytes += log->file_bytes();
  return bytes;
}

// Those of generations before the one whose books these are.
void Feed::tell_older_logs() {
  const auto older = std::ranges::count_if(
      parts_.older, [this](const auto& log) { return log != nullptr && log->id() < header_.generation; });
  header_.older_logs.store(static_cast<uint32_t>(older), kRelaxed);
}

// The live log's share is what the others leave.
void Feed::tell_elsewhere() {
  if (parts_.live != nullptr) parts_.live->take_elsewhere(older_bytes() + parts_.aside->file_bytes());
}

// What stood in a file that was put aside waits nowhere.
void Feed::note_damaged(uint32_t damaged) {
  if (damaged == 0) return;
  header_.damaged_segments.fetch_add(damaged, kRelaxed);
  header_.unreconciled.store(1, kRelaxed);
}

void Feed::tell_ledger() {
  header_.older_bytes.store(older_bytes(), kRelaxed);
  tell_older_logs();
  header_.aside_bytes.store(parts_.aside->file_bytes(), kRelaxed);
  header_.aside_max_bytes.store(parts_.aside->max_bytes(), kRelaxed);
  header_.aside_logs.store(static_cast<uint32_t>(parts_.aside->all().size()), kRelaxed);
  header_.oldest_waiting_arrival_real_ns.store(oldest_waiting_arrival_ns(), kRelaxed);
  tell_elsewhere();
  for (const auto& log : parts_.older)
    if (log) note_damaged(log->take_damaged());
  note_damaged(parts_.aside->take_damaged());
  for (const auto& [topic, log] : parts_.aside->all()) note_damaged(log->log().take_damaged());
  if (parts_.live != nullptr) note_damaged(parts_.live->log().take_damaged());
}

// Everything was read and nothing is left of it, and still something waits by the books: a file is gone. Seen
// twice, because an event may just have come.
void Feed::look_whether_something_is_missing() {
  const uint64_t waiting = ledger::waiting_of(header_);
  const bool left = reader_ != nullptr && !reader_->at_end();
  const bool nothing_left = older_left_ == 0 && held_from_.empty() && !next_due_ns() &&
                            parts_.aside->all().empty() && !left &&
                            std::all_of(topics_.begin(), topics_.end(), [](const auto& topic) {
                              return topic.second->flow.in_flight == 0 && !topic.second->has_backlog();
                            });
  const uint64_t appended = header_.appended.load(kRelaxed);
  const bool odd = nothing_left && waiting != 0 && !any_held_;
  if (odd && odd_at_appended_ == appended) reconcile(ledger::LossReason::spool_gone);
  odd_at_appended_ = odd ? appended : UINT64_MAX;
}

void Feed::reconcile_if_needed(ledger::LossReason reason) {
  if (header_.unreconciled.load(kRelaxed) == 0) return;
  // What stands before the damage may be in flight still.
  for (const auto& segment : parts_.live != nullptr ? parts_.live->log().share_all()
                                                    : std::vector<std::shared_ptr<spool::Segment>>())
    if (segment->use().damaged && segment->use().busy != 0) return;
  reconcile(reason);
}

void Feed::reconcile(ledger::LossReason reason) {
  spool::Reconciliation books_and_logs;
  spool::Position end{UINT64_MAX};
  if (parts_.intake != nullptr) {
    end = parts_.intake->appended_by_index(books_and_logs.appended());
  } else {
    books_and_logs.take_appended(books_);
  }
  for (const auto& log : parts_.older)
    if (log) books_and_logs.count(*log);
  for (const auto& [topic, log] : parts_.aside->all()) books_and_logs.count(log->log());
  if (parts_.live != nullptr) books_and_logs.count(parts_.live->log(), end);
  const auto outcome = books_and_logs.carry_out(
      books_, reason, real_ns_,
      [this](EntryIndex index, uint64_t events) {
        if (OutputEntry* entry = entry_of(index.value)) entry->lost_untold += static_cast<uint32_t>(events);
      },
      [this](EntryIndex index, uint64_t events) {
        if (parts_.intake != nullptr) return parts_.intake->count_found(index, events);
        ledger::bump(books_.line(index)->ca.appended, events);
        ledger::bump(header_.appended, events);
      });
  log::warn("books.reconciled slot={} lost={} found={}", parts_.slot.value, outcome.lost, outcome.found);
}

}  // namespace e2k::worker
