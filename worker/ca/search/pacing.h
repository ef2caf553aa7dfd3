// Pure. When which name is searched for: the pace of the search client, without clock or socket.
//
// A name climbs a ladder of levels. On level 0 it is asked for the first time and given first_wait to be
// answered; on level i = 1, 2, … ladder * 2^(i-1), the last level being max_period. Each level has a window:
// so many of its frames may be on the way. It begins at 1 and one is added for every frame of which half the
// names were answered, up to max_window; a frame that nobody answers halves it. An answered frame makes room
// at once, so where names exist the search runs at the servers' speed; where they do not, a level sends one
// frame in its waiting time and no more.
//
// Besides, names that were never asked for go out at first_frames_per_second, whether those before them are
// answered or not: a living name does not wait behind dead ones. They are asked for in the order in which
// they were added, and nothing that was asked for before ever comes before them.
//
// Over any longer time that is no more than plain libca sends for the same dead names: its timers wait 32 ms
// * 2^i where ours wait 40 ms on level 0 and 80 ms * 2^i above, it too sends one frame a timer while names
// stay unanswered, and it too moves a name one timer up each time. Ours asks for all of them at once and
// libca one frame after the other, so ours is ahead at first: for 1,000 names for 2 s, for 25,000 for half a
// minute, by what libca makes up for then; after that it never is. Unlike there, a dead name in a frame of
// live ones does not slow the live ones down, which is the point of it all. What is asked for again has a
// ceiling besides, in the caller's hands (TimePassed).
//
// Names of a frame that nobody answered while others are answered (a lost datagram, most likely) go to the
// front of their next level. When a name from high up is answered, a server has come back: everything above
// kBoostLevel comes down to it, as in libca. A few_tries name is given up instead of climbing to kTries.
//
// step() takes one event and appends actions. Numbers of names are small and dense (they index a vector); 8
// bytes are held for each number, more only while it is searched for. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "worker/ca/search/codec.h"
#include "worker/ca/search/frame_budget.h"

namespace e2k::worker::search {

using NameId = uint32_t;

struct PacingSettings {
  int64_t first_wait_ns = 40 * kNsPerMs;
  int64_t ladder_ns = 160 * kNsPerMs;
  int64_t max_period_ns = 300 * kNsPerSecond;  // EPICS_CA_MAX_SEARCH_PERIOD
  uint32_t max_window = 16;                    // frames; a server's receive buffer holds about 90
  int64_t first_frames_per_second = 600;
};

enum class Persistence : uint8_t { until_answered, few_tries };

struct AddName {
  NameId id;
  uint16_t name_bytes;
  Persistence persistence = Persistence::until_answered;
  // Above 0: its server refused it. It is asked for when that level's waiting time is over, and its answer
  // then says nothing of other names.
  uint8_t level = 0;
};
struct RemoveName {
  NameId id;
};
struct NameAnswered {
  NameId id;
};
// A server came up (its beacon says so): names from above kBoostLevel come down to it, as in libca.
struct ServerAppeared {};
// Other addresses are asked from now on: all names are asked for again soon.
struct ReachChanged {};
struct TimePassed {
  int64_t retry_frames = INT64_MAX;  // so many frames of names that were asked for before may go out now
};
using PacingEvent = std::variant<AddName, RemoveName, NameAnswered, ServerAppeared, ReachChanged, TimePassed>;

struct SearchFrame {
  uint32_t sequence;
  std::vector<NameId> names;
};
struct PacingActions {
  std::vector<SearchFrame> send;
  std::vector<NameId> found;  // answered, and searched for no longer
  int64_t retry_frames = 0;   // of `send`, those of names that were asked for before
};

class Pacing {
public:
  static constexpr size_t kBoostLevel = 7, kTries = 3;

  explicit Pacing(const PacingSettings& settings);

  void step(const PacingEvent& event, MonotonicNs now, PacingActions& out);
  // When TimePassed has something to do; nothing: not before another event.
  std::optional<MonotonicNs> next_turn(MonotonicNs now) const;

  bool searching(NameId id) const { return id < names_.size() && names_[id].where != Where::nowhere; }
  // Asked for at least once since it was added.
  bool was_asked(NameId id) const;
  // A frame of names that were not asked for before is on the way, or about to be.
  bool is_asking() const { return levels_[0].queued_names > 0 || !levels_[0].sent.empty(); }

private:
  enum class Where : uint8_t {
    nowhere,
    queued,  // waits for room in its level's window
    sent,    // waits for an answer
  };
  struct Name {
    uint32_t ticket = 0;  // queued: of its queue entry; sent: of its frame
    uint16_t name_bytes = 0;
    uint8_t level = 0;
    Where where : 3 = Where::nowhere;
    Persistence persistence : 3 = Persistence::until_answered;
    bool refused : 1 = false;
  };
  struct Queued {
    NameId id;
    uint32_t ticket;  // differs from the name's: a stale entry
  };
  struct Sent {
    uint32_t ticket;
    std::vector<NameId> names;
    uint32_t answered = 0;
    bool counted = true;  // in Level::in_flight
    MonotonicNs deadline;
  };
  struct Level {
    std::deque<Queued> queue;
    std::deque<Sent> sent;
    size_t queued_names = 0;
    uint32_t window = 1;
    uint32_t in_flight = 0;
  };

  void on(const AddName& event, MonotonicNs now, PacingActions& out);
  void on(const RemoveName& event, MonotonicNs now, PacingActions& out);
  void on(const NameAnswered& event, MonotonicNs now, PacingActions& out);
  void on(const ServerAppeared& event, MonotonicNs now, PacingActions& out);
  void on(const ReachChanged& event, MonotonicNs now, PacingActions& out);
  void on(const TimePassed& event, MonotonicNs now, PacingActions& out);

  int64_t wait_ns(size_t level) const;
  void enqueue(NameId id, size_t level, bool front);
  void forget(NameId id);
  void count_answer(Name& name);
  void bring_down(size_t to_level);
  void expire(size_t level, MonotonicNs now);
  void send(size_t level, MonotonicNs now, int64_t room, PacingActions& out);
  void send_frame(size_t level, bool counted, MonotonicNs now, PacingActions& out);

  PacingSettings settings_;
  std::vector<Name> names_;
  std::vector<Level> levels_;
  int64_t first_wait_ns_;  // grows where answers come late
  FrameBudget first_;      // of names that were never asked for
  uint32_t ticket_ = 0;
};

}  // namespace e2k::worker::search
