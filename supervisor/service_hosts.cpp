// The part of the Service that tells the book of shares which IOC serves a channel.
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/service.h"

namespace e2k::supervisor {
namespace {

// How often channels are brought to the others of their IOC at most.
constexpr int64_t kHostsIntervalMs = 10'000;

}  // namespace

// Brings the channels of one IOC together once the ledgers know which they are.
void Service::learn_hosts() {
  const MonotonicNs now = monotonic_now();
  if (config_.workers.affinity != WorkerAffinity::ioc || !replay_.serving()) return;
  if (now.value - hosts_learnt_at_.value < kHostsIntervalMs * kNsPerMs) return;
  hosts_learnt_at_ = now;
  std::map<Slot, std::vector<uint32_t>> ids;  // of the hosts in a worker's table, in its order
  for (const auto& view : fleet_->slots()) {
    if (view.ledger == nullptr) continue;
    for (const ledger::Host& host : view.ledger->header().hosts) {
      if (host.name[0] == '\0') break;
      ids[view.slot].push_back(host_id({host.name, ::strnlen(host.name, sizeof host.name)}));
    }
  }
  commands_.visit([&](const EntryRef& entry) {
    const auto place = shares_.place(entry.id);
    const ledger::Entry* line = place ? ledgers_->line(*place) : nullptr;
    const uint32_t host = line == nullptr ? 0 : line->ca.host.load(std::memory_order_relaxed);
    if (host == 0 || host > ids[place->slot].size()) return;
    hosts_changed_ |= shares_.set_host(entry.id, ids[place->slot][host - 1]);
  });
  if (hosts_changed_ && replay_.live()) reconcile();
}

uint32_t Service::host_id(std::string_view name) {
  return host_ids_.try_emplace(std::string(name), static_cast<uint32_t>(host_ids_.size())).first->second;
}

}  // namespace e2k::supervisor
