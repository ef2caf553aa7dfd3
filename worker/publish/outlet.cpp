#include "worker/publish/outlet.h"

#include <algorithm>
#include <utility>

#include "common/kafka/error_kind.h"
#include "common/log.h"
#include "worker/publish/delivery_failure.h"

namespace e2k::worker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
// While no broker is known to be up.
constexpr int64_t kProbeNs = 3 * kNsPerSecond;
constexpr int64_t kDownNs = kNsPerSecond;
// A topic that nothing was acknowledged of for this long has a small share of the window.
constexpr int64_t kFreshNs = 3 * kNsPerSecond;
constexpr uint64_t kSmallShare = 16;

using ledger::bump;

bool ends_the_producer(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE ||
         error == RD_KAFKA_RESP_ERR__FENCED;
}

}  // namespace

Outlet::Outlet(OutletOptions options, ledger::Header& books, Doorbell& bell, Listener& listener)
    : options_(std::move(options)),
      header_(books),
      bell_(bell),
      listener_(listener),
      boot_id_(spool::read_boot_id()) {
  careful_.lane = Lane::careful;
  for (size_t i = 0; i < kMainProducers; ++i) main_[i].number = i;
}

Result<std::unique_ptr<Outlet>> Outlet::create(OutletOptions options, ledger::Header& books, Doorbell& bell,
                                               Listener& listener) {
  std::unique_ptr<Outlet> outlet(new Outlet(std::move(options), books, bell, listener));
  // Further ones of the main lane are opened by the topics that need them.
  for (Carrier* carrier : {&outlet->main_.front(), &outlet->careful_})
    if (auto opened = outlet->open(*carrier, outlet->make(carrier->lane)); !opened)
      return tl::unexpected(opened.error());
  outlet->gathering_ =
      Gathering(outlet->main_.front().producer->longest_hold_ns(), outlet->options_.gathering);
  return outlet;
}

Outlet::~Outlet() {
  end();
}

void Outlet::end() {
  probe_.reset();
  for_each_carrier([](Carrier& carrier) {
    forget_handles(carrier);
    carrier.producer.reset();
    carrier.renewal.end();
  });
}

Renewal::Made Outlet::make(Lane lane) const {
  return Producer::create(options_.properties, bell_.fd(), lane);
}

void Outlet::make_elsewhere(Carrier& carrier) {
  carrier.renewal.make([this, lane = carrier.lane] { return make(lane); }, bell_);
}

Result<void> Outlet::open(Carrier& carrier, Renewal::Made made) {
  if (!made) return tl::unexpected(made.error());
  carrier.producer = std::move(*made);
  if (carrier.lane == Lane::careful) {
    probe_ = std::make_unique<MetadataProbe>(options_.properties, bell_);
    probe_seen_ = 0;
    ask_for_topics();
    probe_at_ns_ = monotonic_now().value + kProbeNs;
    return {};
  }
  options_.window = std::min(options_.window, carrier.producer->queue_messages());
  options_.window_bytes = std::min(options_.window_bytes, carrier.producer->queue_bytes());
  options_.topic_window = std::min(options_.topic_window, options_.window / 4);
  nap_ns_ = carrier.producer->nap_ns();
  return {};
}

bool Outlet::window_open() const {
  return in_flight_ < options_.window && in_flight_bytes_ < options_.window_bytes;
}

bool Outlet::has_room(const Topic& topic, uint64_t part) const {
  if (topic.flow.in_flight == 0) return true;  // one at least
  const bool fresh = topic.flow.acknowledged_at_ns != 0 && now_ns_ - topic.flow.acknowledged_at_ns < kFreshNs;
  const bool reserve =
      in_flight_ >= options_.window / 4 * 3 || in_flight_bytes_ >= options_.window_bytes / 4 * 3;
  const uint64_t divisor = part * (fresh ? 1 : kSmallShare) * (reserve ? kSmallShare : 1);
  return topic.flow.in_flight < options_.topic_window / divisor &&
         topic.in_flight_bytes < options_.window_bytes / 4 / divisor;
}

