#include "supervisor/plan/book.h"

#include <gtest/gtest.h>

#include <set>

namespace e2k::supervisor {
namespace {

constexpr EntryId kA{0}, kB{7};

Place place(uint16_t slot, uint32_t index) {
  return {Slot{slot}, EntryIndex{index}};
}

struct BookTest : testing::Test {
  Book book;
  std::set<uint32_t> gone;  // indices of slot 0 of which nothing is left
  std::set<uint32_t> late;  // or nobody waits for it any more

  void leave(EntryId id, uint32_t index) { book.leave({id, place(0, index), Generation{1}}); }
  Book::Settled settle() {
    return book.settle([this](const Book::Leaving& one) {
      if (late.contains(one.from.index.value)) return Left::late;
      return gone.contains(one.from.index.value) ? Left::yes : Left::no;
    });
  }
};

TEST_F(BookTest, an_entry_is_served_at_one_place_which_leads_back_to_it) {
  EXPECT_EQ(book.state(kA), Serving::unserved);
  EXPECT_EQ(book.entry_at(place(0, 3)), std::nullopt);
  book.serve(kA, place(0, 3));
  book.serve(kB, place(1, 0));
  EXPECT_EQ(book.state(kA), Serving::serving);
  EXPECT_EQ(book.place(kA), place(0, 3));
  EXPECT_EQ(book.entry_at(place(0, 3)), kA);
  EXPECT_EQ(book.entry_at(place(0, 0)), std::nullopt);
  book.serve(kA, place(1, 1));
  EXPECT_EQ(book.entry_at(place(0, 3)), std::nullopt);
  EXPECT_EQ(book.entry_at(place(1, 1)), kA);
  book.withdraw(kA);
  book.withdraw(kA);
  EXPECT_EQ(book.place(kA), std::nullopt);
  EXPECT_EQ(book.entry_at(place(1, 1)), std::nullopt);
  EXPECT_EQ(book.entry_at(place(1, 0)), kB);
}

TEST_F(BookTest, a_line_that_was_given_to_another_is_not_taken_from_that_one) {
  book.serve(kA, place(0, 3));
  book.serve(kB, place(0, 3));  // the slot's lines began anew, and A has not been given another yet
  book.withdraw(kA);
  EXPECT_EQ(book.entry_at(place(0, 3)), kB);
}

TEST_F(BookTest, the_entries_of_a_slot_are_gone_through_by_index) {
  book.serve(kA, place(0, 5));
  book.serve(kB, place(0, 2));
  book.serve(EntryId{3}, place(1, 0));
  std::vector<std::pair<uint32_t, uint32_t>> seen;
  book.each_of(Slot{0}, [&](EntryId id, EntryIndex index) { seen.emplace_back(id.value, index.value); });
  EXPECT_EQ(seen, (std::vector<std::pair<uint32_t, uint32_t>>{{7, 2}, {0, 5}}));
}

TEST_F(BookTest, an_entry_leaves_until_nothing_of_it_is_where_it_was) {
  leave(kA, 4);
  EXPECT_EQ(book.state(kA), Serving::leaving);
  EXPECT_TRUE(book.is_leaving(place(0, 4)));
  EXPECT_TRUE(settle().free.empty());
  gone = {4};
  const auto settled = settle();
  EXPECT_EQ(settled.free, std::vector<EntryId>{kA});
  EXPECT_EQ(settled.late, 0u);
  EXPECT_EQ(book.state(kA), Serving::unserved);
  EXPECT_FALSE(book.is_leaving(place(0, 4)));
  EXPECT_TRUE(settle().left.empty());
}

TEST_F(BookTest, one_that_leaves_several_places_is_free_when_it_has_left_all) {
  leave(kA, 4);
  leave(kA, 5);
  gone = {5};
  EXPECT_TRUE(settle().free.empty());
  EXPECT_EQ(book.leaving().size(), 1u);
  gone = {4};
  EXPECT_EQ(settle().free, std::vector<EntryId>{kA});
}

TEST_F(BookTest, one_that_leaves_two_places_at_once_is_free_once) {
  leave(kA, 4);
  leave(kA, 5);
  gone = {4, 5};
  EXPECT_EQ(settle().free.size(), 1u);
}

TEST_F(BookTest, an_entry_that_goes_over_is_served_at_one_place_at_a_time_and_known_at_both) {
  book.serve(kA, place(0, 3));
  book.prepare(kA, place(1, 8));
  EXPECT_EQ(book.state(kA), Serving::preparing);
  EXPECT_EQ(book.place(kA), place(0, 3));
  EXPECT_EQ(book.preparing(kA), place(1, 8));
  EXPECT_EQ(book.entry_at(place(1, 8)), kA);
  EXPECT_EQ(book.entry_at(place(0, 3)), kA);
  book.go_over(kA);
  EXPECT_EQ(book.state(kA), Serving::held);
  EXPECT_EQ(book.place(kA), place(1, 8));
  EXPECT_EQ(book.entry_at(place(0, 3)), std::nullopt);
  EXPECT_EQ(book.under_way(), 1u);
  book.free(kA);
  EXPECT_EQ(book.state(kA), Serving::serving);
  EXPECT_EQ(book.under_way(), 0u);
}

TEST_F(BookTest, a_preparation_that_is_forgotten_or_whose_entry_is_withdrawn_leaves_nothing) {
  book.serve(kA, place(0, 3));
  book.prepare(kA, place(1, 8));
  book.forget_preparation(kA);
  EXPECT_EQ(book.state(kA), Serving::serving);
  EXPECT_EQ(book.entry_at(place(1, 8)), std::nullopt);
  book.prepare(kA, place(1, 8));
  book.withdraw(kA);
  EXPECT_EQ(book.state(kA), Serving::unserved);
  EXPECT_EQ(book.under_way(), 0u);
}

TEST_F(BookTest, where_nobody_waits_any_longer_that_is_counted) {
  leave(kA, 4);
  leave(kB, 5);
  late = {4};
  const auto settled = settle();
  EXPECT_EQ(settled.free, std::vector<EntryId>{kA});
  EXPECT_EQ(settled.late, 1u);
  EXPECT_EQ(book.state(kB), Serving::leaving);
}

TEST_F(BookTest, a_slot_that_was_emptied_holds_nobody_up) {
  leave(kA, 4);
  book.emptied(Slot{1});
  EXPECT_TRUE(settle().free.empty());
  book.emptied(Slot{0});
  EXPECT_EQ(settle().free, std::vector<EntryId>{kA});
}

}  // namespace
}  // namespace e2k::supervisor
