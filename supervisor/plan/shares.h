// Pure. What each worker is told: the worker of every channel, and the items that bring the book of who
// serves what (book.h) up to what is commanded.
//
// The command state says what is to be monitored, the planner who is to do it; Shares compares that with what
// was handed out and answers with the items to send. It holds no names: an entry is remembered by hashes of
// what was commanded, so that reconciling the same command twice sends nothing.
//
// A million commands at once are worked off in *rounds* of slices, so that no call takes long: all entries
// that were touched are taken into the book and brought home, then room is made for the channels that nobody
// holds, evenly over the round as a whole, then each is handed out. What is touched meanwhile joins the
// round. Within a slice new channels go in the order of their names, so that neighbours stay together. Where
// channels that are served have to move, all channels are *planned*: who holds what is gathered in slices,
// the plan of many is made by the caller in another thread (take_plan_work(), planned()) while the round
// waits, and is carried out in slices, as far as it is still true. Indices belong to slots
// and keep their meaning (lines.h): a fresh worker gets its share under the indices of its predecessor, and
// an entry that comes back finds its line.
//
// Another mask or key of an entry that stays on its worker is one item, which replaces the former entry; no
// event is missed meanwhile.
//
// What a worker of an earlier supervisor serves is *taken over*: it is remembered by its lines until the
// entries that they stand for are known, which are then served there and sent nothing. A line that no entry
// asks for is removed when the commands are known to their end.
//
// A *barred* channel is served nowhere: its entries are taken from their worker and given to nobody. What
// waits of it stays where it is. One that is quarantined leaves its slot and counts for nobody; one that is
// withheld for a while keeps its slot, and is not moved.
//
// A fresh worker is told what its slot serves in slices, too, what is under way first. An entry that it was
// not *told* yet and that is about to change is told first, or not at all.
//
// A channel that moves is handed over entry by entry (handover/handover.h): its new worker is told to add
// them *held*, its old one goes on until go_over(). Of what the planner wants moved, next_moves() begins as
// much as there is room for; a channel is not moved again before it has arrived, and not at once where it was
// given up. A channel whose old worker could not get rid of its events for a long time is moved only off a
// closed slot: the caller knows which are *stuck*.
//
// Entries that are new to the book of shares, after a start, stay with the slot where events of theirs still
// wait; where those wait in another slot nobody serves them there, and they begin held, and so do those of an
// entry that was removed and commanded anew before the place that it had left was empty. Beyond kMostHeld a
// slot the latter are given to nobody before release() is called.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/ids.h"
#include "proto/control_message.h"
#include "supervisor/commands/command_state.h"
#include "supervisor/plan/book.h"
#include "supervisor/plan/lines.h"
#include "supervisor/plan/plan_work.h"

namespace e2k::supervisor {

enum class Bar : uint8_t { none, withheld, quarantined };

class Shares {
public:
  // `workers`: the slots of the fleet, at least one.
  explicit Shares(std::vector<Slot> workers, Affinity affinity = Affinity::none);

  // The slots of the fleet come and go. One that is *closed* (its worker has failed, or is to leave) gets no
  // channel, and those that it has move to the others; where all are closed they count as open. The next
  // reconcile plans accordingly, also in the middle of a round. Nothing happens where nothing changes.
  void add_slot(Slot slot);
  void remove_slot(Slot slot);  // it holds nothing any more
  // `serves`: its worker goes on with what it has until others have taken it over.
  void close(Slot slot, bool serves = true);
  void open(Slot slot);
  bool is_closed(Slot slot) const { return closed_.contains(slot); }
  bool wants_plan() const { return wants_plan_; }

  // An entry that goes over, and where its last events still are.
  struct Departure {
    EntryId id;
    Place from;
    bool renewed = false;  // what the old worker serves or served is an earlier command
    bool serves = false;   // it is served there still
  };
  struct Orders {
    std::map<Slot, std::vector<AssignItem>> items;  // to be applied in this order
    std::vector<Departure> departures;
    std::vector<EntryId> put_off;  // changed, and under way: to be touched again when they have arrived
    std::vector<EntryId> seen;     // their state may be another
  };
  static constexpr size_t kMostHeld = 2000;
  static constexpr uint8_t kHeldBit = 0x80;

