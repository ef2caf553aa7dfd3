#include "supervisor/harvest.h"

#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/fleet/contract_of.h"
#include "supervisor/fleet/slot_life.h"

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

// What a worker that has not applied yet all that it serves says concerns what it had before.
const ledger::LedgerReader* Harvest::once_applied(const Fleet::SlotView& view) const {
  return view.unapplied_items == 0 && !shares_.is_telling(view.slot) ? view.ledger : nullptr;
}

// Likewise, or its predecessor while its own books are not there yet.
const ledger::LedgerReader* Harvest::told_by(Slot slot) const {
  if (!fleet_.has(slot)) return nullptr;
  const Fleet::SlotView view = fleet_.slot(slot);
  return view.ledger == nullptr ? view.books : once_applied(view);
}

void Harvest::begin_round(bool gathers) {
  within_round_ = true;
  gathers_ = gathers;
  next_ = 0;
  lines_ = {};
  served_.clear();
}

std::vector<Harvest::Worker> Harvest::workers() const {
  std::vector<Worker> workers;
  for (const auto& view : fleet_.slots()) {
    if (workers.size() <= view.slot.value) workers.resize(view.slot.value + 1u);
    workers[view.slot.value] = {is_alive(*view.state) ? view.ledger : nullptr, once_applied(view)};
  }
  return workers;
}

Harvest::Slice Harvest::next(uint32_t ids, RealNs now, const std::function<void(const Seen&)>& visit) {
  const std::vector<Worker> all = workers();
  Slice slice;
  const uint32_t end = std::min(next_ + ids, commands_.ids());
  for (; next_ < end; ++next_) {
    const auto entry = commands_.find(EntryId{next_});
    if (!entry) continue;
    const auto place = shares_.place(entry->id);
    const Worker worker = place && place->slot.value < all.size() ? all[place->slot.value] : Worker{};
    const auto line_in = [&](const ledger::LedgerReader* reader) {
      return reader == nullptr ? nullptr : reader->entry(place->index);
    };
    visit({*entry, place, worker.alive, line_in(worker.alive)});
    if (!place) continue;
    if (gathers_) {
      auto& of_slot = served_[place->slot];
      if (of_slot.size() <= place->index.value) of_slot.resize(place->index.value + 1);
      of_slot[place->index.value] = true;
    }
    const ledger::Entry* const line = line_in(worker.told);
    if (line == nullptr) continue;
    slice.news |= learn(*entry, *line);
    if (gathers_) look_at(*entry, *line, lines_, now);
  }
  if (next_ < commands_.ids()) return slice;
  for (const Book::Leaving& leaving : shares_.book().leaving()) slice.news |= of(leaving);
  within_round_ = false;
  slice.ended = true;
  if (!gathers_) return slice;
  look_at_left_lines(lines_, served_);
  slice.lines = std::exchange(lines_, {});
  return slice;
}

bool Harvest::of_leaving(Slot slot) {
  bool news = false;
  for (const Book::Leaving& leaving : shares_.book().leaving())
    if (leaving.from.slot == slot) news |= of(leaving);
  return news;
}

bool Harvest::of_entry(EntryId id) {
  const auto place = shares_.place(id);
  const ledger::LedgerReader* const reader = place ? told_by(place->slot) : nullptr;
  const ledger::Entry* line = reader == nullptr ? nullptr : reader->entry(place->index);
  const auto entry = commands_.find(id);
  return line != nullptr && entry && learn(*entry, *line);
}

// What its line says of it. Few say anything new, and only of those it is asked whose line it is, which costs
// more to know: what is served may be an earlier command, or of another entry that had the id.
bool Harvest::learn(const EntryRef& entry, const ledger::Entry& line) {
  if (line.ca.state.load(kRelaxed) == ledger::EntryState::unused) return false;
  const uint32_t flags = line.ca.flags.load(kRelaxed);
  return CommandState::is_news(entry, flags) && shares_.is_this(entry) && commands_.learn(entry.id, flags);
}

bool Harvest::of(const Book::Leaving& leaving) {
  const Place& from = leaving.from;
  if (!leaving.id || !fleet_.has(from.slot)) return false;
  const ledger::LedgerReader* reader = fleet_.slot(from.slot).ledger;
  const auto entry = commands_.find(*leaving.id);
  if (reader == nullptr || reader->header().generation != leaving.generation.value) return false;
  if (!entry || entry->offset != leaving.command_offset) return false;
  const ledger::Entry* line = reader->entry(from.index);
  return line != nullptr && commands_.learn(entry->id, line->ca.flags.load(kRelaxed));
}

// What an entry's line tells of its topic, and of what it lost lately.
void Harvest::look_at(const EntryRef& entry, const ledger::Entry& line, LineNews& news, RealNs now) const {
  const ledger::Blocked why = line.publisher.blocked.load(kRelaxed);
  if (why != ledger::Blocked::no) {
    auto found = news.blocked.find(entry.topic);
    if (found == news.blocked.end()) found = news.blocked.try_emplace(std::string(entry.topic)).first;
    found->second.why = why;
    ++found->second.entries;
    found->second.waiting += ledger::counts_of(line).waiting;
  }
  if (news.losses.size() >= kLossExamples) return;
  const int64_t lost_at_s = line.publisher.last_loss_unix_s.load(kRelaxed);
  if (lost_at_s == 0 || now.value / kNsPerSecond - lost_at_s > SpoolJudge::kLossWindowNs / kNsPerSecond)
    return;
  news.losses.push_back({std::string(entry.channel), std::string(entry.topic),
                         static_cast<ledger::LossReason>(line.publisher.last_loss.load(kRelaxed))});
}

// What no command is served by any more still waits.
void Harvest::look_at_left_lines(LineNews& news, const Served& served) {
  const auto look = [&](Slot slot, const ledger::LedgerReader& lines) {
    const auto found = served.find(slot);
    left_lines_.add_to(news, slot, lines, found == served.end() ? std::vector<bool>{} : found->second,
                       names_path(config_, slot));
  };
  for (const auto& view : fleet_.slots())
    if (view.books != nullptr) look(view.slot, *view.books);
  for (const auto& [slot, gone] : books_.gone())
    if (gone.ledger) look(slot, *gone.ledger);
}

}  // namespace e2k::supervisor
