// Random walks of commands, slots, bars and handovers over the book of shares, played to workers as these
// would apply it, with plans that are made elsewhere, fresh workers that are told in slices, workers that are
// away for a while and supervisors that take over what they find: whatever happens in which order, nothing
// that is commanded and not barred is ever without a worker once it had one, and in the end each entry is
// served by one, as it is commanded.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "supervisor/plan/shares.h"

namespace e2k::supervisor {
namespace {

constexpr size_t kMost = 3;  // under way at a time

struct Walk {
  struct Named {
    std::string topic, channel, key;
  };
  CommandState state{[](std::string_view) { return std::nullopt; }, 1000};
  Shares shares{{Slot{0}, Slot{1}}};
  std::map<Slot, std::map<EntryIndex, AddEntry>> workers{{Slot{0}, {}}, {Slot{1}, {}}};
  std::map<Slot, std::map<EntryIndex, Named>> names;  // of each line that the slot ever had
  std::map<std::string, Bar> bars;
  std::set<Slot> slots{Slot{0}, Slot{1}};
  std::set<Slot> dead;  // their workers: what these are sent goes nowhere
  std::set<EntryId> put_off;
  std::vector<EntryId> dirty;
  std::optional<PlanWork> away;  // a plan that is being made
  int64_t offset = 0;
  size_t told = 0;  // items, to all workers

  Walk() { shares.plan_at_once(planned_at_once); }
  const size_t planned_at_once = *rc::gen::element<size_t>(0, 6, 1000);

