#include <algorithm>
#include <cstdlib>

#include "common/log.h"
#include "worker/publish/publisher.h"

namespace e2k::worker {
namespace {

constexpr int64_t kPurgeNs = kNsPerSecond;

const char* name_of(ledger::Blocked why) {
  switch (why) {
    case ledger::Blocked::no:
      return "no";
    case ledger::Blocked::no_topic:
      return "no_topic";
    case ledger::Blocked::not_authorised:
      return "not_authorised";
    case ledger::Blocked::no_leader:
      return "no_leader";
    case ledger::Blocked::window_full:
      return "window_full";
    case ledger::Blocked::encoder:
      return "encoder";
    case ledger::Blocked::silent:
      return "silent";
  }
  return "";
}

}  // namespace

// `wait`: not before a back-off is over and the brokers know the topic.
void Publisher::park(TopicFlow& topic, spool::Position from, ledger::Blocked why, bool wait) {
  const bool was_waiting = topic.flow == Flow::parked && topic.why != ledger::Blocked::window_full;
  topic.from = topic.flow == Flow::open ? from : std::min(topic.from, from);
  if (topic.flow == Flow::open) ++topics_not_open_;
  topic.flow = Flow::parked;
  topic.replay.reset();
  // One failure comes as many reports.
  if (was_waiting) return;
  if (wait) {
    const bool refused = topic.refused != ledger::Blocked::no;
    const int64_t first_ns = options_.first_back_off_ns * (refused ? 10 : 1);
    const int64_t longest_ns = refused ? options_.longest_refusal_ns : options_.longest_back_off_ns;
    topic.back_off_ns = std::clamp(topic.back_off_ns * 2, first_ns, std::max(first_ns, longest_ns));
    topic.retry_at_ns = monotonic_now().value + topic.back_off_ns;
    topic.probing = false;
    topic.known_again = false;
    if (topic.why != why) log::warn("topic_parked topic={} reason={}", log::quoted(topic.name), name_of(why));
  }
  set_blocked(topic, why);
}

void Publisher::set_blocked(TopicFlow& topic, ledger::Blocked why) {
  if (topic.why == why) return;
  topic.why = why;
  for (const uint32_t index : topic.entries)
    if (ledger::Entry* line = books_.used_line(EntryIndex{index}))
      line->publisher.blocked.store(why, std::memory_order_relaxed);
}

// true: a record was produced.
bool Publisher::tend_parked() {
  bool produced = false;
  const int64_t now_ns = monotonic_now().value;
  for (auto& [name, topic] : topics_) {
    if (topic->flow == Flow::parked && may_replay(*topic, now_ns)) {
      topic->flow = Flow::replaying;
      topic->replay = std::make_unique<LogFollower>(spool_, std::max(topic->from, settler_.cursor()));
    }
    if (topic->flow == Flow::replaying) produced |= replay(*topic);
    if (producer_is_dead_) break;
  }
  return produced;
}

bool Publisher::may_replay(TopicFlow& topic, int64_t now_ns) {
  if (!topic.schemas_known) return false;
  // One at a time goes on until all of those have been passed, so the main reading must be behind them.
  if (topic.alone_upto.word != 0 && main_.position() <= topic.alone_upto) return false;
  if (topic.why == ledger::Blocked::window_full || topic.why == ledger::Blocked::encoder)
    return has_room(topic, 2);
  if (topic.in_flight != 0 || now_ns < topic.retry_at_ns) return false;
  if (topic.known_again) return true;
  if (!topic.probing) {
    topic.probing = true;
    probe_->request();
  }
  return false;
}

void Publisher::learn_schemas(TopicFlow& topic) {
  const auto id = [&](const std::unique_ptr<SchemaIds>& ids) {
    return ids ? ids->id_for(topic.name) : std::optional<int32_t>(0);
  };
  // Both are asked for at once.
  const auto value_id = id(converters_.value_ids), key_id = id(converters_.key_ids);
  topic.schemas_known = value_id && key_id;
  topic.value_schema_id = value_id.value_or(0);
  topic.key_schema_id = key_id.value_or(0);
}

void Publisher::take_schema_news() {
  const uint64_t news = converters_.news();
  if (news == schema_news_seen_) return;
  schema_news_seen_ = news;
  for (auto& [name, topic] : topics_)
    if (!topic->schemas_known) learn_schemas(*topic);
}

void Publisher::take_probe_answer() {
  MetadataProbe::Answer answer;
  if (!probe_->take(probe_seen_, answer)) return;
  probe_seen_ = answer.number;
  brokers_up_.store(answer.brokers, std::memory_order_relaxed);
  if (answer.brokers != 0) forget_error(nullptr);
  if (topics_not_open_ == 0) return;
  const int64_t now_ns = monotonic_now().value;
  for (auto& [name, topic] : topics_) {
    if (topic->flow != Flow::parked || !topic->probing) continue;
    const auto found = answer.topics.find(name);
    topic->known_again = found != answer.topics.end() && found->second == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (topic->known_again) continue;
    topic->probing = false;
    topic->back_off_ns = std::min(topic->back_off_ns * 2, options_.longest_back_off_ns);
    topic->retry_at_ns = now_ns + topic->back_off_ns;
  }
}

// It has caught up with the main reading.
void Publisher::reopen(TopicFlow& topic) {
  if (topic.why != ledger::Blocked::no && topic.why != ledger::Blocked::window_full)
    log::info("topic_flows topic={}", log::quoted(topic.name));
  topic.flow = Flow::open;
  topic.replay.reset();
  topic.alone_upto = {};
  --topics_not_open_;
  forget_error(&topic);
  set_blocked(topic, ledger::Blocked::no);
}

// A new producer, and everything that is not settled is read again from the cursor.
void Publisher::renew_producer() {
  if (monotonic_now().value < renew_at_ns_) return;
  producer_->purge();
  const int64_t give_up_ns = monotonic_now().value + kPurgeNs;
  while (in_flight_ != 0 && monotonic_now().value < give_up_ns) {
    serve_reports();
    if (in_flight_ != 0) bell_.wait(10);
  }
  probe_.reset();
  for (auto& [name, topic] : topics_) topic->handle.reset();
  producer_.reset();
  in_flight_ = 0;
  in_flight_bytes_ = 0;
  if (auto made = make_producer(); !made) {
    // What it was made of has not changed, so only a resource can be missing: the supervisor starts us again.
    log::error("producer_not_renewed reason={}", log::quoted(made.error().message));
    std::abort();
  }
  settler_.advance_cursor(readers_at());
  main_.seek(settler_.cursor());
  topics_not_open_ = 0;
  for (auto& [name, topic] : topics_) {
    topic->handle.reset(rd_kafka_topic_new(producer_->handle(), name.c_str(), nullptr));
    topic->in_flight = 0;
    topic->in_flight_bytes = 0;
    read_anew(*topic);
  }
  producer_is_dead_ = false;
  renewed_at_ns_ = monotonic_now().value;
  log::warn("producer_renewed");
}

// With a new producer, and the main reading at the cursor.
void Publisher::read_anew(TopicFlow& topic) {
  const spool::Position cursor = settler_.cursor();
  const bool refused = topic.refused != ledger::Blocked::no;
  const bool waits_already = refused && topic.flow == Flow::parked && topic.why == topic.refused;
  topic.replay.reset();
  topic.flow = Flow::open;
  if (topic.alone_upto < cursor) topic.alone_upto = {};
  if (waits_already) {
    // Another topic ended the producer: this one's back-off goes on.
    park(topic, cursor, topic.why, false);
    topic.probing = topic.known_again = false;
  } else if (refused) {
    park(topic, cursor, topic.refused, true);
  } else if (topic.alone_upto.word != 0) {
    // Sent one by one from the cursor as soon as the main reading is behind them.
    park(topic, cursor, ledger::Blocked::window_full, false);
  } else {
    set_blocked(topic, ledger::Blocked::no);
  }
}

}  // namespace e2k::worker
