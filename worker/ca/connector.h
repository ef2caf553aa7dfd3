// Shell. Brings channels to their servers, and back to them: carries out what way.h and search/servers.h
// decide, with the search client, libca's channels, and what the ledger is told. Everything here runs on the
// *ca* thread.
//
// What moves a channel are search answers, notices from libca's callbacks (delivery.h), and time:
// - libca does not tell that a circuit could not be opened. So scouts (scout_watch.h) are looked at every
//   kLookNs, and the circuits that hang every kLookAtHungNs. Others that are not connected after kConnectNs
//   are looked at likewise; where the server is well they were refused by name. A scout that failed without a
//   complaint may have been refused by name, too: kCompany others go along with the next, which shows it. A
//   channel that was refused is created on a circuit of its kind alone (kAlone), until it is connected: libca
//   gives up a circuit on which a channel has a type that it does not know, and the others on it would go
//   down each time.
// - When a server has proven itself its waiting names are created, kCreatesATurn a turn, without another
//   search: those that it does not have any more it lets go of. When another server answers for one of them,
//   the others are searched for.
// - A server takes longer over a subscription than over the creation of a channel, and all of one circuit in
//   its order. So while more than kBurst channels are about to be connected, those that are wait for that
//   with their subscriptions, for kHoldNs at most: the connections do not wait behind them, and nobody is
//   told Never Connected for that. Then those that waited have their turns, kSubscribesAtOnce in each, one
//   every kSubscribeEveryNs at most: with thousands at once, what the server has to send to others is tens of
//   milliseconds late (tests/bench/run --only deaths).
// - Of a name for which a second server answers both are told (doubles.h).
// - ca_clear_channel of a lost channel never waits: the wait for unsent requests ends where a circuit is
//   unresponsive or gone [tcpiiu::flush]. Of a *connected* one (removal) it can wait, for a circuit with more
//   than 360 KB unsent, until libca calls that circuit unresponsive (EPICS_CA_CONN_TMO, 30 s). Nothing can
//   prevent that from outside; it holds up this thread only, events go on.
// - One log line a transition of a server, within a ceiling (line_budget.h).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "worker/ca/account.h"
#include "worker/ca/channel_table.h"
#include "worker/ca/connect_failures.h"
#include "worker/ca/delivery.h"
#include "worker/ca/doubles.h"
#include "worker/ca/scout_watch.h"
#include "worker/ca/search/responder.h"
#include "worker/ca/search/search_client.h"
#include "worker/ca/subscriber.h"
#include "worker/line_budget.h"

namespace e2k::worker::ca {

class Connector {
public:
  static constexpr int64_t kLookNs = 50 * kNsPerMs, kConnectNs = 2 * kNsPerSecond;
  static constexpr int64_t kGoOnNs = 10 * kNsPerSecond;
  static constexpr size_t kCreatesATurn = 2000, kBurst = 200;
  static constexpr int64_t kHoldNs = kNsPerSecond;
  static constexpr size_t kSubscribesAtOnce = 50;
  static constexpr int64_t kSubscribeEveryNs = kNsPerMs;
  static constexpr size_t kCompany = 200;  // channels that go along with a scout where the last failed dumbly
  static constexpr size_t kSweepAt = 1024;  // servers
  static constexpr int64_t kLookAtHungNs = kNsPerSecond / 2;
  static constexpr uint8_t kAlone = 2;  // added to the server's CA priority, which is 0 or 1

  // `responder`: to which libca was steered (search/environment.h).
  Connector(Delivery& delivery, ChannelTable& table, Subscriber& subscriber, search::Responder& responder,
            ConnectFailures& failures);
  ~Connector();
  Result<void> open(const search::SearchEnvironment& environment, MonotonicNs now);

