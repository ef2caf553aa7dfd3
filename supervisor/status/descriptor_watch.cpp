#include "supervisor/status/descriptor_watch.h"

#include <fmt/format.h>

namespace e2k::supervisor {

bool DescriptorWatch::Use::is_short() const {
  constexpr uint64_t kTenths = 9;
  return used >= most / 10 * kTenths + most % 10 * kTenths / 10;
}

void DescriptorWatch::look(Slot slot, uint64_t used, uint64_t most, MonotonicNs now) {
  Use& known = slots_[slot];
  const Use seen{used, most, known.held_until};
  if (seen.is_short() || now.value >= known.held_until.value) known = seen;
}

bool DescriptorWatch::on_death(Slot slot, MonotonicNs now) {
  const auto found = slots_.find(slot);
  if (found == slots_.end() || !found->second.is_short()) return false;
  found->second.held_until = MonotonicNs{now.value + kHeldNs};
  return true;
}

std::string DescriptorWatch::problem() const {
  std::string text;
  for (const auto& [slot, use] : slots_)
    if (use.is_short())
      text += fmt::format(
          "worker {} has {} of the {} descriptors that it may have, some 40 and one for each IOC and "
          "broker: raise LimitNOFILE= of the unit (ulimit -n) and restart the service. ",
          slot.value, use.used, use.most);
  return text;
}

}  // namespace e2k::supervisor
