// The book of shares with workers that apply what they are given.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/plan/shares.h"

namespace e2k::supervisor {

inline constexpr const char* kVa = R"({"mask":"va"})";
inline constexpr const char* kV = R"({"mask":"v"})";

struct SharesTest : testing::Test {
  // Sends one command through the fold and the book, and plays the items to the workers as they would apply
  // them.
  Shares::Orders command(const std::string& topic, const std::string& channel, const char* value) {
    std::vector<Change> changes;
    const std::string key = R"({"topic":")" + topic + R"(","channel":")" + channel + R"("})";
    state.apply(0, offset++, 0, key, value == nullptr ? std::nullopt : std::optional<std::string_view>(value),
                changes);
    std::vector<EntryId> dirty;
    for (const Change& change : changes) dirty.push_back(change.id);
    Shares::Orders orders = reconciled(state, dirty);
    play(orders);
    const Shares::Orders moves = next_moves();
    orders.departures.insert(orders.departures.end(), moves.departures.begin(), moves.departures.end());
    return orders;
  }
  Shares::Orders reconciled(const CommandState& of, const std::vector<EntryId>& touched,
                            const Shares::Asking& ask = {}) {
    shares.touch(touched);
    return shares.reconcile(of, ask);
  }
  Shares::Orders next_moves() {
    const Shares::Orders moves = shares.next_moves(state, {}, 1000);
    play(moves);
    return moves;
  }
  // Of four channels on the two workers one is on its way to slot 2.
  std::vector<Shares::Departure> one_of_four_leaves_for_a_third() {
    for (int i = 0; i < 4; ++i) command("t", "c" + std::to_string(i), kVa);
    shares.add_slot(Slot{2});
    (void)shares.reconcile(state);
    return next_moves().departures;
  }
  void play(Slot slot, const std::vector<AssignItem>& items) {
    for (const AssignItem& item : items) {
      if (const auto* add = std::get_if<AddEntry>(&item)) {
        if (add->replaces) {
          EXPECT_EQ(held[slot].erase(*add->replaces), 1u) << "replaced what is not there";
        }
        EXPECT_TRUE(held[slot].emplace(add->index, add->entry).second) << "index given out twice";
      } else if (const auto* remove = std::get_if<RemoveEntry>(&item)) {
        EXPECT_EQ(held[slot].erase(remove->index), 1u) << "removed what is not there";
      }
    }
  }
  void play(const Shares::Orders& orders) {
    for (const auto& [slot, items] : orders.items) play(slot, items);
  }
  // They go over, and nothing is left where they were.
  void arrive(const std::vector<Shares::Departure>& departures) {
    for (const auto& departure : departures) {
      if (auto remove = shares.go_over(departure.id)) play(remove->first, {remove->second});
      shares.book().free(departure.id);
    }
  }
  // All that a fresh worker of the slot is told.
  std::vector<AssignItem> all_anew(Slot slot) {
    auto items = shares.serve_anew(slot, state);
    for (AssignItem& item : shares.tell_more(slot, state, Shares::kAll)) items.push_back(std::move(item));
    EXPECT_FALSE(shares.is_telling(slot));
    return items;
  }
  size_t channels_at(uint16_t slot) { return held[Slot{slot}].size(); }

  CommandState state{[](std::string_view) { return std::nullopt; }, 1000};
  Shares shares{{Slot{0}, Slot{1}}};
  int64_t offset = 0;
  std::map<Slot, std::map<EntryIndex, EntrySpec>> held;
};

}  // namespace e2k::supervisor
