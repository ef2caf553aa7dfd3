// The part of the Board that shows entries and output topics in pages, for which it goes through all entries,
// a slice at a time. What a search keeps from one slice to the next is its own: entries come and go
// meanwhile.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/status/board.h"

namespace e2k::supervisor {
namespace {

// Pages are in the order of (channel, topic), neither of which holds the cursor's tab.
using Names = std::pair<std::string_view, std::string_view>;

struct NamesBefore {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return Names(a.first, a.second) < Names(b.first, b.second);
  }
};

Names names_at(std::string_view cursor) {
  const size_t tab = cursor.find('\t');
  return tab == std::string_view::npos ? Names{cursor, {}}
                                       : Names{cursor.substr(0, tab), cursor.substr(tab + 1)};
}

// `visit` is called for the entries of the next slice; false: that was the last one.
template <class Visit>
bool visit_slice(const CommandState& commands, uint32_t& next, Visit&& visit) {
  const uint32_t end = std::min(commands.ids(), next + Board::kIdsOfASlice);
  for (; next < end; ++next)
    if (const auto entry = commands.find(EntryId{next})) visit(*entry);
  return next < commands.ids();
}

// A function that goes on with it for as long as anybody has it.
template <class Result, class Search>
InSlices<Result> in_slices(std::shared_ptr<Search> search) {
  return [search = std::move(search)] { return search->go_on(); };
}

}  // namespace

// Keeps the smallest `limit` behind the cursor. Most entries are neither, which costs a comparison.
class Board::EntrySearch {
public:
  EntrySearch(const Board& board, EntryQuery query)
      : board_(board), query_(std::move(query)), limit_(std::max<size_t>(1, query_.limit)) {}

  std::optional<EntryPage> go_on() {
    if (is_looking_) {
      is_looking_ = visit_slice(board_.parts_.commands, next_id_,
                                [this, now = real_now()](const EntryRef& entry) { look(entry, now); });
      return std::nullopt;
    }
    for (size_t i = 0; i < kViewsOfASlice && !found_.empty(); ++i) show_first();
    if (!found_.empty()) return std::nullopt;
    return std::move(page_);
  }

private:
  void look(const EntryRef& entry, RealNs now) {
    const Names names{entry.channel, entry.topic};
    if (!query_.after.empty() && names <= names_at(query_.after)) return;
    const bool is_full = found_.size() == limit_;
    if (is_full && has_more_ && NamesBefore()(found_.rbegin()->first, names)) return;
    if (!board_.is_asked_for(entry, query_, now)) return;
    // It was removed and commanded again since, under another id.
    if (const auto known = found_.find(names); known != found_.end()) {
      known->second = entry.id;
      return;
    }
    if (is_full) {
      has_more_ = true;
      if (NamesBefore()(found_.rbegin()->first, names)) return;
      found_.erase(std::prev(found_.end()));
    }
    found_.emplace(names, entry.id);
  }

  // Unless it has gone since; its id may be another's.
  void show_first() {
    const auto& [names, id] = *found_.begin();
    const auto entry = board_.parts_.commands.find(id);
    if (entry && Names(entry->channel, entry->topic) == Names(names))
      page_.items.push_back(board_.view_of(*entry));
    if (has_more_ && found_.size() == 1) page_.next = names.first + '\t' + names.second;
    found_.erase(found_.begin());
  }

  const Board& board_;
  const EntryQuery query_;
  const size_t limit_;
  std::map<std::pair<std::string, std::string>, EntryId, NamesBefore> found_;
  bool has_more_ = false, is_looking_ = true;
  uint32_t next_id_ = 0;
  EntryPage page_;
};

// Likewise, of topics; one that did not fit once never does, so that the sums of those that are left are of
// all their entries.
class Board::TopicSearch {
public:
  TopicSearch(const Board& board, TopicQuery query)
      : board_(board), query_(std::move(query)), limit_(std::max<size_t>(1, query_.limit)) {}

  std::optional<TopicPage> go_on() {
    if (visit_slice(board_.parts_.commands, next_id_, [this](const EntryRef& entry) { look(entry); }))
      return std::nullopt;
    TopicPage page;
    if (has_more_) page.next = sums_.rbegin()->first;
    for (auto& [topic, view] : sums_) {
      view.topic = topic;
      view.kafka_name = board_.parts_.config.output.topic_prefix + topic;
      page.items.push_back(std::move(view));
    }
    return page;
  }

private:
  TopicView* sum_of(std::string_view topic) {
    if (!query_.after.empty() && topic <= query_.after) return nullptr;
    if (const auto known = sums_.find(topic); known != sums_.end()) return &known->second;
    if (sums_.size() == limit_) {
      has_more_ = true;
      if (sums_.rbegin()->first < topic) return nullptr;
      sums_.erase(std::prev(sums_.end()));
    }
    return &sums_[std::string(topic)];
  }

  void look(const EntryRef& entry) {
    TopicView* const sum = sum_of(entry.topic);
    if (sum == nullptr) return;
    ++sum->entries;
    if (board_.shown_state(entry) == ShownState::connected) ++sum->connected;
    sum->events += board_.counts_of(entry);
    const auto place = board_.parts_.shares.place(entry.id);
    const ledger::Entry* line = place ? board_.parts_.ledgers.line(*place) : nullptr;
    if (line == nullptr) return;
    const ledger::Blocked blocked = line->publisher.blocked.load(std::memory_order_relaxed);
    if (blocked == ledger::Blocked::no) return;
    if (sum->blocked_entries++ == 0) sum->blocked = blocked;
  }

  const Board& board_;
  const TopicQuery query_;
  const size_t limit_;
  std::map<std::string, TopicView, std::less<>> sums_;
  bool has_more_ = false;
  uint32_t next_id_ = 0;
};

InSlices<EntryPage> Board::entries_in_slices(EntryQuery query) const {
  return in_slices<EntryPage>(std::make_shared<EntrySearch>(*this, std::move(query)));
}

InSlices<TopicPage> Board::topic_page_in_slices(TopicQuery query) const {
  return in_slices<TopicPage>(std::make_shared<TopicSearch>(*this, std::move(query)));
}

InSlices<std::vector<std::string>> Board::topics_in_slices(size_t limit) const {
  return [page = topic_page_in_slices({limit, ""})]() -> std::optional<std::vector<std::string>> {
    auto found = page();
    if (!found) return std::nullopt;
    std::vector<std::string> names;
    names.reserve(found->items.size());
    for (TopicView& topic : found->items) names.push_back(std::move(topic.kafka_name));
    return names;
  };
}

}  // namespace e2k::supervisor
