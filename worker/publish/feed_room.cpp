// What a feed does about the room that its logs take.
#include <algorithm>
#include <unordered_map>

#include "common/log.h"
#include "worker/publish/feed.h"
#include "worker/spool/recovery.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// So many segments behind the reader may still be waited for where they are.
constexpr uint64_t kSegmentsBehind = 2;
constexpr int64_t kTellNs = 200 * kNsPerMs;
constexpr int64_t kOutageNs = 2 * kNsPerSecond;

// Only what its topic can't take is dropped for want of room aside.
bool is_blocked(const Topic& topic) {
  return topic.flow.why != ledger::Blocked::no && topic.flow.why != ledger::Blocked::window_full;
}

}  // namespace

void Feed::tidy() {
  give_back_settled();
  evacuate_what_stands_in_the_way();
  drop_for_room();
  if (now_ns_ - told_at_ns_ < kTellNs) return;
  told_at_ns_ = now_ns_;
  reconcile_if_needed(ledger::LossReason::damaged);
  tell_ledger();
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
      header_.damaged_segments.fetch_add(log.take_damaged(), kRelaxed);
      if (auto removed = log.remove(); !removed)
        log::warn("spool_not_removed reason={}", log::quoted(removed.error().message));
      log::info("log_drained log={}", log::quoted(log.directory()));
      parts_.older[order].reset();
      --older_left_;
      header_.logs_drained.fetch_add(1, kRelaxed);
    }
  }
  for (Topic* topic : troubled_) {
    if (topic->aside == nullptr) continue;
    for (const auto& segment : topic->aside->log().share_all())
      if (segment->use().done()) topic->aside->give_back(*segment);
    if (topic->aside->empty()) forget_aside(*topic);
  }
}

void Feed::forget_aside(Topic& topic) {
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
    log::warn("segment_not_removed reason={}", log::quoted(removed.error().message));
}

void Feed::evacuate_what_stands_in_the_way() {
  if (troubled_.empty() && older_left_ == 0) return;
  if (outlet_.is_silent_for(kOutageNs, now_ns_)) return;
  const bool is_short = parts_.live != nullptr && parts_.live->is_short();
  for (uint32_t order = 0; order <= parts_.older.size() && order <= current_; ++order) {
    const bool live = order == parts_.older.size();
    if (live ? parts_.live == nullptr : parts_.older[order] == nullptr) continue;
    spool::Log& log = log_at(order);
    const uint64_t reader_in =
        order < current_ || reader_ == nullptr ? UINT64_MAX : reader_->position().segment();
    const uint64_t behind = is_short || order < current_ ? 0 : kSegmentsBehind;
    for (const auto& segment : log.share_all()) {
      if (!segment->use().complete || segment->use().done() || segment->number() + behind >= reader_in)
        continue;
      // One a turn: reports are waiting.
      if (evacuate(log, order, *segment)) return;
    }
  }
}

// false: there was nothing that could be moved.
bool Feed::evacuate(spool::Log& log, uint32_t order, spool::Segment& segment) {
  std::unordered_map<uint32_t, spool::EntryNames> names;
  spool::RecordView view;
  bool all = true, any = false;
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
    Topic& topic = *entry->topic;
    const spool::StandingRecord from{&log, &segment, unit};
    const bool busy = segment.is_busy(unit);
    bool drop_this = false;
    auto aside = parts_.aside->get(topic.commanded);
    if (!aside || !make_room_aside(topic, (*aside)->growth_for(view, described->second), drop_this)) {
      all = false;
      if (aside && (*aside)->empty()) forget_aside(topic);
      continue;
    }
    if (drop_this && !busy) {
      if ((*aside)->empty()) forget_aside(topic);
      lose(from, ledger::LossReason::dropped_newest);
      any = true;
      continue;
    }
    // What had to be dropped may have been the topic's whole log.
    aside = parts_.aside->get(topic.commanded);
    auto to = aside ? (*aside)->move(settler_, from, view, described->second)
                    : Result<spool::StandingRecord>(tl::unexpected(aside.error()));
    if (!to) {
      if (all) log::error("event_not_moved reason={}", log::quoted(to.error().message));
      all = false;
      continue;
    }
    any = true;
    topic.aside = *aside;
    trouble(topic);
    if (busy) {
      segment.clear_busy(unit);
      to->segment->set_busy(to->unit);
      outlet_.moved(from, *to);
      coalescer_.moved(index, from, *to);
    } else {
      topic.aside_unread = true;
    }
  }
  if (!all) return any;
  // Nothing is left in it: backlogs go on behind it.
  const LogPlace behind{order, spool::Position::at(segment.number() + 1, 0)};
  for (Topic* topic : troubled_)
    if (topic->has_left && topic->left_from < behind && topic->left_from.log == order &&
        topic->left_from.position.segment() == segment.number())
      topic->left_from = behind;
  return true;
}

// For a topic's own log to grow by `bytes`. `drop_this`: what is to be moved has to go instead.
bool Feed::make_room_aside(Topic& topic, uint64_t bytes, bool& drop_this) {
  while (bytes != 0 && (parts_.aside->file_bytes() + bytes > parts_.aside->max_bytes() ||
                        (parts_.live != nullptr && parts_.live->room() < bytes))) {
    Topic* largest = nullptr;
    for (Topic* other : troubled_) {
      if (other->aside == nullptr || !is_blocked(*other)) continue;
      if (largest == nullptr || other->aside->file_bytes() > largest->aside->file_bytes()) largest = other;
    }
    if (largest == nullptr) {
      // Nobody has anything aside yet that could go: this one's share is nothing, then.
      drop_this = is_blocked(topic) && topic.aside == nullptr && parts_.aside->file_bytes() == 0;
      return drop_this;
    }
    if (parts_.drop_newest && largest == &topic) {
      drop_this = true;
      return true;
    }
    if (!drop_oldest_aside(*largest)) return false;
  }
  return true;
}

