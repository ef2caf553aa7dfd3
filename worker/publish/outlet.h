// Shell. The way out to Kafka: the two lanes, the window of what is in flight, and the reports.
//
// Lanes (topic_flow.h says which one a topic uses): the *main* one carries nearly everything, in batches,
// under the gapless guarantee, through up to four producers that share the topics (sharing.h); a refusal
// there ends the producer that it came to, whose successor begins at once, and what had not been sent goes
// out again through it; the others go on. The *careful* one carries topics on trial, one record at a time.
//
// The window bounds what is in flight, in total and for each topic, in records and in bytes, so that topics
// without a leader can't take the place of all the others: a topic has a quarter of the window as long as
// reports come for it, a sixteenth of that else, and in the last quarter of the window each has only a
// sixteenth of what it had.
//
// One thread, the publisher's. Topics and the records in flight must stay where they are; a record that is
// moved is told (moved()). Owned by the publisher, which keeps bell and topics alive longer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "worker/publish/composer.h"
#include "worker/publish/in_flight.h"
#include "worker/publish/kafka_error.h"
#include "worker/publish/metadata_probe.h"
#include "worker/publish/producer.h"
#include "worker/publish/renewal.h"
#include "worker/publish/sharing.h"
#include "worker/publish/topic.h"

namespace e2k::worker {

struct OutletOptions {
  std::map<std::string, std::string> properties;  // librdkafka's
  FlowSettings flow;
  GatheringSettings gathering;
  // Tunables, with the values that measuring led to.
  uint64_t window = 65'536;  // records in flight
  uint64_t window_bytes = 64u << 20;
  uint64_t topic_window = 16'384;
  size_t topics_of_a_producer = kTopicsOfAProducer;
  // That the careful producer may know without need, before a new one takes its place; looked at so often.
  size_t topics_kept_in_mind = 500;
  int64_t look_at_topics_ns = 10'000'000'000;
  int64_t first_back_off_ns = 500'000'000;  // of the main producer's renewal; the first one comes at once
  int64_t longest_back_off_ns = 8'000'000'000;
  // What is in flight when a producer ends is waited for: an answer that still comes saves a repeat. No
  // longer, because its topics wait meanwhile.
  int64_t last_answers_ns = 60'000'000;
};

class Outlet {
public:
  // What becomes of the topics, told while reports are served.
  struct Listener {
    virtual ~Listener() = default;
    virtual void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome) = 0;
    virtual void why_changed(Topic& topic) = 0;
  };

  static Result<std::unique_ptr<Outlet>> create(OutletOptions options, ledger::Header& books, Doorbell& bell,
                                                Listener& listener);
  ~Outlet();

  // --- producing
  bool window_open() const;
  // Whether no more than 1/`part` of the topic's share is in flight.
  bool has_room(const Topic& topic, uint64_t part = 1) const;
  enum class Produced {
    taken,
    full,     // librdkafka's queue
    refused,  // this record: it is larger than message.max.bytes
    failed,   // the topic, or the lane: the record stays where it is
  };
  // Of a topic that may produce. `what.bytes` is set here.
  Produced produce(const Composed& composed, InFlight what);
  // Records of a segment, by unit, that are in flight and stand elsewhere now. Before reports are served
  // again.
  using Moves = std::unordered_map<uint64_t, spool::StandingRecord>;
  void moved(const spool::Segment& from, const Moves& moves);
  // How long records wait for others of their topic.
  Gathering& gathering() { return gathering_; }
  // Steps the topic's flow and tells the listener.
  FlowOutcome step(Topic& topic, FlowInput input);

  // --- once a turn
  // true: a report came.
  bool serve_reports(int64_t now_ns);
  // Renews what died, if its time has come, and what is out of date: a step a turn, without waiting.
  void tend(int64_t now_ns);
  // What the topic would be produced through is being renewed.
  bool is_dead(const Topic& topic) const;
  // All that the main lane has.
  bool is_main_dead() const;
  bool is_careful_dead() const { return careful_.dead; }
  // A producer is between two steps that time ends.
  bool is_renewing() const;
  void replace_outgrown();
  uint64_t in_flight() const { return in_flight_; }
  // 0: never.
  int64_t acknowledged_at_ns() const { return acknowledged_at_ns_; }
  // Records are in flight and nothing was acknowledged for `ns`, of no topic.
  bool is_silent_for(int64_t ns, int64_t now_ns) const;

