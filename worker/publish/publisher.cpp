#include "worker/publish/publisher.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "common/log.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// Reports are served at least once every so many records, and all reading stops there.
constexpr int kRecordsATurn = 2048;
constexpr int kLongestSleepMs = 1000;
// While no broker is known to be up.
constexpr int64_t kProbeNs = 3 * kNsPerSecond;
// A topic that nothing was acknowledged of for this long has a small share of the window.
constexpr int64_t kFreshNs = 3 * kNsPerSecond;
constexpr uint64_t kSmallShare = 16;
constexpr size_t kStampTextBytes = 20;  // of 64 bits in decimal

bool carries_stamp(const spool::RecordView& record) {
  return record.header->kind == spool::RecordKind::event && has_ioc_stamp(record.event());
}

// `text` is what the header points to until it has been produced.
void set_stamp_header(const spool::EventRecord& e, char (&text)[kStampTextBytes], rd_kafka_vu_t& vu) {
  const char* const end = std::to_chars(text, text + kStampTextBytes, ioc_unix_ns(e)).ptr;
  vu.vtype = RD_KAFKA_VTYPE_HEADER;
  vu.u.header = {kStampHeader.data(), text, end - text};
}

}  // namespace

Publisher::Publisher(PublisherOptions options, spool::Spool& spool, ledger::Ledger& books,
                     SpoolIntake& intake, Doorbell& bell, Converters converters)
    : options_(std::move(options)),
      spool_(spool),
      books_(books),
      header_(books.header()),
      intake_(intake),
      bell_(bell),
      converters_(std::move(converters)),
      settler_(spool, books),
      main_(spool, spool.cursor()),
      renew_back_off_ns_(options_.first_back_off_ns),
      paused_(options_.paused) {}

Result<std::unique_ptr<Publisher>> Publisher::create(PublisherOptions options, spool::Spool& spool,
                                                     ledger::Ledger& books, SpoolIntake& intake,
                                                     Doorbell& bell, Converters converters) {
  std::unique_ptr<Publisher> publisher(
      new Publisher(std::move(options), spool, books, intake, bell, std::move(converters)));
  if (auto made = publisher->make_producer(); !made) return tl::unexpected(made.error());
  publisher->thread_ = std::thread([p = publisher.get()] { p->run(); });
  return publisher;
}

Publisher::~Publisher() {
  if (thread_.joinable()) stop(MonotonicNs{0});
}

Result<void> Publisher::make_producer() {
  auto made = Producer::create(options_.properties, bell_.fd());
  if (!made) return tl::unexpected(made.error());
  producer_ = std::move(*made);
  probe_ = std::make_unique<MetadataProbe>(producer_->handle(), bell_);
  probe_seen_ = 0;
  probe_->request();
  probe_at_ns_ = monotonic_now().value + kProbeNs;
  options_.window = std::min(options_.window, producer_->queue_messages());
  options_.window_bytes = std::min(options_.window_bytes, producer_->queue_bytes());
  options_.topic_window = std::min(options_.topic_window, options_.window / 4);
  nap_ns_ = producer_->nap_ns();
  return {};
}

uint64_t Publisher::waiting() const {
  const uint64_t settled = settler_.settled();
  const uint64_t appended = intake_.appended();
  return appended > settled ? appended - settled : 0;
}

std::string Publisher::last_error() const {
  std::lock_guard lock(error_mutex_);
  return last_error_;
}

void Publisher::set_paused(bool paused) {
  paused_.store(paused, kRelaxed);
  bell_.ring();
}

bool Publisher::stop(MonotonicNs deadline) {
  stop_deadline_ns_.store(deadline.value, kRelaxed);
  stopping_.store(true, std::memory_order_release);
  bell_.ring();
  if (thread_.joinable()) thread_.join();
  return waiting() == 0;
}

void Publisher::run() {
  ::pthread_setname_np(::pthread_self(), "publish");
  for (;;) {
    const bool did_something = turn();
    turns_.store(turns_.load(kRelaxed) + 1, kRelaxed);
    if (stopping_.load(std::memory_order_acquire)) {
      if (waiting() == 0 || monotonic_now().value >= stop_deadline_ns_.load(kRelaxed)) break;
    }
    idle_turns_ = did_something ? 0 : idle_turns_ + 1;
    if (!more_to_read_) rest();
  }
  settler_.advance_cursor(readers_at());
  probe_.reset();
  for (auto& [name, topic] : topics_) topic->handle.reset();
  producer_.reset();
}

