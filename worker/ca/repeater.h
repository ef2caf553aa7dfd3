// Shell. The CA repeater of the service: passes IOC beacons on to every CA client of this machine.
//
// libca spawns a repeater of its own where it finds none; that one inherits stdio and outlives its parent. So
// the supervisor starts one, as a process of its own that calls nothing but this.
#pragma once

namespace e2k::worker {

// Serves on EPICS_CA_REPEATER_PORT (5065) until the process is killed. Returns at once where the port is
// taken: 0, somebody else's repeater serves already (try again later: it may go away with its owner).
int run_ca_repeater();

}  // namespace e2k::worker
