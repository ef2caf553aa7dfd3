// Pure. The service in the shapes that Kafka Connect's REST API has for a connector; a worker is a task.
//
// States, ours on the left. What mends itself is RESTARTING; FAILED waits for somebody.
//
//   service                 connector     worker                           task
//   STARTING, STOPPING      UNASSIGNED    any but FAILED, service stopping UNASSIGNED
//   paused                  PAUSED        STARTING, first process          UNASSIGNED
//   RUNNING, DEGRADED       RUNNING       STARTING, a later one            RESTARTING
//                                         RUNNING                          RUNNING, PAUSED while paused
//                                         STOPPING, BACKOFF, UNRESPONSIVE  RESTARTING
//                                         FAILED                           FAILED, `trace` is its last exit
//                                         STOPPED                          UNASSIGNED
//
// A `worker_id` is HOST:PID: the supervisor's process for the connector, the worker's own for a task (the
// supervisor's where none runs). Members keep Connect's order.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/control/connect_options.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

// As many topics as are listed.
inline constexpr size_t kMaxListedTopics = 10'000;

std::string_view connector_state(const StatusView& status);
std::string_view task_state(const StatusView& status, const WorkerView& worker);

// `options` false: `config` is empty, for those who may not see it.
std::string connectors_document(const Connector& connector);
std::string connectors_document(const Connector& connector, const StatusView& status,
                                const std::vector<WorkerView>& workers, bool expand_status, bool expand_info,
                                bool options);
std::string connector_document(const Connector& connector, const std::vector<WorkerView>& workers,
                               bool options);
std::string connector_config_document(const Connector& connector);
// `restarting`: tasks that were told to just now, which their states may not show yet.
std::string connector_status_document(const Connector& connector, const StatusView& status,
                                      const std::vector<WorkerView>& workers,
                                      const std::set<Slot>& restarting = {});
std::string connector_tasks_document(const Connector& connector, const std::vector<WorkerView>& workers);
std::string task_status_document(const Connector& connector, const StatusView& status,
                                 const WorkerView& worker);
std::string connector_topics_document(const Connector& connector, const std::vector<std::string>& topics);
std::string connector_plugins_document(const StatusView& status);

}  // namespace e2k::supervisor
