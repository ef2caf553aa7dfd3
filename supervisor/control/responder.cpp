#include "supervisor/control/responder.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/control/connect_answers.h"
#include "supervisor/control/documents.h"
#include "supervisor/control/event_log.h"
#include "supervisor/control/page_files.h"
#include "supervisor/control/router.h"

namespace e2k::supervisor {
namespace {

Answer error(int code, std::string_view message, std::string allow = {}) {
  return {code, "application/json", error_document(code, message), std::move(allow)};
}

Answer json(std::string body, int code = 200) {
  return {code, "application/json", std::move(body), {}};
}

// As long for a wrong token as for the right one, whatever they have in common.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned different = a.size() != b.size();
  for (size_t i = 0; i < a.size(); ++i)
    different |=
        static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()]);
  return different == 0 && !b.empty();
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

// Browsers name the page with whatever it asks to be changed.
bool is_our_page(Surface surface, const Request& request, const ResponderRules& rules) {
  constexpr std::string_view kScheme = "http://";
  return surface == Surface::http && rules.http_changes != HttpChanges::none && !request.host.empty() &&
         request.origin.starts_with(kScheme) && request.origin.substr(kScheme.size()) == request.host;
}

// Why the request is refused before anything is looked up.
std::optional<Answer> refused_by_origin(Surface surface, const Request& request,
                                        const ResponderRules& rules) {
  if (surface != Surface::http && surface != Surface::metrics) return std::nullopt;
  if (request.has_origin && !is_our_page(surface, request, rules))
    return error(403, "requests from web pages (with an Origin) are refused");
  if (surface == Surface::metrics) return std::nullopt;
  const std::string_view authority = authority_of(request.target);
  const std::string host = host_without_port(authority.empty() ? request.host : authority);
  // Rebinding takes a name: an address in figures is the one that was connected to.
  if (is_address(host) || std::find(rules.hosts.begin(), rules.hosts.end(), host) != rules.hosts.end())
    return std::nullopt;
  return error(403, "the Host " + log::quoted(host) +
                        " is not this one; ask for localhost, for this machine's name, or for the name that "
                        "control.http is set to");
}

std::optional<Answer> refused_change(Surface surface, const Request& request, const ResponderRules& rules) {
  switch (surface) {
    case Surface::control_socket:
      return std::nullopt;
    case Surface::status_socket:
      return error(403, "the status socket shows only; ask for changes on the control socket");
    case Surface::metrics:
      return error(403, "this port shows metrics and health only");
    case Surface::http:
      break;
  }
  switch (rules.http_changes) {
    case HttpChanges::none:
      return error(403,
                   "changes over TCP are off; use the control socket, or set control.http_changes to "
                   "\"loopback\" or \"token\"");
    case HttpChanges::loopback:
      if (request.from_loopback) return std::nullopt;
      return error(403, "changes are accepted from this machine only (control.http_changes = \"loopback\")");
    case HttpChanges::token: {
      constexpr std::string_view kBearer = "Bearer ";
      if (request.authorization.starts_with(kBearer) &&
          same_secret(request.authorization.substr(kBearer.size()), rules.http_token))
        return std::nullopt;
      return error(401,
                   "changes need the header `Authorization: Bearer TOKEN`, with the token of "
                   "control.http_token_file");
    }
  }
  return error(403, "changes are refused");
}

