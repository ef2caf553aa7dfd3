// Shell. Keeps the channels: assignments in, CA requests out. Everything here runs on the *ca* thread.
//
// A channel's way: searching -> (a server answered) connecting -> connected <-> lost. What moves it are
// search answers, notices from libca's callbacks (delivery.h) and time.
//
// Rules and why:
// - A batch is applied as a whole before anything is cleared. So an entry that changes its mask or key (old
//   index out, new one in) keeps its channel; a subscription that is left without entries is cleared after
//   the new one was made. An entry that takes over such a subscription's mask gets a subscription of its own,
//   whose first event is its first value, in order. An entry that joins a subscription which serves others
//   has its first value read (ca_array_get_callback); what the subscription still delivers of before that
//   reading passes it by. The others notice nothing.
// - A type or count that changed at a reconnect: the callback mutes the channel, here the subscriptions are
//   cleared and made anew, so that no event of the old type gets through and the first one comes once.
// - Lost channels stay in libca, which reconnects them itself when the circuit recovers. When a server's
// probe
//   is answered, all its lost names are searched for, and those that answer are cleared and created anew:
//   libca then looks for them at once instead of at its next 10 s tick. But a channel is cleared only if its
//   circuit is gone from libca (ca_get_host_name says <disconnected>), or another server answered. On a
//   circuit that stands but does not respond nothing would be gained, and the requests that wait in it are
//   lost. ca_clear_channel of a lost channel never waits: the wait for unsent requests ends where a circuit
//   is unresponsive or gone [tcpiiu::flush]. Of a *connected* one (removal) it can wait, for a circuit with
//   more than 360 KB unsent, until libca calls that circuit unresponsive (EPICS_CA_CONN_TMO, 30 s). Nothing
//   can prevent that from outside; it holds up this thread only, events go on.
// - Removed channels are cleared kClearsATurn at a time, each time flushed.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "worker/ca/channel_table.h"
#include "worker/ca/delivery.h"

namespace e2k::worker::ca {

class Keeper {
public:
  static constexpr size_t kClearsATurn = 500;

  Keeper(Delivery& delivery, int64_t never_connected_after_s);
  ~Keeper();
  // Opens the search client. EPICS_CA_* must be in the environment.
  Result<void> open();

  void apply(const std::vector<AssignItem>& items, MonotonicNs now);
  void take(const Notice& notice, MonotonicNs now);
  void search(MonotonicNs now);
  // Whatever is due: Never Connected, connections that take too long, subscriptions to be repaired.
  void on_time(MonotonicNs now);
  void clear_some();
  // Dooms all channels (for clear_some): the end.
  void doom_all();
  // Makes libca send what the above asked of it.
  void flush();

  bool clearing() const { return !doomed_.empty(); }
  size_t channels() const { return table_.size(); }
  MonotonicNs next_turn(MonotonicNs now) const;
  void poll_on(std::vector<pollfd>& fds) const { search_->poll_on(fds); }
  uint64_t search_frames_sent() const { return search_->frames_sent(); }

private:
  struct Due {
    uint32_t number;  // of a channel
    uint32_t incarnation;
    MonotonicNs at;
  };
  // Entries one after the other, as a batch adds them.
  struct EntriesDue {
    uint32_t first, count;
    MonotonicNs at;
  };

  void add(const AddEntry& item, MonotonicNs now);
  void remove(const RemoveEntry& item);
  Channel& channel_for(const std::string& name, MonotonicNs now);
  Subscription& subscription_for(Channel& channel, Mask mask);
  void touch(Channel& channel);
  void tidy(Channel& channel);

  void on_up(Channel& channel);
  void subscribe(Channel& channel);
  void subscribe_anew(Channel& channel);
  void unsubscribe(Subscription& subscription);
  void repair(Channel& channel);
  void read_first_value(Channel& channel, const Entry& entry);

  void create(Channel& channel, search::ServerAddress server, MonotonicNs now);
  void forget_chid(Channel& channel);
  bool may_clear(const Channel& channel, search::ServerAddress answered_by) const;
  bool recreate(Channel& channel, search::ServerAddress server, MonotonicNs now);
  void lose(Channel& channel, MonotonicNs now);
  void on_probe_answer(Channel& channel, search::ServerAddress server, MonotonicNs now);
  void doom(Channel& channel);
  void catch_up(Channel& channel, MonotonicNs now);
  void expect_connection(EntryIndex index, MonotonicNs by);
  void not_connected_yet(EntryIndex index, MonotonicNs now);
  Channel* current(const Due& due) const;
  bool is_connecting(const Due& due) const;

  Delivery& delivery_;
  const int64_t never_connected_after_ns_;
  ChannelTable table_;
  std::unique_ptr<search::SearchClient> search_;
  search::SearchResults results_;
  std::vector<Entry*> entries_;     // by index
  std::vector<Channel*> touched_;   // by the batch at hand
  std::vector<EntryIndex> joined_;  // by the batch at hand: their first values are to be read
  std::deque<EntriesDue> never_connected_;
  std::deque<Due> connecting_, readable_;
  std::deque<uint32_t> doomed_;
  bool flush_needed_ = false;
};

}  // namespace e2k::worker::ca
