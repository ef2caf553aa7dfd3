// Shell. Which Channel Access client library runs.
#pragma once

#include <string>

namespace e2k::worker {

// As "4.13 (EPICS 7.0.8)": the library's own version, and the release whose headers this program was built
// with.
std::string libca_version();

}  // namespace e2k::worker
