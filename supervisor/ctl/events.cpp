#include "supervisor/ctl/events.h"

#include <poll.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/clock.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/transitions.h"
#include "supervisor/ctl/words.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

volatile std::sig_atomic_t interrupted = 0;

struct Answered {
  Json status, hosts, topics, channels;
};

Outcome<Answered> ask_all(const Client& client) {
  Answered answered;
  const std::string not_connected = "/channels?limit=10000&state=" + std::string(kNotConnectedStates);
  for (const auto& [target, json] : {std::pair<std::string, Json*>{"/status", &answered.status},
                                     {"/hosts", &answered.hosts},
                                     {"/topics?limit=10000", &answered.topics},
                                     {not_connected, &answered.channels}}) {
    auto parsed = ask(client, target);
    if (!parsed) return tl::unexpected(parsed.error());
    *json = std::move(*parsed);
  }
  return answered;
}

void print(const std::vector<Transition>& changes, const Output& output) {
  const int64_t now = real_now().value;
  for (const Transition& change : changes)
    output.out << (output.json ? json_of(change, now).dump(-1, ' ', false, Json::error_handler_t::replace)
                               : line_of(change, now))
               << '\n';
  output.out << std::flush;
}

}  // namespace

Exit show_events(const Client& client, const EventsRequest& request, const Output& output) {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };  // without SA_RESTART: a wait ends
  for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
  Transitions transitions;
  bool tells_more = true;
  for (size_t looks = 0; interrupted == 0; ++looks) {
    const auto answered = ask_all(client);
    if (!answered && (!request.follow || looks == 0)) return complain(answered.error(), output);
    print(answered ? transitions.take({answered->status, at(answered->hosts, "items"),
                                       at(answered->topics, "items"), at(answered->channels, "items")})
                   : transitions.unanswered(),
          output);
    if (answered && tells_more && at(answered->channels, "next").is_string()) {
      output.err << "more than 10,000 entries are not connected: of those beyond, changes are not told\n";
      tells_more = false;
    }
    if (!request.follow) break;
    ::poll(nullptr, 0, static_cast<int>(request.interval_s * 1000));
  }
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
