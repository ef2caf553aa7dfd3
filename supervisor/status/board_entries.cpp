// The part of the Board that shows entries.
#include <algorithm>
#include <string_view>
#include <utility>

#include "supervisor/fleet/slot_life.h"
#include "supervisor/status/board.h"
#include "supervisor/status/entry_view.h"

namespace e2k::supervisor {
ShownState Board::shown_state(const EntryRef& entry) const {
  const auto place = parts_.shares.place(entry.id);
  const bool lives = place && is_alive(*parts_.fleet.slot(place->slot).state);
  return state_by(entry, lives ? parts_.ledgers.line(*place) : nullptr);
}

ShownState Board::state_by(const EntryRef& entry, const ledger::Entry* line) const {
  if (parts_.shares.bar(entry.id) == Bar::quarantined) return ShownState::quarantined;
  return line == nullptr ? ShownState::pending : shown_state_of(*line);
}

std::string Board::schema_words(Slot slot) const {
  const Heartbeat* heartbeat = parts_.fleet.slot(slot).heartbeat;
  return heartbeat == nullptr ? "" : heartbeat->schema_problem;
}

// Its worker does not run.
std::string Board::why_unserved(Slot slot) const {
  const std::string worker = "worker " + std::to_string(slot.value);
  const SlotState& state = *parts_.fleet.slot(slot).state;
  switch (state.phase) {
    case SlotPhase::failed:
      return worker + " has failed (" + state.last_exit + "); epics2kafkactl restart " +
             std::to_string(slot.value) + " tries it again";
    case SlotPhase::backoff:
    case SlotPhase::killing:
      return worker + " is down" + (state.last_exit.empty() ? "" : " (" + state.last_exit + ")") +
             " and about to be started again";
    case SlotPhase::idle:
    case SlotPhase::starting:
    case SlotPhase::running:
    case SlotPhase::unresponsive:
    case SlotPhase::stopping:
    case SlotPhase::stopped:
      break;
  }
  return worker + " is being started";
}

void Board::add_bar(EntryView& view, const EntryRef& entry) const {
  switch (parts_.shares.bar(entry.id)) {
    case Bar::none:
      return;
    case Bar::withheld:
      view.reason = "withheld for some seconds, while the channel that ends its worker is searched for";
      return;
    case Bar::quarantined:
      if (const Quarantined* one = parts_.quarantine.find(entry.channel))
        view.reason = text_of(*one) + ". epics2kafkactl retry, or a new command for it, ends that";
      return;
  }
}

EntryView Board::view_of(const EntryRef& entry) const {
  const auto place = parts_.shares.place(entry.id);
  const ledger::Entry* line = place ? parts_.ledgers.line(*place) : nullptr;
  const ChannelFacts channel =
      line == nullptr ? ChannelFacts{} : channel_facts(*parts_.fleet.slot(place->slot).ledger, *line);
  EntryView view = entry_view(entry, shown_state(entry), channel);
  view.worker = parts_.shares.owner(entry.id);
  view.move = parts_.move_of(entry.id);
  if (view.worker && !is_alive(*parts_.fleet.slot(*view.worker).state))
    view.reason = why_unserved(*view.worker);
  add_bar(view, entry);
  // All that was ever counted of it: under its present key and earlier ones, on whatever worker.
  parts_.shares.lines().each(Identity::of(entry.topic, entry.channel), [&](const Place& counted) {
    if (const ledger::Entry* books = parts_.ledgers.books_line(counted)) add_line(view, *books);
  });
  if (line != nullptr) add_present(view, *line, schema_words(place->slot), real_now());
  return view;
}

std::optional<EntryView> Board::entry(EntryId id) const {
  const auto entry = parts_.commands.find(id);
  return entry ? std::optional(view_of(*entry)) : std::nullopt;
}

EventCounts Board::counts_of(const EntryRef& entry) const {
  EventCounts counts;
  parts_.shares.lines().each(Identity::of(entry.topic, entry.channel), [&](const Place& counted) {
    if (const ledger::Entry* books = parts_.ledgers.books_line(counted)) counts += event_counts(*books);
  });
  return counts;
}

// What costs least is asked first.
bool Board::is_asked_for(const EntryRef& entry, const EntryQuery& query, RealNs now) const {
  if (!entry.channel.starts_with(query.prefix)) return false;
  if (query.topic && entry.topic != *query.topic) return false;
  if (query.worker && parts_.shares.owner(entry.id) != query.worker) return false;
  if (!query.states.empty() && std::ranges::find(query.states, shown_state(entry)) == query.states.end())
    return false;
  if (query.host || query.older_than_s) {
    const auto place = parts_.shares.place(entry.id);
    const ledger::Entry* line = place ? parts_.ledgers.line(*place) : nullptr;
    if (query.host &&
        (line == nullptr ||
         !is_at_host(channel_facts(*parts_.fleet.slot(place->slot).ledger, *line).host, *query.host)))
      return false;
    if (query.older_than_s && line != nullptr && !is_silent(*line, *query.older_than_s, now)) return false;
  }
  return !query.lost || counts_of(entry).lost > 0;
}

std::vector<EntryView> Board::entries_of(std::string_view channel) const {
  std::vector<EntryView> views;
  for (const EntryRef& entry : parts_.commands.of_channel(channel)) views.push_back(view_of(entry));
  return views;
}

}  // namespace e2k::supervisor
