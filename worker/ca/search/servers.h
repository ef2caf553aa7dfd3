// Pure. What is known of each server that answered a search, which names wait for it, and when it is asked
// again.
//
// A server that has not proven itself gets one channel, the *scout*; the other names that it answered for
// wait, unknown to libca, until the scout is connected. So a server that answers searches and lets nobody
// connect costs one circuit and one frame now and then, however many names it has, and nothing is searched
// for twice.
//
//   standing   waits for                             becomes
//   untried    a name to scout with                  trying
//   trying     its scout's connection                up (connected); refusing (no circuit); silent (time)
//   silent     the same; another server is probed    up; refusing; trying (it answered all the while: a new
//              for meanwhile                         circuit)
//   up         nothing; or for names it let go of    gone or hung (the last channel was lost)
//   refusing   the time of the next scout            trying (it answers when that has come)
//   gone       the answer to a probe                 trying
//   hung       its circuit, or an answer             up (it recovered); gone (it broke); trying (it answered
//                                                    twice in kPauseNs: a new circuit)
//
// Probes are searches for one waiting name of the server, another one each time, so that whoever has the
// names by now can answer. Where the circuit is gone, each interval of the ladder, from kBaseNs, is used as
// often as libca would send frames for these names at each of its own, then it doubles: from the twentieth
// second on (libca does not search before the tenth) that is no more than libca sends, and 10,000 lost names
// are probed for twice a second over minutes. Where it hangs libca sends nothing and trusts in TCP, which may
// sleep for minutes over a server that was replaced; here it is asked for every kHungNs for kHungEagerNs,
// then ever more seldom, down to kMaxAttemptNs. Probes are due on multiples of their interval, so that those
// of many servers fill frames together. Scouts after a refusal, and new circuits beside one that does not
// respond, come after kFirstAttemptNs, then twice as long, up to kMaxAttemptNs; so do those of a server that
// loses its circuit again and again within kSteadyNs, but for the first time. A beacon that says something
// new makes all of it begin anew.
//
// Numbers of names and servers are small and dense; a name waits for one server at most. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "worker/ca/search/codec.h"
#include "worker/ca/search/pacing.h"

namespace e2k::worker::search {

using ServerNumber = uint32_t;
inline constexpr ServerNumber kNoServer = UINT32_MAX;

enum class Standing : uint8_t { untried, trying, silent, up, refusing, gone, hung };

struct Server {
  ServerAddress address;
  uint16_t minor_version = 0;  // of CA, as its answers say
  Standing standing = Standing::untried;
  // CA priority of the circuits that are opened now, 0 or 1: toggled for a new one beside an old.
  uint8_t circuit = 0;
  bool dumb = false;          // its last circuit stood, and no connection came of it
  uint32_t connected = 0;     // channels
  uint32_t refusals = 0;      // scouts without a connection since the last connection
  NameId scout = 0;           // trying, silent
  MonotonicNs since;          // of the standing
  std::vector<NameId> names;  // that wait, and those in libca whose circuit hangs
};

class Servers {
public:
  static constexpr int64_t kBaseNs = 500 * kNsPerMs, kFirstAttemptNs = kNsPerSecond;
  static constexpr int64_t kMaxAttemptNs = 30 * kNsPerSecond, kSilentAfterNs = 2 * kNsPerSecond;
  static constexpr int64_t kPauseNs = kNsPerSecond, kSteadyNs = 10 * kNsPerSecond;
  static constexpr int64_t kBoostNs = 8 * kNsPerSecond;  // after a beacon of another server, at first
  static constexpr int64_t kHungNs = 2 * kNsPerSecond, kHungEagerNs = 600 * kNsPerSecond;
  // Longer than the kernel tries to connect; doubled up to the longest search period.
  static constexpr int64_t kSilentNs = 130 * kNsPerSecond;
  static constexpr uint32_t kFirstTries = 4;    // at kBaseNs, whatever the number of names
  static constexpr uint32_t kNamesAFrame = 30;  // of usual length, as libca packs them
  static constexpr size_t kMaxProbesATurn = 100;

  explicit Servers(int64_t max_period_ns) : max_period_ns_(max_period_ns) {}

