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
#include <vector>

#include "proto/ledger_reader.h"
#include "supervisor/status/ioc_problems.h"
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

  void note_hosts(const std::vector<HostView>& hosts);
  void begin_slice() { meant_.begin_slice(); }
  void see(std::string_view channel, const ledger::LedgerReader& reader, const ledger::Entry& line);
  // Its worker does not live, or has no line for it yet.
  void see_pending() { ++running_.pending; }
  void end_round();
  const ChannelsSeen& known() const { return known_; }

private:
  bool waits_for_server(const ledger::LedgerReader& reader, const ledger::Entry& line) const;

  std::unordered_set<std::string> in_trouble_;  // servers
  ChannelsSeen running_, known_;
  MeantNames meant_;
};

}  // namespace e2k::supervisor
