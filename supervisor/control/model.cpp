#include "supervisor/control/model.h"

namespace e2k::supervisor {

const char* to_string(ServiceState state) {
  switch (state) {
    case ServiceState::starting:
      return "STARTING";
    case ServiceState::running:
      return "RUNNING";
    case ServiceState::paused:
      return "PAUSED";
    case ServiceState::degraded:
      return "DEGRADED";
    case ServiceState::stopping:
      return "STOPPING";
  }
  return "";
}

bool may_be_restarted_as_failed(const WorkerView& worker) {
  return worker.state == "FAILED" || worker.state == "BACKOFF";
}

const char* to_string(ShownState state) {
  switch (state) {
    case ShownState::pending:
      return "PENDING";
    case ShownState::connected:
      return "CONNECTED";
    case ShownState::never_connected:
      return "NEVER_CONNECTED";
    case ShownState::disconnected:
      return "DISCONNECTED";
    case ShownState::denied:
      return "DENIED";
    case ShownState::no_topic:
      return "NO_TOPIC";
    case ShownState::not_authorised:
      return "NOT_AUTHORISED";
    case ShownState::quarantined:
      return "QUARANTINED";
    case ShownState::no_data:
      return "NO_DATA";
  }
  return "";
}

const char* to_string(ledger::HostState state) {
  switch (state) {
    case ledger::HostState::none:
      return "NONE";
    case ledger::HostState::up:
      return "UP";
    case ledger::HostState::trying:
      return "TRYING";
    case ledger::HostState::silent:
      return "SILENT";
    case ledger::HostState::refusing:
      return "REFUSING";
    case ledger::HostState::gone:
      return "GONE";
    case ledger::HostState::hung:
      return "HUNG";
  }
  return "NONE";  // a number of a newer version, read from a ledger
}

const char* to_string(ReloadState state) {
  switch (state) {
    case ReloadState::none:
      return "none";
    case ReloadState::checking:
      return "checking";
    case ReloadState::refused:
      return "refused";
    case ReloadState::done:
      return "done";
  }
  return "?";
}

}  // namespace e2k::supervisor
