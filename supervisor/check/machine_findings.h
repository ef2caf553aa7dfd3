// Pure. Whether a service can live on this machine: what was seen of it, each as a finding with its remedy.
#pragma once

#include <vector>

#include "supervisor/check/findings.h"
#include "supervisor/check/machine_facts.h"

namespace e2k::supervisor::check {

std::vector<Finding> machine_findings(const MachineFacts& facts);

}  // namespace e2k::supervisor::check
