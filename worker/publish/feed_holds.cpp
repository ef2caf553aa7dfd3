// What a feed does about events that are held, and about those that are not any more (ledger::Hold).
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "worker/publish/feed.h"
#include "worker/publish/held.h"

namespace e2k::worker {
namespace {

using ledger::HoldState;
constexpr auto kRelaxed = std::memory_order_relaxed;

EventIdentity identity_of_record(const spool::RecordView& view) {
  const spool::EventRecord& event = view.event();
  const uint64_t stamp = uint64_t{event.stamp_seconds} << 32 | event.stamp_nanoseconds;
  if (view.header->kind == spool::RecordKind::error) return {stamp, 0};
  return identity_of({view.header->dbr_type, view.header->status, view.header->severity, event.stamp_seconds,
                      event.stamp_nanoseconds, view.header->count, view.value()});
}

}  // namespace

// A hold that was ended.
struct Feed::Ended {
  ledger::Hold* row;
  HeldEvents judge;
  bool discarded;
  uint64_t dropped = 0, kept = 0;

  bool covers(uint32_t index, int64_t arrival_monotonic_ns) const {
    return row->index == index && arrival_monotonic_ns >= row->begun_monotonic_ns &&
           arrival_monotonic_ns < row->until_monotonic_ns;
  }
};

bool Feed::stays_held(const OutputEntry& entry, const spool::RecordView& view) const {
  if (!entry.prepared) return false;
  const auto since = held_since_.find(view.header->index);
  return since != held_since_.end() && view.event().arrival_monotonic_ns >= since->second;
}

void Feed::hold_back(uint32_t index, LogPlace at) {
  auto [known, is_new] = held_from_.try_emplace(index, at);
  if (!is_new) known->second = std::min(known->second, at);
}

// What was ended counts as held until end_holds() has seen to it.
void Feed::learn_holds() {
  const uint32_t changed = header_.holds_changed.load(std::memory_order_acquire);
  if (changed == holds_seen_) return;
  holds_seen_ = changed;
  for (const auto& [index, since] : held_since_)
    if (index < entries_.size()) entries_[index].prepared = false;
  held_since_.clear();
  holds_ended_ = false;
  const uint32_t used = header_.holds_used.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used; ++i) {
    const ledger::Hold& row = header_.holds[i];
    const HoldState state = row.state.load(std::memory_order_acquire);
    if (state == HoldState::none) continue;
    holds_ended_ |= state != HoldState::held;
    auto [known, is_new] = held_since_.try_emplace(row.index, row.begun_monotonic_ns);
    if (!is_new) known->second = std::min(known->second, row.begun_monotonic_ns);
    if (row.index < entries_.size()) entries_[row.index].prepared = true;
  }
}

// Nobody will ever say what becomes of them: all go out.
void Feed::free_all_holds() {
  for (uint32_t i = 0; i < header_.holds_used.load(kRelaxed); ++i) {
    ledger::Hold& row = header_.holds[i];
    if (row.state.load(kRelaxed) != HoldState::held) continue;
    row.after_stamp = row.after_hash = 0;
    row.state.store(HoldState::released, kRelaxed);
    header_.holds_changed.fetch_add(1, kRelaxed);
  }
}

// What was published elsewhere is settled, in one pass for all that ended; then the reader goes back to the
// first that was passed over.
void Feed::end_holds() {
  if (!holds_ended_) return;
  std::vector<Ended> ended;
  LogPlace from = reader_ != nullptr ? place() : LogPlace{current_, {}};
  const LogPlace reads_at = from;
  for (uint32_t i = 0; i < header_.holds_used.load(std::memory_order_acquire); ++i) {
    ledger::Hold& row = header_.holds[i];
    const HoldState state = row.state.load(std::memory_order_acquire);
    if (state != HoldState::released && state != HoldState::discarded) continue;
    ended.push_back({&row, HeldEvents({row.after_stamp, row.after_hash}), state == HoldState::discarded});
    if (const auto first = held_from_.find(row.index); first != held_from_.end())
      from = std::min(from, first->second);
  }
  if (ended.empty()) return;
  walk_ended(ended, from, [](Ended& one, const spool::StandingRecord&, const spool::RecordView& view) {
    one.judge.look(identity_of_record(view));
  });
  walk_ended(ended, from,
             [this](Ended& one, const spool::StandingRecord& record, const spool::RecordView& view) {
               const bool old = one.judge.is_old(identity_of_record(view).stamp);
               if (one.discarded || old) {
                 settler_.coalesce(record);
                 ++one.dropped;
               } else {
                 ++one.kept;
               }
             });
  for (const Ended& one : ended) end_hold(one);
  --holds_seen_;
  learn_holds();
  if (from < reads_at) go_to(from);
}

// Calls `visit` for each record of theirs that waits, in the order in which they were received.
void Feed::walk_ended(
    std::vector<Ended>& ended, LogPlace from,
    const std::function<void(Ended&, const spool::StandingRecord&, const spool::RecordView&)>& visit) {
  std::unordered_map<uint32_t, std::vector<Ended*>> by_index;
  std::vector<const Topic*> topics;
  for (Ended& one : ended) {
    by_index[one.row->index].push_back(&one);
    const OutputEntry* entry = entry_of(one.row->index);
    if (entry == nullptr || entry->topic->aside == nullptr) continue;
    if (std::find(topics.begin(), topics.end(), entry->topic) == topics.end()) topics.push_back(entry->topic);
  }
  const auto walk = [&](spool::Log& log, spool::Position begin) {
    for (spool::Segment* s = log.from(begin.segment()); s != nullptr; s = log.from(s->number() + 1)) {
      spool::RecordView view;
      uint64_t unit = s->number() == begin.segment() ? begin.unit() : 0;
      for (; spool::read_record(s->view(), unit, view) == spool::ReadOutcome::record; unit += view.units) {
        if (!view.is_event() || s->settlement(unit) != 0 || s->is_busy(unit)) continue;
        const auto found = by_index.find(view.header->index);
        if (found == by_index.end()) continue;
        for (Ended* one : found->second)
          if (one->covers(view.header->index, view.event().arrival_monotonic_ns))
            visit(*one, {&log, s, unit}, view);
      }
    }
  };
  for (const Topic* topic : topics) walk(topic->aside->log(), {});
  for (uint32_t order = from.log; order <= parts_.older.size(); ++order) {
    const bool live = order == parts_.older.size();
    if (live ? parts_.live == nullptr : parts_.older[order] == nullptr) continue;
    walk(log_at(order), order == from.log ? from.position : spool::Position{});
  }
}

void Feed::end_hold(const Ended& ended) {
  const uint32_t index = ended.row->index;
  log::debug("entry.{} index={} kept={} dropped={}", ended.discarded ? "discarded" : "released", index,
             ended.kept, ended.dropped);
  held_from_.erase(index);
  ended.row->state.store(HoldState::none, std::memory_order_release);
  const OutputEntry* entry = entry_of(index);
  if (entry == nullptr || entry->topic->aside == nullptr) return;
  entry->topic->rewind_aside = entry->topic->aside_unread = true;
  trouble(*entry->topic);
}

}  // namespace e2k::worker
