// Records that wait for others of their topic, so that one request carries several (gathering.h). They are
// busy where they stand; there is no other copy of them.
#include "worker/publish/feed.h"

namespace e2k::worker {
namespace {

// Of all topics together: no more than may be in flight.
constexpr uint64_t kMostGathered = 65'536;

}  // namespace

// Whatever waits of a topic goes before it.
bool Feed::gathers(Topic& topic) {
  const bool may_wait = outlet_.gathering().may_wait(topic.pace);
  if (!topic.gathered.empty()) return true;
  return may_wait && topic.flow.lane == Lane::main && topic.aside == nullptr &&
         topic.flow.why == ledger::Blocked::no;
}

void Feed::gather(Topic& topic, const spool::StandingRecord& record) {
  if (topic.gathered.empty()) {
    topic.gathered_since_ns = now_ns_;
    gathering_.push_back({&topic, now_ns_});
  }
  record.segment->set_busy(record.unit);
  topic.gathered.push_back(record);
  ++gathered_;
  if (topic.gathered.size() >= Gathering::kFull) (void)send_gathered(topic);
}

// false: some of it can't be sent now.
bool Feed::send_gathered(Topic& topic) {
  // What comes back meanwhile puts back what it finds gathered.
  std::vector<spool::StandingRecord> records;
  records.swap(topic.gathered);
  size_t sent = 0;
  bool later = false;
  for (; sent < records.size(); ++sent) {
    const spool::StandingRecord& record = records[sent];
    if (!takes(topic)) break;
    later = !outlet_.window_open() || !outlet_.has_room(topic);
    if (later) break;
    spool::RecordView view;
    (void)spool::read_again(record.segment->view(), record.unit, view);
    record.segment->clear_busy(record.unit);
    const Offer offered = send_now(record, view, entries_[view.header->index]);
    if (offered == Offer::taken) continue;
    record.segment->set_busy(record.unit);
    later = offered == Offer::try_later;
    break;
  }
  gathered_ -= sent;
  records.erase(records.begin(), records.begin() + static_cast<ptrdiff_t>(sent));
  records.swap(topic.gathered);
  if (!later) put_gathered_back(topic);
  return topic.gathered.empty();
}

// Those whose time is over; `all`: also before it.
bool Feed::send_what_is_due(bool all) {
  const int64_t hold_ns = all ? 0 : outlet_.gathering().hold_ns();
  const uint64_t before = gathered_;
  for (size_t looked_at = gathering_.size(); looked_at != 0; --looked_at) {
    const auto [topic, since_ns] = gathering_.front();
    const bool gone = topic->gathered.empty() || topic->gathered_since_ns != since_ns;
    if (!gone) {
      if (now_ns_ - since_ns < hold_ns && gathered_ < kMostGathered) break;
      // Reports will make room: in the whole window, or in the topic's share.
      if (!send_gathered(*topic) && !outlet_.window_open()) break;
      if (!topic->gathered.empty()) gathering_.push_back({topic, topic->gathered_since_ns = now_ns_});
    }
    gathering_.pop_front();
  }
  return gathered_ != before;
}

// To be read again.
void Feed::put_gathered_back(Topic& topic) {
  gathered_ -= topic.gathered.size();
  for (const spool::StandingRecord& record : topic.gathered) {
    record.segment->clear_busy(record.unit);
    put_back(topic, record);
  }
  topic.gathered.clear();
}

// Before records are moved: what waits here would not be where it stood.
void Feed::put_all_gathered_back() {
  for (const auto& [topic, since_ns] : gathering_) put_gathered_back(*topic);
  gathering_.clear();
}

// When the next one is due, in Unix nanoseconds.
std::optional<int64_t> Feed::gathered_due_ns() const {
  if (gathering_.empty()) return std::nullopt;
  return real_ns_ + gathering_.front().second + outlet_.gathering().hold_ns() - now_ns_;
}

}  // namespace e2k::worker
