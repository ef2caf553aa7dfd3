#include "supervisor/ctl/why.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/ctl/chain.h"
#include "supervisor/ctl/pages.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

// Names are looked through for near ones up to here: a few seconds.
constexpr size_t kNamesLookedAt = 200'000;

// `connected`: only such names, for a channel that may be misspelt.
std::vector<std::string> near_names(const Client& client, const std::string& channel, bool connected) {
  NearNames near(channel);
  size_t seen = 0;
  const std::string target = std::string("/channels?limit=10000") + (connected ? "&state=CONNECTED" : "");
  (void)each_page(client, target, [&](const std::string&, const Json& items, bool, bool) {
    for (const Json& item : items) near.add(text_in(item, "channel"));
    seen += items.size();
    return seen < kNamesLookedAt;
  });
  return near.best();
}

// Bad commands whose key names the channel.
Json rejected_about(const Client& client, const std::string& channel) {
  Json found = Json::array();
  const auto rejected = ask(client, "/rejected");
  if (!rejected) return found;
  for (const Json& one : at(*rejected, "items"))
    if (text_in(one, "key").find(channel) != std::string::npos) found.push_back(one);
  return found;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Exit not_commanded(const Client& client, const std::string& channel, const Output& output) {
  const Json rejected = rejected_about(client, channel);
  const std::vector<std::string> near = near_names(client, channel, false);
  if (output.json) {
    output.out << Json{{"api", 1},
                       {"channel", utf8_or_latin1(channel)},
                       {"commanded", false},
                       {"similar", near},
                       {"rejected", rejected},
                       {"entries", Json::array()}}
                      .dump(-1, ' ', false, Json::error_handler_t::replace)
               << '\n';
    return Exit::not_found;
  }
  output.out << printable(channel) << '\n' << wrapped("BROKEN  command: no command names this channel", 2);
  for (const Json& one : rejected)
    output.out << wrapped(fmt::format("a bad command does, at partition {}, offset {}: {}",
                                      cell(one, "partition"), cell(one, "offset"), cell(one, "reason")),
                          10);
  if (!near.empty()) output.out << wrapped("These are commanded: " + listed(near), 2);
  output.out << wrapped("Remedy: epics2kafkactl set -c " + channel + " -t TOPIC -m va monitors it", 2);
  return Exit::not_found;
}

}  // namespace

Exit show_why(const Client& client, const std::string& channel, const Output& output) {
  const auto status = ask(client, "/status");
  if (!status) return complain(status.error(), output);
  const auto found = ask(client, "/channels/" + percent_encode(channel));
  if (!found && found.error().exit == Exit::not_found) return not_commanded(client, channel, output);
  if (!found) return complain(found.error(), output);
  const auto hosts = ask(client, "/hosts");
  if (!hosts) return complain(hosts.error(), output);
  const Answers answers{*status, at(*hosts, "items"), real_now().value};
  const Paint paint{output.colour};
  bool is_broken = false;
  Json entries = Json::array();
  for (const Json& entry : at(*found, "entries")) {
    const Chain chain = chain_of(entry, answers);
    const Link* broken = chain.first_broken();
    is_broken = is_broken || broken != nullptr;
    if (output.json) {
      entries.push_back(chain_json(chain));
      continue;
    }
    output.out << chain_text(chain, answers.now_unix_ns, paint);
    if (broken == nullptr || broken->name != "search") continue;
    if (const auto near = near_names(client, channel, true); !near.empty())
      output.out << wrapped("Connected channels with names like it: " + listed(near), 2);
  }
  if (output.json)
    output.out << Json{{"api", 1},
                       {"channel", utf8_or_latin1(channel)},
                       {"commanded", true},
                       {"entries", entries}}
                      .dump(-1, ' ', false, Json::error_handler_t::replace)
               << '\n';
  return is_broken ? Exit::degraded : Exit::ok;
}

}  // namespace e2k::supervisor::ctl
