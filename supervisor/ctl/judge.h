// Shell. A configuration judged as a start would judge it, without running anything that it names.
#pragma once

#include <iosfwd>

#include "common/config/load.h"

namespace e2k::supervisor::ctl {

// Prints every mistake, or remarks where there is none. true: a service would start with it.
bool judge(const LoadOptions& options, std::ostream& err);

}  // namespace e2k::supervisor::ctl
