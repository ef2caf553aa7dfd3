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
  // It is or was connected there. An entry is its `id`, one of few and given to another when it is gone, and
  // its channel's name.
  void connected(uint32_t id, std::string_view channel, std::string_view host);
  // Whether an entry that is not connected, and of whose server its worker knows nothing, waits for one that
  // is gone. Counted until the round ends.
  bool waits(uint32_t id, std::string_view channel);
  // Its worker's ledger says so itself: what counts once that ledger is gone.
  void waits_by_ledger(uint32_t id, std::string_view channel);
  // It has no worker, or is being searched for: it waits for a server that a ledger said was gone.
  void is_pending(uint32_t id, std::string_view channel);
  void end_round();
  size_t remembered() const { return places_.size(); }

  // As the ledgers have them, at any time within a round.
  void note(const std::vector<HostView>& hosts, RealNs now);
  // The same with those that are remembered.
  std::vector<HostView> completed(std::vector<HostView> hosts) const;

private:
  struct Host {
    std::string name;      // "": the place is free
    uint64_t entries = 0;  // whose it is; one without any that serves nobody is forgotten
    bool serves = false;
    int64_t gone_since_unix_ns = 0;  // 0: it is not gone
    bool is_told_gone = false;       // by a ledger, not only missed
    uint64_t running = 0, waiting = 0;
    uint64_t running_by_ledger = 0, by_ledger = 0;
  };

  struct Had {
    uint32_t place = 0;  // 1 and up: in hosts_
    uint32_t name = 0;   // a hash of the channel's
  };

  Host* of(uint32_t id, std::string_view channel);
  uint32_t place_of(std::string_view host);

  std::vector<Had> had_;  // by entry
  std::vector<Host> hosts_;
  std::vector<uint32_t> free_;  // places
  std::unordered_map<std::string, uint32_t> places_;
};

}  // namespace e2k::supervisor
