// How fast channels connect, what an idle one costs, and how many search frames dead names cost: plain libca
// and ours in one run, printed as a table. Usage: ca_connect_bench [channels [seconds for the dead names]].
//
// One soft IOC serves 99 % of the names, the rest exists nowhere. Each measurement is a process of its own. A
// UDP socket that answers nothing stands in the address list behind the IOC and counts the frames.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "tests/bench/ca/clients.h"
#include "tests/bench/ca/wire.h"
#include "tests/support/ca/soft_ioc.h"

namespace e2k::bench {
namespace {

using namespace std::chrono_literals;

struct Outcome {
  double connected_s = -1, first_events_s = -1, bytes_per_channel = 0;
};

Outcome run(const char* which, const Workload& workload, double hold_s) {
  Client client(which, workload);
  Outcome out;
  if (!client.wait_commanded(60)) return out;
  const Page& page = client.page();
  const int64_t begin_ns = page.commanded_ns;
  if (workload.live > 0 && client.wait_connected(120))
    out.connected_s = seconds_between(begin_ns, page.all_connected_ns);
  if (workload.live > 0 && client.wait_events(120))
    out.first_events_s = seconds_between(begin_ns, page.all_events_ns);
  const double left_s = hold_s - seconds_between(begin_ns, now_ns());
  if (left_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(left_s));
  out.bytes_per_channel =
      (double(client.measure_bytes()) - double(page.bytes_before)) / double(workload.live + workload.dead);
  return out;
}

void row(const char* what, const char* which, const Outcome& o, size_t frames, size_t with_dead) {
  std::printf("%-44s %-12s %9.2f %9.2f %9.0f %9zu %9zu\n", what, which, o.connected_s, o.first_events_s,
              o.bytes_per_channel, frames, with_dead);
  std::fflush(stdout);
}

void compare(size_t channels, double dead_s) {
  const size_t dead = channels / 100, live = channels - dead;
  test::SoftIoc ioc(database(live));
  std::printf("%-44s %-12s %9s %9s %9s %9s %9s\n", "", "", "connected", "events", "bytes per", "search",
              "with dead");
  std::printf("%-44s %-12s %9s %9s %9s %9s %9s\n", "", "", "s", "s", "channel", "frames", "names");
  const auto measure = [&](size_t l, size_t d, double hold_s) {
    char what[64];
    std::snprintf(what, sizeof what, "%zu names + %zu dead, for %.0f s at least", l, d, hold_s);
    for (const char* which : {"plain", "ours"}) {
      SearchPort sink;
      if (l > 0)
        test::search_on_loopback({ioc.port(), sink.port()});
      else
        test::search_on_loopback({sink.port()});
      const Outcome o = run(which, {l, d}, hold_s);
      std::this_thread::sleep_for(100ms);
      row(what, which, o, sink.frames, sink.with_dead);
    }
  };
  measure(std::min<size_t>(10'000, live), 0, 0);
  measure(live, 0, 0);
  measure(live, dead, dead_s);
  measure(0, dead, dead_s);
  measure(0, 10, dead_s);
}

}  // namespace
}  // namespace e2k::bench

int main(int argc, char** argv) {
  e2k::bench::client_main(argc, argv);
  const size_t channels = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const double dead_s = argc > 2 ? std::strtod(argv[2], nullptr) : 30;
  e2k::bench::compare(channels, dead_s);
}
