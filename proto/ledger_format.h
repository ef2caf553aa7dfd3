// Pure. The ledger: one worker generation's books in shared memory, one line pair an entry.
//
// The worker maps its file read-write, the supervisor read-only; the file outlives the worker, so that a dead
// or hung worker's books can be read. It is made under a temporary name, opened with the predecessor's
// balance and renamed into place; a reader checks slot and generation in the header and never mixes two.
//
// Law of every entry, at every moment, whichever process looks:
//     received = acknowledged + waiting + lost + coalesced
// It holds by construction: only what the two writers know by themselves is stored, the rest is derived.
//     received = appended + lost_unspooled            (CA's line)
//     lost     = lost_spooled + lost_unspooled
//     waiting  = appended - acknowledged - lost_spooled - coalesced
// A reader loads the publisher's line before CA's line; then waiting is never negative.
// Error records (Disconnected, …) are received events too: they travel the same way.
//
// After a death the log is the truth. Appends happen one at a time: commit the record, count it. So at most
// the last record of a log is in doubt, and its ordinal tells whether it was counted. A settlement is
// announced in SettleIntent before the settlement map and the counters are changed, and is carried out again
// from there. Both repairs may be repeated.
//
// The header's sums count over the whole life of a slot: a new generation opens its ledger with its
// predecessor's sums (Opening), so that what is shown of a slot never falls back. Entries begin at 0 with
// every generation, since an index means something else in each. What the predecessor left waiting is in the
// sums too and stays waiting there until its log has been drained. For every slot, sums obey the same law:
//     header.x = opening.x + the sum of all entries' x
//
// Every field that changes is a relaxed std::atomic of its own; each cache line has one writing thread at a
// time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace e2k::ledger {

// Version ledger:   1  first
//                   2  how far an entry's channel got, other servers of its name, servers' standing, search
//                   counters
//                   3  gaps and losses with their times, the last event's hash, the state of the spool's logs
//                   4  holds
inline constexpr uint32_t kFormatVersion = 4;
inline constexpr uint64_t kMagic = 0x3147444c'4b324531;  // "1E2KLDG1"
inline constexpr uint32_t kMaxEntries = 1u << 21;        // of one generation
inline constexpr size_t kHosts = 4096;
inline constexpr size_t kReasons = 32;
inline constexpr size_t kThreads = 8;
inline constexpr size_t kHolds = 4096;

// Why an event was lost or an entry is blocked. Numbers are given by hand and never used again; < kReasons.
enum class LossReason : uint8_t {
  none = 0,
  no_segment = 1,         // the spool was full and nothing could make room
  event_too_large = 2,    // over spool.max_event_bytes
  spool_io = 3,           // the spool's directory could not be written
  refused_by_broker = 4,  // the record alone was refused (too large, bad stamp)
  encoding_failed = 5,    // the converter could not express the event
  dropped_oldest = 6,     // spool full, when_full = drop_oldest
  dropped_newest = 7,     // spool full, when_full = drop_newest
  spool_behind = 8,       // events came faster than the spool's files can be made
  spool_gone = 9,         // its log was removed, by whomever, while it waited
  damaged = 10,           // it stood in a segment that can't be read any more
  killed_worker = 11,     // a worker died over it, and the next one as well
  malformed = 12,         // its server sent fewer elements than it said
};
const char* to_string(LossReason reason);

// What Channel Access knows of an entry (CA's line). NO_TOPIC and NOT_AUTHORISED are the publisher's (its
// line), and QUARANTINED is the supervisor's; they go before CA's state where an entry's state is shown.
enum class EntryState : uint8_t {
  unused = 0,
  pending = 1,  // being searched for, not yet over never_connected_after_s
  connected = 2,
  never_connected = 3,
  disconnected = 4,
  denied = 5,   // connected, no read access
  no_data = 6,  // connected, and no event comes: see Step
};

// How far an entry's channel got, or where its chain broke: name -> search -> server -> circuit -> channel ->
// subscription -> events. CaLine::step_since_unix_s says since when, CaLine::host at whom.
enum class Step : uint8_t {
  none = 0,                   // not asked for yet
  searching = 1,              // asked for: no server has answered
  unsearchable = 2,           // no search frame holds so long a name
  answered = 3,               // a server answered: its circuit is being opened
  circuit_refused = 4,        // a server answers and no circuit to it comes about
  circuit_silent = 5,         // a server answers, its circuit was not accepted, or nothing comes back on it
  name_refused = 6,           // a server answers for the name and does not let it be created
  subscribing = 7,            // connected: the first event has not come yet
  receiving = 8,              // events come
  circuit_lost = 9,           // the server closed the circuit, or dropped the channel
  circuit_hung = 10,          // the circuit stands and does not respond
  subscription_refused = 11,  // the server answered the subscription with an error: CaLine::detail
  subscription_silent = 12,   // the server does not answer the subscription
  array_too_large = 13,       // for EPICS_CA_MAX_ARRAY_BYTES with EPICS_CA_AUTO_ARRAY_BYTES=NO
  type_unknown = 14,  // its native type (CaLine::detail, where libca tells it) is none of Channel Access
};