  // Somebody wants the channel: a new one, or one that was commanded anew.
  void wanted(Channel& channel, bool is_new, MonotonicNs now);
  // The entry was put into one of its channel's subscriptions.
  void introduce(const Channel& channel, const Entry& entry);
  // Forgets everything about the channel, in libca too.
  void release(Channel& channel, MonotonicNs now);
  void take(const Notice& notice, MonotonicNs now);
  // It was doomed, and is wanted again.
  void revived(const Channel& channel, MonotonicNs now);
  // True: searched for, and not asked for yet.
  bool is_unasked(const Channel& channel) const;

  void turn(MonotonicNs now);
  MonotonicNs next_turn(MonotonicNs now) const;
  void poll_on(std::vector<pollfd>& fds) const;
  // No answer is waited for that would be of use at once.
  bool is_quiet() const { return !search_->is_asking() && connecting_ == 0 && held_.empty(); }
  // What libca itself may be waiting for.
  int responder_fd() const { return responder_.fd(); }
  bool take_flush_needed() { return std::exchange(flush_needed_, false); }
  uint64_t search_frames_sent() const { return search_->frames_sent(); }
  const SearchReport& search_report() const { return search_->report(); }

private:
  void step_on(Channel& channel, WayEvent event, search::ServerNumber server, MonotonicNs now);
  void create(Channel& channel, search::ServerNumber server, MonotonicNs now);
  void forget_chid(Channel& channel);
  void on_up(Channel& channel, MonotonicNs now);
  void on_down(Channel& channel, MonotonicNs now);
  void on_answer(const search::Answer& answer, MonotonicNs now);
  void on_answer_for_free(Channel& channel, const search::Answer& answer, MonotonicNs now);
  void on_other_answer(Channel& channel, search::ServerNumber server, MonotonicNs now);
  void fail_scout(Channel& channel, MonotonicNs now);
  void go_on(search::ServerNumber server, MonotonicNs now);
  void search_for_names_of(search::ServerNumber server, MonotonicNs now);
  void admit(search::ServerNumber server);
  void admit_company(search::ServerNumber server);
  void create_admitted(MonotonicNs now);
  MonotonicNs held_until() const;
  void subscribe_held(MonotonicNs now);
  void look_at_circuits(MonotonicNs now);
  void look_at_scout(search::ServerNumber server, MonotonicNs now);
  void look_at_hung(search::ServerNumber server, MonotonicNs now);
  void look_at_late(MonotonicNs now);
  void look_later(const Channel& channel, MonotonicNs at);
  void sweep_servers();
  void note_refusal(Channel& channel, MonotonicNs now);
  MonotonicNs& went_on(search::ServerNumber server);
  bool may_go_on(search::ServerNumber server, MonotonicNs now);
  search::Servers& servers() { return search_->servers(); }
  const search::Servers& servers() const { return search_->servers(); }
  Channel* current(const Due& due) const;

  Delivery& delivery_;
  ChannelTable& table_;
  Subscriber& subscriber_;
  search::Responder& responder_;
  ConnectFailures& failures_;
  ScoutWatch scouts_;
  std::unique_ptr<search::SearchClient> search_;
  search::SearchResults results_;
  std::optional<Account> account_;  // these two from open() on
  std::optional<Doubles> doubles_;
  std::vector<MonotonicNs> went_on_;      // when the names that waited for a server did, last
  std::deque<uint32_t> admitted_;         // channels
  std::multimap<MonotonicNs, Due> late_;  // channels that should be connected by then
  std::deque<Due> held_;          // connected channels whose subscriptions wait: for connections until then
  MonotonicNs subscribes_at_{0};  // the next of those, at the earliest
  size_t connecting_ = 0, hung_ = 0;  // channels in that phase
  uint64_t bad_types_seen_ = 0;
  MonotonicNs bad_type_at_{INT64_MIN / 2};  // libca's last complaint of one
  MonotonicNs look_due_{0}, hung_looked_at_{0};
  LineBudget lines_{"servers and channels"};
  size_t sweep_at_ = kSweepAt;
  bool flush_needed_ = false;
};

}  // namespace e2k::worker::ca
