// Pure. The standing reasons, each with the time since when it stands; what `reasons` of the status shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"
#include "supervisor/status/reason_code.h"

namespace e2k::supervisor {

class Reasons {
public:
  enum class Change { none, begun, ended };

  // An empty message ends the reason. A changed message of a standing one keeps its beginning.
  Change tell(ReasonCode code, const std::string& message, RealNs now) {
    const auto found = standing_.find(code);
    if (message.empty()) {
      if (found == standing_.end()) return Change::none;
      standing_.erase(found);
      return Change::ended;
    }
    if (found != standing_.end()) {
      found->second.message = message;
      return Change::none;
    }
    standing_[code] = Reason{to_string(code), message, now.value};
    return Change::begun;
  }
  bool empty() const { return standing_.empty(); }
  bool has(ReasonCode code) const { return standing_.contains(code); }
  // By their names.
  std::vector<Reason> list() const {
    std::map<std::string, Reason> by_name;
    for (const auto& [code, reason] : standing_) by_name[reason.code] = reason;
    std::vector<Reason> reasons;
    for (const auto& [name, reason] : by_name) reasons.push_back(reason);
    return reasons;
  }

private:
  std::map<ReasonCode, Reason> standing_;
};

}  // namespace e2k::supervisor
