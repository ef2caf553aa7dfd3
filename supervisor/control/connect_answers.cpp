#include "supervisor/control/connect_answers.h"

#include <algorithm>
#include <optional>
#include <set>

#include "common/log.h"
#include "supervisor/control/connect_documents.h"
#include "supervisor/control/documents.h"

namespace e2k::supervisor {
namespace {

Answer error(int code, std::string_view message) {
  return {code, "application/json", error_document(code, message), {}};
}

Answer json(std::string body, int code = 200) {
  return {code, "application/json", std::move(body), {}};
}

Answer nothing_more(int code) {
  return {code, "", "", {}};
}

std::optional<Answer> unknown_connector(const Route& route, const Connector& connector) {
  if (!route.connector || *route.connector == connector.name) return std::nullopt;
  return error(404, "there is no connector " + log::quoted(*route.connector) +
                        "; the one of this service is " + log::quoted(connector.name) +
                        " (control.connector_name)");
}

Answer no_task(Slot slot, const Connector& connector, size_t tasks) {
  return error(404, log::quoted(connector.name) + " has no task " + std::to_string(slot.value) +
                        "; its tasks are its " + std::to_string(tasks) + " workers, counted from 0");
}

Answer task_status(const Route& route, const Connector& connector, const Model& model) {
  const auto workers = model.workers();
  const auto worker = std::ranges::find(workers, route.slot, &WorkerView::slot);
  if (worker == workers.end()) return no_task(route.slot, connector, workers.size());
  return json(task_status_document(connector, model.status(), *worker));
}

Answer list(const Route& route, const Connector& connector, const Model& model, bool options) {
  if (!route.expand_status && !route.expand_info) return json(connectors_document(connector));
  return json(connectors_document(connector, model.status(), model.workers(), route.expand_status,
                                  route.expand_info, options));
}

Answer restart(const Route& route, const Caller& caller, const Connector& connector, Model& model) {
  if (!route.include_tasks) return nothing_more(204);
  const auto workers = model.workers();
  std::set<Slot> restarting;
  for (const WorkerView& worker : workers)
    if (!route.only_failed || may_be_restarted_as_failed(worker)) restarting.insert(worker.slot);
  // One after the other, so that the other channels are served; what has failed serves none.
  model.restart_workers(!route.only_failed, route.only_failed, caller);
  return json(connector_status_document(connector, model.status(), workers, restarting), 202);
}

}  // namespace

bool is_of_connect(Verb verb) {
  return verb >= Verb::connectors;
}

Answer show_connect(Surface surface, const Route& route, const Connector& connector, const Model& model) {
  if (auto unknown = unknown_connector(route, connector)) return std::move(*unknown);
  const bool options = surface != Surface::status_socket;
  switch (route.verb) {
    case Verb::connectors:
      return list(route, connector, model, options);
    case Verb::connector:
      return json(connector_document(connector, model.workers(), options));
    case Verb::connector_config:
      if (!options) return error(403, "the status socket shows no configuration; ask the control socket");
      return json(connector_config_document(connector));
    case Verb::connector_status:
      return json(connector_status_document(connector, model.status(), model.workers()));
    case Verb::connector_tasks:
      return json(connector_tasks_document(connector, model.workers()));
    case Verb::connector_task_status:
      return task_status(route, connector, model);
    case Verb::connector_topics:
      return in_slices(model.topics_in_slices(kMaxListedTopics), [connector](const auto& topics) {
        return connector_topics_document(connector, topics);
      });
    case Verb::connector_plugins:
      return json(connector_plugins_document(model.status()));
    default:
      return error(500, "not a question");
  }
}

Answer change_connect(const Route& route, const Caller& caller, const Connector& connector, Model& model) {
  if (auto unknown = unknown_connector(route, connector)) return std::move(*unknown);
  switch (route.verb) {
    case Verb::pause_connector:
    case Verb::resume_connector:
      if (auto set = model.set_paused(route.verb == Verb::pause_connector, caller); !set)
        return error(500, set.error().message);
      return nothing_more(202);
    case Verb::restart_connector:
      return restart(route, caller, connector, model);
    case Verb::restart_task:
      if (!model.restart_worker(route.slot, caller))
        return no_task(route.slot, connector, model.workers().size());
      return nothing_more(204);
    default:
      return error(500, "not a change");
  }
}

}  // namespace e2k::supervisor
