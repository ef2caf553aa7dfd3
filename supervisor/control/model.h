// Pure. What the control surface shows and does, as values: the seam between HTTP and the supervisor.
//
// The supervisor implements Model from its command state, its fleet and the mapped ledgers; control/ turns it
// into JSON, Prometheus text and status codes, and knows nothing else. All calls are made on the event loop's
// thread and return at once; what can't goes in slices. Strings are raw bytes as commanded or as an IOC sent
// them; escaping is control's business.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"
#include "common/result.h"
#include "proto/ledger_format.h"
#include "proto/mask.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/handover/handover.h"

namespace e2k::supervisor {

enum class ServiceState { starting, running, paused, degraded, stopping };
const char* to_string(ServiceState state);  // "STARTING", …

enum class ShownState {
  pending,
  connected,
  never_connected,
  disconnected,
  denied,
  no_topic,
  not_authorised,
  quarantined,
  no_data  // connected, and no event comes: the subscription is refused, or not answered
};
inline constexpr size_t kShownStates = 9;
const char* to_string(ShownState state);  // "PENDING", …

// received = acknowledged + waiting + lost + coalesced
struct EventCounts {
  uint64_t received = 0, acknowledged = 0, waiting = 0, lost = 0, coalesced = 0, gaps = 0;
  EventCounts& operator+=(const EventCounts& more) {
    received += more.received;
    acknowledged += more.acknowledged;
    waiting += more.waiting;
    lost += more.lost;
    coalesced += more.coalesced;
    gaps += more.gaps;
    return *this;
  }
};

struct Reason {
  std::string code;  // COMMAND_TOPIC_NOT_COMPACTED, WORKER_FAILING, SNAPSHOT_ONLY, …
  std::string message;
  int64_t since_unix_ns = 0;
  std::string more = {};     // the command that shows more of it first
  bool muted = false;        // by status.mute: nobody has to act on it
  std::string because = {};  // the code of one that causes it and stands, too; "" where none does
};

// Of a thing that changed.
struct Transition {
  std::string what;    // "service", "reason BROKERS_DOWN", "worker 1", "IOC 10.0.0.1:5064", …
  std::string before;  // "" where it was not there
  std::string state;   // now
  std::string words;   // why; ""
};

enum class ReloadState { none, checking, refused, done };
const char* to_string(ReloadState state);  // "none", …

// The last reload (SIGHUP, POST /reload) of this process, whichever program it ran.
struct ReloadView {
  uint64_t number = 0;
  ReloadState state = ReloadState::none;
  std::string message;  // why it was refused
};

struct StatusView {
  std::string name, version;
  ReloadView reload;
  std::string librdkafka, libca;  // which run; libca's is "" before a worker has told it
  ServiceState state = ServiceState::starting;
  std::vector<Reason> reasons;
  int32_t pid = 0;
  double uptime_s = 0;
  double loop_longest_turn_s = 0;  // of the event loop, in the last minute
  struct {
    std::string topic, group;
    bool caught_up = false;
    int64_t offset = -1;
    uint64_t entries = 0, rejected = 0;  // "channels" in the JSON is `entries`
    std::string note = {};               // what can't be known of the topic, and why; ""
  } commands;
  bool paused = false;
  uint64_t entries_total = 0, channels_distinct = 0;
  std::array<uint64_t, kShownStates> entries_by_state{};
  EventCounts events;
  int brokers_up = 0;
  std::string kafka_last_error;
  std::string kafka_servers;  // of the supervisor's own connection; "***" where they are a secret
  double received_per_s = 0, acknowledged_per_s = 0, lost_per_s = 0;  // of the last seconds
  uint64_t spool_bytes = 0, spool_max_bytes = 0;
  uint64_t spool_used_bytes = 0;  // of its files, in those that hold something
  double oldest_event_age_s = 0;
  std::string config_path, config_sha256;
  std::map<std::string, std::string> epics;  // effective EPICS_CA_*
};

// A worker's state: STARTING (launched, has not greeted), RUNNING, STOPPING, BACKOFF (waits to be restarted),
// FAILED (is not restarted: see last_exit), UNRESPONSIVE; RETIRING: runs, and gives up its channels for good.
// A slot that no worker serves any more is GONE: its
// figures stand and its logs are drained by the worker `heir`.
struct WorkerView {
  Slot slot;
  Generation generation;
  int32_t pid = 0;  // 0: none runs
  std::string state;
  std::optional<Slot> heir;
  uint64_t channels = 0, entries = 0, connected = 0;
  uint64_t moving = 0;     // channels that are to be served here, and not served here alone yet
  uint64_t restamped = 0;  // events that got the time of arrival
  EventCounts events;
  uint64_t restarts = 0;
  std::map<std::string, uint64_t> restarts_by_reason;  // crash, exit, hang, request
  std::string last_exit;                               // "signal 11 (SIGSEGV)", "exit 78: …", ""
  uint64_t rss_bytes = 0;
  double cpu_seconds = 0;
  double uptime_s = 0;
  // From the ledger's header, for metrics.
  uint64_t searches_sent = 0, searches_answered = 0, searches_refused = 0;
  uint64_t circuits_opened = 0, circuits_failed = 0;
  uint64_t ca_events = 0, produced = 0, delivery_failures = 0, in_flight = 0, spool_bytes = 0;
  uint64_t spool_max_bytes = 0;  // its part of spool.max_total_bytes
  std::map<std::string, uint64_t> lost_by_reason;
  std::array<uint64_t, ledger::kLatencyBuckets> latency_buckets{};
  double latency_sum_s = 0;
};

// Whether a restart of what has failed concerns it: it is not served, and may be served again.
bool may_be_restarted_as_failed(const WorkerView& worker);

// Of an entry on its way from one worker to another, or from one place to another of the same worker.
struct MoveView {
  Slot from, to;
  HandoverState step = HandoverState::preparing;
};

struct EntryView {
  EntryId id;
  std::string channel, topic, key;
  Mask mask;
  std::optional<Slot> worker;
  std::optional<MoveView> move;
  ShownState state = ShownState::pending;
  std::string type;  // "DBR_DOUBLE", "" while unknown
  uint32_t count = 0;
  std::string host;       // where it is, or who answered last; "" while nobody has
  std::string also_host;  // another server that answers for its name; ""
  EventCounts events;     // over all workers, keys and restarts
  // The last time in which nobody served it; its end is missing while it lasts.
  std::optional<int64_t> gap_began_unix_ns, gap_ended_unix_ns;
  ledger::LossReason last_loss = ledger::LossReason::none;
  int64_t last_loss_unix_ns = 0;
  ledger::Blocked blocked = ledger::Blocked::no;  // why its topic takes nothing
  std::optional<double> last_event_age_s;
  std::optional<int64_t> last_stamp_unix_ns;
  uint64_t restamped = 0;              // events that got the time of arrival: stamp 0, or too far ahead
  std::optional<double> clock_skew_s;  // arrival minus stamp of the last event
  std::optional<int32_t> last_partition;
  std::optional<int64_t> last_offset;
  int64_t command_offset = -1;
  std::optional<int64_t> since_unix_ns;  // of where its chain stands: when it got there, or broke
  std::string reason;                    // why it is not CONNECTED, or its last loss; "" when all is well
};

struct HostView {
  std::string host;
  uint64_t circuits = 0, channels = 0, events = 0;
  std::vector<Slot> workers;
  double events_per_s = 0;
  ledger::HostState state = ledger::HostState::none;  // the worst that a worker says
  int64_t since_unix_ns = 0;                          // of that state; 0: not known
  uint64_t waiting = 0;                               // channels that wait for it
  uint64_t circuits_opened = 0, circuits_failed = 0;  // of the present workers
  std::optional<double>
      clock_skew_s;  // how far its clock is behind ours, negative: ahead, by its newest events
};
const char* to_string(ledger::HostState state);  // "UP", "REFUSING", …

struct EntryQuery {
  std::vector<ShownState> states;  // in any of them; empty: in whatever state
  std::optional<Slot> worker;
  std::string prefix;                  // of the channel's name
  std::optional<std::string> topic;    // as commanded
  std::optional<std::string> host;     // "ip:port", or "ip" for every port of it
  std::optional<double> older_than_s;  // no event for so long, or never one
  bool lost = false;                   // some of its events are lost
  size_t limit = 1000;
  std::string after;  // cursor of the previous page; "" at first
};
struct EntryPage {
  std::vector<EntryView> items;
  std::string next;  // "" on the last page
};

struct TopicView {
  std::string topic;       // as commanded
  std::string kafka_name;  // with output.topic_prefix
  uint64_t entries = 0, connected = 0;
  EventCounts events;  // of the entries that there are
  // Why it takes nothing, as the first of the entries that are blocked says, and how many are.
  ledger::Blocked blocked = ledger::Blocked::no;
  uint64_t blocked_entries = 0;
};
struct TopicQuery {
  size_t limit = 1000;
  std::string after;  // cursor of the previous page; "" at first
};
struct TopicPage {
  std::vector<TopicView> items;  // by name
  std::string next;              // "" on the last page
};

// Who asks, for the log: credentials of the Unix socket's peer, or the address of a TCP peer.
struct Caller {
  std::optional<uid_t> uid;
  std::optional<pid_t> pid;
  std::string address;
};

// What takes longer than a turn of the loop may: each call goes on with a slice of it, and the last one gives
// it. What changes meanwhile is in it as it was when its slice was looked at.
template <class Result>
using InSlices = std::function<std::optional<Result>()>;

template <class Result>
Result run_to_end(const InSlices<Result>& slices) {
  while (true)
    if (auto result = slices()) return std::move(*result);
}

class EventLog;

class Model {
public:
  virtual ~Model() = default;