// true: a record was produced or a report came.
bool Publisher::turn() {
  const uint64_t settled_before = settler_.settled();
  turn_ns_ = monotonic_now().value;
  serve_reports();
  more_to_read_ = held_back_ = false;
  if (producer_is_dead_) renew_producer();
  bool produced = false;
  if (!producer_is_dead_) {
    take_probe_answer();
    take_schema_news();
    if (brokers_up_.load(kRelaxed) == 0 && turn_ns_ >= probe_at_ns_) {
      probe_at_ns_ = turn_ns_ + kProbeNs;
      probe_->request();
    }
    if (!paused_.load(kRelaxed)) {
      if (topics_not_open_ != 0) produced |= tend_parked();
      produced |= follow_log();
    }
  }
  settler_.advance_cursor(readers_at());
  header_.in_flight.store(in_flight_, kRelaxed);
  return produced || settler_.settled() != settled_before;
}

void Publisher::rest() {
  if (!window_open() || producer_is_dead_ || held_back_ || paused_.load(kRelaxed)) {
    // Only a report can help, and it rings, or time: there is more to read, so no sleep would be granted.
    bell_.wait(held_back_ && window_open() ? 10 : 100);
    return;
  }
  if (idle_turns_ < options_.naps_before_sleep) {
    const timespec nap{0, nap_ns_};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
    return;
  }
  const bool topics_wait = topics_not_open_ != 0;
  if (damaged_ || intake_.announce_sleep(main_.position())) {
    const bool stopping = stopping_.load(kRelaxed);
    bell_.wait(stopping ? 10 : topics_wait ? 100 : kLongestSleepMs);
  }
}

bool Publisher::window_open() const {
  return in_flight_ < options_.window && in_flight_bytes_ < options_.window_bytes;
}

bool Publisher::has_room(const TopicFlow& topic, uint64_t part) const {
  const bool fresh = topic.acknowledged_at_ns != 0 && turn_ns_ - topic.acknowledged_at_ns < kFreshNs;
  const bool reserve =
      in_flight_ >= options_.window / 4 * 3 || in_flight_bytes_ >= options_.window_bytes / 4 * 3;
  const uint64_t divisor = part * (fresh ? 1 : kSmallShare) * (reserve ? kSmallShare : 1);
  // One at least.
  return topic.in_flight == 0 || (topic.in_flight < options_.topic_window / divisor &&
                                  topic.in_flight_bytes < options_.window_bytes / 4 / divisor);
}

spool::Position Publisher::readers_at() const {
  spool::Position hindmost = main_.position();
  if (topics_not_open_ == 0) return hindmost;
  for (const auto& [name, topic] : topics_)
    if (topic->replay) hindmost = std::min(hindmost, topic->replay->position());
  return hindmost;
}

bool Publisher::follow_log() {
  bool produced = false;
  spool::RecordView record;
  for (int i = 0; i < kRecordsATurn; ++i) {
    const auto outcome = main_.peek(record);
    if (outcome == spool::ReadOutcome::damaged) log_is_damaged(main_.position());
    if (outcome != spool::ReadOutcome::record) return produced;
    if (!record.is_event()) {
      describe(record);
    } else if (!main_.settled()) {
      OutputEntry* entry = entry_of(record.header->index);
      if (entry == nullptr) {
        settler_.lose(record.position, ledger::LossReason::encoding_failed);
      } else if (entry->topic->flow == Flow::open) {
        held_back_ = offer(record, *entry) == Offer::try_later;
        if (held_back_) return produced;
        produced = true;
      }
    }
    main_.skip(record);
  }
  more_to_read_ = true;
  return produced;
}

