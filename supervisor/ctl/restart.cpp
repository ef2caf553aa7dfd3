#include "supervisor/ctl/restart.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>
#include <string>
#include <type_traits>

#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr int kPollMs = 100;

struct Worker {
  int64_t generation = 0;
  std::string state, last_exit;
  Json document;
};
using Workers = std::map<int64_t, Worker>;

template <class Value>
Value member(const Json& object, const char* name, Value otherwise) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return otherwise;
  if constexpr (std::is_integral_v<Value>)
    return found->is_number_integer() ? found->template get<Value>() : otherwise;
  else
    return found->is_string() ? found->template get<Value>() : otherwise;
}

Outcome<Workers> workers_of(const Client& client) {
  auto document = ask(client, "/workers");
  if (!document) return tl::unexpected(document.error());
  Workers workers;
  for (Json& item : (*document)["items"]) {
    if (!item.is_object()) continue;
    workers[member(item, "slot", int64_t{-1})] = {member(item, "generation", int64_t{0}),
                                                  member(item, "state", std::string()),
                                                  member(item, "last_exit", std::string()), item};
  }
  return workers;
}

Workers meant(const Workers& workers, const RestartRequest& request) {
  Workers chosen;
  for (const auto& [slot, worker] : workers) {
    const bool is_meant = request.slot          ? slot == *request.slot
                          : request.only_failed ? worker.state == "FAILED"
                                                : worker.state != "GONE";
    if (is_meant) chosen.emplace(slot, worker);
  }
  return chosen;
}

std::string target_of(const RestartRequest& request) {
  if (request.slot) return fmt::format("/workers/{}/restart", *request.slot);
  return fmt::format("/workers/restart?rolling={}&only_failed={}", request.rolling, request.only_failed);
}

std::string named(const std::set<int64_t>& slots) {
  return fmt::format("{} {}", slots.size() == 1 ? "worker" : "workers", fmt::join(slots, ", "));
}

// Until each runs in a later generation than before.
Exit wait_for(const Client& client, const Workers& before, double wait_s, const Output& output) {
  const auto end = steady_clock::now() + std::chrono::duration<double>(wait_s);
  std::set<int64_t> open;
  for (const auto& [slot, worker] : before) open.insert(slot);
  Json done = Json::array();
  while (true) {
    const auto now = workers_of(client);
    if (!now) return complain(now.error(), output);
    for (const auto& [slot, worker] : *now) {
      if (!open.contains(slot) || worker.generation <= before.at(slot).generation) continue;
      if (worker.state == "BACKOFF" || worker.state == "FAILED")
        return complain(
            {Exit::failed, fmt::format("worker {} was started and ended again: {}; epics2kafkactl status "
                                       "tells more",
                                       slot, worker.last_exit)},
            output);
      if (worker.state != "RUNNING") continue;
      open.erase(slot);
      done.push_back(worker.document);
      if (!output.json)
        output.out << fmt::format("worker {} runs again, generation {}, pid {}\n", slot, worker.generation,
                                  member(worker.document, "pid", int64_t{0}));
    }
    if (open.empty()) break;
    if (steady_clock::now() >= end)
      return complain({Exit::timed_out, fmt::format("not running again after {:g} s: {}; it goes on, "
                                                    "epics2kafkactl workers shows how far it is",
                                                    wait_s, named(open))},
                      output);
    ::poll(nullptr, 0, kPollMs);
  }
  if (output.json) output.out << Json{{"api", 1}, {"items", std::move(done)}}.dump() << '\n';
  return Exit::ok;
}

}  // namespace

Exit restart_workers(const Client& client, const RestartRequest& request, const Output& output) {
  const auto workers = workers_of(client);
  if (!workers) return complain(workers.error(), output);
  const Workers chosen = meant(*workers, request);
  const auto answer = client.post(target_of(request));
  if (!answer) return complain(answer.error(), output);
  if (request.wait_s > 0 && !chosen.empty()) return wait_for(client, chosen, request.wait_s, output);
  std::set<int64_t> slots;
  for (const auto& [slot, worker] : chosen) slots.insert(slot);
  const std::string said = slots.empty() ? "no worker has failed" : "will be restarted: " + named(slots);
  output.out << (output.json ? *answer : said) << '\n';
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
