// How fast channels connect, what an idle one costs, and how many search frames dead names cost: plain libca
// and ours in one run, printed as a table. Usage: ca_connect_bench [channels [seconds for the dead names]].
//
// One soft IOC serves 99 % of the names, the rest exists nowhere. Each measurement is a process of its own. A
// UDP socket that answers nothing stands in the address list behind the IOC and counts the frames.
#include <cadef.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/ca/soft_ioc.h"
#include "worker/ca/ca_monitors.h"

extern char** environ;

namespace e2k::worker {

class IntakeEntry {
public:
  std::atomic<uint32_t> events{0};
};

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// Counts, and holds as little as can be: what is measured is not the Intake.
class CountingIntake final : public Intake {
public:
  explicit CountingIntake(size_t entries) : entries_(entries) {}
  IntakeEntry* open_entry(EntryIndex index, const EntrySpec&, uint32_t) override {
    return &entries_[index.value];
  }
  void close_entry(IntakeEntry*) override {}
  void event(IntakeEntry& entry, const CaEvent&) noexcept override {
    if (entry.events++ == 0) ++with_events;
  }
  void error(IntakeEntry&, std::string_view) noexcept override {}
  void set_state(IntakeEntry&, ledger::EntryState state) noexcept override {
    if (state == ledger::EntryState::connected) ++connected;
  }
  void add_flags(IntakeEntry&, uint32_t) noexcept override {}
  void clear_flags(IntakeEntry&, uint32_t) noexcept override {}
  uint32_t flags(const IntakeEntry&) const noexcept override { return 0; }
  void count_gap(IntakeEntry&) noexcept override {}
  void set_source(IntakeEntry&, std::string_view, uint16_t, uint32_t) noexcept override {}
  std::atomic<size_t> connected{0}, with_events{0};

private:
  std::vector<IntakeEntry> entries_;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// What the heap keeps without need is no cost of a channel.
size_t rss_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string name_of(size_t i, size_t live) {
  char text[32];
  std::snprintf(text, sizeof text, "bench:%s:%06zu", i < live ? "live" : "dead", i);
  return text;
}

// Every 100th name is dead where `live` is 99 % of all: they are spread evenly.
std::vector<std::string> names(size_t live, size_t dead) {
  std::vector<std::string> out;
  const size_t every = dead ? (live + dead) / dead : 0;
  for (size_t l = 0, d = 0; l < live || d < dead;) {
    const bool is_dead = d < dead && (l >= live || (l + d) % every == every - 1);
    out.push_back(is_dead ? name_of(live + d++, live) : name_of(l++, live));
  }
  return out;
}

template <class Done>
bool poll_until(Clock::time_point begin, double limit_s, Done done) {
  while (!done()) {
    if (seconds_since(begin) > limit_s) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

struct Outcome {
  double connected_s = -1, first_events_s = -1, bytes_per_channel = 0;
};

Outcome run_ours(const std::vector<std::string>& all, size_t live, double hold_s) {
  CountingIntake intake(all.size());
  auto monitors = make_monitors({3600}, intake);
  if (!monitors) std::abort();
  std::this_thread::sleep_for(200ms);
  const size_t before = rss_bytes();
  const auto begin = Clock::now();
  uint64_t number = 0;
  std::vector<AssignItem> items;
  for (size_t i = 0; i < all.size(); ++i) {
    items.emplace_back(
        AddEntry{EntryIndex{static_cast<uint32_t>(i)}, {"topic", all[i], Mask{5}, ""}, false, false});
    if (items.size() == kMaxAssignItems || i + 1 == all.size()) {
      (*monitors)->post(++number, std::move(items));
      items.clear();
      while ((*monitors)->applied() < number) std::this_thread::yield();  // as the supervisor does
    }
  }
  Outcome out;
  if (live > 0 && poll_until(begin, 120, [&] { return intake.connected >= live; }))
    out.connected_s = seconds_since(begin);
  if (live > 0 && poll_until(begin, 120, [&] { return intake.with_events >= live; }))
    out.first_events_s = seconds_since(begin);
  std::this_thread::sleep_until(
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(hold_s)));
  out.bytes_per_channel = double(rss_bytes() - before) / double(all.size());
  return out;
}

std::atomic<size_t> g_connected{0}, g_events{0};

extern "C" void plain_event(event_handler_args args) {
  auto* seen = static_cast<char*>(args.usr);
  if (!*seen) {
    *seen = 1;
    ++g_events;
  }
}
extern "C" void plain_connection(connection_handler_args args) {
  if (args.op != CA_OP_CONN_UP) return;
  ++g_connected;
  evid id;
  ca_create_subscription(dbf_type_to_DBR_TIME(ca_field_type(args.chid)), 0, args.chid, 5, plain_event,
                         ca_puser(args.chid), &id);
}

Outcome run_plain(const std::vector<std::string>& all, size_t live, double hold_s) {
  ca_context_create(ca_enable_preemptive_callback);
  std::vector<char> seen(all.size());
  std::vector<chid> ids(all.size());
  const size_t before = rss_bytes();
  const auto begin = Clock::now();
  for (size_t i = 0; i < all.size(); ++i)
    ca_create_channel(all[i].c_str(), plain_connection, &seen[i], 0, &ids[i]);
  ca_flush_io();
  Outcome out;
  if (live > 0 && poll_until(begin, 120, [&] { return g_connected >= live; }))
    out.connected_s = seconds_since(begin);
  if (live > 0 && poll_until(begin, 120, [&] {
        ca_flush_io();
        return g_events >= live;
      }))
    out.first_events_s = seconds_since(begin);
  std::this_thread::sleep_until(
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(hold_s)));
  out.bytes_per_channel = double(rss_bytes() - before) / double(all.size());
  return out;
}

// Counts the datagrams that hold a search, and those of them that ask for a dead name.
class Sink {
public:
  Sink() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    const int bytes = 8 << 20;
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    timeval timeout{0, 50'000};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) < 0) std::abort();
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&a), &size);
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Sink() {
    stop_ = true;
    thread_.join();
  }
  uint16_t port() const { return port_; }
  void reset() { frames = with_dead = 0; }
  std::atomic<size_t> frames{0}, with_dead{0};

private:
  void run() {
    char buffer[65536];
    while (!stop_) {
      const ssize_t n = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (n <= 16) continue;
      ++frames;
      if (memmem(buffer, static_cast<size_t>(n), "bench:dead", 10)) ++with_dead;
    }
  }
  UniqueFd socket_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Outcome in_child(const char* self, const char* what, size_t live, size_t dead, double hold_s,
                 std::initializer_list<uint16_t> ports) {
  test::search_on_loopback(ports);
  int out[2];
  if (pipe2(out, O_CLOEXEC) < 0) std::abort();
  std::vector<std::string> arguments{
      self, "--child", what, std::to_string(live), std::to_string(dead), std::to_string(hold_s)};
  std::vector<char*> argv;
  for (std::string& s : arguments) argv.push_back(s.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], 3);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid;
  if (posix_spawn(&pid, self, &actions, nullptr, argv.data(), environ) != 0) std::abort();
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  Outcome result;
  if (read(out[0], &result, sizeof result) != sizeof result) std::fprintf(stderr, "%s ended early\n", what);
  close(out[0]);
  waitpid(pid, nullptr, 0);
  return result;
}

int child(char** argv) {
  const size_t live = std::strtoul(argv[3], nullptr, 10), dead = std::strtoul(argv[4], nullptr, 10);
  const double hold_s = std::strtod(argv[5], nullptr);
  const auto all = names(live, dead);
  const Outcome out =
      std::string_view(argv[2]) == "ours" ? run_ours(all, live, hold_s) : run_plain(all, live, hold_s);
  if (write(3, &out, sizeof out) != sizeof out) return 1;
  _exit(0);
}

void row(const char* what, const char* which, const Outcome& o, size_t frames, size_t with_dead) {
  std::printf("%-44s %-12s %9.2f %9.2f %9.0f %9zu %9zu\n", what, which, o.connected_s, o.first_events_s,
              o.bytes_per_channel, frames, with_dead);
  std::fflush(stdout);
}

int parent(const char* self, size_t channels, double dead_s) {
  const size_t dead = channels / 100, live = channels - dead;
  std::string database;
  for (size_t i = 0; i < live; ++i)
    database += "record(ao,\"" + name_of(i, live) + "\"){field(PINI,\"YES\")}\n";
  test::SoftIoc ioc(database);
  Sink sink;
  std::printf("%-44s %-12s %9s %9s %9s %9s %9s\n", "", "", "connected", "events", "bytes per", "search",
              "with dead");
  std::printf("%-44s %-12s %9s %9s %9s %9s %9s\n", "", "", "s", "s", "channel", "frames", "names");
  const auto measure = [&](const char* what, size_t l, size_t d, double hold_s, bool with_ioc) {
    for (const char* which : {"plain", "ours"}) {
      sink.reset();
      const Outcome o = with_ioc ? in_child(self, which, l, d, hold_s, {ioc.port(), sink.port()})
                                 : in_child(self, which, l, d, hold_s, {sink.port()});
      std::this_thread::sleep_for(100ms);
      row(what, which, o, sink.frames, sink.with_dead);
    }
  };
  const auto label = [](size_t l, size_t d, double s) {
    char text[64];
    std::snprintf(text, sizeof text, "%zu names + %zu dead, for %.0f s at least", l, d, s);
    return std::string(text);
  };
  measure(label(10'000, 0, 0).c_str(), std::min<size_t>(10'000, live), 0, 0, true);
  measure(label(live, 0, 0).c_str(), live, 0, 0, true);
  measure(label(live, dead, dead_s).c_str(), live, dead, dead_s, true);
  measure(label(0, dead, dead_s).c_str(), 0, dead, dead_s, false);
  measure(label(0, 10, dead_s).c_str(), 0, 10, dead_s, false);
  return 0;
}

}  // namespace
}  // namespace e2k::worker

int main(int argc, char** argv) {
  if (argc > 5 && std::string_view(argv[1]) == "--child") return e2k::worker::child(argv);
  const size_t channels = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const double dead_s = argc > 2 ? std::strtod(argv[2], nullptr) : 30;
  return e2k::worker::parent(argv[0], channels, dead_s);
}