bool Feed::drop_oldest_aside(Topic& topic) {
  spool::AsideLog& aside = *topic.aside;
  spool::Segment* oldest = aside.log().first();
  if (oldest == nullptr || oldest->use().busy != 0) return false;
  const uint64_t lost = drop(aside.log(), *oldest);
  log::warn(
      "events_dropped topic={} events={} reason=\"it is blocked, and its share of the spool is used up\"",
      log::quoted(topic.name), lost);
  aside.give_back(*oldest);
  if (aside.empty()) forget_aside(topic);
  return true;
}

void Feed::drop_for_room() {
  if (parts_.live == nullptr || parts_.drop_newest || !parts_.live->is_short()) return;
  for (uint32_t order = 0; order <= parts_.older.size(); ++order) {
    const bool live = order == parts_.older.size();
    if (!live && parts_.older[order] == nullptr) continue;
    spool::Log& log = log_at(order);
    for (spool::Segment* s = log.first(); s != nullptr; s = log.from(s->number() + 1)) {
      if (s->use().busy != 0 || (live && parts_.live->is_active(*s))) continue;
      const LogPlace behind{order, spool::Position::at(s->number() + 1, 0)};
      const uint64_t lost = drop(log, *s);
      log::warn("events_dropped log={} segment={} events={} reason=\"the spool is full\"",
                log::quoted(log.directory()), s->number(), lost);
      if (reader_ != nullptr && reader_->segment() == s) go_to(behind);
      give_back(log, order, *s);
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
      for (uint64_t unit = 0; spool::read_again(segment->view(), unit, view) == spool::ReadOutcome::record;
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

void Feed::tell_ledger() {
  uint64_t older_bytes = 0;
  for (const auto& log : parts_.older)
    if (log) older_bytes += log->file_bytes();
  const uint64_t aside_bytes = parts_.aside->file_bytes();
  header_.older_bytes.store(older_bytes, kRelaxed);
  header_.older_logs.store(older_left_, kRelaxed);
  header_.aside_bytes.store(aside_bytes, kRelaxed);
  header_.aside_max_bytes.store(parts_.aside->max_bytes(), kRelaxed);
  header_.aside_logs.store(static_cast<uint32_t>(parts_.aside->all().size()), kRelaxed);
  header_.oldest_waiting_arrival_real_ns.store(oldest_waiting_arrival_ns(), kRelaxed);
  if (parts_.live == nullptr) return;
  parts_.live->take_elsewhere(older_bytes + aside_bytes);
  header_.damaged_segments.fetch_add(parts_.live->log().take_damaged(), kRelaxed);
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
  std::vector<uint64_t> appended, waiting;
  spool::Position end{UINT64_MAX};
  if (parts_.intake != nullptr) {
    end = parts_.intake->appended_by_index(appended);
  } else {
    appended.resize(header_.entries_used.load(std::memory_order_acquire));
    for (uint32_t i = 0; i < appended.size(); ++i)
      appended[i] = books_.entries()[i].ca.appended.load(kRelaxed);
  }
  for (const auto& log : parts_.older)
    if (log) spool::count_waiting(*log, {UINT64_MAX}, waiting);
  for (const auto& [topic, log] : parts_.aside->all())
    spool::count_waiting(log->log(), {UINT64_MAX}, waiting);
  if (parts_.live != nullptr) spool::count_waiting(parts_.live->log(), end, waiting);
  const size_t lines = std::max(appended.size(), waiting.size());
  appended.resize(lines);
  waiting.resize(lines);
  uint64_t lost = 0, found = 0;
  for (uint32_t i = 0; i < lines; ++i) {
    ledger::Entry* line = books_.line(EntryIndex{i});
    if (line == nullptr) continue;
    auto& p = line->publisher;
    const uint64_t settled =
        p.acknowledged.load(kRelaxed) + p.lost_spooled.load(kRelaxed) + p.coalesced.load(kRelaxed);
    const uint64_t by_books = appended[i] > settled ? appended[i] - settled : 0;
    if (by_books > waiting[i]) {
      const uint64_t missing = by_books - waiting[i];
      p.lost_spooled.store(p.lost_spooled.load(kRelaxed) + missing, kRelaxed);
      p.last_loss.store(static_cast<uint8_t>(reason), kRelaxed);
      p.last_loss_unix_s.store(static_cast<uint32_t>(real_ns_ / kNsPerSecond), kRelaxed);
      auto& sum = header_.lost_spooled[static_cast<size_t>(reason)];
      sum.store(sum.load(kRelaxed) + missing, kRelaxed);
      lost += missing;
    } else if (waiting[i] > by_books) {
      const uint64_t more = waiting[i] - by_books;
      if (parts_.intake != nullptr) {
        parts_.intake->count_found(EntryIndex{i}, more);
      } else {
        line->ca.appended.store(line->ca.appended.load(kRelaxed) + more, kRelaxed);
        header_.appended.store(header_.appended.load(kRelaxed) + more, kRelaxed);
      }
      found += more;
    }
  }
  header_.unreconciled.store(0, kRelaxed);
  log::warn("books_reconciled slot={} lost={} found={}", parts_.slot.value, lost, found);
}

}  // namespace e2k::worker
