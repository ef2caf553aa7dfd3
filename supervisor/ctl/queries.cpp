#include "supervisor/ctl/queries.h"

#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/channel_view.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/status_view.h"
#include "supervisor/ctl/table.h"
#include "supervisor/ctl/views.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

// Gets `target`, prints it as `text` does or unchanged; the document, for the exit code.
Outcome<Json> show(const Client& client, const std::string& target, const Output& output,
                   const std::function<std::string(const Json&)>& text) {
  const auto body = client.get(target);
  if (!body) return tl::unexpected(body.error());
  auto json = parse_object(*body);
  if (json) output.out << (output.json ? *body + "\n" : text(*json));
  return json;
}

Exit exit_of(const Outcome<Json>& shown, const Output& output) {
  return shown ? Exit::ok : complain(shown.error(), output);
}

bool is_in(const Json& document, const char* state) {
  return document.value("state", Json()) == state;
}

// A pause hides no reason from who goes by the exit code.
Exit by_state(const Json& document) {
  if (is_in(document, "DEGRADED")) return Exit::degraded;
  if (!is_in(document, "PAUSED")) return Exit::ok;
  for (const Json& reason : document.value("reasons", Json::array()))
    if (reason.is_object() && !reason.value("muted", false)) return Exit::degraded;
  return Exit::ok;
}

// One that does not serve yet, or no more, is no success.
Exit exit_by_service(const Json& status) {
  if (is_in(status, "STARTING") || is_in(status, "STOPPING")) return Exit::failed;
  return by_state(status);
}

Seen seen_by(const Output& output) {
  return {real_now().value, {output.colour}};
}

Exit changed(const Outcome<std::string>& body, const std::string& said, const Output& output) {
  if (!body) return complain(body.error(), output);
  output.out << (output.json ? *body : said) << '\n';
  return Exit::ok;
}

}  // namespace

Exit complain(const Failure& failure, const Output& output) {
  output.err << "epics2kafkactl: " << printable(failure.message) << '\n';
  return failure.exit;
}

Exit show_status(const Client& client, const Output& output) {
  const auto shown =
      show(client, "/status", output, [&](const Json& json) { return status_text(json, seen_by(output)); });
  if (!shown) return complain(shown.error(), output);
  return exit_by_service(*shown);
}

Exit show_connect_status(const Client& client, const Output& output) {
  const auto status = client.get("/status");
  if (!status) return complain(status.error(), output);
  const auto body = client.get("/connectors?expand=status");
  if (!body) return complain(body.error(), output);
  // Members keep their order: the document is printed as it came.
  const auto connectors = nlohmann::ordered_json::parse(*body, nullptr, false);
  if (!connectors.is_object() || connectors.empty() || !connectors.begin()->contains("status"))
    return complain({Exit::failed, "the answer to /connectors?expand=status holds no status"}, output);
  output.out << (*connectors.begin())["status"].dump() << '\n';
  const auto service = parse_object(*status);
  if (!service) return complain(service.error(), output);
  return exit_by_service(*service);
}

Exit show_workers(const Client& client, const Output& output) {
  return exit_of(show(client, "/workers", output,
                      [](const Json& json) { return workers_text(json.value("items", Json::array())); }),
                 output);
}

Exit show_channel(const Client& client, const std::string& name, const Output& output) {
  return exit_of(show(client, "/channels/" + percent_encode(name), output,
                      [&](const Json& json) { return channel_text(json, seen_by(output)); }),
                 output);
}

Exit show_rejected(const Client& client, const Output& output) {
  return exit_of(show(client, "/rejected", output, rejected_text), output);
}

Exit show_health(const Client& client, const Output& output) {
  const auto answer = client.request("GET", "/health/ready");
  if (!answer) return complain(answer.error(), output);
  const auto json = parse_object(answer->body);
  if (!json) return complain(json.error(), output);
  output.out << (output.json ? answer->body + "\n" : health_text(*json, seen_by(output)));
  if (answer->code != 200) return Exit::failed;
  return by_state(*json);
}

Exit set_log_level(const Client& client, const std::string& level, std::optional<unsigned> worker,
                   const Output& output) {
  const std::string of = worker ? "worker " + std::to_string(*worker) : "the supervisor and its workers";
  return changed(client.put("/log-level?level=" + percent_encode(level) +
                            (worker ? "&worker=" + std::to_string(*worker) : "")),
                 of + " log from now on at level " + printable(level), output);
}

Exit pause_service(const Client& client, const Output& output) {
  return changed(client.put("/pause"),
                 "paused: events are received and wait in the spool, also over restarts, until "
                 "epics2kafkactl resume",
                 output);
}

Exit resume_service(const Client& client, const Output& output) {
  return changed(client.put("/resume"), "resumed: what waits goes to Kafka, in order", output);
}

Exit retry(const Client& client, const std::string& channel, const std::string& topic, const Output& output) {
  return changed(client.post("/channels/" + percent_encode(channel) + "/retry" +
                             (topic.empty() ? "" : "?topic=" + percent_encode(topic))),
                 printable(channel) + " is tried again", output);
}

Exit complete_words(const Client& client, const std::string& what, const std::string& prefix,
                    const Output& output) {
  // No page of channels knows all topics.
  const bool slots = what == "slots", topics = what == "topics";
  const std::string target = slots    ? "/workers?"
                             : topics ? "/topics?limit=10000"
                                      : "/channels?limit=1000&prefix=" + percent_encode(prefix);
  std::set<std::string> words;
  const auto asked = each_page(client, target, [&](const std::string&, Json& items, bool, bool) {
    for (const Json& item : items) {
      const Json word = item.value(slots ? "slot" : topics ? "topic" : "channel", Json());
      words.insert(word.is_string() ? word.get<std::string>() : word.dump());
    }
    return topics;  // of channels nobody reads more than a page
  });
  if (!asked) return asked.error().exit;
  for (const std::string& word : words)
    if (word.starts_with(prefix)) output.out << printable(word) << '\n';
  return Exit::ok;
}

}  // namespace e2k::supervisor::ctl