  // What the caller knows of a line in a ledger. Asked for the channels that are about to move, and for the
  // lines of entries that are new.
  struct Asking {
    // Events of it wait, or it is not known whether they do.
    std::function<bool(const Place&)> waits = [](const Place&) { return false; };
    // Events of it wait and do not get any less.
    std::function<bool(const Place&)> stuck = [](const Place&) { return false; };
    // It was held there when its worker, or an earlier supervisor, ended.
    std::function<bool(const Place&)> held = [](const Place&) { return false; };
  };
  // About so many entries are to come, or fewer.
  void expect(size_t entries);
  // What may have changed: its command, or where it should be. Repeats and unknown ids do no harm.
  void touch(EntryId id) { touched_.push_back(id); }
  void touch(std::span<const EntryId> ids) { touched_.insert(touched_.end(), ids.begin(), ids.end()); }
  // Brings the book nearer to `state`: takes `most` entries a step further, and begins a round where none is
  // under way. Channels that serve a stuck entry stay where they are; the next round looks again.
  static constexpr size_t kAll = SIZE_MAX;
  Orders reconcile(const CommandState& state, const Asking& ask, size_t most = kAll);
  Orders reconcile(const CommandState& state) { return reconcile(state, Asking{}); }
  // A round is not over, or something waits for one.
  bool is_behind() const { return in_round_ || !touched_.empty() || !freed_.empty(); }
  // What the last reconcile wants planned: once, to be made elsewhere and brought back. Never with kAll, or
  // with so few channels as are planned at once.
  std::optional<PlanWork> take_plan_work();
  void planned(std::vector<PlannedMove> moves);
  // It was taken, and until it comes there is nothing else to be done.
  bool waits_for_plan() const;
  // Other than usual: a test has fewer planned elsewhere.
  void plan_at_once(size_t channels) { planned_at_once_ = channels; }
  // Moves that the last plan wants, while fewer than `most` entries are under way.
  Orders next_moves(const CommandState& state, const Asking& ask, size_t most);
  bool has_moves() const { return !moves_.empty(); }

  // The entry is served where it was prepared from now on; what its old worker is to be told.
  std::optional<std::pair<Slot, RemoveEntry>> go_over(EntryId id);
  // It is not, and its channel stays where it is; what the new one is to be told. Entries of the channel that
  // have gone over already are touched, so that they come back, and so is one that was to be served with
  // another mask or key there.
  std::optional<std::pair<Slot, RemoveEntry>> give_up(EntryId id);

  // The last round left channels where they were stuck.
  bool moves_put_off() const { return moves_put_off_; }

  // The IOC that serves the entry's channel, by a number of the caller's; true: it was not known, or another.
  // It stays known until it is another. The next round plans with it, also one of nothing that was touched.
  bool set_host(EntryId id, uint32_t host);

  // A worker of an earlier supervisor serves these lines of the slot; a line's mask is 0 where it serves
  // nothing under it, and has kHeldBit where it is held. One that is held is served there unless it is served
  // elsewhere, too: there its handover had not got far, and is forgotten. Before anything was given to the
  // slot.
  void take_over(Slot slot, std::vector<uint8_t> masks) { taken_over_[slot] = std::move(masks); }
  // Every command is known: what no entry asked for is to be removed.
  Orders drop_unclaimed();
  // It serves lines that no entry has asked for yet.
  bool has_taken_over(Slot slot) const;
  // The slot's worker is no more; nor does it serve anything that was not claimed.
  void forget_taken_over(Slot slot) { taken_over_.erase(slot); }

  // A fresh worker greeted: what is under way there, to be told before anything else. It is to be told the
  // rest by and by.
  std::vector<AssignItem> serve_anew(Slot slot, const CommandState& state);
  // Of at most `most` entries of that rest.
  std::vector<AssignItem> tell_more(Slot slot, const CommandState& state, size_t most);
  bool is_telling(Slot slot) const { return telling_.contains(slot); }
  bool is_telling() const { return !telling_.empty(); }
  // The slot's worker is no more.
  void stop_telling(Slot slot);