  // What changed lately; null: nobody can follow it.
  virtual const EventLog* event_log() const { return nullptr; }
  // What stands now; what led there is in the log.
  virtual std::vector<Transition> standing() { return {}; }

  virtual StatusView status() const = 0;
  virtual std::vector<WorkerView> workers() const = 0;
  // Slots that no worker serves any more and that have books still.
  virtual std::vector<WorkerView> gone_slots() const = 0;
  virtual InSlices<EntryPage> entries_in_slices(EntryQuery query) const = 0;
  virtual std::vector<EntryView> entries_of(std::string_view channel) const = 0;
  // Names of output topics, each once, in order; `limit` of them at most.
  virtual InSlices<std::vector<std::string>> topics_in_slices(size_t limit) const = 0;
  virtual InSlices<TopicPage> topic_page_in_slices(TopicQuery query) const = 0;
  virtual std::vector<HostView> hosts() const = 0;
  virtual std::vector<Rejection> rejections() const = 0;

  // false: no such slot. Accepted is not done: the worker drains first.
  virtual bool restart_worker(Slot slot, const Caller& caller) = 0;
  virtual void restart_workers(bool rolling, bool only_failed, const Caller& caller) = 0;
  // From now on there are so many workers: kFewestWorkers to kMostWorkers. Accepted is not done: channels go
  // over to others first. The Error: it could not be remembered, and is not done.
  virtual Result<void> set_workers(int count, const Caller& caller) = 0;
  // The number of entries taken out of quarantine (or, when none was, searched for anew); 0: no such channel.
  virtual size_t retry(std::string_view channel, std::optional<std::string_view> topic,
                       const Caller& caller) = 0;
  // The level of what the supervisor and its workers log, or of one worker. false: no such slot.
  virtual bool set_log_level(const std::string& level, std::optional<Slot> worker, const Caller& caller) {
    (void)level, (void)worker, (void)caller;
    return false;
  }
  // Has the configuration judged and, if it is good, the installed program executed in place. Its number; how
  // it ends stands in the status. The Error: not now.
  virtual Result<uint64_t> reload(const Caller& caller) {
    (void)caller;
    return fail("this process can't be reloaded");
  }
  // Events are received and wait, or go on to Kafka. The Error: it could not be remembered, and is not done.
  virtual Result<void> set_paused(bool paused, const Caller& caller) = 0;
};

}  // namespace e2k::supervisor