  // Shown where it fails.
  static void note(const char* what, int64_t number) { RC_LOG() << what << ' ' << number << '\n'; }
  void note(Slot slot, const AssignItem& item) {
    std::ostream& out = RC_LOG();
    out << "  worker " << slot.value << (hears(slot) ? "" : ", dead,");
    if (const auto* add = std::get_if<AddEntry>(&item)) {
      out << " add " << add->index.value << ": " << add->entry.topic << ' ' << add->entry.channel << " mask "
          << int{add->entry.mask.bits} << " key '" << add->entry.key << (add->held ? "' held" : "'");
      if (add->replaces) out << " replaces " << add->replaces->value;
    } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
      out << " remove " << remove->index.value;
    } else if (const auto* release = std::get_if<ReleaseEntry>(&item)) {
      out << " release " << release->index.value;
    }
    out << '\n';
  }
  bool hears(Slot slot) const { return !dead.contains(slot); }
  void play(Slot slot, const std::vector<AssignItem>& items) {
    for (const AssignItem& item : items) note(slot, item);
    told += items.size();
    for (const AssignItem& item : items)
      if (const auto* add = std::get_if<AddEntry>(&item))
        names[slot][add->index] = {add->entry.topic, add->entry.channel, add->entry.key};
    if (!hears(slot)) return;
    auto& lines = workers[slot];
    for (const AssignItem& item : items) {
      if (const auto* add = std::get_if<AddEntry>(&item)) {
        if (add->replaces) RC_ASSERT(lines.erase(*add->replaces) == 1u);
        RC_ASSERT(lines.emplace(add->index, *add).second);
      } else if (const auto* release = std::get_if<ReleaseEntry>(&item)) {
        lines.at(release->index).held = false;
      } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
        RC_ASSERT(lines.erase(remove->index) == 1u);
      }
    }
  }
  void play(const Shares::Orders& orders) {
    for (const auto& [slot, items] : orders.items) play(slot, items);
    for (const Shares::Departure& departure : orders.departures) {
      const auto to = shares.book().preparing(departure.id);
      RC_ASSERT(!departure.serves || !to || !shares.is_closed(to->slot) || are_all_closed());
    }
    put_off.insert(orders.put_off.begin(), orders.put_off.end());
  }
  bool are_all_closed() const {
    return std::all_of(slots.begin(), slots.end(), [this](Slot slot) { return shares.is_closed(slot); });
  }
  void reconcile() {
    shares.touch(dirty);
    dirty.clear();
    do {
      play(shares.reconcile(state, {}, *rc::gen::inRange<size_t>(1, 5)));
      if (auto work = shares.take_plan_work()) away = std::move(work);
      RC_ASSERT(!shares.waits_for_plan() || away);
    } while (shares.is_behind() && !shares.waits_for_plan());
    if (!shares.is_behind()) play(shares.drop_unclaimed());
    play(shares.next_moves(state, {}, kMost));
  }
  // Of a round, and nothing else.
  void slice() {
    RC_LOG() << "slice\n";
    play(shares.reconcile(state, {}, *rc::gen::inRange<size_t>(1, 5)));
    if (auto work = shares.take_plan_work()) away = std::move(work);
  }
  void plan_is_made() {
    if (!away) return;
    RC_LOG() << "plan is made\n";
    shares.planned(std::exchange(away, std::nullopt)->make());
    reconcile();
  }
  void tell(Slot slot, size_t most) {
    note("tell", slot.value);
    play(slot, shares.tell_more(slot, state, most));
  }
  // `worked_off`: else it waits for its slice of a round.
  void command(int channel, int topic, int what, bool worked_off) {
    const std::string key =
        R"({"topic":"t)" + std::to_string(topic) + R"(","channel":"c)" + std::to_string(channel) + R"("})";
    const char* values[] = {nullptr, R"({"mask":"v"})", R"({"mask":"a"})", R"({"mask":"v","outkey":"k"})"};
    RC_LOG() << "command " << key << ' ' << (values[what] == nullptr ? "null" : values[what]) << '\n';
    std::vector<Change> changes;
    state.apply(0, offset++, 0, key,
                values[what] == nullptr ? std::nullopt : std::optional<std::string_view>(values[what]),
                changes);
    for (const Change& change : changes) dirty.push_back(change.id);
    if (worked_off) return reconcile();
    shares.touch(dirty);
    dirty.clear();
  }
  std::vector<EntryId> preparing() {
    std::vector<EntryId> ids;
    shares.book().each_preparing([&](EntryId id, Place) { ids.push_back(id); });
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::vector<EntryId> held() {
    std::vector<EntryId> ids;
    shares.book().each_held([&](EntryId id) { ids.push_back(id); });
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  void go_over(EntryId id) {
    note("go over", id.value);
    if (const auto remove = shares.go_over(id)) play(remove->first, {remove->second});
  }
  void give_up(EntryId id) {
    note("give up", id.value);
    if (const auto remove = shares.give_up(id)) play(remove->first, {remove->second});
    finished(id);
  }
  // As the service does at once. Nothing that comes of it goes there again, and again.
  void give_up_what_goes_to_closed_slots() {
    for (int given_up = 0; given_up < 100; ++given_up) {
      const auto ids = preparing();
      const auto found = std::find_if(ids.begin(), ids.end(), [this](EntryId id) {
        return shares.is_closed(shares.book().preparing(id)->slot);
      });
      if (found == ids.end()) return;
      give_up(*found);
    }
    RC_FAIL("it does not end");
  }
  void arrive(EntryId id) {
    note("arrive", id.value);
    if (const auto at = shares.place(id); at && hears(at->slot)) workers[at->slot].at(at->index).held = false;
    shares.book().free(id);
    finished(id);
  }
  void finished(EntryId id) {
    if (put_off.erase(id) != 0) dirty.push_back(id);
    reconcile();
  }
  void bar(int channel, Bar bar) {
    Shares::Orders orders;
    const std::string name = "c" + std::to_string(channel);
    bars[name] = bar;
    RC_LOG() << "bar " << name << ' ' << int(bar) << '\n';
    shares.bar(name, bar, orders);
    play(orders);
    reconcile();
  }
  void search_anew(EntryId id) {
    note("search anew", id.value);
    Shares::Orders orders;
    shares.renew(id, state, orders);
    play(orders);
  }
  // Its worker has left, which it does when nothing is served there any more. The fleet is never empty.
  void leave(Slot slot) {
    note("leave", slot.value);
    bool serves = shares.channels(slot) != 0;
    shares.book().each_of(slot, [&](EntryId, EntryIndex) { serves = true; });
    shares.book().each_preparing([&](EntryId, Place to) { serves |= to.slot == slot; });
    if (!shares.is_closed(slot) || serves || slots.size() == 1) return;
    RC_ASSERT(workers[slot].empty());
    slots.erase(slot);
    shares.stop_telling(slot);
    shares.remove_slot(slot);
    reconcile();
  }
  void die(Slot slot) {
    note("die", slot.value);
    workers[slot].clear();
    dead.insert(slot);
    shares.forget_taken_over(slot);
    shares.stop_telling(slot);
  }
  void greet(Slot slot) {
    note("greet", slot.value);
    if (dead.erase(slot) != 0) play(slot, shares.serve_anew(slot, state));
  }
  // The next supervisor knows the commands, and what the slots' books say.
  void begin_anew() {
    RC_LOG() << "the next supervisor\n";
    shares = Shares({slots.begin(), slots.end()});
    shares.plan_at_once(planned_at_once);
    for (const auto& [slot, lines] : names)
      for (const auto& [index, line] : lines)
        shares.lines().learn(slot, index, line.topic, line.channel, line.key);
    Shares::Orders none;
    for (const auto& [name, bar] : bars) shares.bar(name, bar, none);
    put_off.clear();
    dirty.clear();
    away.reset();
    state.visit([&](const EntryRef& entry) { dirty.push_back(entry.id); });
    for (const Slot slot : std::set(slots)) take_over(slot);
    reconcile();
  }
  // Nothing is handed out before the workers that are there have greeted, or are dead.
  void take_over(Slot slot) {
    if (!hears(slot)) return;
    std::vector<uint8_t> masks;
    for (const auto& [index, add] : workers[slot]) {
      masks.resize(index.value + 1);
      masks[index.value] = add.entry.mask.bits | (add.held ? Shares::kHeldBit : 0);
    }
    shares.take_over(slot, std::move(masks));
    if (*rc::gen::inRange(0, 8) == 0) die(slot);
  }
  void check_served() {
    state.visit([&](const EntryRef& entry) {
      const auto at = shares.place(entry.id);
      RC_ASSERT(at || shares.is_behind() || shares.bar(entry.id) != Bar::none);
      if (!at) return;
      if (!hears(at->slot)) return;
      const bool is_told = workers.at(at->slot).contains(at->index);
      RC_ASSERT(is_told || (shares.is_telling(at->slot) && !shares.book().is_under_way(entry.id)));
      if (!is_told) return;
      RC_ASSERT(workers.at(at->slot).at(at->index).held == shares.book().is_held(entry.id));
    });
  }
  // Channels that were given up stay where they are, though that is planned otherwise each time.
  bool is_quiet() const {
    return shares.book().under_way() == 0 && !shares.has_moves() && !shares.is_telling() && dirty.empty();
  }
  // Until nothing comes of what had to wait while something was under way, either.
  void settle() {
    for (const Slot slot : std::set(slots)) greet(slot);
    if (are_all_closed()) shares.open(*slots.begin());  // nobody goes from one closed slot to another
    for (int i = 0, quiet = 0; i < 400 && quiet < 3; ++i) {
      const size_t told_before = told;
      plan_is_made();
      for (const auto& [slot, lines] : workers) tell(slot, 100);
      give_up_what_goes_to_closed_slots();
      for (const EntryId id : preparing()) go_over(id);
      for (const EntryId id : held()) arrive(id);
      // What was removed on its way.
      dirty.insert(dirty.end(), put_off.begin(), put_off.end());
      put_off.clear();
      reconcile();
      quiet = is_quiet() && told == told_before ? quiet + 1 : 0;
    }
    RC_ASSERT(is_quiet());
  }
};

template <class T>
std::optional<T> any_of(const std::vector<T>& all) {
  if (all.empty()) return std::nullopt;
  return all[*rc::gen::inRange<size_t>(0, all.size())];
}

void step(Walk& walk) {
  const Slot slot{*rc::gen::inRange<uint16_t>(0, 5)};
  switch (*rc::gen::inRange(0, 23)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return walk.command(*rc::gen::inRange(0, 12), *rc::gen::inRange(0, 2), *rc::gen::inRange(0, 4),
                          *rc::gen::inRange(0, 3) != 0);
    case 4:
      Walk::note("add slot", slot.value);
      walk.shares.add_slot(slot);
      walk.slots.insert(slot);
      return walk.reconcile();
    case 5:
      Walk::note("close", slot.value);
      walk.shares.close(slot);
      return walk.reconcile();
    case 6:
      Walk::note("open", slot.value);
      walk.shares.open(slot);
      return walk.reconcile();
    case 7:
    case 8:
      if (const auto id = any_of(walk.preparing())) walk.go_over(*id);
      return;
    case 9:
      if (const auto id = any_of(walk.held())) walk.arrive(*id);
      return;
    case 10:
      if (const auto id = any_of(walk.preparing())) walk.give_up(*id);
      return;
    case 11:
      return walk.plan_is_made();
    case 12:
    case 13:
      return walk.tell(slot, *rc::gen::inRange<size_t>(1, 4));
    case 14:
      return walk.bar(*rc::gen::inRange(0, 12),
                      *rc::gen::element(Bar::none, Bar::withheld, Bar::quarantined));
    case 15:
      return walk.search_anew(EntryId{*rc::gen::inRange<uint32_t>(0, 12)});
    case 16:
      return walk.leave(slot);
    case 17:
      return walk.die(slot);
    case 18:
      return walk.begin_anew();
    case 19:
      return walk.slice();
    default:
      return walk.greet(slot);
  }
}

RC_GTEST_PROP(Handovers, whatever_happens_each_entry_has_a_worker_and_in_the_end_one, ()) {
  Walk walk;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    step(walk);
    walk.give_up_what_goes_to_closed_slots();
    walk.check_served();
  }
  for (int i = 0; i < 12; ++i) walk.bar(i, Bar::none);
  walk.settle();
  size_t lines = 0;
  for (const auto& [slot, served] : walk.workers) {
    lines += served.size();
    for (const auto& [index, add] : served) {
      RC_ASSERT(!add.held);
      const auto id = walk.shares.book().entry_at({slot, index});
      RC_ASSERT(id);
      RC_ASSERT(walk.shares.owner(*id) == slot);
      const auto entry = walk.state.find(*id);
      RC_ASSERT(entry);
      RC_ASSERT(entry->channel == add.entry.channel);
      RC_ASSERT(entry->mask == add.entry.mask);
      RC_ASSERT(entry->key == add.entry.key);
    }
  }
  RC_ASSERT(lines == walk.state.size());
}

}  // namespace
}  // namespace e2k::supervisor