  // Made when it is unknown.
  ServerNumber number_of(ServerAddress address);
  ServerNumber find(ServerAddress address) const;  // kNoServer
  const Server& at(ServerNumber number) const { return servers_[number].server; }
  size_t size() const { return servers_.size(); }

  // What to do with a name that the server has answered for (searched for, or probed).
  enum class Verdict : uint8_t {
    create,  // the server is up
    scout,   // create it, as the scout: the server is `trying` from now on
    wait,    // park it
  };
  Verdict answered(ServerNumber number, NameId id, uint16_t minor_version, MonotonicNs now);

  // The name waits for that server, and for no other any more.
  void park(NameId id, ServerNumber number, MonotonicNs now);
  void leave(NameId id);
  ServerNumber parked_at(NameId id) const;  // kNoServer

  // A server that nobody needs any more may be forgotten: its number is given out again. `used`: by number.
  // Calls `forgotten` with each.
  template <class F>
  void sweep(const std::vector<bool>& used, F forgotten) {
    for (ServerNumber number = 0; number < servers_.size(); ++number) {
      const Server& server = servers_[number].server;
      const bool idle = server.standing == Standing::untried || server.standing == Standing::gone ||
                        server.standing == Standing::refusing;
      if (used[number] || !idle || !server.names.empty() || server.connected > 0 || servers_[number].is_free)
        continue;
      forgotten(number);
      forget(number);
    }
  }
  size_t live() const { return servers_.size() - free_.size(); }

  // A channel is connected there. True: the server was not up, its waiting names may go on (names()).
  bool connected(ServerNumber number, MonotonicNs now);
  // A connected channel was lost, or cleared by us; circuit_stands: libca still has the circuit.
  void lost(ServerNumber number, bool circuit_stands, MonotonicNs now);
  void cleared(ServerNumber number, MonotonicNs now);
  // The circuit that hung broke.
  void broke(ServerNumber number, MonotonicNs now);
  // The scout found no circuit. The next one is due later.
  void scout_failed(ServerNumber number, MonotonicNs now);
  // The scout is not wanted any more, or another server has it: the next answer brings another.
  void scout_left(ServerNumber number, MonotonicNs now);
  // A beacon says something new of it.
  void appeared(ServerNumber number, MonotonicNs now);
  // Somebody new may have the names that servers lost: they are probed for now, and then no more seldom than
  // every longest_ns, doubled each time.
  void look_again(int64_t longest_ns, MonotonicNs now);

  // The names to ask for now, at most `room`. Makes `silent` what has tried for too long.
  void turn(MonotonicNs now, size_t room, std::vector<NameId>& probes);
  std::optional<MonotonicNs> next_turn() const;

private:
  struct Watch {
    Server server;
    size_t cursor = 0;
    int64_t interval_ns = kBaseNs;
    uint32_t used = 0;  // probes at this interval
    MonotonicNs probe_due;
    int64_t attempt_ns = kFirstAttemptNs;
    MonotonicNs attempt_due;
    MonotonicNs answered_at;  // while it hangs or is silent: the first answer since; 0: none
    MonotonicNs flaps_until;  // a loss before then is one of a server that flaps
    bool is_free = false;     // the number waits to be given out again
  };
  struct Place {
    ServerNumber server = kNoServer;
    uint32_t index = 0;  // in Server::names
  };

  Verdict answered_beside_circuit(Watch& w, NameId id, MonotonicNs now);
  Verdict scout(Watch& w, NameId id, MonotonicNs now);
  void become(Watch& w, Standing standing, MonotonicNs now);
  void damp(Watch& w, MonotonicNs up_since, MonotonicNs now);
  void watch_from_start(Watch& w, MonotonicNs now);
  void schedule_probe(Watch& w, MonotonicNs now);
  void lengthen(Watch& w, MonotonicNs now);
  static bool is_probed(const Watch& w);
  void forget(ServerNumber number);

  int64_t max_period_ns_;
  std::vector<Watch> servers_;
  std::vector<Place> places_;  // by name
  std::map<ServerAddress, ServerNumber> numbers_;
  std::vector<ServerNumber> free_;
  size_t first_ = 0;  // whose turn it is first
};

}  // namespace e2k::worker::search