bool Outlet::is_dead(const Topic& topic) const {
  if (topic.flow.lane == Lane::careful) return careful_.dead;
  return topic.main_producer && main_[*topic.main_producer].dead;
}

bool Outlet::is_main_dead() const {
  return std::all_of(main_.begin(), main_.end(),
                     [](const Carrier& carrier) { return carrier.dead || !carrier.producer; });
}

Outlet::Carrier& Outlet::carrier_of(Topic& topic) {
  if (topic.flow.lane == Lane::careful) return careful_;
  if (!topic.main_producer) {
    const size_t number = choose_main_producer();
    topic.main_producer = static_cast<uint8_t>(number);
    ++main_topics_[number];
  }
  return main_[*topic.main_producer];
}

// Where a further one can't be made, those that are there do.
size_t Outlet::choose_main_producer() {
  for (;;) {
    const size_t number = producer_for_next(main_topics_, main_usable_, options_.topics_of_a_producer);
    Carrier& carrier = main_[number];
    if (carrier.producer || carrier.dead) return number;
    if (auto opened = open(carrier, make(carrier.lane))) {
      log::info("producer.opened lane=main number={}", number);
      return number;
    } else {
      log::warn("producer.not_opened lane=main number={} reason={} remedy=\"the others carry its topics\"",
                number, log::quoted(opened.error().message));
      main_usable_ = number;
    }
  }
}

rd_kafka_topic_t* Outlet::handle_of(Topic& topic, Carrier& carrier) {
  kafka::Topic& handle = topic.handles[static_cast<size_t>(carrier.lane)];
  if (!handle) {
    handle.reset(rd_kafka_topic_new(carrier.producer->handle(), topic.name.c_str(), nullptr));
    carrier.with_handles.push_back(&topic);
  }
  return handle.get();
}

void Outlet::let_go(Topic& topic) {
  for (kafka::Topic& handle : topic.handles) handle.reset();
  for_each_carrier([&](Carrier& carrier) { std::erase(carrier.with_handles, &topic); });
  if (topic.main_producer) --main_topics_[*topic.main_producer];
  topic.main_producer.reset();
}

void Outlet::forget_handles(Carrier& carrier) {
  for (Topic* topic : carrier.with_handles) topic->handles[static_cast<size_t>(carrier.lane)].reset();
  carrier.with_handles.clear();
}

Outlet::Produced Outlet::produce(const Composed& composed, InFlight what) {
  Topic& topic = *what.topic;
  Carrier& carrier = carrier_of(topic);
  if (carrier.dead) return Produced::failed;
  what.bytes = static_cast<uint32_t>(composed.key.size() + composed.value.size());
  const uint32_t row = carrier.table.add(what);
  rd_kafka_vu_t vus[7];
  vus[0].vtype = RD_KAFKA_VTYPE_RKT;
  vus[0].u.rkt = handle_of(topic, carrier);
  vus[1].vtype = RD_KAFKA_VTYPE_KEY;
  vus[1].u.mem = {const_cast<char*>(composed.key.data()), composed.key.size()};
  vus[2].vtype = RD_KAFKA_VTYPE_VALUE;
  vus[2].u.mem = {const_cast<char*>(composed.value.data()), composed.value.size()};
  vus[3].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  vus[3].u.i64 = composed.stamp_unix_ns / kNsPerMs;
  vus[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  vus[4].u.i = RD_KAFKA_MSG_F_COPY;
  vus[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  vus[5].u.ptr = reinterpret_cast<void*>(uintptr_t{row} + 1);  // NOLINT: opaque to librdkafka
  size_t count = 6;
  if (!composed.stamp_header.empty()) {
    vus[6].vtype = RD_KAFKA_VTYPE_HEADER;
    vus[6].u.header = {kStampHeader.data(), composed.stamp_header.data(),
                       static_cast<ssize_t>(composed.stamp_header.size())};
    ++count;
  }
  rd_kafka_error_t* error = rd_kafka_produceva(carrier.producer->handle(), vus, count);
  if (error == nullptr) {
    if (in_flight_++ == 0) waiting_since_ns_ = now_ns_;
    in_flight_bytes_ += what.bytes;
    topic.in_flight_bytes += what.bytes;
    if (what.record.segment != nullptr) what.record.segment->set_busy(what.record.unit);
    (void)step(topic, {FlowEvent::produced, now_ns_});
    bump(header_.produced);
    return Produced::taken;
  }
  carrier.table.take(row);
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) return Produced::full;
  // Over message.max.bytes: known before it is sent, and of this record alone.
  if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) return Produced::refused;
  bump(header_.delivery_failures);
  if (ends_the_producer(code)) {
    look_for_fatal(carrier);
    return Produced::failed;
  }
  error_.set("topic " + topic.name + ": " + rd_kafka_err2str(code), &topic);
  // It counts as produced and returned, so that the topic's flow has one way only.
  (void)step(topic, {FlowEvent::produced, now_ns_});
  const FlowOutcome outcome = step(topic, {FlowEvent::failed, now_ns_, failure_of(code)});
  listener_.came_back(topic, what, outcome);
  return Produced::failed;
}