  // Asks the brokers which topics they know, soon.
  void ask_for_topics() {
    if (probe_) probe_->request();
  }
  bool take_answer(MetadataProbe::Answer& answer);
  int brokers_up() const { return brokers_up_; }
  int64_t nap_ns() const { return nap_ns_; }
  KafkaError& error() { return error_; }
  // nullptr: the lane has none just now.
  rd_kafka_t* careful_handle() const { return careful_.producer ? careful_.producer->handle() : nullptr; }
  // The topic goes; nothing of it is in flight.
  void let_go(Topic& topic);
  // Lets go of all handles. Nothing may be produced any more.
  void end();

private:
  // A producer and what it has in flight.
  struct Carrier {
    Lane lane = Lane::main;
    size_t number = 0;  // in its lane
    std::unique_ptr<Producer> producer;
    InFlightTable table;
    std::vector<Topic*> with_handles;
    bool dead = false;
    bool abandoned = false;  // why it is replaced
    int64_t renew_at_ns = 0;
    int64_t back_off_ns = 0;
    int64_t renewed_at_ns = 0;
    Renewal renewal;
  };

  Outlet(OutletOptions options, ledger::Header& books, Doorbell& bell, Listener& listener);
  Result<void> open(Carrier& carrier, Renewal::Made made);
  Renewal::Made make(Lane lane) const;
  void make_elsewhere(Carrier& carrier);
  Carrier& carrier_of(Topic& topic);
  size_t choose_main_producer();
  rd_kafka_topic_t* handle_of(Topic& topic, Carrier& carrier);
  void take_report(Carrier& carrier, const rd_kafka_message_t& message);
  void tell_of_brokers();
  void take_closing(const std::string& words);
  void take_error(Carrier& carrier, rd_kafka_resp_err_t code, const char* text, bool fatal);
  void look_for_fatal(Carrier& carrier);
  void producer_died(Carrier& carrier, const std::string& why);
  void renew(Carrier& carrier);
  void replace_outdated(Carrier& carrier);
  void give_up_in_flight(Carrier& carrier);
  void close_producer(Carrier& carrier);
  void serve(Carrier& carrier);
  static void forget_handles(Carrier& carrier);
  template <class Visit>
  void for_each_carrier(Visit&& visit) {
    for (Carrier& carrier : main_) visit(carrier);
    visit(careful_);
  }

  OutletOptions options_;  // its windows are made smaller where the site's producer queues less
  ledger::Header& header_;
  Doorbell& bell_;
  Listener& listener_;
  std::array<Carrier, kMainProducers> main_;
  std::array<size_t, kMainProducers> main_topics_{};  // how many each carries
  size_t main_usable_ = kMainProducers;               // the first so many
  Carrier careful_;
  std::unique_ptr<MetadataProbe> probe_;  // made anew with the careful lane's producer
  Gathering gathering_{0};
  uint64_t probe_seen_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t in_flight_bytes_ = 0;
  int64_t now_ns_ = 0;  // monotonic; when this turn began
  int64_t acknowledged_at_ns_ = 0;
  int64_t waiting_since_ns_ = 0;  // while in flight: since the last acknowledgement, or the first record
  int64_t nap_ns_ = 0;
  int64_t probe_at_ns_ = 0;
  int64_t looked_at_topics_ns_ = 0;
  bool report_came_ = false;
  int brokers_up_ = 0;
  bool has_reached_any_ = false;
  bool down_is_told_ = false;
  int64_t down_since_ns_ = 0;  // 0: some are up
  std::string closing_;        // what error_ says then; "" while none does
  std::array<uint8_t, 16> boot_id_;
  KafkaError error_;
};

}  // namespace e2k::worker
