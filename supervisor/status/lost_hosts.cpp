#include "supervisor/status/lost_hosts.h"

#include <algorithm>
#include <utility>

namespace e2k::supervisor {

using ledger::HostState;

void LostHosts::connected(uint32_t id, std::string_view host) {
  if (host.empty()) return;
  if (id >= of_entry_.size()) of_entry_.resize(size_t{id} + 1);
  const uint32_t known = of_entry_[id];
  if (known != 0 && hosts_[known - 1].name == host) return;
  const auto [place, is_new] = places_.try_emplace(std::string(host), 0);
  if (is_new) {
    hosts_.push_back({std::string(host)});
    place->second = static_cast<uint32_t>(hosts_.size());
  }
  of_entry_[id] = place->second;
}

LostHosts::Host* LostHosts::of(uint32_t id) {
  const uint32_t place = id < of_entry_.size() ? of_entry_[id] : 0;
  return place == 0 ? nullptr : &hosts_[place - 1];
}

bool LostHosts::waits(uint32_t id) {
  Host* const host = of(id);
  if (host == nullptr || host->gone_since_unix_ns == 0) return false;
  ++host->running;
  return true;
}

void LostHosts::waits_by_ledger(uint32_t id) {
  if (Host* const host = of(id)) ++host->running_by_ledger;
}

void LostHosts::is_pending(uint32_t id) {
  if (Host* const host = of(id); host != nullptr && host->is_told_gone) ++host->running;
}

void LostHosts::end_round() {
  for (Host& host : hosts_) {
    host.waiting = std::exchange(host.running, 0);
    host.by_ledger = std::exchange(host.running_by_ledger, 0);
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
