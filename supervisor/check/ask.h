// Shell. All questions that `--check --connect` asks, one after the other, each kind under a deadline of its
// own: the brokers 10 s in all, a running supervisor 5 s, the registries 10 s.
#pragma once

#include "common/config/config.h"
#include "supervisor/check/facts.h"

namespace e2k::supervisor::check {

Facts ask(const Config& config);

}  // namespace e2k::supervisor::check
