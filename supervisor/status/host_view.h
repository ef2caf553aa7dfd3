// Pure. The IOCs as they are shown: what all workers' ledgers say of a server, joined by its address, and its
// rate of events.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/ledger_reader.h"
#include "supervisor/control/model.h"

namespace e2k::supervisor {

class HostSums {
public:
  // `is_alive`: the slot's worker is; a dead one's servers are shown with their events alone.
  void add(const ledger::LedgerReader& ledger, Slot slot, bool is_alive);
  // By address.
  std::vector<HostView> list() &&;

private:
  std::map<std::string, HostView> by_name_;
};

// Events a second by address, of the time between two looks.
class HostRates {
public:
  void look(const std::vector<HostView>& hosts, double seconds_since_last);
  double events_per_s(const std::string& host) const;

private:
  struct Rate {
    uint64_t events = 0;
    double per_s = 0;
  };
  std::unordered_map<std::string, Rate> by_name_;
};

}  // namespace e2k::supervisor