// Bits of CaLine::flags: what error records the entry had, so that none is repeated by who serves it next.
// kDisconnectedPublished ends with the next connection, the others stay. It is set and cleared only together
// with, or after, kWasConnected: a line without that says nothing of it.
inline constexpr uint32_t kNeverConnectedPublished = 1, kWasConnected = 2, kDisconnectedPublished = 4;

struct alignas(64) CaLine {
  std::atomic<EntryState> state;
  std::atomic<uint8_t> flags;
  std::atomic<Step> step;
  // What the worker was last told to monitor the entry for, once that is applied; 0: it is not to be
  // monitored under this index, or no more. A supervisor that takes the worker over goes by it.
  std::atomic<uint8_t> assigned_mask;
  std::atomic<uint16_t> host;       // number in the host table from 1; 0: none yet
  std::atomic<uint16_t> also_host;  // another server that answers for the name, likewise
  std::atomic<uint16_t> dbr_type;   // native; 0xffff: not known
  std::atomic<uint16_t> detail;     // of step: an ECA message's number, a type
  std::atomic<uint32_t> step_since_unix_s;
  std::atomic<uint32_t> count;  // native element count
  // Times in which nobody served the entry; the last one from and to, in Unix seconds. Its end is 0 while it
  // lasts.
  std::atomic<uint32_t> gaps;
  std::atomic<uint32_t> gap_began_unix_s;
  std::atomic<uint32_t> gap_ended_unix_s;
  std::atomic<uint64_t> appended;
  std::atomic<uint64_t> lost_unspooled;
  std::atomic<int64_t> last_arrival_real_ns;  // 0: no event yet
  std::atomic<uint64_t> last_stamp;           // seconds since 1990 << 32 | nanoseconds; of the last event
};
static_assert(sizeof(CaLine) == 64);

// Why an entry's topic takes nothing.
enum class Blocked : uint8_t {
  no = 0,
  no_topic = 1,
  not_authorised = 2,
  no_leader = 3,
  // 4 was given once.
  encoder = 5,  // without the id of a schema
  silent = 6,   // its broker acknowledges nothing while others do
};
const char* to_string(Blocked why);

struct alignas(64) PublisherLine {
  std::atomic<uint64_t> acknowledged;
  std::atomic<uint64_t> lost_spooled;
  std::atomic<uint64_t> coalesced;
  std::atomic<int64_t> last_offset;  // -1 before the first acknowledgement
  // Of the losses, those that no `Lost N events` has told of yet: what CA's side lost (its own field), told
  // in the log, and what the publisher lost, told in Kafka. They outlive the worker, so that its successor
  // tells.
  std::atomic<uint32_t> untold_unspooled;
  std::atomic<uint32_t> untold_spooled;
  std::atomic<int32_t> last_partition;  // -1 before the first acknowledgement
  std::atomic<uint32_t> restamped;  // events that got the time of arrival (stamp 0, too far ahead, too old)
  // The last loss, whichever side saw it.
  std::atomic<uint32_t> last_loss_unix_s;
  std::atomic<uint8_t> last_loss;  // LossReason
  std::atomic<Blocked> blocked;
  std::atomic<uint8_t> held;  // CA's. 1: what comes is kept and not published: Hold
  uint8_t reserved;
  // CA's: of the last event's status, severity and value. With last_stamp it tells whether a new
  // subscription's first event is the same one. 0: not known.
  std::atomic<uint64_t> last_event_hash;
};
static_assert(sizeof(PublisherLine) == 64);

struct Entry {
  CaLine ca;
  PublisherLine publisher;
};
static_assert(sizeof(Entry) == 128);

// How a server stands with this worker. Numbers are given by hand and never used again.
enum class HostState : uint8_t {
  none = 0,      // no circuit to it, none is wanted
  up = 1,        // its circuit works
  trying = 2,    // it answered; its circuit is being opened
  silent = 3,    // likewise, for longer than a circuit should take
  refusing = 4,  // it answers searches, and circuits to it come to nothing
  gone = 5,      // its circuit is gone
  hung = 6,      // its circuit stands and does not respond
};