bool Publisher::replay(TopicFlow& topic) {
  bool produced = false;
  spool::RecordView record;
  for (int i = 0; i < kRecordsATurn; ++i) {
    const auto outcome = topic.replay->peek(record, main_.position());
    if (topic.replay->position() >= main_.position()) {
      // What was sent alone is judged before anything is sent with it.
      if (topic.alone_upto.word == 0 || topic.in_flight == 0) reopen(topic);
      return produced;
    }
    if (outcome == spool::ReadOutcome::damaged) log_is_damaged(topic.replay->position());
    if (outcome != spool::ReadOutcome::record) return produced;
    OutputEntry* entry = record.is_event() ? entry_of(record.header->index) : nullptr;
    if (entry != nullptr && entry->topic == &topic && !topic.replay->settled()) {
      const bool alone = record.position <= topic.alone_upto;
      if (alone ? topic.in_flight != 0 : !has_room(topic)) return produced;
      if (offer(record, *entry) == Offer::try_later) return produced;
      if (topic.flow != Flow::replaying) return produced;
      produced = true;
    }
    topic.replay->skip(record);
  }
  more_to_read_ = true;
  return produced;
}

// One record of a topic that may produce. try_later: the record stays at hand.
Publisher::Offer Publisher::offer(const spool::RecordView& record, OutputEntry& entry) {
  if (!window_open()) return Offer::try_later;
  TopicFlow& topic = *entry.topic;
  if (!topic.schemas_known) {
    park(topic, record.position, ledger::Blocked::encoder, false);
    return Offer::parked;
  }
  if (!has_room(topic)) {
    park(topic, record.position, ledger::Blocked::window_full, false);
    return Offer::parked;
  }
  ledger::FlightWord& flight = header_.flight[static_cast<size_t>(ledger::Thread::publish)];
  flight.position.store(record.position.word, kRelaxed);
  flight.entry_plus_one.store(uint64_t{record.header->index} + 1, kRelaxed);
  const RecordStamp stamp = stamp_of(record);
  Offer outcome = Offer::taken;
  if (!encode_key(entry) || !encode(record, entry, stamp.unix_ns)) {
    settler_.lose(record.position, ledger::LossReason::encoding_failed);
  } else {
    outcome = produce(record, entry, stamp.unix_ns);
    if (stamp.restamped && outcome == Offer::taken) count_restamped(record.header->index);
  }
  flight.entry_plus_one.store(0, kRelaxed);
  return outcome;
}

RecordStamp Publisher::stamp_of(const spool::RecordView& record) const {
  if (record.header->kind == spool::RecordKind::error) return stamp_of_error(options_.stamps, record.event());
  return stamp_of_event(options_.stamps, record.event());
}

void Publisher::count_restamped(uint32_t index) {
  if (ledger::Entry* line = books_.used_line(EntryIndex{index})) {
    auto& restamped = line->publisher.restamped;
    restamped.store(restamped.load(kRelaxed) + 1, kRelaxed);
  }
}

// Once: a key does not change. It waits for the first event, because it may carry the id of a schema.
bool Publisher::encode_key(OutputEntry& entry) {
  if (entry.key_state != KeyState::raw) return entry.key_state == KeyState::encoded;
  buffer_.clear();
  const bool good =
      converters_.key->encode({entry.key, entry.key_bytes}, entry.topic->key_schema_id, buffer_);
  entry.key_state = good ? KeyState::encoded : KeyState::failed;
  const std::string_view key = buffer_.view();
  entry.key = texts_.replace(entry.key, entry.key_bytes, key);
  entry.key_bytes = static_cast<uint32_t>(key.size());
  return good;
}

bool Publisher::encode(const spool::RecordView& record, const OutputEntry& entry, int64_t stamp_ns) {
  EventView view;
  view.schema_id = entry.topic->value_schema_id;
  if (converters_.value->wants_names()) {
    view.topic = entry.topic->name;
    view.channel = names_[record.header->index].channel;
    view.key = names_[record.header->index].key;
  }
  view.is_error = record.header->kind == spool::RecordKind::error;
  const auto value = record.value();
  if (view.is_error) {
    view.error = {reinterpret_cast<const char*>(value.data()), value.size()};
  } else {
    view.type = static_cast<DbrType>(record.header->dbr_type);
    view.count = record.header->count;
    view.status = record.header->status;
    view.severity = record.header->severity;
    view.value = value;
  }
  view.stamp_unix_ns = stamp_ns;
  buffer_.clear();
  return converters_.value->encode(view, buffer_);
}

