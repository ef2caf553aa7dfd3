// Shell. The worker's Channel Access side: implements Monitors on top of an Intake, with one *ca* thread.
//
// The thread owns libca's context, makes every request (keeper.h), runs the search client, and turns at least
// twice a second; turns() stands still when libca holds it up. libca's own threads run the callbacks
// (delivery.h). The Intake must outlive what make_monitors returns.
//
// clear_all(): from the moment that cleared() is true nothing reaches the Intake; the subscriptions are then
// cleared in batches, which nobody has to wait for. applied(): a removed entry's handle is closed by then.
//
// The destructor clears all channels and destroys the context. libca can hang in that: after kPatienceAtEnd
// the thread is left behind with what it holds (not with the Intake, which it touches no more). A worker that
// has drained should `_exit` instead of destroying.
#pragma once

#include <memory>

#include "common/result.h"
#include "worker/ca/monitor_settings.h"
#include "worker/ca/steered_libca.h"
#include "worker/intake.h"
#include "worker/monitors.h"

namespace e2k::worker {

// What the Monitors of this folder tell beside the interface.
class CaMonitors : public Monitors {
public:
  virtual uint64_t search_frames_sent() const = 0;
};

// Fails where there is no socket to be had.
Result<std::unique_ptr<CaMonitors>> make_monitors(const MonitorSettings& settings, Intake& intake,
                                                  SteeredLibca steered);
// Steers libca here, by EPICS_CA_* as it is now.
Result<std::unique_ptr<CaMonitors>> make_monitors(const MonitorSettings& settings, Intake& intake);

}  // namespace e2k::worker
