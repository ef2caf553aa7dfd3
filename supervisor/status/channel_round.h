// Pure. What a round through all entries tells of channels that are not connected: how many, some of their
// names, what may be meant by them; and of those that two servers have.
//
// Whoever goes through the entries, a slice at a time, shows each with its line. What is known is of the last
// whole round. A channel that waits for a server which lets nobody in, hangs or is gone is that server's
// business (ioc_problems.h) and is not counted here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "proto/ledger_reader.h"
#include "supervisor/status/ioc_problems.h"
#include "supervisor/status/lost_hosts.h"
#include "supervisor/status/meant_names.h"

namespace e2k::supervisor {

struct UnfoundChannel {
  std::string name;
  std::string meant = {};  // a connected one that is called nearly so; ""
};
struct ChannelsSeen {
  uint64_t pending = 0;          // entries that are being searched for, or have no worker
  uint64_t never_connected = 0;  // entries that nobody has answered for
  uint64_t lost = 0;             // entries that were connected, and that nobody has now
  std::vector<UnfoundChannel> never_connected_names, lost_names;
  std::vector<DuplicateExample> duplicates;
};

class ChannelRound {
public:
  static constexpr size_t kNames = 3;

  void note_hosts(const std::vector<HostView>& hosts, RealNs now);
  // The same with those whose channels wait with a worker that never saw them.
  std::vector<HostView> with_lost(std::vector<HostView> hosts) const {
    return lost_hosts_.completed(std::move(hosts));
  }
  void begin_slice() { meant_.begin_slice(); }
  // `id`: of the entry, as for LostHosts.
  void see(uint32_t id, std::string_view channel, const ledger::LedgerReader& reader,
           const ledger::Entry& line);
  // Its worker does not live, or has no line for it yet.
  void see_pending(uint32_t id, std::string_view channel) {
    ++running_.pending;
    lost_hosts_.is_pending(id, channel);
  }
  void end_round();
  const ChannelsSeen& known() const { return known_; }

private:
  bool waits_for_server(uint32_t id, std::string_view channel, const ledger::LedgerReader& reader,
                        const ledger::Entry& line);

  std::unordered_set<std::string> in_trouble_;  // servers
  ChannelsSeen running_, known_;
  MeantNames meant_;
  LostHosts lost_hosts_;
};

}  // namespace e2k::supervisor
