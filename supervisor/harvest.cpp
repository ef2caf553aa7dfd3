#include "supervisor/harvest.h"

#include <string>
#include <utility>

#include "supervisor/fleet/contract_of.h"

namespace e2k::supervisor {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

bool Harvest::all(LineNews* lines, RealNs now) {
  std::vector<const ledger::LedgerReader*> told(static_cast<size_t>(config_.workers.count));
  for (const auto& view : fleet_.slots())
    if (view.unapplied_items == 0) told[view.slot.value] = view.ledger;
  Served served;
  bool news = false;
  commands_.visit([&](const EntryRef& entry) {
    const auto place = shares_.place(entry.id);
    if (!place) return;
    if (lines != nullptr) {
      auto& of_slot = served[place->slot];
      if (of_slot.size() <= place->index.value) of_slot.resize(place->index.value + 1);
      of_slot[place->index.value] = true;
    }
    if (told[place->slot.value] == nullptr) return;
    const ledger::Entry* line = told[place->slot.value]->entry(place->index);
    if (line == nullptr) return;
    if (line->ca.state.load(kRelaxed) != ledger::EntryState::unused)
      news |= commands_.learn(entry.id, line->ca.flags.load(kRelaxed));
    if (lines != nullptr) look_at(entry, *line, *lines, now);
  });
  for (const Book::Leaving& leaving : shares_.book().leaving()) news |= of(leaving);
  if (lines != nullptr) look_at_left_lines(*lines, served);
  return news;
}

bool Harvest::of(const Book::Leaving& leaving) {
  const Place& from = leaving.from;
  if (from.slot.value >= config_.workers.count) return false;
  const ledger::LedgerReader* reader = fleet_.slot(from.slot).ledger;
  const auto entry = commands_.find(leaving.id);
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
