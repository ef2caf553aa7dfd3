#include "supervisor/ctl/scale.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/status_view.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr int kPollMs = 100;

struct Fleet {
  int running = 0, others = 0;
  uint64_t moving = 0;
  std::string in_words;
  Json items = Json::array();
};

Outcome<Fleet> fleet_of(const Client& client) {
  auto document = ask(client, "/workers");
  if (!document) return tl::unexpected(document.error());
  Fleet fleet;
  for (Json& item : (*document)["items"]) {
    if (!item.is_object()) continue;
    const std::string state = item.value("state", std::string());
    ++(state == "RUNNING" ? fleet.running : fleet.others);
    fleet.moving += item.value("moving", uint64_t{0});
    if (state != "RUNNING")
      fleet.in_words += fmt::format("; worker {} is {}", item.value("slot", int64_t{-1}), state);
    if (const double waiting = number(at(item, "events"), "waiting"); state == "RETIRING" && waiting != 0)
      fleet.in_words += fmt::format(", {} in it wait for Kafka, epics2kafkactl status tells why",
                                    plural(waiting, "event", "events"));
    fleet.items.push_back(std::move(item));
  }
  return fleet;
}

}  // namespace

Exit scale_workers(const Client& client, const ScaleRequest& request, const Output& output) {
  const auto answer = client.put(fmt::format("/workers/count?n={}", request.workers));
  if (!answer) return complain(answer.error(), output);
  const std::string goal = fmt::format("{} {}", request.workers, request.workers == 1 ? "worker" : "workers");
  if (request.wait_s <= 0) {
    output.out << (output.json ? *answer : "there will be " + goal) << '\n';
    return Exit::ok;
  }
  const auto end = steady_clock::now() + std::chrono::duration<double>(request.wait_s);
  while (true) {
    const auto now = fleet_of(client);
    if (!now) return complain(now.error(), output);
    if (now->running == request.workers && now->others == 0 && now->moving == 0) {
      if (output.json)
        output.out << Json{{"api", 1}, {"items", now->items}}.dump() << '\n';
      else
        output.out << goal << (request.workers == 1 ? " runs" : " run")
                   << ", and no channel is on its way any more\n";
      return Exit::ok;
    }
    if (steady_clock::now() >= end)
      return complain({Exit::timed_out, fmt::format("not done after {:g} s: {} of {} run, {} channels are on "
                                                    "their way{}; it goes on, epics2kafkactl workers shows "
                                                    "how far it is",
                                                    request.wait_s, now->running, request.workers,
                                                    now->moving, now->in_words)},
                      output);
    ::poll(nullptr, 0, kPollMs);
  }
}

}  // namespace e2k::supervisor::ctl
