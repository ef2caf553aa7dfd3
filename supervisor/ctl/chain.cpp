#include "supervisor/ctl/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/config/spelling.h"
#include "common/text.h"
#include "supervisor/ctl/blocked.h"
#include "supervisor/ctl/channel_view.h"
#include "supervisor/ctl/table.h"
#include "supervisor/status/spool_texts.h"

namespace e2k::supervisor::ctl {
namespace {

using Json = nlohmann::json;

constexpr double kRecentLossS = 60;

struct Facts {
  const Json& entry;
  const Answers& answers;
  std::string state = text_in(entry, "state");
  std::string reason = text_in(entry, "reason");
  std::string since = text_in(entry, "since");
  std::string host = text_in(entry, "host");
  double waiting = number(entry, "waiting");
};

std::string asked_for(const Facts& f, const char* verb) {
  return std::string("epics2kafkactl ") + verb + " " + text_in(f.entry, "channel");
}

Link command_link(const Facts& f) {
  const Json& commands = at(f.answers.status, "commands");
  return {"command", LinkState::ok,
          fmt::format("offset {} of {}, mask {}, key {}", cell(f.entry, "command_offset"),
                      cell(commands, "topic"), cell(f.entry, "mask"),
                      at(f.entry, "key").is_string() ? cell(f.entry, "key") : cell(f.entry, "channel"))};
}

Link entry_link(const Facts& f) {
  if (f.state == "QUARANTINED")
    return {"entry", LinkState::broken, "QUARANTINED: " + f.reason, asked_for(f, "retry") + " takes it out",
            f.since};
  return {"entry", LinkState::ok, f.state, "", f.since};
}

const Json* worker_of(const Facts& f) {
  for (const Json& worker : at(f.answers.status, "workers"))
    if (at(worker, "slot") == at(f.entry, "worker")) return &worker;
  return nullptr;
}

Link worker_link(const Facts& f) {
  const Json* worker = worker_of(f);
  if (worker == nullptr)
    return {"worker", LinkState::broken, "none serves it yet", "epics2kafkactl status tells why", ""};
  const std::string state = text_in(*worker, "state");
  std::string words = "worker " + cell(*worker, "slot") + ", " + state + move_words(f.entry);
  if (state == "RUNNING")
    return {"worker", LinkState::ok,
            words + ", pid " + cell(*worker, "pid") + ", up " + duration(at(*worker, "uptime_s"))};
  if (const std::string exit = text_in(*worker, "last_exit"); !exit.empty())
    words += "; it ended last by " + exit;
  return {"worker", LinkState::broken, words,
          state == "FAILED" ? "mend what it ended by, then epics2kafkactl restart " + cell(*worker, "slot")
                            : "it is started again by itself; epics2kafkactl status tells more",
          ""};
}

// What Channel Access says is hidden behind what Kafka refuses; then the server's row tells.
bool is_of_kafka(const std::string& state) {
  return state == "NO_TOPIC" || state == "NOT_AUTHORISED";
}

Link search_link(const Facts& f) {
  if (!f.host.empty()) {
    const std::string other = text_in(f.entry, "also_at");
    return {"search", LinkState::ok, f.host + " answers" + (other.empty() ? "" : ", and " + other + ", too")};
  }
  if (is_of_kafka(f.state)) return {"search", LinkState::unknown, "the IOC is not known"};
  const std::string remedy =
      "correct the name (epics2kafkactl unset, set), start its IOC, or let epics.addr_list reach it: "
      "epics2kafkactl --json status holds what is in effect";
  return {"search", LinkState::broken, f.reason.empty() ? "no IOC answers" : f.reason, remedy, f.since};
}

const Json* host_row(const Facts& f) {
  for (const Json& row : f.answers.hosts)
    if (!f.host.empty() && at(row, "host") == f.host) return &row;
  return nullptr;
}

Link ioc_link(const Facts& f) {
  const Json* row = host_row(f);
  const std::string host_state = row == nullptr ? "" : text_in(*row, "state");
  if (f.host.empty()) return {"IOC", LinkState::unknown, "none is known"};
  const std::string words = f.host + (host_state.empty() || host_state == "NONE" ? "" : ", " + host_state);
  const bool is_bad =
      host_state == "GONE" || host_state == "HUNG" || host_state == "REFUSING" || host_state == "SILENT";
  if (f.state == "CONNECTED" || (is_of_kafka(f.state) && !is_bad))
    return {
        "IOC", LinkState::ok,
        words + (at(f.entry, "type").is_string() ? ", " + text_in(f.entry, "type") + ", " +
                                                       plural(number(f.entry, "count"), "element", "elements")
                                                 : ""),
        "", row == nullptr ? "" : text_in(*row, "since")};
  return {"IOC", LinkState::broken, words + (f.reason.empty() || is_of_kafka(f.state) ? "" : ": " + f.reason),
          f.state == "DENIED"
              ? "grant reading to this user and host in the IOC's access security"
              : "mend the IOC or the way to it; epics2kafkactl hosts shows its other channels",
          f.since};
}

Link event_link(const Facts& f, bool is_reached) {
  if (!at(f.entry, "last_event_age_s").is_number())
    return is_reached ? Link{"last event", LinkState::broken, "none has come although it is connected",
                             asked_for(f, "retry") + " subscribes anew", f.since}
                      : Link{"last event", LinkState::unknown, "none yet"};
  std::string words = duration(at(f.entry, "last_event_age_s")) + " ago";
  if (at(f.entry, "last_stamp").is_string()) words += ", stamp " + stamp_words(at(f.entry, "last_stamp"));
  return {"last event", LinkState::ok, words};
}

// Losses that are long past are told, but are no break.
std::optional<Link> loss_of(const Facts& f) {
  const Json& loss = at(f.entry, "last_loss");
  const auto lost_at = unix_ns_of(text_in(loss, "at"));
  if (!lost_at || static_cast<double>(f.answers.now_unix_ns - *lost_at) / 1e9 > kRecentLossS)
    return std::nullopt;
  return Link{"spool", LinkState::broken,
              plural(number(f.entry, "lost"), "event is lost", "events are lost") + ", the last for " +
                  cell(loss, "reason"),
              "see the reason in epics2kafkactl status (EVENTS_LOST, SPOOL_FULL, RECORDS_REFUSED)",
              text_in(loss, "at")};
}

Link spool_link(const Facts& f) {
  if (auto loss = loss_of(f)) return *loss;
  std::string words = f.waiting > 0 ? plural(f.waiting, "event waits", "events wait") : "nothing waits";
  if (const double lost = number(f.entry, "lost"); lost > 0) words += ", " + grouped(lost) + " lost long ago";
  const bool is_paused = at(f.answers.status, "paused") == true;
  if (is_paused)
    return {"spool", LinkState::broken, words + ": the service is paused", "epics2kafkactl resume", ""};
  return {"spool", LinkState::ok, words};
}

Link topic_link(const Facts& f) {
  const std::string topic = text_in(f.entry, "topic");
  const std::string word = text_in(f.entry, "blocked");
  if (word.empty()) return {"topic", LinkState::ok, topic};
  const auto why = blocked_named(word);
  const bool tells_more = why == ledger::Blocked::encoder && !f.reason.empty();
  return {"topic", LinkState::broken,
          "topic " + topic + " " + blocked_words(word) + (tells_more ? ": " + f.reason : ""),
          why ? remedy_of(*why, topic) : "epics2kafkactl status tells more", ""};
}

std::string words_about_brokers(const Json& status) {
  for (const Json& reason : at(status, "reasons")) {
    const std::string code = text_in(reason, "code");
    if (code.starts_with("BROKERS_") || code.starts_with("KAFKA_"))
      return code + ": " + text_in(reason, "message");
  }
  return "";
}

Link kafka_link(const Facts& f) {
  const Json& kafka = at(f.answers.status, "kafka");
  const bool has_offset = at(f.entry, "last_offset").is_number();
  std::string words = has_offset ? fmt::format("last in partition {} at offset {}",
                                               cell(f.entry, "last_partition"), cell(f.entry, "last_offset"))
                                 : "nothing acknowledged since its worker began";
  // A worker that has just begun has not told yet whether it has a broker.
  const std::string why = words_about_brokers(f.answers.status);
  if (number(kafka, "brokers_up") == 0 && (!why.empty() || f.waiting > 0)) {
    return {"Kafka", LinkState::broken, words + "; no broker is connected" + (why.empty() ? "" : ": " + why),
            "epics2kafkactl doctor asks the brokers at once", ""};
  }
  return {
      "Kafka",
      has_offset || f.waiting > 0 || number(f.entry, "received") == 0 ? LinkState::ok : LinkState::unknown,
      words};
}

}  // namespace

const char* to_string(LinkState state) {
  return state == LinkState::ok ? "ok" : state == LinkState::broken ? "broken" : "unknown";
}

const Link* Chain::first_broken() const {
  const auto found = std::ranges::find(links, LinkState::broken, &Link::state);
  return found == links.end() ? nullptr : &*found;
}

Chain chain_of(const Json& entry, const Answers& answers) {
  const Facts facts{entry, answers};
  Chain chain{text_in(entry, "channel"), text_in(entry, "topic"), {}};
  chain.links = {command_link(facts), entry_link(facts), worker_link(facts)};
  // Without its worker nothing else is known of the present.
  const bool is_served = chain.links.back().state == LinkState::ok;
  if (is_served) {
    chain.links.push_back(search_link(facts));
    chain.links.push_back(ioc_link(facts));
    chain.links.push_back(
        event_link(facts, chain.links.back().state == LinkState::ok && facts.state == "CONNECTED"));
  } else {
    for (const char* name : {"search", "IOC"})
      chain.links.push_back({name, LinkState::unknown, "its worker tells"});
    chain.links.push_back(event_link(facts, false));
  }
  chain.links.push_back(spool_link(facts));
  chain.links.push_back(topic_link(facts));
  chain.links.push_back(kafka_link(facts));
  return chain;
}

std::string chain_text(const Chain& chain, int64_t now_unix_ns, const Paint& paint) {
  constexpr size_t kIndent = 22;
  std::string out = paint.bold(printable(chain.channel)) + " for " + printable(chain.topic) + '\n';
  for (const Link& link : chain.links) {
    std::string words = link.words;
    if (!link.since.empty() && link.state != LinkState::unknown)
      words += ", since " + ago(Json(link.since), now_unix_ns);
    std::string text = wrapped(words, kIndent);
    const std::string mark = link.state == LinkState::broken ? "BROKEN"
                             : link.state == LinkState::ok   ? "ok"
                                                             : "?";
    const std::string painted = link.state == LinkState::broken ? paint.bad(mark)
                                : link.state == LinkState::ok   ? paint.good(mark)
                                                                : mark;
    out += "  " + painted + fmt::format("{:{}}{:12}", "", 8 - mark.size(), link.name) +
           text.substr(std::min(kIndent, text.size()));
  }
  if (const Link* broken = chain.first_broken()) {
    out += wrapped("Broken at: " + broken->name + ". " + broken->words, 2);
    out += wrapped("Remedy: " + broken->remedy, 2);
  } else {
    out += "  Nothing is broken.\n";
  }
  return out;
}

Json chain_json(const Chain& chain) {
  Json links = Json::array();
  for (const Link& link : chain.links)
    links.push_back({{"link", link.name},
                     {"state", to_string(link.state)},
                     {"text", link.words},
                     {"since", link.since.empty() ? Json() : Json(link.since)},
                     {"remedy", link.remedy.empty() ? Json() : Json(link.remedy)}});
  const Link* broken = chain.first_broken();
  return {{"channel", chain.channel},
          {"topic", chain.topic},
          {"broken", broken == nullptr ? Json() : Json(broken->name)},
          {"remedy", broken == nullptr ? Json() : Json(broken->remedy)},
          {"links", std::move(links)}};
}

NearNames::NearNames(std::string_view word) : word_(word), lower_(lower(word)) {}

void NearNames::add(std::string_view name) {
  const size_t most = std::max<size_t>(1, word_.size() / 3);
  const size_t apart = name.size() > word_.size() ? name.size() - word_.size() : word_.size() - name.size();
  if (name == word_ || apart > most || std::ranges::find(names_, name) != names_.end()) return;
  if (names_.size() == kNames && apart > distances_.back()) return;
  const size_t distance = config::edit_distance(lower_, lower(name));
  if (distance > most || distance >= word_.size()) return;
  const auto place = std::ranges::upper_bound(distances_, distance) - distances_.begin();
  names_.insert(names_.begin() + place, std::string(name));
  distances_.insert(distances_.begin() + place, distance);
  if (names_.size() > kNames) {
    names_.pop_back();
    distances_.pop_back();
  }
}

}  // namespace e2k::supervisor::ctl
