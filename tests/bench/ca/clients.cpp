#include "tests/bench/ca/clients.h"

#include <cadef.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "common/fd.h"
#include "common/log.h"
#include "worker/ca/ca_monitors.h"
#include "worker/ca/repeater.h"

extern char** environ;

namespace e2k::worker {

class IntakeEntry {
public:
  uint32_t number = 0;
};

}  // namespace e2k::worker

namespace e2k::bench {
namespace {

using namespace std::chrono_literals;
using namespace e2k::worker;

constexpr int kPageDescriptor = 3;
constexpr auto kTurn = 10ms;

void require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::abort();
}

Page* map_page(int fd) {
  void* at = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  require(at != MAP_FAILED, "no page to share");
  return static_cast<Page*>(at);
}

size_t rss_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Keeps the page. What one channel does is told by one thread at a time (libca's callbacks are serialised).
class Tally {
public:
  Tally(Page& page, size_t names, size_t live) : page_(page), live_(live), states_(names) {}

  void connected(size_t i) {
    if (states_[i] & kConnected) return;
    states_[i] |= kConnected;
    if (++page_.connected == live_) page_.all_connected_ns = now_ns();
  }
  void lost(size_t i) {
    if (states_[i] & kConnected) --page_.connected, page_.all_connected_ns = 0;
    if (states_[i] & kEvent) --page_.with_events, page_.all_events_ns = 0;
    states_[i] = 0;
  }
  void event(size_t i) {
    if (states_[i] & kEvent) return;
    states_[i] |= kEvent;
    if (++page_.with_events == live_) page_.all_events_ns = now_ns();
  }

private:
  static constexpr uint8_t kConnected = 1, kEvent = 2;
  Page& page_;
  const size_t live_;
  std::vector<std::atomic<uint8_t>> states_;  // of different channels by different threads
};

// Holds as little as can be: what is measured is not the Intake.
class CountingIntake final : public Intake {
public:
  CountingIntake(Tally& tally, size_t entries) : tally_(tally), entries_(entries) {}
  IntakeEntry* open_entry(EntryIndex index, const EntrySpec&, uint32_t, bool) override {
    entries_[index.value].number = index.value;
    return &entries_[index.value];
  }
  void close_entry(IntakeEntry*) override {}
  void end_gap(IntakeEntry&) noexcept override {}
  void take_over(IntakeEntry&, const IntakeEntry&) noexcept override {}
  void event(std::span<IntakeEntry* const> entries, const CaEvent&) noexcept override {
    for (const IntakeEntry* entry : entries) tally_.event(entry->number);
  }
  void refused(IntakeEntry&, ledger::LossReason) noexcept override {}
  void error(IntakeEntry&, std::string_view, ledger::Thread) noexcept override {}
  void set_state(IntakeEntry& entry, ledger::EntryState state) noexcept override {
    if (state == ledger::EntryState::connected)
      tally_.connected(entry.number);
    else
      tally_.lost(entry.number);
  }
  void set_step(IntakeEntry&, ledger::Step, uint16_t) noexcept override {}
  void add_flags(IntakeEntry&, uint32_t) noexcept override {}
  void clear_flags(IntakeEntry&, uint32_t) noexcept override {}
  uint32_t flags(const IntakeEntry&) const noexcept override { return 0; }
  EventIdentity last_event(const IntakeEntry&) const noexcept override { return {}; }
  void set_host(IntakeEntry&, std::string_view) noexcept override {}
  void set_type(IntakeEntry&, uint16_t, uint32_t) noexcept override {}
  void set_also_host(IntakeEntry&, std::string_view) noexcept override {}
  void set_server(std::string_view, const ServerFacts&) noexcept override {}
  void set_search(const SearchFacts&) noexcept override {}
  void forget_host(std::string_view) noexcept override {}
  void turn_skew_window() noexcept override {}

private:
  Tally& tally_;
  std::vector<IntakeEntry> entries_;
};

void run_ours(const std::vector<std::string>& all, Tally& tally, Page& page) {
  if (!log::start("client", "info")) std::abort();
  CountingIntake intake(tally, all.size());
  auto monitors = make_monitors({.never_connected_after_s = 3600}, intake);
  if (!monitors) std::abort();
  std::this_thread::sleep_for(200ms);
  page.bytes_before = rss_bytes();
  page.commanded_ns = now_ns();
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
  while (true) {
    if (page.measure.exchange(false)) page.bytes_now = rss_bytes();
    std::this_thread::sleep_for(kTurn);
  }
}

struct PlainChannel {
  size_t number;
  bool subscribed;
};
Tally* g_tally;
std::atomic<bool> g_flush{false};

extern "C" void plain_event(event_handler_args args) {
  if (args.status == ECA_NORMAL) g_tally->event(static_cast<PlainChannel*>(args.usr)->number);
}
extern "C" void plain_connection(connection_handler_args args) {
  auto* channel = static_cast<PlainChannel*>(ca_puser(args.chid));
  if (args.op != CA_OP_CONN_UP) return g_tally->lost(channel->number);
  g_tally->connected(channel->number);
  if (std::exchange(channel->subscribed, true)) return;  // libca keeps its subscriptions
  evid id;
  ca_create_subscription(dbf_type_to_DBR_TIME(ca_field_type(args.chid)), 0, args.chid, 5, plain_event,
                         channel, &id);
  g_flush = true;
}

void run_plain(const std::vector<std::string>& all, Tally& tally, Page& page) {
  g_tally = &tally;
  ca_context_create(ca_enable_preemptive_callback);
  std::vector<PlainChannel> channels(all.size());
  std::vector<chid> ids(all.size());
  page.bytes_before = rss_bytes();
  page.commanded_ns = now_ns();
  for (size_t i = 0; i < all.size(); ++i) {
    channels[i] = {i, false};
    ca_create_channel(all[i].c_str(), plain_connection, &channels[i], 0, &ids[i]);
  }
  ca_flush_io();
  while (true) {
    if (g_flush.exchange(false)) ca_flush_io();
    if (page.measure.exchange(false)) page.bytes_now = rss_bytes();
    std::this_thread::sleep_for(kTurn);
  }
}

template <class Done>
bool poll_until(double limit_s, Done done) {
  const int64_t begin_ns = now_ns();
  while (!done()) {
    if (seconds_between(begin_ns, now_ns()) > limit_s) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

pid_t spawn(std::vector<std::string> arguments, int output, int page) {
  std::vector<char*> argv;
  for (std::string& s : arguments) argv.push_back(s.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawn_file_actions_adddup2(&actions, page, kPageDescriptor);
  pid_t pid = -1;
  require(posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ) == 0, "no process");
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

double seconds_between(int64_t begin_ns, int64_t end_ns) {
  return double(end_ns - begin_ns) / 1e9;
}

std::string name_of(size_t number, size_t live) {
  char text[32];
  std::snprintf(text, sizeof text, "%s:%06zu", (number < live ? kLivePrefix : kDeadPrefix).data(), number);
  return text;
}

std::vector<std::string> names(const Workload& w) {
  std::vector<std::string> out;
  if (w.order == Order::dead_first) {
    for (size_t d = 0; d < w.dead; ++d) out.push_back(name_of(w.live + d, w.live));
    for (size_t l = 0; l < w.live; ++l) out.push_back(name_of(l, w.live));
    return out;
  }
  const size_t every = w.dead ? (w.live + w.dead) / w.dead : 0;
  for (size_t l = 0, d = 0; l < w.live || d < w.dead;) {
    const bool is_dead = d < w.dead && (l >= w.live || (l + d) % every == every - 1);
    out.push_back(is_dead ? name_of(w.live + d++, w.live) : name_of(l++, w.live));
  }
  return out;
}

std::string database(size_t live) {
  std::string out;
  for (size_t i = 0; i < live; ++i) out += "record(ao,\"" + name_of(i, live) + "\"){field(PINI,\"YES\")}\n";
  return out;
}

Client::Client(std::string_view which, const Workload& workload) {
  const UniqueFd page(memfd_create("page", MFD_CLOEXEC));
  require(page && ftruncate(page.get(), sizeof(Page)) == 0, "no page to share");
  page_ = new (map_page(page.get())) Page;
  log_ = (std::filesystem::temp_directory_path() / "e2k-client-XXXXXX").string();
  const UniqueFd log(mkostemp(log_.data(), O_CLOEXEC | O_APPEND));
  require(bool(log), "no file for the client's log");
  pid_ = spawn({"ca_client", "--client", std::string(which), std::to_string(workload.live),
                std::to_string(workload.dead), workload.order == Order::spread ? "spread" : "dead_first"},
               log.get(), page.get());
}

Client::~Client() {
  end(pid_);
  munmap(page_, sizeof(Page));
  std::filesystem::remove(log_);
}

Repeater::Repeater() {
  const UniqueFd nowhere(open("/dev/null", O_RDWR | O_CLOEXEC));
  pid_ = spawn({"ca_repeater", "--repeater"}, nowhere.get(), nowhere.get());
  char port[8];
  std::snprintf(port, sizeof port, ":%04X ", std::atoi(std::getenv("EPICS_CA_REPEATER_PORT")));
  const bool serves = poll_until(10, [&] {
    std::ifstream sockets("/proc/net/udp");
    const std::string text(std::istreambuf_iterator<char>(sockets), {});
    return text.find(port) != std::string::npos;
  });
  require(serves, "the repeater does not begin");
}

Repeater::~Repeater() {
  end(pid_);
}

bool Client::wait(const std::atomic<int64_t>& moment_ns, double limit_s) const {
  const auto ended = [this] {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0;
  };
  poll_until(limit_s, [&] { return moment_ns != 0 || ended(); });
  if (moment_ns == 0 && ended())
    std::cerr << "the client has ended. It said:\n" << std::ifstream(log_).rdbuf();
  return moment_ns != 0;
}

size_t Client::measure_bytes() {
  page_->bytes_now = 0;
  page_->measure = true;
  poll_until(10, [&] { return page_->bytes_now != 0; });
  return page_->bytes_now;
}

double Client::cpu_s() const {
  clockid_t clock;
  timespec t{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &t) != 0) return -1;
  return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

size_t Client::log_lines() const {
  std::ifstream log(log_, std::ios::binary);
  return static_cast<size_t>(
      std::count(std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>(), '\n'));
}

void client_main(int argc, char** argv) {
  if (argc < 2 || !std::string_view(argv[1]).starts_with("--")) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (std::string_view(argv[1]) == "--repeater") std::exit(run_ca_repeater());
  if (argc < 6 || std::string_view(argv[1]) != "--client") return;
  Page& page = *map_page(kPageDescriptor);
  const Workload workload{std::strtoul(argv[3], nullptr, 10), std::strtoul(argv[4], nullptr, 10),
                          std::string_view(argv[5]) == "spread" ? Order::spread : Order::dead_first};
  const auto all = names(workload);
  Tally tally(page, all.size(), workload.live);
  if (std::string_view(argv[2]) == "ours")
    run_ours(all, tally, page);
  else
    run_plain(all, tally, page);
}

}  // namespace e2k::bench
