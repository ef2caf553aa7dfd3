// Pure. The standing reasons, each with the time since when it stands; what `reasons` of the status shows.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"
#include "supervisor/status/reason_code.h"

namespace e2k::supervisor {

class Reasons {
public:
  enum class Change { none, begun, ended };

  // `muted`: names of codes that are listed, and that nobody has to act on (status.mute).
  explicit Reasons(const std::vector<std::string>& muted = {});

  // An empty message ends the reason. A changed message of a standing one keeps its beginning. `because`:
  // what causes it this time; without one, kConsequences say what causes it.
  Change tell(ReasonCode code, const std::string& message, RealNs now,
              std::optional<ReasonCode> because = {});
  bool has(ReasonCode code) const { return standing_.contains(code); }
  // One stands that is not muted.
  bool any() const;
  // What hurts most first, muted ones last.
  std::vector<Reason> list() const;

private:
  // The first in the chain of those that cause it and stand; a muted one causes nothing.
  std::optional<ReasonCode> cause_of(ReasonCode code) const;

  std::set<ReasonCode> muted_;
  std::map<ReasonCode, Reason> standing_;
  std::map<ReasonCode, ReasonCode> because_;
};

}  // namespace e2k::supervisor