FlowOutcome Outlet::step(Topic& topic, FlowInput input) {
  const FlowOutcome outcome = worker::step(topic.flow, input, options_.flow);
  if (outcome.why_changed) listener_.why_changed(topic);
  return outcome;
}

void Outlet::moved(const spool::Segment& from, const Moves& moves) {
  if (moves.empty()) return;
  const auto move = [&](InFlight& row) {
    if (row.record.segment != &from) return;
    if (const auto found = moves.find(row.record.unit); found != moves.end()) row.record = found->second;
  };
  for_each_carrier([&](Carrier& carrier) { carrier.table.for_each(move); });
}

bool Outlet::serve_reports(int64_t now_ns) {
  now_ns_ = now_ns;
  report_came_ = false;
  gathering_.begin_turn(now_ns);
  for_each_carrier([this](Carrier& carrier) { serve(carrier); });
  header_.in_flight.store(in_flight_, kRelaxed);
  return report_came_;
}

void Outlet::serve(Carrier& carrier) {
  Producer* const producer = carrier.producer.get();
  if (producer == nullptr) return;
  while (kafka::Event event{rd_kafka_queue_poll(producer->reports(), 0)}) {
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get()))
          take_report(carrier, *message);
        break;
      case RD_KAFKA_EVENT_ERROR:
        // A fatal error comes under the code of what caused it.
        take_error(carrier, rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()),
                   rd_kafka_event_error_is_fatal(event.get()) != 0);
        break;
      default:  // librdkafka's numbers are no enum
        break;
    }
  }
}

void Outlet::take_report(Carrier& carrier, const rd_kafka_message_t& message) {
  report_came_ = true;
  const auto row = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(message._private) - 1);
  const InFlight what = carrier.table.take(row);
  Topic& topic = *what.topic;
  --in_flight_;
  in_flight_bytes_ -= what.bytes;
  topic.in_flight_bytes -= what.bytes;
  const bool stands = what.record.segment != nullptr;
  if (stands) what.record.segment->clear_busy(what.record.unit);
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const Failure failure = failure_of(message.err);
    if (failure != Failure::returned) {
      bump(header_.delivery_failures);
      error_.set("topic " + topic.name + ": " + rd_kafka_err2str(message.err), &topic);
    }
    const FlowOutcome outcome = step(topic, {FlowEvent::failed, now_ns_, failure});
    listener_.came_back(topic, what, outcome);
    if (ends_the_producer(message.err) || carrier.lane == Lane::main) look_for_fatal(carrier);
    return;
  }
  acknowledged_at_ns_ = waiting_since_ns_ = now_ns_;
  if (stands) {
    const auto& event = reinterpret_cast<const spool::EventRecord&>(what.record.header());
    const bool same_boot = what.record.segment->is_of_this_boot(boot_id_);
    const int64_t latency_ns = same_boot ? std::max<int64_t>(0, now_ns_ - event.arrival_monotonic_ns) : -1;
    topic.settler->acknowledge(what.record, {message.partition, message.offset, latency_ns, what.restamped});
  }
  if (what.lost != 0) topic.settler->tell(EntryIndex{what.index}, what.lost);
  const FlowOutcome outcome = step(topic, {FlowEvent::acknowledged, now_ns_});
  if (outcome.read_again) listener_.came_back(topic, InFlight{{}, &topic, what.index, 0}, outcome);
  error_.forget(&topic);
  has_reached_any_ = true;
  if (std::exchange(brokers_up_, std::max(brokers_up_, 1)) == 0) {
    closing_.clear();
    ask_for_topics();
  }
}

