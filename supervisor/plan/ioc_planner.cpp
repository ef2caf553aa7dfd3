// The plan that keeps the channels of one IOC together: see planner.h.
//
// IOCs are placed one after the other, the largest first, and the channels without an IOC last. Where one
// goes depends on what it holds and on what was placed before it, and that is the same when a finished plan
// is planned again: so the second plan moves nothing.
#include <algorithm>
#include <cassert>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

#include "supervisor/plan/planner.h"

namespace e2k::supervisor {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

struct Counted {
  uint32_t host;    // kNone: not known
  uint32_t worker;  // that holds it, as an index into the sorted slots; kNone: none of them does
  uint32_t channel;
};
// Channels of one IOC, or those without one; within it sorted by worker.
using Group = std::span<Counted>;

// A group's channels at one worker.
struct Held {
  uint32_t worker;
  size_t count;
};

class IocPlanner {
public:
  IocPlanner(std::span<const PlannedChannel> channels, std::vector<Slot> slots)
      : channels_(channels), slots_(std::move(slots)), loads_(slots_.size()), wanted_(slots_.size()) {}

  std::vector<Move> run() {
    std::vector<Counted> counted = count();
    share_ = even_share(counted.size(), slots_.size());
    bound_ = most_channels(counted.size(), slots_.size());
    std::vector<Group> groups = grouped(counted);
    for (Group group : groups) {
      choose(group);
      carry_out(group);
    }
    return std::move(moves_);
  }

private:
  std::vector<Counted> count() const {
    std::map<Slot, uint32_t> number;
    for (uint32_t i = 0; i < slots_.size(); ++i) number[slots_[i]] = i;
    std::vector<Counted> counted;
    counted.reserve(channels_.size());
    for (uint32_t i = 0; i < channels_.size(); ++i) {
      const PlannedChannel& channel = channels_[i];
      if (channel.quarantined) continue;
      const auto holder = channel.holder ? number.find(*channel.holder) : number.end();
      counted.push_back({channel.host.value_or(kNone), holder == number.end() ? kNone : holder->second, i});
    }
    return counted;
  }

  // By size, the largest first; those without an IOC last.
  static std::vector<Group> grouped(std::vector<Counted>& counted) {
    std::sort(counted.begin(), counted.end(), [](const Counted& a, const Counted& b) {
      return std::tie(a.host, a.worker) < std::tie(b.host, b.worker);
    });
    std::vector<Group> groups;
    for (size_t begin = 0, end = 0; begin < counted.size(); begin = end) {
      while (end < counted.size() && counted[end].host == counted[begin].host) ++end;
      groups.emplace_back(counted.data() + begin, end - begin);
    }
    std::sort(groups.begin(), groups.end(), [](Group a, Group b) {
      const bool a_last = a[0].host == kNone, b_last = b[0].host == kNone;
      return std::tuple(a_last, b.size(), a[0].host) < std::tuple(b_last, a.size(), b[0].host);
    });
    return groups;
  }

  void choose(Group group) {
    held_.clear();
    for (const Counted& c : group) {
      if (c.worker == kNone) break;
      if (held_.empty() || held_.back().worker != c.worker) held_.push_back({c.worker, 0});
      ++held_.back().count;
    }
    if (group[0].host == kNone) return spread(group.size());
    if (group.size() > bound_) return split(group.size(), share_);
    if (const auto home = home_for(group.size()))
      wanted_[*home] = group.size();
    else
      split(group.size(), bound_);
  }

  // The worker that holds most of the group and has room for all of it; else the one that has most room.
  std::optional<uint32_t> home_for(size_t size) {
    std::sort(held_.begin(), held_.end(), [this](const Held& a, const Held& b) {
      return std::tuple(b.count, loads_[a.worker], a.worker) <
             std::tuple(a.count, loads_[b.worker], b.worker);
    });
    for (const Held& held : held_)
      if (loads_[held.worker] + size <= bound_) return held.worker;
    const auto least = std::min_element(loads_.begin(), loads_.end());
    if (*least + size > bound_) return std::nullopt;
    return static_cast<uint32_t>(least - loads_.begin());
  }

