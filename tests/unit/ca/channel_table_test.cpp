#include "worker/ca/channel_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/support/ca/recording_intake.h"
#include "worker/ca/delivery.h"

namespace e2k::worker::ca {
namespace {

TEST(ChannelTable, finds_what_is_in_it_and_nothing_else_whatever_comes_and_goes) {
  RecordingIntake intake;
  Delivery delivery(intake);
  ChannelTable table;
  std::map<std::string, uint32_t> model;
  std::mt19937 random(7);
  for (int step = 0; step < 50'000; ++step) {
    const std::string name = "c" + std::to_string(random() % 3000);
    const auto known = model.find(name);
    Channel* found = table.find(name);
    ASSERT_EQ(found != nullptr, known != model.end());
    if (!found) {
      Channel& made = table.make(name, delivery);
      EXPECT_EQ(made.name(), name);
      EXPECT_EQ(table.at(made.number), &made);
      model[name] = made.number;
    } else {
      EXPECT_EQ(found->number, known->second);
      if (random() % 2) {
        table.free(*found);
        model.erase(known);
      }
    }
  }
  EXPECT_EQ(table.size(), model.size());
  for (const auto& [name, number] : model) EXPECT_EQ(table.name_of(number), name);
}

TEST(Pool, gives_each_a_place_of_its_own_and_what_is_freed_again) {
  Pool<Entry> pool;
  std::set<Entry*> made;
  for (uint32_t n = 0; n < 1000; ++n) {
    Entry* entry = pool.make();
    EXPECT_EQ(entry->handle, nullptr);
    EXPECT_TRUE(made.insert(entry).second);
    entry->index = EntryIndex{n};
  }
  std::set<uint32_t> indices;
  for (const Entry* entry : made) indices.insert(entry->index.value);
  EXPECT_EQ(indices.size(), made.size());
  for (Entry* entry : made) pool.free(entry);
  for (uint32_t n = 0; n < 1000; ++n) EXPECT_EQ(made.erase(pool.make()), 1u);
}

}  // namespace
}  // namespace e2k::worker::ca