void Outlet::take_error(Carrier& carrier, rd_kafka_resp_err_t code, const char* text, bool fatal) {
  const std::string words = text != nullptr && *text != 0 ? text : rd_kafka_err2str(code);
  if (fatal || ends_the_producer(code)) return producer_died(carrier, words);
  const kafka::ErrorKind kind = kafka::kind_of(code, words);
  if (carrier.producer) carrier.producer->login().heard(kind);
  // That all brokers are down follows what says why.
  const bool repeats = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && error_.is_set();
  const bool is_told = kind == kafka::ErrorKind::down && !closing_.empty();
  if (!repeats && !is_told) error_.set(words);
  // Whether others are up, only the brokers know.
  if (kind != kafka::ErrorKind::none) ask_for_topics();
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) brokers_up_ = 0;
}

void Outlet::look_for_fatal(Carrier& carrier) {
  char text[512] = {};
  rd_kafka_t* const handle = carrier.producer->handle();
  if (rd_kafka_fatal_error(handle, text, sizeof text) != RD_KAFKA_RESP_ERR_NO_ERROR)
    producer_died(carrier, text);
}

bool Outlet::is_silent_for(int64_t ns, int64_t now_ns) const {
  return in_flight_ != 0 && now_ns - waiting_since_ns_ > ns;
}

void Outlet::tend(int64_t now_ns) {
  now_ns_ = now_ns;
  for_each_carrier([&](Carrier& carrier) {
    if (carrier.dead && now_ns >= carrier.renew_at_ns) renew(carrier);
    if (!carrier.dead) replace_outdated(carrier);
  });
  if (now_ns - looked_at_topics_ns_ >= options_.look_at_topics_ns) replace_outgrown();
  tell_of_brokers();
  if (brokers_up_ == 0 && now_ns >= probe_at_ns_) {
    probe_at_ns_ = now_ns + kProbeNs;
    ask_for_topics();
  }
}

// Each of the handles says so for itself, and others may go on: it counts when it stays.
void Outlet::tell_of_brokers() {
  if (brokers_up_ != 0) {
    down_since_ns_ = 0;
    if (std::exchange(down_is_told_, false)) log::info("brokers.up");
  } else if (down_since_ns_ == 0) {
    down_since_ns_ = now_ns_;
  } else if (has_reached_any_ && !down_is_told_ && now_ns_ - down_since_ns_ >= kDownNs) {
    down_is_told_ = true;
    log::warn("brokers.down reason={}", log::quoted(error_.text()));
  }
}

bool Outlet::take_answer(MetadataProbe::Answer& answer) {
  if (!probe_ || !probe_->take(probe_seen_, answer)) return false;
  probe_seen_ = answer.number;
  // A slow answer is none of brokers that acknowledge meanwhile.
  const bool acknowledges = acknowledged_at_ns_ != 0 && now_ns_ - acknowledged_at_ns_ < kProbeNs;
  if (answer.brokers != 0 || !acknowledges) brokers_up_ = answer.brokers;
  if (answer.brokers == 0) {
    take_closing(answer.closing);
  } else {
    has_reached_any_ = true;
    closing_.clear();
    error_.forget(nullptr);
  }
  return true;
}

// Brokers that were reached once are down, whoever takes connections and closes them in their place.
void Outlet::take_closing(const std::string& words) {
  if (has_reached_any_) return;
  if (!words.empty()) {
    error_.set(words);
  } else if (!closing_.empty() && error_.text() == closing_) {
    error_.set(rd_kafka_err2str(RD_KAFKA_RESP_ERR__TRANSPORT));
  }
  closing_ = words;
}

}  // namespace e2k::worker
