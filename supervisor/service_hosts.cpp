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

// IOCs come and go for years, each time with another port: none is remembered. Two of the same number are
// taken for one, which is no more than a matter of convenience.
uint32_t number_of(std::string_view host) {
  return static_cast<uint32_t>(hash_of_text(host, 0) >> 33);
}

}  // namespace

// Brings the channels of one IOC together once the round through the entries has learnt which they are.
void Service::bring_hosts_together() {
  const MonotonicNs now = monotonic_now();
  if (!hosts_changed_ || !replay_.live() || now.value - hosts_learnt_at_.value < kHostsIntervalMs * kNsPerMs)
    return;
  hosts_learnt_at_ = now;
  reconcile();
}

// Which hosts there are in the workers' tables, for learn_host(). One whose row stands for another by then is
// learnt in the next round.
void Service::look_at_host_tables() {
  host_tables_.clear();
  if (config_.workers.affinity != WorkerAffinity::ioc || !replay_.serving()) return;
  for (const auto& view : fleet_->slots()) {
    if (view.ledger == nullptr) continue;
    auto& ids = host_tables_[view.slot];
    for (const ledger::Host& host : view.ledger->header().hosts) {
      if (host.name[0] == '\0') break;
      ids.push_back(number_of({host.name, ::strnlen(host.name, sizeof host.name)}));
    }
  }
}

void Service::learn_host(EntryId id, Slot slot, const ledger::Entry& line) {
  const uint32_t host = line.ca.host.load(std::memory_order_relaxed);
  const auto table = host_tables_.find(slot);
  if (host == 0 || table == host_tables_.end() || host > table->second.size()) return;
  hosts_changed_ |= shares_.set_host(id, table->second[host - 1]);
}

}  // namespace e2k::supervisor
