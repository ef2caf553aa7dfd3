// Shell. What the ledger is told of channels on their way, of servers, and of the search. On the *ca* thread.
//
// Of connected channels libca's callbacks tell (delivery.h), of subscriptions the Subscriber. Servers and the
// search are told of once a second, where something changed.
#pragma once

#include <string>
#include <vector>

#include "worker/ca/channel_table.h"
#include "worker/ca/delivery.h"
#include "worker/ca/search/search_client.h"

namespace e2k::worker::ca {

class Account {
public:
  // `search` outlives the account.
  Account(Delivery& delivery, const ChannelTable& table, const search::SearchClient& search)
      : delivery_(delivery), table_(table), search_(search) {}

  void opened(search::ServerNumber server);
  // `complained`: libca said that the circuit could not be opened; else it was closed, or the name refused.
  void failed(search::ServerNumber server, bool complained);
  void refused_answer() { ++refused_answers_; }
  // libca did, of the last failure there.
  bool complained(search::ServerNumber server) const {
    return server < tallies_.size() && tallies_[server].complained;
  }
  // The number will stand for another server.
  void forget(search::ServerNumber server);

  // "" for no server.
  std::string name_of(search::ServerNumber server) const;
  // How far a channel that is not connected got.
  void tell(const Channel& channel);
  // Likewise of all that wait for the server.
  void tell_waiting(search::ServerNumber server);
  // Of a channel that has a new entry.
  void introduce(const Channel& channel, const Entry& entry);
  void tell_also_host(const Channel& channel, const std::string& host);
  // Once a second: what changed. `doubled_entries`: of channels with two servers.
  void tell_facts(uint32_t doubled_entries, MonotonicNs now);
  MonotonicNs facts_due() const { return facts_due_; }

private:
  struct Tally {
    uint32_t opened = 0, failed = 0;
    bool complained = false;
    ServerFacts told{};
  };
  Tally& tally(search::ServerNumber server);
  ledger::Step step_of(const Channel& channel) const;

  Delivery& delivery_;
  const ChannelTable& table_;
  const search::SearchClient& search_;
  std::vector<Tally> tallies_;  // by server
  uint64_t refused_answers_ = 0, opened_ = 0, failed_ = 0;
  MonotonicNs facts_due_{0}, skew_due_{0};
};

}  // namespace e2k::worker::ca
