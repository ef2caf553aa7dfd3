// The two Channel Access clients that the programs of this folder compare: plain libca and ours, each in a
// process of its own, with what it has reached in a page of shared memory.
//
// A program calls client_main() first thing in main: in such a process it does not return. The parent
// sets EPICS_CA_* (test::search_on_loopback), makes a Client, watches its page, and ends it. Names are
// `bench:live:NNNNNN` and `bench:dead:NNNNNN`; the live ones have the numbers from 0.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace e2k::bench {

using Clock = std::chrono::steady_clock;

inline constexpr std::string_view kLivePrefix = "bench:live", kDeadPrefix = "bench:dead";

double seconds_between(int64_t begin_ns, int64_t end_ns);
int64_t now_ns();

enum class Order : uint8_t { spread, dead_first };

struct Workload {
  size_t live = 0, dead = 0;
  Order order = Order::spread;  // spread: dead names stand evenly among the live ones
};
std::string name_of(size_t number, size_t live);
std::vector<std::string> names(const Workload& workload);
// An ao record for each live name.
std::string database(size_t live);

// Written by the client's process, read by its parent. Times are of the steady clock, which is the machine's;
// 0: not reached. Those of "all live" go back to 0 when one is lost.
struct Page {
  std::atomic<int64_t> commanded_ns{0}, all_connected_ns{0}, all_events_ns{0};
  std::atomic<size_t> connected{0};    // now
  std::atomic<size_t> with_events{0};  // had an event since they last connected
  std::atomic<size_t> bytes_before{0}, bytes_now{0};
  std::atomic<bool> measure{false};  // set by the parent: bytes_now is wanted
};

class Client {
public:
  // which: "plain" or "ours". Its stderr goes into a file, whose lines are counted.
  Client(std::string_view which, const Workload& workload);
  ~Client();  // SIGKILL
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const Page& page() const { return *page_; }
  // False at the deadline, and when the client has ended.
  bool wait_connected(double limit_s) const { return wait(page_->all_connected_ns, limit_s); }
  bool wait_events(double limit_s) const { return wait(page_->all_events_ns, limit_s); }
  bool wait_commanded(double limit_s) const { return wait(page_->commanded_ns, limit_s); }
  size_t measure_bytes();  // resident, after what the heap keeps without need was given back
  double cpu_s() const;
  size_t log_lines() const;

private:
  bool wait(const std::atomic<int64_t>& moment_ns, double limit_s) const;

  Page* page_;
  std::string log_;
  pid_t pid_ = -1;
};

// What passes beacons on, on EPICS_CA_REPEATER_PORT of the moment, as the service has one: libca starts one
// in its own process only when its first channel is made, which ours does not do for a name that nobody has.
class Repeater {
public:
  Repeater();
  ~Repeater();
  Repeater(const Repeater&) = delete;
  Repeater& operator=(const Repeater&) = delete;

private:
  pid_t pid_ = -1;
};

// In a client's or a repeater's process: runs it until it is killed.
void client_main(int argc, char** argv);

}  // namespace e2k::bench
