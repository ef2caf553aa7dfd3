// An IOC whose records count up as fast as it is told, and which loses nothing by itself.
//
// Serves Channel Access as the EPICS_CAS_* variables say, prints {"ready":…} and obeys lines from stdin:
//
//   monitors                     {"monitors":N}: the subscriptions that there are
//   go RATE SECONDS [MONITORS]   bumps the records in turn, RATE a second in all (0: as fast as it goes),
//   after
//                                waiting up to a minute for MONITORS subscriptions. A record whose last
//                                update is still queued is waited for: the server replaces nothing, and a
//                                rate that the client does not follow is not reached.
//   force RATE SECONDS [MONITORS]  the same without that wait: what the server then replaces is reported
//
// Both answer {"started":true} and at the end, when all queues are empty,
// {"posted":N,"replaced":N,"undelivered":N,"seconds":S,"records":N,"last":N}: `last` is the count that the
// record bumped last has. It ends with its stdin.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

#include "counter_records.h"

namespace e2k::load {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using namespace std::chrono_literals;

constexpr auto kDrainTimeout = 20s;
constexpr auto kMonitorsTimeout = 60s;
// Beats of a thousandth of a second: what a busy IOC's scan tasks and drivers send comes in small groups too.
constexpr auto kBeat = 1ms;
constexpr uint64_t kBurstWithoutPace = 1000;

// Polls, because what is waited for is counted inside of EPICS Base and signalled to nobody.
template <class Condition>
bool wait_until(Condition condition, Clock::time_point deadline, std::chrono::microseconds poll) {
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(poll);
  }
  return true;
}

class Load {
public:
  explicit Load(CounterRecords& records) : records_(records) {}

  // `rate` events a second, 0 for no limit.
  void run(double rate, double seconds, bool lossless) {
    const uint64_t replaced_before = records_.replaced();
    const uint64_t posted_before = posted_;
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(Seconds(seconds));
    uint64_t done = 0;
    for (auto beat = begin; Clock::now() < end; beat += kBeat) {
      uint64_t due = done + kBurstWithoutPace;
      if (rate > 0) {
        std::this_thread::sleep_until(beat);
        due = static_cast<uint64_t>(rate * Seconds(std::min(Clock::now(), end) - begin).count());
      }
      for (; done < due; ++done) bump_next(lossless, end);
    }
    wait_until([&] { return records_.pending() == 0; }, Clock::now() + kDrainTimeout, 200us);
    const double took = Seconds(Clock::now() - begin).count();
    std::printf("{\"posted\":%" PRIu64 ",\"replaced\":%" PRIu64 ",\"undelivered\":%" PRIu64
                ",\"seconds\":%.3f,\"records\":%zu,\"last\":%" PRIu64 "}\n",
                posted_ - posted_before, records_.replaced() - replaced_before, records_.pending(), took,
                records_.size(), (posted_ + records_.size() - 1) / records_.size());
  }

private:
  void bump_next(bool lossless, Clock::time_point end) {
    if (lossless && !wait_until([&] { return records_.pending(next_) == 0; }, end + kDrainTimeout, 20us))
      return;
    records_.bump(next_);
    next_ = (next_ + 1) % records_.size();
    ++posted_;
  }

  CounterRecords& records_;
  size_t next_ = 0;
  uint64_t posted_ = 0;
};

void obey(const std::string& line, CounterRecords& records, Load& load) {
  std::istringstream words(line);
  std::string verb;
  double rate = 0, seconds = 0;
  size_t monitors = 0;
  words >> verb;
  if (verb == "monitors") {
    std::printf("{\"monitors\":%zu}\n", records.monitors());
  } else if ((verb == "go" || verb == "force") && words >> rate >> seconds) {
    words >> monitors;
    if (!wait_until([&] { return records.monitors() >= monitors; }, Clock::now() + kMonitorsTimeout, 5ms)) {
      std::printf("{\"error\":\"only %zu monitors\"}\n", records.monitors());
    } else {
      std::printf("{\"started\":true}\n");
      std::fflush(stdout);
      load.run(rate, seconds, verb == "go");
    }
  } else {
    std::printf("{\"error\":\"not a command; known: monitors, go RATE SECONDS [MONITORS], force …\"}\n");
  }
  std::fflush(stdout);
}

}  // namespace
}  // namespace e2k::load

int main(int argc, char** argv) {
  CLI::App app("An IOC whose records count up at a rate; commands on stdin");
  size_t count = 1000, elements = 1;
  std::string prefix = "load:";
  app.add_option("--records", count, "Number of records")->check(CLI::Range(1, 10'000'000));
  app.add_option("--prefix", prefix, "Records are named PREFIX0, PREFIX1, …");
  app.add_option("--elements", elements, "Doubles a record; of an array the first one counts");
  CLI11_PARSE(app, argc, argv);
  try {
    e2k::load::CounterRecords records(prefix, count, elements);
    e2k::load::Load load(records);
    std::printf("{\"ready\":true,\"records\":%zu}\n", records.size());
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) e2k::load::obey(line, records, load);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "e2k_load_ioc: %s\n", problem.what());
    return 1;
  }
  // EPICS Base has threads that nothing joins: leave without running destructors under them.
  std::_Exit(0);
}