  // An entry that was given to nobody may go to its new worker: what to send, or nothing if the entry was
  // meanwhile removed or is served.
  std::optional<std::pair<Slot, AddEntry>> release(EntryId id, const CommandState& state);

  // The entry's worker wants it again (a new search): remove and add. Nothing for one that is under way.
  void renew(EntryId id, const CommandState& state, Orders& orders);

  // Of the channel of that name, commanded or not. With Bar::none the next reconcile gives its entries to a
  // worker again.
  void bar(std::string_view channel, Bar bar, Orders& orders);
  Bar bar(EntryId id) const;
  // What is served under the id is this command, and not another's that had it, or an earlier one.
  bool is_this(const EntryRef& entry) const;
  // Of an entry that is under way: where it goes it is, or was, told another command than where it was
  // served.
  bool is_renewed(EntryId id) const;
  // Calls `visit(id)` with one entry of each channel that the slot has, barred or not.
  template <class Visit>
  void each_channel(Slot slot, Visit&& visit) const {
    for (const Channel& channel : channels_)
      if (channel.entries != 0 && channel.slot == slot.value) visit(EntryId{channel.first});
  }

  // Where entries are served, held or not. What they have left is written into it by the
  // caller, who knows when that is gone.
  Book& book() { return book_; }
  const Book& book() const { return book_; }
  std::optional<Place> place(EntryId id) const { return book_.place(id); }
  // The worker that an entry belongs to, held or not.
  std::optional<Slot> owner(EntryId id) const;
  size_t channels() const { return channel_of_name_.size(); }
  size_t channels(Slot slot) const;
  size_t entries(Slot slot) const;
  // Entries that belong to the slot and that it does not serve alone, or not yet.
  size_t moving(Slot slot) const;
  Lines& lines() { return lines_; }
  const Lines& lines() const { return lines_; }

private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint16_t kNoSlot = UINT16_MAX;
  struct Row {  // by EntryId; 28 bytes
    Identity identity;
    uint32_t attributes = 0;   // a hash of mask and key
    uint32_t channel = kNone;  // kNone: the id is not in the book
    uint32_t next = kNone;     // the channel's next entry
    bool changed = false;      // during a round: its mask or key is another now
    bool untold = false;       // its worker is fresh, and is to be told of it yet
    bool renewed = false;      // while it is under way: with another mask or key than it was served with
    bool stale = false;        // it is served with another mask or key than `attributes` says
    // It is served, or prepared, with the mask and key of these attributes.
    bool is_as(uint32_t commanded) const { return !changed && !stale && attributes == commanded; }
  };
  struct Channel {
    uint64_t name_hash = 0;
    uint32_t first = kNone;
    uint32_t entries = 0;  // 0: the row is free
    uint16_t slot = kNoSlot;
    uint32_t host = kNone;  // kNone: not known
    Bar bar = Bar::none;
    bool homeless = false;  // during a round: it waits for a slot
    uint32_t stays_at = 0;  // slots_changes_ when it was given up
  };
  struct Wanted {
    uint32_t channel;
    uint64_t name_hash;  // of that channel
    Slot to;
  };
  struct Worker {
    size_t channels = 0, entries = 0;
  };
  struct Planning {
    uint32_t slots_changes;  // slots_changes_ when it began
    std::optional<PlanWork> work;
    uint32_t gathered = 0;  // of channels_
    std::optional<std::vector<PlannedMove>> moves = std::nullopt;
    size_t carried_out = 0;  // of them
    bool differs = false;    // a channel is elsewhere by now
  };
  struct Telling {
    std::vector<EntryId> ids;  // what the slot served when its worker greeted, and
    size_t next = 0;           // of them
  };

