// The part of the Board that shows entries.
#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>

#include "supervisor/fleet/slot_life.h"
#include "supervisor/status/board.h"
#include "supervisor/status/entry_view.h"

namespace e2k::supervisor {
namespace {

// The cursor of a page: pages are in the order of (channel, topic), neither of which holds a tab.
std::string cursor_of(const EntryRef& entry) {
  std::string cursor(entry.channel);
  cursor += '\t';
  cursor += entry.topic;
  return cursor;
}

}  // namespace

ShownState Board::shown_state(const EntryRef& entry) const {
  const auto place = parts_.shares.place(entry.id);
  if (!place || !is_alive(*parts_.fleet.slot(place->slot).state)) return ShownState::pending;
  const ledger::Entry* line = parts_.ledgers.line(*place);
  return line == nullptr ? ShownState::pending : shown_state_of(*line);
}

std::string Board::schema_words(Slot slot) const {
  const Heartbeat* heartbeat = parts_.fleet.slot(slot).heartbeat;
  return heartbeat == nullptr ? "" : heartbeat->schema_problem;
}

EntryView Board::view_of(const EntryRef& entry) const {
  const auto place = parts_.shares.place(entry.id);
  const ledger::Entry* line = place ? parts_.ledgers.line(*place) : nullptr;
  const ChannelFacts channel =
      line == nullptr ? ChannelFacts{} : channel_facts(*parts_.fleet.slot(place->slot).ledger, *line);
  EntryView view = entry_view(entry, shown_state(entry), channel);
  view.worker = parts_.shares.owner(entry.id);
  if (view.worker && !is_alive(*parts_.fleet.slot(*view.worker).state))
    view.reason = "worker " + std::to_string(view.worker->value) + " is being started";
  // All that was ever counted of it: under its present key and earlier ones, on whatever worker.
  parts_.shares.lines().each(Identity::of(entry.topic, entry.channel), [&](const Place& counted) {
    if (const ledger::Entry* books = parts_.ledgers.books_line(counted)) add_line(view, *books);
  });
  if (line != nullptr) add_present(view, *line, schema_words(place->slot), real_now());
  return view;
}

// One pass over the state, keeping the smallest `limit` behind the cursor.
EntryPage Board::entries(const EntryQuery& query) const {
  std::map<std::string, EntryId> page;  // by cursor
  bool more = false;
  const size_t limit = std::max<size_t>(1, query.limit);
  parts_.commands.visit([&](const EntryRef& entry) {
    if (!entry.channel.starts_with(query.prefix)) return;
    if (query.worker && parts_.shares.owner(entry.id) != query.worker) return;
    if (query.state && shown_state(entry) != *query.state) return;
    std::string cursor = cursor_of(entry);
    if (!query.after.empty() && cursor <= query.after) return;
    if (page.size() == limit) {
      more = true;
      if (cursor > page.rbegin()->first) return;
      page.erase(std::prev(page.end()));
    }
    page.emplace(std::move(cursor), entry.id);
  });
  EntryPage answer;
  answer.items.reserve(page.size());
  for (const auto& [cursor, id] : page) answer.items.push_back(view_of(*parts_.commands.find(id)));
  if (more) answer.next = page.rbegin()->first;
  return answer;
}

std::vector<std::string> Board::topics(size_t limit) const {
  std::unordered_set<std::string_view> found;
  parts_.commands.visit([&](const EntryRef& entry) {
    if (found.size() < limit) found.insert(entry.topic);
  });
  std::vector<std::string> names;
  names.reserve(found.size());
  for (const std::string_view topic : found)
    names.push_back(parts_.config.output.topic_prefix + std::string(topic));
  std::ranges::sort(names);
  return names;
}

std::vector<EntryView> Board::entries_of(std::string_view channel) const {
  std::vector<EntryView> views;
  for (const EntryRef& entry : parts_.commands.of_channel(channel)) views.push_back(view_of(entry));
  return views;
}

}  // namespace e2k::supervisor
