// Random walks of commands, slots and handovers over the book of shares, played to workers as these would
// apply it: whatever happens in which order, nothing that is commanded is ever without a worker once it had
// one, and in the end each entry is served by one, as it is commanded.
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
  CommandState state{[](std::string_view) { return std::nullopt; }, 1000};
  Shares shares{{Slot{0}, Slot{1}}};
  std::map<Slot, std::map<EntryIndex, AddEntry>> workers{{Slot{0}, {}}, {Slot{1}, {}}};
  std::set<EntryId> put_off;
  std::vector<EntryId> dirty;
  int64_t offset = 0;

  void play(Slot slot, const std::vector<AssignItem>& items) {
    auto& lines = workers[slot];
    for (const AssignItem& item : items) {
      if (const auto* add = std::get_if<AddEntry>(&item)) {
        if (add->replaces) RC_ASSERT(lines.erase(*add->replaces) == 1u);
        RC_ASSERT(lines.emplace(add->index, *add).second);
      } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
        RC_ASSERT(lines.erase(remove->index) == 1u);
      }
    }
  }
  void play(const Shares::Orders& orders) {
    for (const auto& [slot, items] : orders.items) play(slot, items);
    put_off.insert(orders.put_off.begin(), orders.put_off.end());
  }
  void reconcile() {
    shares.touch(dirty);
    do {
      play(shares.reconcile(state, {}, *rc::gen::inRange<size_t>(1, 5)));
    } while (shares.is_behind());
    dirty.clear();
    play(shares.next_moves(state, {}, kMost));
  }
  void command(int channel, int topic, int what) {
    const std::string key =
        R"({"topic":"t)" + std::to_string(topic) + R"(","channel":"c)" + std::to_string(channel) + R"("})";
    const char* values[] = {nullptr, R"({"mask":"v"})", R"({"mask":"a"})", R"({"mask":"v","outkey":"k"})"};
    std::vector<Change> changes;
    state.apply(0, offset++, 0, key,
                values[what] == nullptr ? std::nullopt : std::optional<std::string_view>(values[what]),
                changes);
    for (const Change& change : changes) dirty.push_back(change.id);
    reconcile();
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
    if (const auto remove = shares.go_over(id)) play(remove->first, {remove->second});
  }
  void give_up(EntryId id) {
    if (const auto remove = shares.give_up(id)) play(remove->first, {remove->second});
    finished(id);
  }
  void arrive(EntryId id) {
    if (const auto at = shares.place(id)) workers[at->slot].at(at->index).held = false;
    shares.book().free(id);
    finished(id);
  }
  void finished(EntryId id) {
    if (put_off.erase(id) != 0) dirty.push_back(id);
    reconcile();
  }
  void die(Slot slot) {
    workers[slot].clear();
    play(slot, shares.serve_anew(slot, state));
  }
  void check_served() {
    state.visit([&](const EntryRef& entry) {
      const auto at = shares.place(entry.id);
      RC_ASSERT(at);
      RC_ASSERT(workers.at(at->slot).contains(at->index));
      RC_ASSERT(workers.at(at->slot).at(at->index).held == shares.book().is_held(entry.id));
    });
  }
  void settle() {
    for (int i = 0; i < 200; ++i) {
      for (const EntryId id : preparing()) go_over(id);
      for (const EntryId id : held()) arrive(id);
      reconcile();
      if (shares.book().under_way() == 0 && !shares.has_moves() && dirty.empty() && put_off.empty()) break;
    }
    // What could not be planned while something was under way.
    reconcile();
  }
};

template <class T>
std::optional<T> any_of(const std::vector<T>& all) {
  if (all.empty()) return std::nullopt;
  return all[*rc::gen::inRange<size_t>(0, all.size())];
}

void step(Walk& walk) {
  const Slot slot{*rc::gen::inRange<uint16_t>(0, 5)};
  switch (*rc::gen::inRange(0, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return walk.command(*rc::gen::inRange(0, 12), *rc::gen::inRange(0, 2), *rc::gen::inRange(0, 4));
    case 4:
      walk.shares.add_slot(slot);
      return walk.reconcile();
    case 5:
      walk.shares.close(slot);
      return walk.reconcile();
    case 6:
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
    default:
      return walk.die(slot);
  }
}

RC_GTEST_PROP(Handovers, whatever_happens_each_entry_has_a_worker_and_in_the_end_one, ()) {
  Walk walk;
  const int steps = *rc::gen::inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    step(walk);
    walk.check_served();
  }
  walk.settle();
  size_t lines = 0;
  for (const auto& [slot, served] : walk.workers) {
    lines += served.size();
    for (const auto& [index, add] : served) {
      RC_ASSERT(!add.held);
      const auto id = walk.shares.book().entry_at({slot, index});
      RC_ASSERT(id);
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
