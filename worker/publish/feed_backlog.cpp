// Topics that can't take what is read of them, and how they get it later.
#include <algorithm>
#include <utility>

#include "worker/publish/feed.h"

namespace e2k::worker {
namespace {

// Records that one topic is given in a turn out of its own log.
constexpr int kRecordsATurn = 2048;
// Others flow, if anybody was acknowledged within this time.
constexpr int64_t kOthersFlowNs = 2 * kNsPerSecond;

// Nothing about it but that it is read.
bool is_at_ease(const Topic& topic) {
  return topic.flow.flow == Flow::flowing && topic.flow.schemas_known && !topic.has_backlog() &&
         topic.aside == nullptr && topic.flow.why == ledger::Blocked::no;
}

}  // namespace

bool Feed::tend_topics() {
  if (troubled_.empty()) return false;
  bool produced = false;
  std::optional<LogPlace> back_to;
  // Topics may join while it runs.
  for (size_t i = 0; i < troubled_.size(); ++i) produced |= tend(*troubled_[i], back_to);
  std::erase_if(troubled_, [](Topic* topic) {
    if (is_at_ease(*topic)) topic->troubled = false;
    return !topic->troubled;
  });
  if (back_to && reader_ != nullptr && *back_to < place()) go_to(*back_to);
  if (back_to && reader_ == nullptr) go_to(*back_to);
  return produced;
}

bool Feed::tend(Topic& topic, std::optional<LogPlace>& back_to) {
  FlowState& flow = topic.flow;
  const bool retry = flow.flow == Flow::waiting && now_ns_ >= flow.retry_at_ns;
  if (retry && flow.why == ledger::Blocked::no_topic) {
    // The brokers are asked for all such topics at once; the answer goes on (take_answer).
    if (!topic.probing) outlet_.ask_for_topics();
    topic.probing = true;
  } else if (retry) {
    (void)outlet_.step(topic, {FlowEvent::tick, now_ns_});
  }
  if (flow.flow == Flow::recalling) return false;
  if (topic.rewind_aside) {
    topic.aside->reader().seek({});
    topic.rewind_aside = false;
  }
  if (!topic.has_backlog() || !takes(topic)) return false;
  if (topic.aside_unread) return read_aside(topic);
  if (flow.lane == Lane::careful) return offer_first_left(topic);
  if (!outlet_.has_room(topic, 2)) return false;
  if (!back_to || topic.left_from < *back_to) back_to = topic.left_from;
  topic.has_left = topic.crowded = false;
  return false;
}

bool Feed::read_aside(Topic& topic) {
  bool produced = false;
  spool::RecordView view;
  spool::LogReader& reader = topic.aside->reader();
  for (int i = 0; i < kRecordsATurn; ++i) {
    const auto outcome = reader.peek(view);
    if (outcome == spool::ReadOutcome::damaged) {
      reader.cut();
      header_.unreconciled.store(1, std::memory_order_relaxed);
      continue;
    }
    if (outcome != spool::ReadOutcome::record) {
      topic.aside_unread = false;
      return produced;
    }
    spool::Segment& segment = *reader.segment();
    note_read(segment, view);
    if (!view.is_event()) {
      if (view.header->kind == spool::RecordKind::channel) describe(view);
    } else if (segment.settlement(reader.unit()) == 0 && !segment.is_busy(reader.unit())) {
      OutputEntry* entry = entry_of(view.header->index);
      const spool::StandingRecord record{&topic.aside->log(), &segment, reader.unit()};
      if (entry == nullptr || entry->topic != &topic) {
        lose(record, ledger::LossReason::encoding_failed);
      } else if (!entry->held && !stays_held(*entry, view)) {
        if (!takes(topic) || !outlet_.window_open() || !outlet_.has_room(topic)) return produced;
        if (produce(record, view, *entry) != Offer::taken) return produced;
        produced = true;
      }
    }
    reader.skip(view);
  }
  more_to_read_ = true;
  return produced;
}

// One by one: from the oldest that was left on to where the reader is.
bool Feed::offer_first_left(Topic& topic) {
  const LogPlace end = reader_ != nullptr ? place() : LogPlace{current_, {}};
  for (LogPlace at = topic.left_from; at < end; at = {at.log + 1, {}}) {
    if (at.log < parts_.older.size() && parts_.older[at.log] == nullptr) continue;
    spool::LogReader reader(log_at(at.log), at.log < parts_.older.size());
    reader.seek(at.position);
    spool::RecordView view;
    for (;;) {
      const auto outcome = reader.peek(view);
      const LogPlace here{at.log, reader.position()};
      if (outcome != spool::ReadOutcome::record || here >= end) break;
      if (view.is_event() && reader.segment()->settlement(reader.unit()) == 0 &&
          !reader.segment()->is_busy(reader.unit())) {
        OutputEntry* entry = entry_of(view.header->index);
        if (entry != nullptr && entry->topic == &topic && !entry->held && !stays_held(*entry, view)) {
          topic.left_from = here;
          if (!takes(topic) || !outlet_.window_open()) return false;
          return produce({&log_at(at.log), reader.segment(), reader.unit()}, view, *entry) == Offer::taken;
        }
      }
      reader.skip(view);
    }
  }
  topic.has_left = topic.crowded = false;
  return false;
}

// What of a freed channel is in the logs was passed over: it is all read again. Before anything newer of the
// channel comes, so that its events stay in order.
void Feed::hold(const HeldChannels& held) {
  held_ = held;
  bool freed = false;
  any_held_ = false;
  for (uint32_t index = 0; index < entries_.size(); ++index) {
    OutputEntry& entry = entries_[index];
    if (entry.topic == nullptr) continue;
    const bool was_held = std::exchange(entry.held, held_.has(entry.channel_hash));
    any_held_ |= entry.held;
    freed |= was_held && !entry.held;
    if (was_held || !entry.held) continue;
    put_gathered_back(*entry.topic);
    if (const auto waiting = coalescer_.release(index)) waiting->segment->clear_busy(waiting->unit);
    coalescer_.forget(index);
  }
  if (!freed) return;
  for (const auto& [name, topic] : topics_) {
    if (topic->aside == nullptr) continue;
    topic->rewind_aside = topic->aside_unread = true;
    trouble(*topic);
  }
  go_to({0, {}});
}

// Topics whose broker acknowledges nothing while others do.
void Feed::look_for_silence() {
  const int64_t acknowledged_at_ns = outlet_.acknowledged_at_ns();
  const bool others_flow = acknowledged_at_ns != 0 && now_ns_ - acknowledged_at_ns < kOthersFlowNs;
  if (!others_flow) return;
  for (const auto& [name, topic] : topics_)
    if (topic->flow.flow == Flow::flowing && topic->flow.in_flight != 0)
      (void)outlet_.step(*topic, {FlowEvent::tick, now_ns_, Failure::returned, others_flow});
}

// One answer serves all that wait for their topic, whoever asked, so that they ask together the next time: an
// answer tells of every topic there is, and costs accordingly.
void Feed::take_answer(const MetadataProbe::Answer& answer) {
  for (Topic* topic : troubled_) {
    const bool waits = topic->flow.flow == Flow::waiting && topic->flow.why == ledger::Blocked::no_topic;
    if (!std::exchange(topic->probing, false) && !waits) continue;
    const auto found = answer.topics.find(topic->name);
    const bool known = found != answer.topics.end() && found->second == RD_KAFKA_RESP_ERR_NO_ERROR;
    (void)outlet_.step(*topic, {known ? FlowEvent::tick : FlowEvent::still_missing, now_ns_});
  }
}

}  // namespace e2k::worker
