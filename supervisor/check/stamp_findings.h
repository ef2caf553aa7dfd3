// Pure. Whether topics erase records by age whose stamps are older than that when they arrive.
#pragma once

#include <vector>

#include "supervisor/check/findings.h"

namespace e2k::supervisor::check {

void of_stamps(const Facts& facts, std::vector<Finding>& found);

}  // namespace e2k::supervisor::check
