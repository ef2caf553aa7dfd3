#include "supervisor/control/documents.h"

#include <nlohmann/json.hpp>

#include "common/clock.h"
#include "common/text.h"
#include "supervisor/control/router.h"

namespace e2k::supervisor {
namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view raw) {
  return utf8_or_latin1(raw);
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json events_json(const EventCounts& events) {
  return {{"received", events.received}, {"acknowledged", events.acknowledged}, {"waiting", events.waiting},
          {"lost", events.lost},         {"coalesced", events.coalesced},       {"gaps", events.gaps}};
}

Json reasons_json(const std::vector<Reason>& reasons) {
  Json list = Json::array();
  for (const Reason& reason : reasons)
    list.push_back({{"code", text(reason.code)},
                    {"message", text(reason.message)},
                    {"since", iso8601_utc(reason.since_unix_ns)},
                    {"command", text(reason.more)},
                    {"muted", reason.muted},
                    {"because", reason.because.empty() ? Json() : text(reason.because)}});
  return list;
}

Json worker_json(const WorkerView& worker) {
  Json json = {{"slot", worker.slot.value},
               {"generation", worker.generation.value},
               {"pid", worker.pid},
               {"state", worker.state},
               {"channels", worker.channels},
               {"entries", worker.entries},
               {"moving", worker.moving},
               {"connected", worker.connected},
               {"events", events_json(worker.events)},
               {"in_flight", worker.in_flight},
               {"spool_bytes", worker.spool_bytes},
               {"spool_max_bytes", worker.spool_max_bytes},
               {"restarts", worker.restarts},
               {"last_exit", text(worker.last_exit)},
               {"rss_bytes", worker.rss_bytes},
               {"cpu_seconds", worker.cpu_seconds},
               {"uptime_s", worker.uptime_s}};
  json["lost_by_reason"] = Json::object();
  for (const auto& [reason, count] : worker.lost_by_reason)
    if (count != 0) json["lost_by_reason"][reason] = count;
  return json;
}

Json entry_json(const EntryView& entry) {
  Json json = Json::object();
  json["channel"] = text(entry.channel);
  json["topic"] = text(entry.topic);
  json["key"] = entry.key.empty() ? Json() : text(entry.key);
  json["mask"] = to_letters(entry.mask);
  json["worker"] = entry.worker ? Json(entry.worker->value) : Json();
  json["move"] = !entry.move ? Json()
                             : Json{{"from", entry.move->from.value},
                                    {"to", entry.move->to.value},
                                    {"step", to_string(entry.move->step)}};
  json["state"] = to_string(entry.state);
  json["type"] = entry.type.empty() ? Json() : text(entry.type);
  json["count"] = entry.count;
  json["host"] = entry.host.empty() ? Json() : text(entry.host);
  json["also_at"] = entry.also_host.empty() ? Json() : text(entry.also_host);
  json.update(events_json(entry.events));
  const auto time = [](const std::optional<int64_t>& ns) { return ns ? Json(iso8601_utc(*ns)) : Json(); };
  json["last_gap"] = !entry.gap_began_unix_ns ? Json()
                                              : Json{{"begin", time(entry.gap_began_unix_ns)},
                                                     {"end", time(entry.gap_ended_unix_ns)}};
  json["last_loss"] =
      entry.last_loss == ledger::LossReason::none
          ? Json()
          : Json{{"reason", ledger::to_string(entry.last_loss)}, {"at", time(entry.last_loss_unix_ns)}};
  json["blocked"] = entry.blocked == ledger::Blocked::no ? Json() : Json(to_string(entry.blocked));
  json["last_event_age_s"] = or_null(entry.last_event_age_s);
  json["last_stamp"] = entry.last_stamp_unix_ns ? Json(iso8601_utc(*entry.last_stamp_unix_ns)) : Json();
  json["restamped"] = entry.restamped;
  json["clock_skew_s"] = or_null(entry.clock_skew_s);
  json["last_partition"] = or_null(entry.last_partition);
  json["last_offset"] = or_null(entry.last_offset);
  json["command_offset"] = entry.command_offset;
  json["since"] = entry.since_unix_ns ? Json(iso8601_utc(*entry.since_unix_ns)) : Json();
  json["reason"] = text(entry.reason);
  return json;
}

Json gone_json(const WorkerView& gone) {
  return {{"slot", gone.slot.value},
          {"heir", gone.heir ? Json(gone.heir->value) : Json()},
          {"events", events_json(gone.events)},
          {"spool_bytes", gone.spool_bytes}};
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Items are turned into text one by one: a page of 10,000 entries as one tree would take tens of megabytes.
template <class List, class ToJson>
void append_items(std::string& out, const List& list, ToJson to_json) {
  out += '[';
  bool first = true;
  for (const auto& item : list) {
    if (!first) out += ',';
    first = false;
    out += dump(to_json(item));
  }
  out += ']';
}

constexpr std::string_view kPageBegin = R"({"api":1,"items":)";

void end_page(std::string& out, const std::string& next) {
  out += R"(,"next":)";
  out += next.empty() ? "null" : '"' + encode_cursor(next) + '"';
  out += '}';
}

template <class List, class ToJson>
std::string page_of(const List& list, const std::string& next, ToJson to_json) {
  std::string out(kPageBegin);
  append_items(out, list, to_json);
  end_page(out, next);
  return out;
}

template <class List, class ToJson>
std::string list_document(const List& list, ToJson to_json) {
  std::string out = R"({"api":1,"items":)";
  append_items(out, list, to_json);
  return out + '}';
}

Json channels_json(const StatusView& status) {
  const auto in = [&](ShownState state) { return status.entries_by_state[static_cast<size_t>(state)]; };
  return {{"total", status.entries_total},
          {"distinct", status.channels_distinct},
          {"connected", in(ShownState::connected)},
          {"disconnected", in(ShownState::disconnected)},
          {"never_connected", in(ShownState::never_connected)},
          {"denied", in(ShownState::denied)},
          {"pending", in(ShownState::pending)},
          {"quarantined", in(ShownState::quarantined)},
          {"no_topic", in(ShownState::no_topic)},
          {"not_authorised", in(ShownState::not_authorised)},
          {"no_data", in(ShownState::no_data)}};
}

}  // namespace

std::string status_document(const StatusView& status, const std::vector<WorkerView>& workers,
                            const std::vector<WorkerView>& gone_slots, bool configuration) {
  Json json = Json::object();
  json["api"] = 1;
  json["name"] = text(status.name);
  json["version"] = text(status.version);
  json["libraries"] = {{"librdkafka", text(status.librdkafka)},
                       {"libca", status.libca.empty() ? Json() : text(status.libca)}};
  json["state"] = to_string(status.state);
  json["paused"] = status.paused;
  json["reasons"] = reasons_json(status.reasons);
  json["pid"] = status.pid;
  json["uptime_s"] = status.uptime_s;
  json["reload"] = {{"number", status.reload.number}, {"state", to_string(status.reload.state)}};
  json["commands"] = {{"topic", text(status.commands.topic)},
                      {"group", text(status.commands.group)},
                      {"caught_up", status.commands.caught_up},
                      {"offset", status.commands.offset},
                      {"channels", status.commands.entries},
                      {"rejected", status.commands.rejected},
                      {"note", status.commands.note.empty() ? Json() : text(status.commands.note)}};
  json["channels"] = channels_json(status);
  json["events"] = events_json(status.events);
  json["rates"] = {{"received_per_s", status.received_per_s},
                   {"acknowledged_per_s", status.acknowledged_per_s},
                   {"lost_per_s", status.lost_per_s}};
  json["kafka"] = {{"brokers_up", status.brokers_up}, {"last_error", text(status.kafka_last_error)}};
  json["spool"] = {{"bytes", status.spool_bytes},
                   {"max_bytes", status.spool_max_bytes},
                   {"used_bytes", status.spool_used_bytes},
                   {"oldest_event_age_s", status.oldest_event_age_s}};
  if (configuration) {
    json["reload"]["message"] = text(status.reload.message);
    json["kafka"]["bootstrap_servers"] = text(status.kafka_servers);
    json["config"] = {{"path", text(status.config_path)}, {"sha256", text(status.config_sha256)}};
    Json epics = Json::object();
    for (const auto& [name, value] : status.epics) epics[utf8_or_latin1(name)] = text(value);
    json["epics"] = std::move(epics);
  }
  json["workers"] = Json::array();
  for (const WorkerView& worker : workers) json["workers"].push_back(worker_json(worker));
  json["gone_slots"] = Json::array();
  for (const WorkerView& gone : gone_slots) json["gone_slots"].push_back(gone_json(gone));
  return dump(json);
}

std::string workers_document(const std::vector<WorkerView>& workers) {
  return list_document(workers, worker_json);
}

std::string worker_document(const WorkerView& worker) {
  Json json = worker_json(worker);
  json["restarts_by_reason"] = Json::object();
  for (const auto& [reason, count] : worker.restarts_by_reason)
    json["restarts_by_reason"][utf8_or_latin1(reason)] = count;
  json["lost_by_reason"] = Json::object();
  for (const auto& [reason, count] : worker.lost_by_reason)
    json["lost_by_reason"][utf8_or_latin1(reason)] = count;
  return dump(json);
}

std::optional<std::string> PageDocument::go_on(const EntryPage& page) {
  if (written_ == 0) text_.assign(kPageBegin).append(1, '[');
  const size_t end = std::min(page.items.size(), written_ + kItemsOfASlice);
  for (; written_ < end; ++written_) {
    if (written_ != 0) text_ += ',';
    text_ += dump(entry_json(page.items[written_]));
  }
  if (end < page.items.size()) return std::nullopt;
  text_ += ']';
  end_page(text_, page.next);
  return std::move(text_);
}

std::string topics_document(const TopicPage& page) {
  return page_of(page.items, page.next, [](const TopicView& topic) {
    Json json = {{"topic", text(topic.topic)},
                 {"kafka_name", text(topic.kafka_name)},
                 {"entries", topic.entries},
                 {"connected", topic.connected}};
    json.update(events_json(topic.events));
    json["blocked"] = topic.blocked == ledger::Blocked::no ? Json() : Json(to_string(topic.blocked));
    json["blocked_entries"] = topic.blocked_entries;
    return json;
  });
}

std::string channel_document(std::string_view channel, const std::vector<EntryView>& entries) {
  std::string out = R"({"channel":)" + dump(text(channel)) + R"(,"entries":)";
  append_items(out, entries, entry_json);
  return out + '}';
}

std::string hosts_document(const std::vector<HostView>& hosts) {
  return list_document(hosts, [](const HostView& host) {
    Json workers = Json::array();
    for (const Slot slot : host.workers) workers.push_back(slot.value);
    return Json{{"host", text(host.host)},
                {"circuits", host.circuits},
                {"workers", std::move(workers)},
                {"channels", host.channels},
                {"events", host.events},
                {"events_per_s", host.events_per_s},
                {"state", to_string(host.state)},
                {"since", host.since_unix_ns == 0 ? Json() : Json(iso8601_utc(host.since_unix_ns))},
                {"waiting", host.waiting},
                {"circuits_opened", host.circuits_opened},
                {"circuits_failed", host.circuits_failed},
                {"clock_skew_s", or_null(host.clock_skew_s)}};
  });
}

std::string rejected_document(const std::vector<Rejection>& rejections) {
  return list_document(rejections, [](const Rejection& rejection) {
    return Json{{"partition", rejection.partition},
                {"offset", rejection.offset},
                {"timestamp", iso8601_utc(rejection.timestamp_ms * kNsPerMs)},
                {"key", text(rejection.key)},
                {"reason", text(rejection.reason)}};
  });
}

std::string ready_document(const StatusView& status) {
  return dump({{"ready", is_ready(status.state)},
               {"state", to_string(status.state)},
               {"reasons", reasons_json(status.reasons)}});
}

std::string live_document() {
  return R"({"live":true})";
}

std::string accepted_document(size_t changed) {
  return dump({{"accepted", true}, {"changed", changed}});
}

std::string reload_document(uint64_t number) {
  return dump({{"accepted", true}, {"reload", number}});
}

std::string error_document(int code, std::string_view message) {
  return dump({{"error_code", code}, {"message", text(message)}});
}

bool is_ready(ServiceState state) {
  return state == ServiceState::running || state == ServiceState::paused || state == ServiceState::degraded;
}

}  // namespace e2k::supervisor