Publisher::Offer Publisher::produce(const spool::RecordView& record, OutputEntry& entry, int64_t stamp_ns) {
  TopicFlow& topic = *entry.topic;
  const uint64_t bytes = entry.key_bytes + buffer_.size();
  rd_kafka_vu_t vus[7];
  vus[0].vtype = RD_KAFKA_VTYPE_RKT;
  vus[0].u.rkt = topic.handle.get();
  vus[1].vtype = RD_KAFKA_VTYPE_KEY;
  vus[1].u.mem = {entry.key, entry.key_bytes};
  vus[2].vtype = RD_KAFKA_VTYPE_VALUE;
  vus[2].u.mem = {const_cast<char*>(buffer_.data()), buffer_.size()};
  vus[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  vus[3].u.i64 = stamp_ns / kNsPerMs;
  vus[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  vus[4].u.i = RD_KAFKA_MSG_F_COPY;
  vus[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  vus[5].u.ptr = reinterpret_cast<void*>(record.position.word);  // NOLINT: opaque to librdkafka
  size_t count = 6;
  char header[kStampTextBytes];
  if (options_.stamp_header && carries_stamp(record)) set_stamp_header(record.event(), header, vus[count++]);
  rd_kafka_error_t* error = rd_kafka_produceva(producer_->handle(), vus, count);
  if (error == nullptr) {
    ++topic.in_flight;
    ++in_flight_;
    topic.in_flight_bytes += bytes;
    in_flight_bytes_ += bytes;
    header_.produced.store(header_.produced.load(kRelaxed) + 1, kRelaxed);
    return Offer::taken;
  }
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return Offer::try_later;
  if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    // Over message.max.bytes: known before it is sent, and of this record alone.
    settler_.lose(record.position, ledger::LossReason::refused_by_broker);
    return Offer::taken;
  }
  take_failure(topic, record.position, code);
  return producer_is_dead_ ? Offer::try_later : Offer::taken;
}

void Publisher::describe(const spool::RecordView& record) {
  const uint32_t index = record.header->index;
  if (books_.used_line(EntryIndex{index}) == nullptr) return;  // not from our intake
  if (entries_.size() <= index) entries_.resize(index + 1);
  OutputEntry& entry = entries_[index];
  if (entry.topic != nullptr) return;  // an index never changes its meaning
  const auto keep = [this](std::string_view text) {
    return std::string_view(texts_.keep(text), text.size());
  };
  entry.topic = &topic_of(record.topic());
  entry.topic->entries.push_back(index);
  if (converters_.value->wants_names()) {
    names_.resize(entries_.size());
    names_[index] = {keep(record.channel()), keep(record.key())};
  }
  // Last, so that what it is encoded to can take its place.
  entry.key = texts_.keep(record.key());
  entry.key_bytes = static_cast<uint32_t>(record.key().size());
  if (entry.topic->flow != Flow::open)
    books_.used_line(EntryIndex{index})->publisher.blocked.store(entry.topic->why, kRelaxed);
}

OutputEntry* Publisher::entry_of(uint32_t index) {
  if (index >= entries_.size() || entries_[index].topic == nullptr) return nullptr;
  return &entries_[index];
}

TopicFlow& Publisher::topic_of(std::string_view commanded) {
  const std::string name = options_.topic_prefix + std::string(commanded);
  auto& place = topics_[name];
  if (place) return *place;
  place = std::make_unique<TopicFlow>();
  place->name = name;
  place->handle.reset(rd_kafka_topic_new(producer_->handle(), name.c_str(), nullptr));
  learn_schemas(*place);
  // Its first record should not wait for librdkafka's own next look at the brokers.
  probe_->request();
  return *place;
}

void Publisher::log_is_damaged(spool::Position at) {
  if (damaged_) return;
  damaged_ = true;
  log::error("spool_damaged directory={} segment={} unit={}", log::quoted(spool_.directory()), at.segment(),
             at.unit());
  set_last_error("the spool is damaged at segment " + std::to_string(at.segment()));
}

}  // namespace e2k::worker
