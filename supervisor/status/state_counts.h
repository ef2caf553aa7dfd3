// Pure. How many entries are shown in each state, kept as states change.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "supervisor/control/model.h"

namespace e2k::supervisor {

class StateCounts {
public:
  struct Set {
    bool is_news = false;
    std::optional<ShownState> before;  // of news; none: the entry is new
  };
  Set set(EntryId id, ShownState state) {
    if (id.value >= shown_.size()) shown_.resize(id.value + 1, kNone);
    const auto now = static_cast<uint8_t>(state);
    uint8_t& shown = shown_[id.value];
    if (shown == now) return {};
    Set set{true, std::nullopt};
    if (shown != kNone) {
      set.before = static_cast<ShownState>(shown);
      --by_state_[shown];
    }
    ++by_state_[now];
    shown = now;
    return set;
  }
  // The entry is gone; one that was never counted does no harm.
  void forget(EntryId id) {
    if (id.value >= shown_.size() || shown_[id.value] == kNone) return;
    --by_state_[shown_[id.value]];
    shown_[id.value] = kNone;
  }
  const std::array<uint64_t, kShownStates>& by_state() const { return by_state_; }

private:
  static constexpr uint8_t kNone = UINT8_MAX;
  std::vector<uint8_t> shown_;  // by EntryId
  std::array<uint64_t, kShownStates> by_state_{};
};

}  // namespace e2k::supervisor
