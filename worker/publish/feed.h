// Shell. One slot's logs on their way to Kafka: read in order, produced, settled, given back.
//
// The logs stand in one order: those of former generations, the oldest first, then the live one, if the slot
// is ours. One reader goes through them; what it has passed is settled, in flight, or part of a topic's
// backlog (topic.h). A backlog is taken up again
//   - by going back: the reader returns to the oldest record left behind and comes again over what is settled
//     or in flight, which costs little; for all topics that flow again at once. This is the way for what
//     lasts milliseconds, a full window above all;
//   - one by one, for a topic on trial or in the careful lane;
//   - from the topic's own log.
//
// With many topics, records of one wait a little for others of it (gathering.h), where they stand.
//
// A segment leaves its log as soon as all its events are settled, wherever it stands. One that the reader has
// passed and that still isn't settled is *evacuated* before it stands in the way: its events are moved to
// their topics' own logs (spool/aside_log.h), also those in flight. Not while nothing flows at all: in an
// outage the live log is the right place.
//
// When the room is used up: who is blocked drops its own oldest events, the topic with the largest log first;
// the slot as a whole drops its oldest segment that has nothing in flight. Each is counted in its entry's
// line, and told by one `Lost N events` before the entry's next event.
//
// What is *held* (ledger::Hold) stays where it stands, and is passed over; when it is released the reader
// goes back to it. It is moved like anything else that stands in the way.
//
// One thread, the publisher's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proto/held_channels.h"
#include "worker/line_budget.h"
#include "worker/publish/coalescer.h"
#include "worker/publish/composer.h"
#include "worker/publish/outlet.h"
#include "worker/publish/text_store.h"
#include "worker/publish/topic.h"
#include "worker/spool/aside_logs.h"
#include "worker/spool/intake.h"
#include "worker/spool/log_reader.h"

namespace e2k::worker {

// What a feed is made of; owned by the data path, which lives longer.
struct FeedParts {
  Slot slot;
  ledger::Ledger* books = nullptr;
  std::vector<std::unique_ptr<spool::Log>> older;  // the oldest first
  std::unique_ptr<spool::AsideLogs> aside;
  // Of our own slot only.
  spool::LiveLog* live = nullptr;
  SpoolIntake* intake = nullptr;
  std::string topic_prefix;
  bool drop_newest = false;
  ledger::FlightWord* flight = nullptr;  // in its books
  int64_t min_interval_ns = 0;           // output.min_interval_ms
};

class Feed {
public:
  Feed(FeedParts parts, Outlet& outlet, Composer& composer);

  // --- once a turn, in this order
  void begin_turn(int64_t now_ns, int64_t real_ns);
  // Topics that have more to them than being read: retries, backlogs. true: something was produced.
  bool tend_topics();
  // Reads on. true: something was produced.
  bool follow();
  // The turn ended before the log did.
  bool more_to_read() const { return more_to_read_; }
  bool held_back() const { return held_back_; }
  // Gives back what is settled, evacuates, drops where room is short, tells the ledger.
  void tidy();

  // Of the outlet, about topics of this feed.
  void came_back(Topic& topic, const InFlight& what, const FlowOutcome& outcome);
  void why_changed(Topic& topic);
  // The brokers answered which topics they know.
  void take_answer(const MetadataProbe::Answer& answer);
  void take_schema_news();
  // Events of these channels stay where they are. Those of channels that were held and are no longer are
  // taken up from the oldest.
  void hold(const HeldChannels& held);
  // What the files of the slot's logs may take, in bytes. What they take already beyond it stays until it is
  // published.
  void set_share(uint64_t bytes);

  // Where the reader stands, if it stands in the live log.
  std::optional<spool::Position> live_position() const;
  // Publishes what is held back for a newer event, or for company; `all`: also before its time, at the end.
  bool release_held(bool all);
  // When something that is held has to be published, in Unix nanoseconds.
  std::optional<int64_t> next_due_ns() const;
  // Nothing waits but what its topic can't take now.
  bool is_drained() const;
  bool has_troubled_topics() const { return !troubled_.empty(); }
  // All that its logs hold was produced, or is in a backlog; of another slot's feed that stays so.
  bool is_read_through();
  // Of another slot, which is older than what is received now: its topics of which something waits or is in
  // flight come first here, too, whatever they wait for.
  void stand_behind(const Feed& elder);
  // Of another slot: its logs are drained and gone.
  bool is_finished() const;
  // Before it goes.
  void let_go();
  bool owns(const Topic& topic) const { return topic.settler == &settler_; }
  // Finds out from the logs what waits, where the books can't tell: what is missing was lost for that reason.
  void reconcile_if_needed(ledger::LossReason reason);

private:
  enum class Offer { taken, left, try_later };
  enum class Moved { yes, no };
  // Without any acknowledgement for this long, nothing flows at all.
  static constexpr int64_t kOutageNs = 2 * kNsPerSecond;