inline constexpr int64_t kNoSkew = INT64_MIN;

// An IOC that this worker talks to, or tries to. Written by CA's side.
struct alignas(64) Host {
  char name[64];  // "10.1.2.3:5064", NUL-terminated; empty: unused
  std::atomic<uint64_t> events;
  std::atomic<uint32_t> connected;     // entries connected now
  std::atomic<uint32_t> disconnected;  // entries last seen there that are not
  std::atomic<HostState> state;
  uint8_t reserved[3];
  std::atomic<uint32_t> waiting;  // channels that wait for it
  std::atomic<int64_t> state_since_real_ns;
  std::atomic<uint32_t> circuits_opened;
  std::atomic<uint32_t> circuits_failed;
  // Arrival minus stamp, the least of all events of the last full window (that of the first event after a
  // subscription can be as old as it likes and does not count): how far the server's clock is behind ours;
  // negative: ahead of it. kNoSkew: nothing is known.
  std::atomic<int64_t> skew_ns;
  std::atomic<int64_t> skew_window_ns;  // of the window that runs
};
static_assert(sizeof(Host) == 128);

// While another worker is still to publish what came before, what this one receives of an entry is *held*: it
// waits in the log and counts as waiting. Which entries are held, and from when on, stands here and not in
// the logs, so that it outlives the worker wherever the records are moved to. Events that arrived from
// `begun` on and before `until` are what is meant.
//   held       they stay where they are
//   released   those up to `after` were published elsewhere: they count as coalesced; the others go out
//   discarded  all were published elsewhere: they count as coalesced
// CA's side takes a free row, and ends the hold; the publisher settles what there is to settle and frees the
// row. Both may be repeated: what is settled stays so. Times are this boot's.
enum class HoldState : uint8_t { none = 0, held = 1, released = 2, discarded = 3 };
struct alignas(64) Hold {
  std::atomic<HoldState> state;  // stored last, with release
  uint32_t index;
  int64_t begun_monotonic_ns, until_monotonic_ns;
  uint64_t after_stamp, after_hash;  // hash 0: not known
};
static_assert(sizeof(Hold) == 64);

// Announced before a settlement is made, cleared after; see above. count_before is the counter's value.
// Of Settlement::moved, which changes no counter, count_before is the copy's LogId and sum_before its
// Position: the settlement stands if the copy was committed.
struct SettleIntent {
  std::atomic<uint64_t> position;  // 0: none
  std::atomic<uint64_t> log;       // LogId (proto/spool_format.h)
  std::atomic<uint32_t> index;
  std::atomic<uint32_t> settlement;    // spool::Settlement byte
  std::atomic<uint64_t> count_before;  // of the entry's counter
  std::atomic<uint64_t> sum_before;    // of the header's counter
};

// The predecessor's sums as this generation took them over; all 0 where there was none. Constant.
struct Opening {
  uint64_t appended;
  uint64_t lost_unspooled;
  uint64_t acknowledged;
  uint64_t lost_spooled;
  uint64_t coalesced;
  uint64_t gaps;  // of its lines, like the next
  uint64_t restamped;
};