Answer access(Surface surface, const Request& request, const ResponderRules& rules) {
  const auto refused = refused_change(surface, request, rules);
  const char* may = !refused ? "allowed" : refused->code == 401 ? "token" : "refused";
  return json(std::string(R"({"api":1,"changes":")") + may + R"("})");
}

Answer page(const std::string& name) {
  const auto file = page_file(name);
  return {200, std::string(file->content_type), std::string(file->body), {}};
}

bool is_for_metrics(Verb verb) {
  return verb == Verb::metrics || verb == Verb::health_live || verb == Verb::health_ready;
}

Answer worker(const Model& model, Slot slot) {
  for (const WorkerView& view : model.workers())
    if (view.slot == slot) return json(worker_document(view));
  return error(404, "there is no worker " + std::to_string(slot.value));
}

Answer no_channel(const std::string& name, const std::optional<std::string>& topic) {
  return error(404, "the channel " + log::quoted(name) + " is not monitored" +
                        (topic ? " for the topic " + log::quoted(*topic) : std::string()) +
                        "; `epics2kafkactl set` adds it");
}

Answer change(const Route& route, const Request& request, const ResponderRules& rules, Model& model) {
  log::info("control.change method={} target={} uid={} pid={} address={}", request.method,
            log::quoted(request.target), request.caller.uid ? std::to_string(*request.caller.uid) : "-",
            request.caller.pid ? std::to_string(*request.caller.pid) : "-",
            request.caller.address.empty() ? "-" : request.caller.address);
  if (is_of_connect(route.verb)) return change_connect(route, request.caller, rules.connector, model);
  if (route.verb == Verb::restart_worker) {
    if (!model.restart_worker(route.slot, request.caller))
      return error(404, "there is no worker " + std::to_string(route.slot.value));
    return json(accepted_document(1), 202);
  }
  if (route.verb == Verb::restart_workers) {
    const auto workers = model.workers();
    const auto concerned = std::count_if(workers.begin(), workers.end(), [&](const WorkerView& view) {
      return !route.only_failed || may_be_restarted_as_failed(view);
    });
    model.restart_workers(route.rolling, route.only_failed, request.caller);
    return json(accepted_document(static_cast<size_t>(concerned)), 202);
  }
  if (route.verb == Verb::pause || route.verb == Verb::resume) {
    if (auto set = model.set_paused(route.verb == Verb::pause, request.caller); !set)
      return error(500, set.error().message);
    return json(accepted_document(1), 202);
  }
  if (route.verb == Verb::log_level) {
    if (!model.set_log_level(route.level, route.one_worker, request.caller))
      return error(404, "there is no worker " + std::to_string(route.one_worker.value_or(Slot{}).value));
    return json(accepted_document(1), 202);
  }
  if (route.verb == Verb::reload) {
    const auto number = model.reload(request.caller);
    if (!number) return error(409, number.error().message);
    return json(reload_document(*number), 202);
  }
  if (route.verb == Verb::scale) {
    if (auto set = model.set_workers(route.workers, request.caller); !set)
      return error(set.error().is_lasting ? 400 : 500, set.error().message);
    return json(accepted_document(static_cast<size_t>(route.workers)), 202);
  }
  const size_t retried = model.retry(route.channel, route.topic, request.caller);
  if (retried == 0) return no_channel(route.channel, route.topic);
  return json(accepted_document(retried), 202);
}

Answer events(Surface surface, const Route& route, const Request& request, Model& model) {
  const EventLog* log = model.event_log();
  if (log == nullptr) return error(404, "nothing can be followed here");
  Answer answer{200, "text/event-stream", "", {}, Follow{0, route.with_status}};
  answer.body = log->greeting(request.last_event_id, model.standing(), real_now(), answer.follow->seen);
  if (route.with_status) answer.body += status_event(status_of(surface, model));
  return answer;
}

// Its document takes some time, too: a slice of it a turn.
Answer entries(InSlices<EntryPage> find) {
  struct Writing {
    InSlices<EntryPage> find;
    std::optional<EntryPage> page = std::nullopt;
    PageDocument document = {};
  };
  Answer answer = json("");
  answer.body_in_slices =
      [w = std::make_shared<Writing>(Writing{std::move(find)})]() -> std::optional<std::string> {
    if (w->page) return w->document.go_on(*w->page);
    w->page = w->find();
    return std::nullopt;
  };
  return answer;
}

Answer show(Surface surface, const Route& route, const ResponderRules& rules, const Model& model) {
  switch (route.verb) {
    case Verb::status:
      return json(status_of(surface, model));
    case Verb::workers:
      return json(workers_document(model.workers()));
    case Verb::worker:
      return worker(model, route.slot);
    case Verb::channels:
      return entries(model.entries_in_slices(route.query));
    case Verb::channel: {
      const auto entries = model.entries_of(route.channel);
      if (entries.empty()) return no_channel(route.channel, std::nullopt);
      return json(channel_document(route.channel, entries));
    }
    case Verb::topics:
      return in_slices(model.topic_page_in_slices(route.topics), topics_document);
    case Verb::hosts:
      return json(hosts_document(model.hosts()));
    case Verb::rejected:
      return json(rejected_document(model.rejections()));
    case Verb::metrics:
      return {200,
              "text/plain; version=0.0.4; charset=utf-8",
              metrics_text(model.status(), model.workers(), model.gone_slots(),
                           rules.process_figures ? rules.process_figures() : ProcessFigures{}),
              {}};
    case Verb::health_live:
      return json(live_document());
    case Verb::health_ready: {
      const StatusView status = model.status();
      return json(ready_document(status), is_ready(status.state) ? 200 : 503);
    }
    default:
      break;
  }
  return is_of_connect(route.verb) ? show_connect(surface, route, rules.connector, model)
                                   : error(500, "not a question");
}

}  // namespace

Answer respond(Surface surface, const Request& request, const ResponderRules& rules, Model& model) {
  if (auto refused = refused_by_origin(surface, request, rules)) return std::move(*refused);
  auto routed = route(request.method, request.target);
  // What is not served here is not told apart from what does not exist.
  if (surface == Surface::metrics && routed && !is_for_metrics(routed->verb))
    return error(404, "this port serves /metrics, /health/live and /health/ready");
  if (surface == Surface::status_socket && request.method != "GET" && request.method != "HEAD")
    return error(405, "the status socket shows only; ask for changes on the control socket", "GET, HEAD");
  if (!routed) {
    Refusal& refusal = routed.error();
    return error(refusal.code, refusal.message, std::move(refusal.allow));
  }
  if (routed->verb == Verb::access) return access(surface, request, rules);
  if (routed->verb == Verb::page) return page(routed->file);
  if (routed->verb == Verb::events) return events(surface, *routed, request, model);
  if (!is_change(routed->verb)) return show(surface, *routed, rules, model);
  if (auto refused = refused_change(surface, request, rules)) return std::move(*refused);
  return change(*routed, request, rules, model);
}

std::string status_of(Surface surface, const Model& model) {
  return status_document(model.status(), model.workers(), model.gone_slots(),
                         surface != Surface::status_socket);
}

std::string host_without_port(std::string_view host) {
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') == std::string_view::npos ? host.size() : host.find(']') - 1);
  else if (std::count(host.begin(), host.end(), ':') == 1)
    host = host.substr(0, host.find(':'));
  return lower(host);
}

}  // namespace e2k::supervisor
