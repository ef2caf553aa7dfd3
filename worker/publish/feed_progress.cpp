// How far a feed has come, and which of several comes first.
#include <algorithm>

#include "worker/publish/feed.h"

namespace e2k::worker {

void Feed::stand_behind(const Feed& elder) {
  for (const auto& [name, of_elder] : elder.topics_) {
    if (!of_elder->has_backlog() && of_elder->flow.in_flight == 0 && of_elder->gathered.empty()) continue;
    Topic& topic = topic_of(name);
    topic.is_behind = true;
    behind_.push_back(&topic);
  }
}

// As far as the topic and its lane are concerned.
bool Feed::takes(const Topic& topic) const {
  return !topic.is_behind && may_produce(topic.flow) && !outlet_.is_dead(topic);
}

bool Feed::is_read_through() {
  if (reader_ == nullptr) return true;
  spool::RecordView view;
  return current_ + 1 >= parts_.older.size() && reader_->peek(view) != spool::ReadOutcome::record;
}

// Nobody tells the reports of records in flight about it any more.
bool Feed::is_finished() const {
  if (parts_.live != nullptr || older_left_ != 0 || !parts_.aside->all().empty()) return false;
  return std::all_of(topics_.begin(), topics_.end(),
                     [](const auto& topic) { return topic.second->flow.in_flight == 0; });
}

void Feed::let_go() {
  for (auto& [name, topic] : topics_) outlet_.let_go(*topic);
  books_.let_go();  // the slot may have a worker again
}

bool Feed::is_drained() const {
  if (reader_ != nullptr) {
    spool::RecordView view;
    if (reader_->peek(view) == spool::ReadOutcome::record) return false;
  }
  if (gathered_ != 0 || outlet_.in_flight() != 0) return false;
  return std::none_of(troubled_.begin(), troubled_.end(),
                      [](const Topic* topic) { return topic->has_backlog() && !topic->is_blocked(); });
}

}  // namespace e2k::worker