  // Over as few workers as can be, none filled above `limit`. Those with most room come first: what the
  // group holds decides only between equals, or a finished split would be chosen anew.
  void split(size_t size, size_t limit) {
    std::vector<size_t> holds(slots_.size());
    for (const Held& held : held_) holds[held.worker] = held.count;
    std::vector<uint32_t> order;
    for (uint32_t w = 0; w < slots_.size(); ++w)
      if (loads_[w] < limit) order.push_back(w);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return std::tuple(loads_[a], holds[b], a) < std::tuple(loads_[b], holds[a], b);
    });
    for (const uint32_t w : order) {
      wanted_[w] = std::min(size, limit - loads_[w]);
      size -= wanted_[w];
    }
    assert(size == 0);
  }

  // Channels without an IOC stay where there is room; the others go to whoever has least.
  void spread(size_t size) {
    for (const Held& held : held_) {
      wanted_[held.worker] = std::min(held.count, bound_ - loads_[held.worker]);
      size -= wanted_[held.worker];
    }
    using Total = std::pair<size_t, uint32_t>;
    std::priority_queue<Total, std::vector<Total>, std::greater<>> least;
    for (uint32_t w = 0; w < slots_.size(); ++w) least.emplace(loads_[w] + wanted_[w], w);
    for (; size > 0; --size) {
      const auto [total, w] = least.top();
      least.pop();
      ++wanted_[w];
      least.emplace(total + 1, w);
    }
  }

  // Brings the group from what is held to what is wanted; leaves `wanted_` at 0.
  void carry_out(Group group) {
    for (uint32_t w = 0; w < slots_.size(); ++w) loads_[w] += wanted_[w];
    const auto by_name = [this](const Counted& a, const Counted& b) {
      return channels_[a.channel].name < channels_[b.channel].name;
    };
    homeless_.clear();
    for (auto begin = group.begin(), end = begin; begin != group.end(); begin = end) {
      const uint32_t w = begin->worker;
      end = std::find_if(begin, group.end(), [w](const Counted& c) { return c.worker != w; });
      const size_t stays = w == kNone ? 0 : std::min(wanted_[w], static_cast<size_t>(end - begin));
      const auto leaves = begin + static_cast<std::ptrdiff_t>(stays);
      // The last by name go: which ones does not depend on the order of the input.
      if (stays != 0 && leaves != end) std::nth_element(begin, leaves, end, by_name);
      homeless_.insert(homeless_.end(), leaves, end);
      if (w != kNone) wanted_[w] -= stays;
    }
    std::sort(homeless_.begin(), homeless_.end(), by_name);
    auto next = homeless_.begin();
    for (uint32_t w = 0; w < slots_.size(); ++w)
      for (; wanted_[w] > 0; --wanted_[w], ++next)
        moves_.push_back({next->channel, channels_[next->channel].holder, slots_[w]});
    assert(next == homeless_.end());
  }

  const std::span<const PlannedChannel> channels_;
  const std::vector<Slot> slots_;  // sorted
  std::vector<size_t> loads_;      // by worker: what has been placed there
  std::vector<size_t> wanted_;     // by worker: of the group at hand
  std::vector<Held> held_;         // of the group at hand
  std::vector<Counted> homeless_;  // of the group at hand
  std::vector<Move> moves_;
  size_t share_ = 0, bound_ = 0;
};

}  // namespace

std::vector<Move> plan_by_ioc(std::span<const PlannedChannel> channels, std::span<const Slot> workers) {
  assert(!workers.empty());
  std::vector<Slot> slots(workers.begin(), workers.end());
  std::sort(slots.begin(), slots.end());
  return IocPlanner(channels, std::move(slots)).run();
}

}  // namespace e2k::supervisor
