// How clients behave towards a network in trouble: plain libca and ours in the same situation, in turns,
// printed as a table. Usage: ca_manners_bench [seconds for each situation, 80 [their letters, abcdefghi]].
//
//   a  2,000 names of a server that answers searches and refuses connections
//   b  the same, but connections hang
//   c  10,000 names that nobody has, on a quiet network
//   d  the same, with beacons of one server whose numbers jump back, 50 a second
//   e  the same, with 1,000 beacons a second: of one server, of 1,000 servers
//   f  2,000 names of an IOC that was killed after they had connected, and stays away
//   g  the same with 40 names and with 1
//   h  300 living names behind 25,000 dead ones: until all the living are connected
//   i  10,000 names of an IOC that restarts, without and with its beacons: from when it takes connections
//   until
//      all are connected and monitored
//
// Searches are counted where they arrive: at the server of a and b, else at a silent address in the list.
// Connections are those tried to the server's port, counted as SYNs; that needs root, else the column is
// empty. Log lines are those on the client's stderr, libca's own among them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "common/fd.h"
#include "tests/bench/ca/clients.h"
#include "tests/bench/ca/wire.h"
#include "tests/support/ca/soft_ioc.h"

namespace e2k::bench {
namespace {

using namespace std::chrono_literals;
using worker::search::ServerAddress;

constexpr double kPatience_s = 120;
constexpr uint32_t kTestNet = 0xc6120000;  // 198.18.0.0, which is nobody's

void wait_s(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

uint16_t repeater_port() {
  return static_cast<uint16_t>(std::atoi(std::getenv("EPICS_CA_REPEATER_PORT")));
}

void heading() {
  std::printf("%-52s %-6s %7s %9s %9s %8s %9s %9s %7s %7s\n", "", "", "seconds", "connected", "monitored",
              "frames", "names", "connects", "lines", "CPU s");
}

// What came between its construction and row(), or, of a client that asks as soon as it begins, from its
// beginning.
class Window {
public:
  enum class From { now, beginning };
  Window(const Client& client, const SearchPort& port, Attempts* attempts, From from)
      : client_(client),
        port_(port),
        attempts_(attempts),
        frames_(from == From::now ? port.frames.load() : 0),
        names_(from == From::now ? port.names.load() : 0),
        connects_(from == From::now && attempts ? attempts->count() : 0),
        lines_(from == From::now ? client.log_lines() : 0),
        cpu_s_(client.cpu_s()) {}

  // The times are since since_ns; nothing where there are none.
  void row(const std::string& what, const char* which, int64_t since_ns = 0) const {
    const Page& page = client_.page();
    std::printf("%-52s %-6s %7.1f %9s %9s %8zu %9zu %9s %7zu %7.2f\n", what.c_str(), which,
                seconds_between(begin_ns_, now_ns()), time(since_ns, page.all_connected_ns).c_str(),
                time(since_ns, page.all_events_ns).c_str(), port_.frames - frames_, port_.names - names_,
                connects().c_str(), client_.log_lines() - lines_, client_.cpu_s() - cpu_s_);
    std::fflush(stdout);
  }

private:
  static std::string time(int64_t since_ns, int64_t at_ns) {
    if (since_ns == 0) return "";
    if (at_ns == 0) return "never";
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", seconds_between(since_ns, at_ns));
    return text;
  }
  std::string connects() const {
    return attempts_ && attempts_->available() ? std::to_string(attempts_->count() - connects_) : "";
  }

  const Client& client_;
  const SearchPort& port_;
  Attempts* attempts_;
  const size_t frames_, names_, connects_, lines_;
  const double cpu_s_;
  const int64_t begin_ns_ = now_ns();
};

void deaf_server(const char* which, double seconds, DeafPort::Manner manner) {
  SearchPort server(kLivePrefix);
  const DeafPort deaf(server.port(), manner);
  Attempts attempts(server.port());
  test::search_on_loopback({server.port()});
  const Repeater repeater;
  const Client client(which, {2000, 0});
  if (!client.wait_commanded(kPatience_s)) return;
  const Window window(client, server, &attempts, Window::From::beginning);
  wait_s(seconds);
  window.row(manner == DeafPort::Manner::refuses ? "a 2,000 names, connections are refused"
                                                 : "b 2,000 names, connections hang",
             which);
}

void dead_names(const char* which, double seconds, const std::string& what,
                const std::optional<BeaconPlan>& plan) {
  SearchPort sink;
  test::search_on_loopback({sink.port()});
  const Repeater repeater;
  const Client client(which, {0, 10'000});
  if (!client.wait_commanded(kPatience_s)) return;
  const Window window(client, sink, nullptr, Window::From::beginning);
  std::optional<BeaconSender> beacons;
  if (plan) beacons.emplace(repeater_port(), *plan);
  wait_s(seconds);
  window.row(what, which);
}

BeaconPlan one_server(double per_second, bool jumping_back) {
  return {{ServerAddress{kTestNet + 1, 5064}}, per_second, jumping_back};
}

BeaconPlan many_servers(uint32_t servers, double per_second) {
  BeaconPlan plan{{}, per_second, false};
  for (uint32_t i = 0; i < servers; ++i) plan.servers.push_back({kTestNet + 1 + i, 5064});
  return plan;
}

void killed_ioc(const char* which, double seconds, size_t count, const char* letter) {
  auto ioc = std::make_unique<test::SoftIoc>(database(count));
  SearchPort sink;
  Attempts attempts(ioc->port());
  test::search_on_loopback({ioc->port(), sink.port()});
  const Repeater repeater;
  const Client client(which, {count, 0});
  if (!client.wait_events(kPatience_s)) return;
  const Window window(client, sink, &attempts, Window::From::now);
  ioc.reset();
  wait_s(seconds);
  window.row(std::string(letter) + " " + std::to_string(count) + " names, their IOC was killed", which);
}

void living_behind_dead(const char* which, double seconds) {
  const test::SoftIoc ioc(database(300));
  SearchPort sink;
  Attempts attempts(ioc.port());
  test::search_on_loopback({ioc.port(), sink.port()});
  const Repeater repeater;
  const Client client(which, {300, 25'000, Order::dead_first});
  const Window window(client, sink, &attempts, Window::From::now);
  client.wait_events(seconds);
  window.row("h 300 names behind 25,000 dead ones", which, client.page().commanded_ns);
}

// When the port takes its first connection; 0 where it has not done so by the end of `stop`.
int64_t first_connection_ns(uint16_t port, const std::atomic<bool>& stop) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  while (!stop) {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0) return now_ns();
    std::this_thread::sleep_for(2ms);
  }
  return 0;
}

void restarted_ioc(const char* which, double away_s, bool with_beacons) {
  const std::string records = database(10'000);
  SearchPort sink;
  const uint16_t port = test::free_port();
  test::search_on_loopback({port, sink.port()});
  const Repeater repeater;
  const test::SoftIoc::Options options{port, {}, with_beacons ? repeater_port() : uint16_t{9}};
  auto ioc = std::make_unique<test::SoftIoc>(records, options);
  const Client client(which, {10'000, 0});
  if (!client.wait_events(kPatience_s)) return;
  const Window window(client, sink, nullptr, Window::From::now);
  ioc.reset();
  wait_s(away_s);
  std::atomic<bool> stop{false};
  int64_t up_ns = 0;
  std::thread watch([&] { up_ns = first_connection_ns(port, stop); });
  ioc = std::make_unique<test::SoftIoc>(records, options);
  client.wait_events(kPatience_s);
  stop = true;
  watch.join();
  window.row(with_beacons ? "i 10,000 names, IOC restarts, with its beacons" : "i 10,000 names, IOC restarts",
             which, up_ns);
}

using Situation = std::function<void(const char* which, double seconds)>;

std::vector<std::pair<char, Situation>> situations() {
  const auto dead = [](std::string what, std::optional<BeaconPlan> plan) {
    return [what = std::move(what), plan = std::move(plan)](const char* which, double seconds) {
      dead_names(which, seconds, what, plan);
    };
  };
  const auto killed = [](size_t count, const char* letter) {
    return [=](const char* which, double seconds) { killed_ioc(which, seconds, count, letter); };
  };
  const auto deaf = [](DeafPort::Manner manner) {
    return [=](const char* which, double seconds) { deaf_server(which, seconds, manner); };
  };
  const auto restarted = [](bool with_beacons) {
    return [=](const char* which, double) { restarted_ioc(which, 3, with_beacons); };
  };
  return {{'a', deaf(DeafPort::Manner::refuses)},
          {'b', deaf(DeafPort::Manner::never_accepts)},
          {'c', dead("c 10,000 dead names", std::nullopt)},
          {'d', dead("d 10,000 dead names, 50 beacons/s jump back", one_server(50, true))},
          {'e', dead("e 10,000 dead names, 1,000 beacons/s of 1 server", one_server(1000, false))},
          {'e', dead("e 10,000 dead names, 1,000 beacons/s of 1,000", many_servers(1000, 1000))},
          {'f', killed(2000, "f")},
          {'g', killed(40, "g")},
          {'g', killed(1, "g")},
          {'h', living_behind_dead},
          {'i', restarted(false)},
          {'i', restarted(true)}};
}

}  // namespace
}  // namespace e2k::bench

int main(int argc, char** argv) {
  e2k::bench::client_main(argc, argv);
  const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 80;
  const std::string wanted = argc > 2 ? argv[2] : "abcdefghi";
  e2k::bench::heading();
  for (const auto& [letter, situation] : e2k::bench::situations()) {
    if (wanted.find(letter) == std::string::npos) continue;
    for (const char* which : {"plain", "ours"}) situation(which, seconds);
  }
}
