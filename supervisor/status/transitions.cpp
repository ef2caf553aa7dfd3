#include "supervisor/status/transitions.h"

#include <algorithm>
#include <utility>

namespace e2k::supervisor {
namespace {

// What is said of a thing that is no longer there, by kind.
constexpr auto kAbsent = std::to_array<const char*>({"", "ended", "gone", "gone", "takes records again"});

void compare(const Picture& last, const Picture& now, const char* absent, std::vector<Transition>& changes) {
  for (const auto& [what, standing] : now) {
    const auto before = last.find(what);
    if (before == last.end())
      changes.push_back({what, "", standing.state, standing.words});
    else if (before->second.state != standing.state)
      changes.push_back({what, before->second.state, standing.state, standing.words});
  }
  for (const auto& [what, standing] : last)
    if (!now.contains(what)) changes.push_back({what, standing.state, absent, ""});
}

}  // namespace

Picture picture_of_service(ServiceState state) {
  return {{"service", {to_string(state), ""}}};
}

Picture picture_of(const std::vector<Reason>& reasons) {
  Picture picture;
  for (const Reason& reason : reasons) picture["reason " + reason.code] = {"stands", reason.message};
  return picture;
}

Picture picture_of(const std::vector<WorkerView>& workers) {
  Picture picture;
  for (const WorkerView& worker : workers)
    picture["worker " + std::to_string(worker.slot.value)] = {
        worker.state, worker.state == "RUNNING" ? "" : worker.last_exit};
  return picture;
}

Picture picture_of(const std::vector<HostView>& hosts) {
  Picture picture;
  for (const HostView& host : hosts) picture["IOC " + host.host] = {to_string(host.state), ""};
  return picture;
}

std::vector<Transition> Transitions::take(Looked now) {
  std::array<Picture, kKinds> pictures = {std::move(now.service), std::move(now.reasons),
                                          std::move(now.workers), std::move(now.hosts),
                                          std::move(now.topics)};
  std::vector<Transition> changes;
  for (size_t kind = 0; kind < kKinds; ++kind)
    compare(pictures_[kind], pictures[kind], kAbsent[kind], changes);
  pictures_ = std::move(pictures);
  return changes;
}

std::vector<Transition> Transitions::standing() const {
  std::vector<Transition> all;
  for (const Picture& picture : pictures_) compare({}, picture, "", all);
  return all;
}

void EntryChanges::add(EntryId id, std::optional<ShownState> before, ShownState now) {
  auto group =
      std::ranges::find_if(groups_, [&](const Group& one) { return one.before == before && one.now == now; });
  if (group == groups_.end()) {
    groups_.push_back({.before = before, .now = now, .some = {}});
    group = groups_.end() - 1;
  }
  ++group->entries;
  if (group->some.size() < kTold) group->some.push_back(id);
}

std::vector<EntryChanges::Group> EntryChanges::take() {
  return std::exchange(groups_, {});
}

}  // namespace e2k::supervisor
