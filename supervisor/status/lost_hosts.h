// Pure. Which server each channel had, and the servers that are gone, as long as anybody waits for one.
//
// A worker's ledger tells it while that worker lives. Its successor, or the worker that took a channel over,
// was never connected to what is gone and has no row for it: what is remembered here stands in for that row.
// A server that serves anybody is not gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

class LostHosts {
public:
  // It is or was connected there. `id`: of the entry, one of few.
  void connected(uint32_t id, std::string_view host);
  // Whether an entry that is not connected, and of whose server its worker knows nothing, waits for one that
  // is gone. Counted until the round ends.
  bool waits(uint32_t id);
  // Its worker's ledger says so itself: what counts once that ledger is gone.
  void waits_by_ledger(uint32_t id);
  // It has no worker, or is being searched for: it waits for a server that a ledger said was gone.
  void is_pending(uint32_t id);
  void end_round();

  // As the ledgers have them, at any time within a round.
  void note(const std::vector<HostView>& hosts, RealNs now);
  // The same with those that are remembered.
  std::vector<HostView> completed(std::vector<HostView> hosts) const;

private:
  struct Host {
    std::string name;
    bool serves = false;
    int64_t gone_since_unix_ns = 0;  // 0: it is not gone
    bool is_told_gone = false;       // by a ledger, not only missed
    uint64_t running = 0, waiting = 0;
    uint64_t running_by_ledger = 0, by_ledger = 0;
  };

  Host* of(uint32_t id);

  std::vector<uint32_t> of_entry_;  // 1 and up: a place in hosts_
  std::vector<Host> hosts_;
  std::unordered_map<std::string, uint32_t> places_;
};

}  // namespace e2k::supervisor
