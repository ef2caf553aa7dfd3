#include "supervisor/status/reasons.h"

#include <algorithm>

namespace e2k::supervisor {

Reasons::Reasons(const std::vector<std::string>& muted) {
  for (const std::string& name : muted)
    if (const auto code = reason_code_of(name)) muted_.insert(*code);
}

Reasons::Change Reasons::tell(ReasonCode code, const std::string& message, RealNs now,
                              std::optional<ReasonCode> because) {
  because_.erase(code);
  if (message.empty()) return standing_.erase(code) == 0 ? Change::none : Change::ended;
  if (because) because_[code] = *because;
  Reason& reason = standing_[code];
  const bool stands = !reason.code.empty();
  reason.message = message;
  if (stands) return Change::none;
  reason.code = to_string(code);
  reason.more = kind_of(code).more;
  reason.muted = muted_.contains(code);
  reason.since_unix_ns = now.value;
  return Change::begun;
}

bool Reasons::any() const {
  return std::any_of(standing_.begin(), standing_.end(), [](const auto& one) { return !one.second.muted; });
}

std::optional<ReasonCode> Reasons::cause_of(ReasonCode code) const {
  const auto causes = [&](ReasonCode one) { return has(one) && !muted_.contains(one); };
  std::optional<ReasonCode> cause;
  if (const auto told = because_.find(code); told != because_.end() && causes(told->second))
    cause = told->second;
  for (const Consequence& one : kConsequences)
    if (!cause && one.effect == code && causes(one.cause)) cause = one.cause;
  if (!cause) return std::nullopt;
  const auto further = cause_of(*cause);
  return further ? further : cause;
}

std::vector<Reason> Reasons::list() const {
  std::vector<Reason> reasons;
  for (const auto& [code, reason] : standing_) {
    reasons.push_back(reason);
    if (const auto cause = cause_of(code)) reasons.back().because = to_string(*cause);
  }
  std::stable_partition(reasons.begin(), reasons.end(), [](const Reason& one) { return !one.muted; });
  return reasons;
}

}  // namespace e2k::supervisor