  Row& row(EntryId id);
  void link(EntryId id, const EntryRef& entry);
  void unlink(EntryId id);
  bool is_under_way(const Channel& channel) const;
  bool is_placed(const Channel& channel) const;
  void move_channel(uint32_t channel, Slot to, const CommandState& state, Orders& orders);
  void hand_over(EntryId id, Slot to, const CommandState& state, Orders& orders);
  void leave_slot(Channel& channel);
  void strand(EntryId id);
  void remove_from_workers(EntryId id, Orders& orders);
  bool make_room(const CommandState& state, const Asking& ask, size_t& left, Orders& orders);
  void begin_plan();
  bool gather(const CommandState& state, size_t& left);
  bool carry_out_plan(const CommandState& state, const Asking& ask, size_t& left, Orders& orders);
  bool is_as_planned(const PlannedMove& move) const;
  void begin_move(const PlannedMove& move, const CommandState& state, const Asking& ask, Orders& orders);
  void hand_out_added(std::span<const EntryId> slice, const CommandState& state, const Asking& ask,
                      Orders& orders);
  void end_round();
  bool is_linked(EntryId id) const { return id.value < rows_.size() && rows_[id.value].channel != kNone; }
  // The entry whose row it is; nothing where the row is free, or another has the id by now.
  std::optional<EntryRef> linked(EntryId id, const CommandState& state) const;
  bool take(EntryId id, const CommandState& state, Orders& orders);
  void take_again(EntryId id, const EntryRef& wanted, const CommandState& state, Orders& orders);
  void renew_on_its_worker(EntryId id, const CommandState& state, Orders& orders);
  void claim(EntryId id, const EntryRef& entry, Orders& orders);
  void go_on_holding(EntryId id, const Place& at, Orders& orders);
  void bring_home(EntryId id, const Asking& ask);
  void put_at(Channel& channel, Slot slot);
  void set_homeless(Channel& channel, bool homeless);
  void set_bar(Channel& channel, Bar bar);
  std::optional<std::map<Slot, size_t>> room_for_homeless() const;
  void place_evenly(std::span<const EntryId> slice, const CommandState& state);
  bool is_stuck(const Channel& channel, const Asking& ask) const;
  void place_new(EntryId id, const EntryRef& entry, const Asking& ask, Orders& orders);
  AddEntry hand_out(EntryId id, const EntryRef& entry);
  AddEntry serve_again(EntryId id, const EntryRef& entry);
  void note_told(EntryId id, const EntryRef& entry);
  void note_renewed(EntryId id, const EntryRef& entry);
  bool is_untold(Slot slot, EntryId id) const;
  void tell(Slot slot, EntryId id, const CommandState& state, std::vector<AssignItem>& items);
  size_t held_at(Slot slot) const;
  void note_slots_changed(bool changed);
  std::vector<Slot> open_slots() const;
  bool is_open(Slot slot) const;
  bool may_go_to(Slot slot) const;

  std::vector<Slot> slots_;   // sorted
  std::set<Slot> closed_;     // of them
  std::set<Slot> unserving_;  // of them, those whose worker serves nothing
  bool wants_plan_ = false;
  uint32_t slots_changes_ = 1;
  std::deque<Wanted> moves_;
  Affinity affinity_;
  std::vector<Row> rows_;
  std::vector<Channel> channels_;
  std::vector<uint32_t> free_channels_;
  std::unordered_map<uint64_t, uint32_t> channel_of_name_;
  std::map<Slot, Worker> workers_;
  std::map<Slot, std::vector<uint8_t>> taken_over_;  // masks by index, of lines that no entry has claimed yet
  Lines lines_;
  Book book_;
  std::unordered_map<uint64_t, Bar> barred_;  // by the name's hash
  std::vector<EntryId> freed_;                // since the last reconcile
  std::vector<EntryId> stranded_;             // until the slots change
  bool moves_put_off_ = false;
  std::map<Slot, Telling> telling_;

  // The round: what was touched, of it what is new or changed, and how far each list was worked off.
  bool in_round_ = false;
  bool has_room_ = false;  // everybody who is homeless has a place that is kept for him
  std::optional<Planning> planning_;
  size_t planned_at_once_ = 10'000;  // channels: some milliseconds
  std::vector<EntryId> touched_, added_, changed_;
  size_t taken_ = 0, brought_home_ = 0, handed_out_ = 0, changed_out_ = 0;
  size_t homeless_ = 0, quarantined_ = 0;  // channels
};

}  // namespace e2k::supervisor
