#include "worker/ca/version.h"

#include <cadef.h>
#include <epicsVersion.h>

namespace e2k::worker {

std::string libca_version() {
  return std::string(ca_version()) + " (" + EPICS_VERSION_STRING + ")";
}

}  // namespace e2k::worker
