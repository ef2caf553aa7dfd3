// Shell. Keeps the worker's share: assignments in, channels, subscriptions and entries accordingly.
// Everything here runs on the *ca* thread. What becomes of a channel is the Connector's, of a subscription
// the Subscriber's.
//
// - A batch is applied as a whole before anything is cleared: an entry that goes and one that comes keep the
//   channel that they share.
// - A new entry gets a subscription whose first event is still to come, and so a first value, in order. Where
// its
//   mask has one that delivers it is a second of that mask, until both are at the same event (crossings.h).
// - An entry that replaces another (AddEntry::replaces) is that other one under a new mask or key: it goes
//   over to a new subscription while both are at the same event, which is a new key's first value. Until then
//   both indices mean it; afterwards the old one is closed. Replaced again it goes where it was sent last;
//   removed under its last index it goes altogether, under the one that it is about to leave nothing happens
//   any more. A channel that brings no events just now lets it go at once; so does a new subscription that
//   brings none.
// - An entry that another worker still serves is *held* (AddEntry::held): the Intake keeps what comes of it
//   until it is released, or removed, which drops it.
// - Removed channels are cleared kClearsATurn at a time, each time flushed.
// - Never Connected is told once a command, Disconnected once a loss: also of a loss that nobody saw, because
//   the IOC went while no worker served the entry. An entry that was connected before and is not within the
//   same time has lost its connection meanwhile.
// - output.name_encoding = latin-1: a commanded name is UTF-8, what CA is asked for its Latin-1 bytes.
#pragma once

#include <deque>
#include <vector>

#include "worker/ca/channel_table.h"
#include "worker/ca/connector.h"
#include "worker/ca/delivery.h"
#include "worker/ca/monitor_settings.h"
#include "worker/ca/subscriber.h"

namespace e2k::worker::ca {

class Keeper {
public:
  static constexpr size_t kClearsATurn = 500;

  Keeper(Delivery& delivery, search::Responder& responder, ConnectFailures& failures,
         const MonitorSettings& settings, const search::SearchEnvironment& environment);
  // Opens the search client.
  Result<void> open(MonotonicNs now);

  void apply(const std::vector<AssignItem>& items, MonotonicNs now);
  void take(const Notice& notice, MonotonicNs now);
  // Searches, connects, and whatever is due.
  void turn(MonotonicNs now);
  void clear_some(MonotonicNs now);
  // Dooms all channels (for clear_some): the end.
  void doom_all(MonotonicNs now);
  // Makes libca send what the above asked of it.
  void flush();

  // Entries that are assigned.
  uint32_t serves() const { return serves_; }
  bool clearing() const { return !doomed_.empty(); }
  MonotonicNs next_turn(MonotonicNs now) const;
  bool is_quiet() const { return connector_.is_quiet(); }
  int responder_fd() const { return connector_.responder_fd(); }
  void poll_on(std::vector<pollfd>& fds) const { connector_.poll_on(fds); }
  uint64_t search_frames_sent() const { return connector_.search_frames_sent(); }
  const SearchReport& search_report() const { return connector_.search_report(); }

private:
  // Entries one after the other, as a batch adds them.
  struct EntriesDue {
    uint32_t first, count;
    MonotonicNs at;
  };

  void add(const AddEntry& item, MonotonicNs now);
  void remove(const RemoveEntry& item);
  void release(const ReleaseEntry& item);
  void replace(const AddEntry& item, Entry& entry, MonotonicNs now);
  IntakeEntry* handle_for(const AddEntry& item, const Entry& entry);
  void send_over(Entry& entry, Mask mask, IntakeEntry* handle, EntryIndex index);
  Entry* find(EntryIndex index);
  void note_assigned(EntryIndex index, Mask mask);
  Channel& channel_of(const Entry& entry) const;
  std::string channel_name(const EntrySpec& spec) const;
  Channel& channel_for(const std::string& name, MonotonicNs now);
  Subscription& fresh_subscription(Channel& channel, Mask mask);
  Subscription& target_for(const Entry& entry, Mask mask);
  void close_left();
  void look_at_meetings(MonotonicNs now);
  void touch(Channel& channel);
  void tidy(Channel& channel, MonotonicNs now);
  void doom(Channel& channel, MonotonicNs now);
  void catch_up(Channel& channel, MonotonicNs now);
  void expect_connection(EntryIndex index, MonotonicNs by);
  void not_connected_yet(EntryIndex index, MonotonicNs now);

  Delivery& delivery_;
  const MonitorSettings settings_;
  const search::SearchEnvironment environment_;
  ChannelTable table_;
  Subscriber subscriber_;
  Connector connector_;
  std::vector<Entry*> entries_;  // by index; one that is being replaced by both
  std::vector<bool> assigned_;   // by index; one that is being replaced by the latter
  uint32_t serves_ = 0;
  std::vector<Channel*> touched_;  // by the batch at hand
  std::deque<Due> meetings_;       // channels with entries that wait to go over, until then at most
  std::deque<EntriesDue> never_connected_;
  std::deque<uint32_t> doomed_;
  bool flush_needed_ = false;
};

}  // namespace e2k::worker::ca
