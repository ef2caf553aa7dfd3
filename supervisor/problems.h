// Pure. The standing problems by code, each with the time since when it stands; what `reasons` of the status
// shows.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

class Problems {
public:
  enum class Change { none, begun, ended };

  // An empty message ends the problem. A changed message of a standing problem keeps its beginning.
  Change set(const std::string& code, const std::string& message, RealNs now) {
    auto found = standing_.find(code);
    if (message.empty()) {
      if (found == standing_.end()) return Change::none;
      standing_.erase(found);
      return Change::ended;
    }
    if (found != standing_.end()) {
      found->second.message = message;
      return Change::none;
    }
    standing_[code] = Reason{code, message, now.value};
    return Change::begun;
  }
  bool empty() const { return standing_.empty(); }
  bool has(const std::string& code) const { return standing_.contains(code); }
  std::vector<Reason> list() const {
    std::vector<Reason> reasons;
    for (const auto& [code, reason] : standing_) reasons.push_back(reason);
    return reasons;
  }

private:
  std::map<std::string, Reason> standing_;
};

}  // namespace e2k::supervisor
