// The part of the Board that shows output topics.
#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "supervisor/status/board.h"
#include "supervisor/status/entry_view.h"

namespace e2k::supervisor {

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

// One pass over the entries, at a constant cost each.
TopicPage Board::topic_page(const TopicQuery& query) const {
  std::unordered_map<std::string_view, TopicView> sums;
  parts_.commands.visit([&](const EntryRef& entry) {
    if (!query.after.empty() && entry.topic <= query.after) return;
    TopicView& sum = sums[entry.topic];
    ++sum.entries;
    if (shown_state(entry) == ShownState::connected) ++sum.connected;
    sum.events += counts_of(entry);
    const auto place = parts_.shares.place(entry.id);
    const ledger::Entry* line = place ? parts_.ledgers.line(*place) : nullptr;
    if (line == nullptr) return;
    const ledger::Blocked blocked = line->publisher.blocked.load(std::memory_order_relaxed);
    if (blocked == ledger::Blocked::no) return;
    if (sum.blocked_entries++ == 0) sum.blocked = blocked;
  });
  std::vector<std::string_view> names;
  names.reserve(sums.size());
  for (const auto& [name, sum] : sums) names.push_back(name);
  const size_t shown = std::min(names.size(), std::max<size_t>(1, query.limit));
  std::ranges::partial_sort(names, names.begin() + static_cast<std::ptrdiff_t>(shown));
  TopicPage page;
  for (size_t i = 0; i < shown; ++i) {
    TopicView& view = sums[names[i]];
    view.topic = names[i];
    view.kafka_name = parts_.config.output.topic_prefix + view.topic;
    page.items.push_back(std::move(view));
  }
  if (shown < names.size()) page.next = std::string(names[shown - 1]);
  return page;
}

}  // namespace e2k::supervisor
