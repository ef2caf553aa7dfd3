// Shell. Names for which a second server answers. Each is asked for again after kCheckNs, then twice as long,
// up to kMaxCheckNs; when the other server is silent it is over. On the *ca* thread.
#pragma once

#include <map>
#include <vector>

#include "worker/ca/account.h"
#include "worker/ca/channel_table.h"
#include "worker/ca/search/search_client.h"

namespace e2k::worker::ca {

class Doubles {
public:
  static constexpr int64_t kCheckNs = 30 * kNsPerSecond, kMaxCheckNs = 300 * kNsPerSecond;
  // Those of many names that came at once are spread over so long.
  static constexpr int64_t kSpreadNs = 10 * kNsPerSecond;
  static constexpr int64_t kAnswerNs = 10 * kNsPerSecond;  // so long an answer is waited for

  Doubles(const ChannelTable& table, search::SearchClient& search, Account& account)
      : table_(table), search_(search), account_(account) {}

  // `other` answered for the channel, which has a server. True: that is new.
  bool note(const Channel& channel, search::ServerNumber other, MonotonicNs now);
  void check(MonotonicNs now);
  MonotonicNs next_turn() const { return due_.empty() ? MonotonicNs{INT64_MAX} : due_.begin()->first; }
  void end(const Channel& channel);
  // kNoServer: none.
  search::ServerNumber other_of(const Channel& channel) const;
  uint32_t entries() const;
  // Sets those servers that are others.
  void mark(std::vector<bool>& servers) const;

private:
  struct Double {
    search::ServerNumber other = search::kNoServer;
    MonotonicNs heard, asked;
    int64_t interval_ns = kCheckNs;
    uint32_t visit = 0;     // of the entry in due_ that counts
    bool is_asked = false;  // the next visit judges
  };
  struct Visit {
    uint32_t channel, visit;
  };
  void put_off(uint32_t channel, Double& d, MonotonicNs until);

  const ChannelTable& table_;
  search::SearchClient& search_;
  Account& account_;
  std::map<uint32_t, Double> doubles_;  // by channel
  std::multimap<MonotonicNs, Visit> due_;
  uint32_t visits_ = 0;
};

}  // namespace e2k::worker::ca
