#include "supervisor/ctl/reload.h"

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;
using std::chrono::steady_clock;

constexpr int kPollMs = 50;

// The status' words of a reload; null where they are not told.
Json reload_of(const Json& status) {
  const auto found = status.find("reload");
  return found != status.end() && found->is_object() ? *found : Json();
}

Exit told(const Json& status, const Json& reload, const std::string& body, const Output& output) {
  if (reload.value("state", "") == "refused")
    return complain({Exit::failed, "the reload was refused, nothing has changed: " +
                                       reload.value("message", std::string("see the log"))},
                    output);
  output.out << (output.json ? body
                             : fmt::format("reloaded: release {}, pid {}",
                                           printable(status.value("version", std::string("?"))),
                                           status.value("pid", 0)))
             << '\n';
  return Exit::ok;
}

}  // namespace

Exit reload_service(const Client& client, double wait_s, const Output& output) {
  const auto answer = client.post("/reload");
  if (!answer) return complain(answer.error(), output);
  const auto accepted = parse_object(*answer);
  if (!accepted) return complain(accepted.error(), output);
  if (wait_s <= 0) {
    output.out << (output.json ? *answer
                               : "a reload has begun; epics2kafkactl status --json tells how it ends")
               << '\n';
    return Exit::ok;
  }
  const auto number = accepted->value("reload", uint64_t{0});
  const auto end = steady_clock::now() + std::chrono::duration<double>(wait_s);
  while (steady_clock::now() < end) {
    // Between the two programs nobody answers.
    if (const auto body = client.get("/status")) {
      const auto status = parse_object(*body);
      const Json reload = status ? reload_of(*status) : Json();
      if (reload.is_object() && reload.value("number", uint64_t{0}) >= number &&
          reload.value("state", "") != "checking")
        return told(*status, reload, *body, output);
    }
    ::poll(nullptr, 0, kPollMs);
  }
  return complain({Exit::timed_out,
                   fmt::format("no end of the reload after {:g} s; the service's log tells more", wait_s)},
                  output);
}

}  // namespace e2k::supervisor::ctl
