#include "supervisor/status/lost_hosts.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace e2k::supervisor {

using ledger::HostState;
namespace {

uint32_t hash_of(std::string_view channel) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(channel));
}

}  // namespace

uint32_t LostHosts::place_of(std::string_view host) {
  const auto [found, is_new] = places_.try_emplace(std::string(host), 0);
  if (!is_new) return found->second;
  if (free_.empty()) {
    hosts_.emplace_back();
    free_.push_back(static_cast<uint32_t>(hosts_.size()));
  }
  found->second = free_.back();
  free_.pop_back();
  hosts_[found->second - 1].name = host;
  return found->second;
}

void LostHosts::connected(uint32_t id, std::string_view channel, std::string_view host) {
  if (host.empty()) return;
  if (id >= had_.size()) had_.resize(size_t{id} + 1);
  Had& had = had_[id];
  had.name = hash_of(channel);
  if (had.place != 0 && hosts_[had.place - 1].name == host) return;
  if (had.place != 0) --hosts_[had.place - 1].entries;
  had.place = place_of(host);
  ++hosts_[had.place - 1].entries;
}

LostHosts::Host* LostHosts::of(uint32_t id, std::string_view channel) {
  if (id >= had_.size() || had_[id].place == 0 || had_[id].name != hash_of(channel)) return nullptr;
  return &hosts_[had_[id].place - 1];
}

bool LostHosts::waits(uint32_t id, std::string_view channel) {
  Host* const host = of(id, channel);
  if (host == nullptr || host->gone_since_unix_ns == 0) return false;
  ++host->running;
  return true;
}

void LostHosts::waits_by_ledger(uint32_t id, std::string_view channel) {
  if (Host* const host = of(id, channel)) ++host->running_by_ledger;
}

void LostHosts::is_pending(uint32_t id, std::string_view channel) {
  if (Host* const host = of(id, channel); host != nullptr && host->is_told_gone) ++host->running;
}

void LostHosts::end_round() {
  for (Host& host : hosts_) {
    host.waiting = std::exchange(host.running, 0);
    host.by_ledger = std::exchange(host.running_by_ledger, 0);
    if (host.name.empty() || host.entries != 0 || host.serves) continue;
    free_.push_back(places_.at(host.name));
    places_.erase(host.name);
    host = {};
  }
}

void LostHosts::note(const std::vector<HostView>& hosts, RealNs now) {
  for (Host& host : hosts_) host.serves = false;
  for (const HostView& view : hosts) {
    const auto place = places_.find(view.host);
    if (place == places_.end()) continue;
    Host& host = hosts_[place->second - 1];
    // What hangs or lets nobody in is there.
    const bool is_there =
        view.channels > 0 || (view.state != HostState::none && view.state != HostState::gone);
    host.serves = is_there;
    if (is_there || view.state != HostState::gone) continue;
    host.is_told_gone = true;
    if (host.gone_since_unix_ns == 0) host.gone_since_unix_ns = view.since_unix_ns;
  }
  for (Host& host : hosts_) {
    if (!host.serves && host.gone_since_unix_ns == 0) host.gone_since_unix_ns = now.value;
    if (!host.serves) continue;
    host.gone_since_unix_ns = 0;
    host.is_told_gone = false;
    host.waiting = host.by_ledger = 0;
  }
}

std::vector<HostView> LostHosts::completed(std::vector<HostView> hosts) const {
  for (const Host& host : hosts_) {
    if (host.waiting + host.by_ledger == 0 || host.gone_since_unix_ns == 0) continue;
    auto view = std::ranges::find(hosts, host.name, &HostView::host);
    const bool is_told = view != hosts.end() && view->waiting > 0;
    if (is_told && host.waiting == 0) continue;
    if (view == hosts.end()) {
      hosts.emplace_back().host = host.name;
      view = hosts.end() - 1;
    }
    view->state = HostState::gone;
    view->since_unix_ns = host.gone_since_unix_ns;
    view->waiting += is_told ? host.waiting : std::max(host.waiting, host.by_ledger);
  }
  return hosts;
}

}  // namespace e2k::supervisor