// Upper bounds of the buckets of arrival-to-acknowledgement latency, in nanoseconds; one more bucket holds
// the rest.
inline constexpr int64_t kLatencyBoundsNs[] = {1'000'000,      2'000'000,      3'000'000,      5'000'000,
                                               7'500'000,      10'000'000,     15'000'000,     25'000'000,
                                               50'000'000,     100'000'000,    250'000'000,    500'000'000,
                                               1'000'000'000,  2'500'000'000,  5'000'000'000,  10'000'000'000,
                                               30'000'000'000, 60'000'000'000, 300'000'000'000};
inline constexpr size_t kLatencyBuckets = sizeof kLatencyBoundsNs / sizeof kLatencyBoundsNs[0] + 1;

// A thread's flight word: what it is at work on; 0 at rest. Set before, cleared after.
enum class Thread : uint32_t { ca_callback = 0, ca = 1, publish = 2, link = 3, spool = 4 };
inline constexpr uint8_t kCrashedElsewhere = UINT8_MAX;  // in a thread that has no flight word
struct alignas(64) FlightWord {
  std::atomic<uint64_t> entry_plus_one;  // EntryIndex + 1
  std::atomic<uint64_t> position;        // the publisher's: the record at hand
  std::atomic<uint64_t> log;             // likewise, LogId of where it stands
};

struct Header {
  uint64_t magic;
  uint32_t format_version;
  uint32_t generation;
  uint16_t slot;
  // Of a crash: signal << 8 | Thread + 1, or kCrashedElsewhere; 0: none, or it is not known which thread it
  // was.
  std::atomic<uint16_t> crashed;
  int32_t pid;
  uint64_t process_start_ticks;  // field 22 of /proc/PID/stat
  int64_t started_real_ns;
  uint32_t entry_capacity;             // lines that the file has room for
  uint32_t entries_offset;             // of the first Entry, from the file's beginning
  std::atomic<uint32_t> entries_used;  // highest index + 1
  std::atomic<int32_t> exit_code;      // WorkerExit, set before leaving; -1 while running
  char exit_reason[240];               // NUL-terminated, valid once exit_code is set

  // CA's side
  alignas(64) std::atomic<uint64_t> ca_events;  // monitor callbacks with data
  std::atomic<uint64_t> appended;               // records in the spool, error records included
  std::atomic<uint64_t> lost_unspooled[kReasons];
  std::atomic<uint64_t> searches_sent;      // frames
  std::atomic<uint64_t> searches_answered;  // names
  std::atomic<uint64_t> searches_refused;   // answers of servers that let nobody connect, or not that name
  std::atomic<uint64_t> circuits_opened;
  std::atomic<uint64_t> circuits_failed;
  std::atomic<uint32_t> duplicated;  // entries of channels for which several servers answer
  // publisher's side
  alignas(64) std::atomic<uint64_t> acknowledged;
  std::atomic<uint64_t> produced;           // handed to librdkafka, repeats included
  std::atomic<uint64_t> delivery_failures;  // reports with an error, whatever became of the event
  std::atomic<uint64_t> coalesced;
  std::atomic<uint64_t> in_flight;
  std::atomic<int64_t> oldest_waiting_arrival_real_ns;  // 0: nothing waits
  std::atomic<uint64_t> lost_spooled[kReasons];
  std::atomic<uint64_t> latency_buckets[kLatencyBuckets];
  std::atomic<uint64_t> latency_sum_ns;
  SettleIntent intent;
  std::atomic<uint64_t> republished;      // records given to librdkafka once more: not known to be stored
  std::atomic<uint64_t> aside_bytes;      // files that hold what blocked topics wait with
  std::atomic<uint64_t> aside_max_bytes;  // and may grow to
  std::atomic<uint32_t> aside_logs;       // topics that have such files
  std::atomic<uint32_t> older_logs;       // of earlier generations, not drained yet
  std::atomic<uint64_t> older_bytes;      // their files
  std::atomic<uint64_t> logs_drained;     // of earlier generations, since the ledger was first made
  std::atomic<uint32_t>
      damaged_segments;  // likewise: files put aside because they can't be read to their end
  // 1: which events wait has to be found out from the logs: some of them, or the books, are gone.
  std::atomic<uint32_t> unreconciled;
  // The record that the publisher had at hand when it died last, and how often it did over this one. Who
  // finds two deaths loses the record instead of dying a third time.
  std::atomic<uint64_t> suspect_log, suspect_position;
  std::atomic<uint32_t> suspect_deaths;
  // the spool's keeper
  alignas(64) std::atomic<uint64_t> spool_bytes;  // files on disk, all logs of the slot together
  std::atomic<uint64_t> spool_max_bytes;
  std::atomic<uint64_t> spool_used_bytes;  // of them, in segments that hold something
  std::atomic<int64_t> alive_real_ns;      // until then this generation surely received
  std::atomic<uint64_t>
      synced_real_ns;  // what came before is safe against the machine's death; 0: not synced

  Opening opening;

  FlightWord flight[kThreads];
  Host hosts[kHosts];

  alignas(64) std::atomic<uint32_t> holds_changed;  // counts what CA's side did to them
  std::atomic<uint32_t> holds_used;                 // rows that were ever taken
  Hold holds[kHolds];
};

// A counter that one thread at a time writes needs no locked instruction.
template <class T>
void bump(std::atomic<T>& counter, std::type_identity_t<T> by = 1) {
  constexpr auto relaxed = std::memory_order_relaxed;
  counter.store(static_cast<T>(counter.load(relaxed) + by), relaxed);
}

uint64_t sum_of(const std::atomic<uint64_t> (&reasons)[kReasons]);
// Of the whole slot, all its logs together. What is settled is read first, so that it is never negative.
uint64_t waiting_of(const Header& header);

}  // namespace e2k::ledger
