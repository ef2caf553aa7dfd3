#include "supervisor/plan/lines.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace e2k::supervisor {
namespace {

constexpr Slot k0{0}, k1{1};

std::set<std::pair<int, unsigned>> places(const Lines& lines, const char* topic, const char* channel) {
  std::set<std::pair<int, unsigned>> out;
  lines.each(Identity::of(topic, channel), [&](const Place& p) { out.emplace(p.slot.value, p.index.value); });
  return out;
}

TEST(Lines, the_same_name_gets_the_same_index_and_another_the_next) {
  Lines lines;
  EXPECT_EQ(lines.assign(k0, "t", "a", ""), EntryIndex{0});
  EXPECT_EQ(lines.assign(k0, "t", "b", ""), EntryIndex{1});
  EXPECT_EQ(lines.assign(k0, "t", "a", ""), EntryIndex{0});
  EXPECT_EQ(lines.assign(k0, "t", "a", "key"), EntryIndex{2});
  EXPECT_EQ(lines.assign(k1, "t", "a", ""), EntryIndex{0});
  EXPECT_EQ(lines.assign(k0, "a", "t", ""), EntryIndex{3});
  EXPECT_EQ(lines.given(k0), 4u);
  EXPECT_EQ(lines.given(Slot{7}), 0u);
}

TEST(Lines, what_a_book_names_keeps_its_index_and_new_names_come_behind_it) {
  Lines lines;
  lines.learn(k0, EntryIndex{5}, "t", "a", "");
  EXPECT_EQ(lines.assign(k0, "t", "b", ""), EntryIndex{6});
  EXPECT_EQ(lines.assign(k0, "t", "a", ""), EntryIndex{5});
  lines.begin_at(k0, 100);
  lines.begin_at(k0, 50);
  EXPECT_EQ(lines.assign(k0, "t", "c", ""), EntryIndex{100});
  EXPECT_EQ(lines.find(k0, "t", "c", ""), EntryIndex{100});
  EXPECT_FALSE(lines.find(k0, "t", "d", ""));
}

TEST(Lines, an_entry_has_all_lines_that_any_of_its_keys_has_on_any_slot) {
  Lines lines;
  lines.assign(k0, "t", "a", "");
  lines.assign(k0, "t", "a", "k");
  lines.assign(k1, "t", "other", "");
  lines.assign(k1, "t", "a", "");
  EXPECT_EQ(places(lines, "t", "a"), (std::set<std::pair<int, unsigned>>{{0, 0}, {0, 1}, {1, 1}}));
  EXPECT_TRUE(places(lines, "u", "a").empty());
}

TEST(Lines, a_forgotten_slot_begins_at_0_and_the_others_stay) {
  Lines lines;
  for (const char* name : {"a", "b", "c"}) {
    lines.assign(k0, "t", name, "");
    lines.assign(k1, "t", name, "");
  }
  lines.forget(k0);
  EXPECT_EQ(places(lines, "t", "b"), (std::set<std::pair<int, unsigned>>{{1, 1}}));
  EXPECT_EQ(lines.assign(k0, "t", "c", ""), EntryIndex{0});
  EXPECT_EQ(lines.assign(k1, "t", "c", ""), EntryIndex{2});
  lines.forget(k0);
  lines.forget(k1);
  EXPECT_TRUE(places(lines, "t", "c").empty());
}

}  // namespace
}  // namespace e2k::supervisor