  spool::Log& log_at(uint32_t order);
  LogPlace place() const { return {current_, reader_->position()}; }
  void go_to(LogPlace to);
  bool next_log();
  Offer offer(const spool::StandingRecord& record, const spool::RecordView& view, OutputEntry& entry);
  Offer produce(const spool::StandingRecord& record, const spool::RecordView& view, OutputEntry& entry);
  Offer send(const spool::StandingRecord& record, const spool::RecordView& view, OutputEntry& entry);
  Offer send_now(const spool::StandingRecord& record, const spool::RecordView& view, OutputEntry& entry);
  bool kills_workers(const spool::StandingRecord& record);
  bool tell_lost(OutputEntry& entry, uint32_t index);
  // Whether the event is to be published now; it may be held instead, and one that was held be coalesced.
  bool passes(const spool::StandingRecord& record, const spool::RecordView& view);
  bool publish_held(uint32_t index, const spool::StandingRecord& record);
  // To its topic's backlog, whatever stands in front of it.
  void put_back(Topic& topic, const spool::StandingRecord& record);
  void leave(Topic& topic, LogPlace at);
  bool takes(const Topic& topic) const;
  bool has_room_soon(const Topic& topic) const;
  bool may_run_ahead();
  void note_read(spool::Segment& segment, const spool::RecordView& view);
  void describe(const spool::RecordView& view);
  OutputEntry* entry_of(uint32_t index);
  const OutputNames& names_of(uint32_t index) const;
  Topic& topic_of(std::string_view commanded);
  void learn_schemas(Topic& topic);
  void trouble(Topic& topic);
  void reader_is_at_damage();

  // Company.
  bool gathers(Topic& topic);
  void gather(Topic& topic, const spool::StandingRecord& record);
  bool send_gathered(Topic& topic);
  bool send_what_is_due(bool all);
  void put_gathered_back(Topic& topic);
  void put_all_gathered_back();
  std::optional<int64_t> gathered_due_ns() const;

  // Backlogs.
  bool tend(Topic& topic, std::optional<LogPlace>& back_to);
  bool read_aside(Topic& topic);
  bool offer_first_left(Topic& topic);
  void look_for_silence();

  // Holds.
  bool stays_held(const OutputEntry& entry, const spool::RecordView& view) const;
  void hold_back(uint32_t index, LogPlace at);
  void learn_holds();
  void free_all_holds();
  struct Ended;
  void end_holds();
  void walk_ended(std::vector<Ended>& ended, LogPlace from,
                  const std::function<void(Ended&, const spool::StandingRecord&, const spool::RecordView&)>&);
  void end_hold(const Ended& ended);

  // Room.
  void give_back_settled();
  void give_back(spool::Log& log, uint32_t order, spool::Segment& segment);
  bool evacuate_what_stands_in_the_way();
  void forget_aside(Topic& topic);
  bool evacuate(spool::Log& log, uint32_t order, spool::Segment& segment);
  Moved move_aside(const spool::StandingRecord& from, const spool::RecordView& view, Topic& topic,
                   const spool::EntryNames& names);
  bool make_room_aside(Topic& topic, const spool::RecordView& view, const spool::EntryNames& names,
                       bool& drop_this);
  bool drop_oldest_aside(Topic& topic);
  void drop_for_room();
  uint64_t drop(spool::Log& log, spool::Segment& segment);
  void lose(const spool::StandingRecord& record, ledger::LossReason reason);
  void reconcile(ledger::LossReason reason);
  void apply_share();
  uint64_t older_bytes() const;
  void tell_elsewhere();
  void tell_older_logs();
  void note_damaged(uint32_t damaged);
  void tell_ledger();
  void look_whether_something_is_missing();
  int64_t oldest_waiting_arrival_ns();

  FeedParts parts_;
  LineBudget topic_lines_{"topics that are blocked or flow"};
  LineBudget drop_lines_{"events that are dropped"};
  Outlet& outlet_;
  Composer& composer_;
  ledger::Ledger& books_;
  ledger::Header& header_;
  spool::Settler settler_;

  uint32_t current_ = 0;  // the log that is read: index into older, or their number: the live one
  std::unique_ptr<spool::LogReader> reader_;
  uint32_t older_left_ = 0;
  bool has_suspect_;  // a record that workers died over
  HeldChannels held_;
  bool any_held_ = false;     // an entry is, or was since the log was last read from its beginning
  uint32_t holds_seen_ = 0;   // of Header::holds_changed
  bool holds_ended_ = false;  // some of them
  std::unordered_map<uint32_t, int64_t> held_since_;  // by index; monotonic
  std::unordered_map<uint32_t, LogPlace> held_from_;  // by index: the first that was passed over
  Coalescer coalescer_;
  int64_t log_time_ns_ = 0;  // arrival of what was read last
  TextStore texts_;
  std::vector<OutputEntry> entries_;                                   // by index
  std::vector<OutputNames> names_;                                     // likewise, where they are wanted
  std::vector<Topic*> behind_;                                         // those whose is_behind is set
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;  // as commanded; never erased
  std::vector<Topic*> troubled_;
  // Topics of which something is gathered, by when its first came; some of them sent it meanwhile.
  std::deque<std::pair<Topic*, int64_t>> gathering_;
  uint64_t gathered_ = 0;                      // records, of all topics
  Outlet::Moves moves_;                        // while a segment is evacuated
  std::unordered_set<const void*> immovable_;  // while segments are evacuated
  bool is_short_ = false;                      // likewise
  std::optional<uint64_t> told_share_;
  uint64_t odd_at_appended_ = UINT64_MAX;
  bool more_to_read_ = false;
  bool held_back_ = false;
  int64_t real_ns_ = 0;
  int64_t now_ns_ = 0;
  int64_t told_at_ns_ = 0;
};

}  // namespace e2k::worker
