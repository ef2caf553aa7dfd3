#include "supervisor/control/connect_documents.h"

#include <nlohmann/json.hpp>

#include "common/text.h"

namespace e2k::supervisor {
namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view raw) {
  return utf8_or_latin1(raw);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string worker_id(const Connector& connector, int32_t pid) {
  return connector.host + ":" + std::to_string(pid);
}

Json config_json(const Connector& connector, bool shown) {
  Json json = Json::object();
  if (!shown) return json;
  for (const auto& [option, value] : connector.options) json[option] = text(value);
  return json;
}

Json task_id_json(const Connector& connector, const WorkerView& worker) {
  return {{"connector", text(connector.name)}, {"task", worker.slot.value}};
}

Json info_json(const Connector& connector, const std::vector<WorkerView>& workers, bool options) {
  Json json = {{"name", text(connector.name)},
               {"config", config_json(connector, options)},
               {"tasks", Json::array()},
               {"type", "source"}};
  for (const WorkerView& worker : workers) json["tasks"].push_back(task_id_json(connector, worker));
  return json;
}

Json task_json(const Connector& connector, const StatusView& status, const WorkerView& worker,
               bool restarting) {
  const std::string_view state = restarting ? "RESTARTING" : task_state(status, worker);
  Json json = {{"id", worker.slot.value},
               {"state", state},
               {"worker_id", worker_id(connector, worker.pid != 0 ? worker.pid : status.pid)}};
  if (state == "FAILED") json["trace"] = text(worker.last_exit);
  return json;
}

Json status_json(const Connector& connector, const StatusView& status, const std::vector<WorkerView>& workers,
                 const std::set<Slot>& restarting) {
  Json json = {
      {"name", text(connector.name)},
      {"connector", {{"state", connector_state(status)}, {"worker_id", worker_id(connector, status.pid)}}},
      {"tasks", Json::array()},
      {"type", "source"}};
  for (const WorkerView& worker : workers)
    json["tasks"].push_back(task_json(connector, status, worker, restarting.contains(worker.slot)));
  return json;
}

}  // namespace

std::string_view connector_state(const StatusView& status) {
  if (status.state == ServiceState::starting || status.state == ServiceState::stopping) return "UNASSIGNED";
  return status.paused || status.state == ServiceState::paused ? "PAUSED" : "RUNNING";
}

std::string_view task_state(const StatusView& status, const WorkerView& worker) {
  if (worker.state == "FAILED") return "FAILED";
  if (status.state == ServiceState::stopping || worker.state == "STOPPED") return "UNASSIGNED";
  if (worker.state == "RUNNING") return status.paused ? "PAUSED" : "RUNNING";
  if (worker.state == "STARTING" && worker.restarts == 0) return "UNASSIGNED";
  return "RESTARTING";
}

std::string connectors_document(const Connector& connector) {
  return dump(Json::array({text(connector.name)}));
}

std::string connectors_document(const Connector& connector, const StatusView& status,
                                const std::vector<WorkerView>& workers, bool expand_status, bool expand_info,
                                bool options) {
  Json one = Json::object();
  if (expand_status) one["status"] = status_json(connector, status, workers, {});
  if (expand_info) one["info"] = info_json(connector, workers, options);
  Json json = Json::object();
  json[utf8_or_latin1(connector.name)] = std::move(one);
  return dump(json);
}

std::string connector_document(const Connector& connector, const std::vector<WorkerView>& workers,
                               bool options) {
  return dump(info_json(connector, workers, options));
}

std::string connector_config_document(const Connector& connector) {
  return dump(config_json(connector, true));
}

std::string connector_status_document(const Connector& connector, const StatusView& status,
                                      const std::vector<WorkerView>& workers,
                                      const std::set<Slot>& restarting) {
  return dump(status_json(connector, status, workers, restarting));
}

std::string connector_tasks_document(const Connector& connector, const std::vector<WorkerView>& workers) {
  Json json = Json::array();
  for (const WorkerView& worker : workers)
    json.push_back({{"id", task_id_json(connector, worker)}, {"config", {{"task.class", kTaskClass}}}});
  return dump(json);
}

std::string task_status_document(const Connector& connector, const StatusView& status,
                                 const WorkerView& worker) {
  return dump(task_json(connector, status, worker, false));
}

std::string connector_topics_document(const Connector& connector, const std::vector<std::string>& topics) {
  Json list = Json::array();
  for (const std::string& topic : topics) list.push_back(text(topic));
  Json json = Json::object();
  json[utf8_or_latin1(connector.name)] = {{"topics", std::move(list)}};
  return dump(json);
}

std::string connector_plugins_document(const StatusView& status) {
  return dump(
      Json::array({Json{{"class", kConnectorClass}, {"type", "source"}, {"version", text(status.version)}}}));
}

}  // namespace e2k::supervisor
