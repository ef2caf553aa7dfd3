// Masks and keys that change while a real IOC counts: no number may be missing.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/unit/ca/real_channel_access.h"

namespace e2k::worker {
namespace {

using namespace std::chrono_literals;
using ledger::EntryState;
using test::add;
using test::RealChannelAccess;
using test::SoftIoc;

AddEntry replacing(uint32_t index, uint32_t old, const std::string& channel, const char* mask,
                   const std::string& key = "") {
  AddEntry item = add(index, channel, mask);
  item.entry.key = key;
  item.was_connected = true;
  item.replaces = EntryIndex{old};
  return item;
}

// Counts every few milliseconds, without anybody's help.
std::string fast_counter(const std::string& name) {
  return "record(calcout,\"" + name +
         "\"){field(CALC,\"VAL+1\")field(OOPT,\"Every Time\")field(ODLY,\"0.004\")" + "field(OUT,\"" + name +
         ":b.PROC\")field(PINI,\"YES\")}\n" + "record(calcout,\"" + name +
         ":b\"){field(CALC,\"VAL+1\")field(OOPT,\"Every Time\")field(ODLY,\"0.004\")field(OUT,\"" + name +
         ".PROC\")}\n";
}

class Replacement : public RealChannelAccess {
protected:
  std::vector<double> values_of_all(const std::vector<uint32_t>& indices) {
    std::vector<double> all;
    for (uint32_t index : indices) {
      const std::vector<double> some = values(index);
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }
  // Numbers left out, and numbers that came twice; anything out of order is both.
  struct Faults {
    size_t missing = 0, repeated = 0;
  };
  static Faults faults_of(const std::vector<double>& counted) {
    Faults f;
    for (size_t i = 1; i < counted.size(); ++i) {
      const double step = counted[i] - counted[i - 1];
      if (step > 1) f.missing += static_cast<size_t>(step) - 1;
      if (step < 1) ++f.repeated;
    }
    return f;
  }
};

TEST_F(Replacement, mask_that_changes_to_and_fro_under_load_loses_no_event) {
  std::string database;
  constexpr uint32_t kChannels = 40;
  for (uint32_t i = 0; i < kChannels; ++i) database += fast_counter("c" + std::to_string(i));
  SoftIoc ioc(database);
  test::search_on_loopback({ioc.port()});
  start();
  std::vector<AssignItem> items;
  for (uint32_t i = 0; i < kChannels; ++i) items.emplace_back(add(i, "c" + std::to_string(i), "v"));
  assign(std::move(items));
  ASSERT_TRUE(intake.wait(10s, [&] { return intake.with_events() == kChannels; }));
  constexpr uint32_t kChanges = 10;
  for (uint32_t change = 1; change <= kChanges; ++change) {
    items.clear();
    for (uint32_t i = 0; i < kChannels; ++i)
      items.emplace_back(replacing(change * kChannels + i, (change - 1) * kChannels + i,
                                   "c" + std::to_string(i), change % 2 ? "va" : "v"));
    assign(std::move(items));
    ASSERT_TRUE(intake.wait(10s, [&] { return intake.closed() == change * kChannels; }));
  }
  const size_t so_far = intake.events();
  ASSERT_TRUE(intake.wait(10s, [&] { return intake.events() > so_far + 100 * kChannels; }));
  size_t repeated = 0, counted = 0;
  for (uint32_t i = 0; i < kChannels; ++i) {
    std::vector<uint32_t> indices;
    for (uint32_t change = 0; change <= kChanges; ++change) indices.push_back(change * kChannels + i);
    const std::vector<double> all = values_of_all(indices);
    const Faults faults = faults_of(all);
    EXPECT_EQ(faults.missing, 0u) << "channel " << i;
    // A first value under each index, and one that the IOC itself sends twice, when the alarm of its start
    // ends.
    EXPECT_LE(faults.repeated, kChanges + 1) << "channel " << i;
    repeated += faults.repeated;
    counted += all.size();
    for (uint32_t index : indices) EXPECT_TRUE(errors(index).empty());
  }
  std::printf("%zu events, %zu repeated in %u changes\n", counted, repeated, kChanges * kChannels);
}

TEST_F(Replacement, mask_that_changes_under_the_same_index_loses_no_event) {
  SoftIoc ioc(fast_counter("a"));
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(5, "a", "v")});
  ASSERT_TRUE(intake.wait_records(5, 10, 10s));
  for (int change = 0; change < 10; ++change) {
    assign({replacing(5, 5, "a", change % 2 ? "v" : "va")});
    const size_t so_far = intake.events();
    ASSERT_TRUE(intake.wait(10s, [&] { return intake.events() > so_far + 20; }));
  }
  const Faults faults = faults_of(values(5));
  EXPECT_EQ(faults.missing, 0u);
  EXPECT_LE(faults.repeated, 10u + 1);
  EXPECT_TRUE(errors(5).empty());
  EXPECT_EQ(intake.entry(5).gaps, 0u);
  EXPECT_EQ(intake.entry(5).state, EntryState::connected);
}

TEST_F(Replacement, key_that_changes_loses_nothing_and_begins_with_the_present_value) {
  SoftIoc ioc(fast_counter("a"));
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a", "va"), add(100, "a", "va", "other")});
  ASSERT_TRUE(intake.wait_records(0, 10, 10s));
  std::vector<uint32_t> indices{0};
  for (uint32_t i = 1; i <= 20; ++i) {
    assign({replacing(i, i - 1, "a", "va", "key" + std::to_string(i))});
    ASSERT_TRUE(is_closed(i - 1));
    EXPECT_EQ(intake.entry(i).state, EntryState::connected);
    indices.push_back(i);
  }
  ASSERT_TRUE(intake.wait_records(20, 30, 10s));
  // Another entry of the same subscription, which nobody touched, has seen the same. (The IOC itself may send
  // a value twice, when an alarm ends.)
  std::vector<double> changed, untouched = values(100);
  for (uint32_t index : indices) {
    std::vector<double> some = values(index);
    ASSERT_FALSE(some.empty());
    // A new key's first value is the old key's last one.
    if (!changed.empty() && some.front() == changed.back()) some.erase(some.begin());
    changed.insert(changed.end(), some.begin(), some.end());
  }
  EXPECT_EQ(faults_of(changed).missing, 0u);
  const size_t both = std::min(changed.size(), untouched.size());
  changed.resize(both);
  untouched.resize(both);
  EXPECT_EQ(changed, untouched);
  EXPECT_GE(both, 30u);
  EXPECT_TRUE(is_served_at(20, ioc.port()));
}

TEST_F(Replacement, two_thousand_entries_change_their_mask_at_once_while_they_count) {
  std::string database;
  constexpr uint32_t kNames = 2000;
  for (uint32_t i = 0; i < kNames; ++i)
    database +=
        "record(calc,\"c" + std::to_string(i) + "\"){field(SCAN,\".2 second\")field(CALC,\"VAL+1\")}\n";
  SoftIoc ioc(database);
  test::search_on_loopback({ioc.port()});
  start();
  std::vector<AssignItem> items;
  for (uint32_t i = 0; i < kNames; ++i) items.emplace_back(add(i, "c" + std::to_string(i), "v"));
  assign(std::move(items));
  ASSERT_TRUE(intake.wait(20s, [&] { return intake.with_events() == kNames; }));
  items.clear();
  for (uint32_t i = 0; i < kNames; ++i)
    items.emplace_back(replacing(kNames + i, i, "c" + std::to_string(i), "va"));
  assign(std::move(items));
  ASSERT_TRUE(intake.wait(20s, [&] { return intake.closed() == kNames; }));
  items.clear();
  for (uint32_t i = 0; i < kNames; ++i)
    items.emplace_back(replacing(2 * kNames + i, kNames + i, "c" + std::to_string(i), "v", "key"));
  assign(std::move(items));
  ASSERT_TRUE(intake.wait(20s, [&] { return intake.closed() == 2 * kNames; }));
  const size_t so_far = intake.events();
  ASSERT_TRUE(intake.wait(20s, [&] { return intake.events() > so_far + 5 * kNames; }));
  size_t repeated = 0, most = 0;
  for (uint32_t i = 0; i < kNames; ++i) {
    const Faults faults = faults_of(values_of_all({i, kNames + i, 2 * kNames + i}));
    ASSERT_EQ(faults.missing, 0u) << "channel " << i;
    repeated += faults.repeated;
    most = std::max(most, faults.repeated);
    ASSERT_TRUE(errors(i).empty() && errors(kNames + i).empty());
  }
  EXPECT_LE(most, 2u);
  std::printf("%zu repeated\n", repeated);
}

TEST_F(Replacement, ten_thousand_entries_change_their_mask_at_once) {
  std::string database;
  constexpr uint32_t kNames = 10'000, kBatch = 2000;
  for (uint32_t i = 0; i < kNames; ++i)
    database += "record(ao,\"c" + std::to_string(i) + "\"){field(PINI,\"YES\")}\n";
  SoftIoc ioc(database);
  test::search_on_loopback({ioc.port()});
  start();
  for (uint32_t first = 0; first < kNames; first += kBatch) {
    std::vector<AssignItem> items;
    for (uint32_t i = first; i < first + kBatch; ++i)
      items.emplace_back(add(i, "c" + std::to_string(i), "v"));
    assign(std::move(items));
  }
  ASSERT_TRUE(intake.wait(30s, [&] { return intake.with_events() == kNames; }));
  for (uint32_t first = 0; first < kNames; first += kBatch) {
    std::vector<AssignItem> items;
    for (uint32_t i = first; i < first + kBatch; ++i)
      items.emplace_back(replacing(kNames + i, i, "c" + std::to_string(i), "va"));
    assign(std::move(items));
  }
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(intake.wait(30s, [&] { return intake.closed() == kNames; }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("10000 entries after %.1f s\n", took.count());
  EXPECT_EQ(intake.in_state(EntryState::connected), kNames);
  EXPECT_EQ(intake.events(), 2 * kNames) << "one first value each, under the new index";
}

TEST_F(Replacement, of_a_mask_without_common_events_begins_with_the_present_value) {
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"0")field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a", "a")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ioc.put("a", "1");
  ioc.put("a", "2");
  assign({replacing(1, 0, "a", "v")});
  ASSERT_TRUE(intake.wait_records(1, 1, 5s));
  ioc.put("a", "3");
  ASSERT_TRUE(intake.wait_records(1, 2, 5s));
  EXPECT_EQ(values(0), (std::vector<double>{0}));
  EXPECT_EQ(values(1), (std::vector<double>{2, 3}));
  EXPECT_TRUE(is_closed(0));
}

TEST_F(Replacement, of_a_channel_that_is_not_connected_is_there_at_once_and_told_as_new) {
  const uint16_t port = test::free_port();
  test::search_on_loopback({port});
  start(1);
  assign({add(0, "a", "v")});
  ASSERT_TRUE(in_state(0, EntryState::never_connected));
  AddEntry other = replacing(1, 0, "a", "va", "key");
  other.was_connected = false;
  assign({other});
  ASSERT_TRUE(in_state(0, EntryState::unused));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  EXPECT_EQ(errors(0), (std::vector<std::string>{"Never Connected"}));
  EXPECT_EQ(errors(1), (std::vector<std::string>{"Never Connected"}));
  SoftIoc ioc(R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})", SoftIoc::Options{port, "", 9});
  ASSERT_TRUE(intake.wait(20s, [&] { return values(1) == std::vector<double>{1}; }));
  EXPECT_TRUE(values(0).empty());
}

TEST_F(Replacement, of_a_lost_channel_tells_no_second_loss) {
  auto ioc = std::make_unique<SoftIoc>(R"(record(ao,"a"){field(VAL,"1")field(PINI,"YES")})");
  const uint16_t port = ioc->port();
  test::search_on_loopback({port});
  start(1);
  assign({add(0, "a", "v")});
  ASSERT_TRUE(intake.wait_records(0, 1, 10s));
  ioc->kill();
  ASSERT_TRUE(in_state(0, EntryState::disconnected));
  assign({replacing(1, 0, "a", "va", "key")});
  ASSERT_TRUE(in_state(1, EntryState::disconnected));
  ioc = std::make_unique<SoftIoc>(R"(record(ao,"a"){field(VAL,"2")field(PINI,"YES")})",
                                  SoftIoc::Options{port, "", 9});
  ASSERT_TRUE(intake.wait(20s, [&] { return values(1) == std::vector<double>{2}; }));
  EXPECT_TRUE(errors(1).empty());
  EXPECT_EQ(errors(0), (std::vector<std::string>{"Disconnected"}));
}

TEST_F(Replacement, orders_that_overtake_each_other_end_where_the_last_one_says) {
  SoftIoc ioc(fast_counter("a") + R"(record(ao,"quiet"){field(PINI,"YES")})");
  test::search_on_loopback({ioc.port()});
  start();
  assign({add(0, "a", "v"), add(1, "quiet", "a")});
  ASSERT_TRUE(intake.wait_records(0, 5, 10s));
  ASSERT_TRUE(intake.wait_records(1, 1, 10s));
  // To another mask and key, on to a third, back to the first index, and the one that it leaves "removed".
  assign({replacing(2, 0, "a", "va", "k2"), replacing(3, 2, "a", "va", "k3"), RemoveEntry{EntryIndex{0}},
          replacing(0, 3, "a", "va")});
  const size_t so_far = intake.records(0).size();
  ASSERT_TRUE(intake.wait_records(0, so_far + 50, 10s));
  EXPECT_TRUE(values(2).empty() && values(3).empty());
  EXPECT_TRUE(is_closed(2) && is_closed(3));
  const Faults faults = faults_of(values(0));
  EXPECT_EQ(faults.missing, 0u);
  // Replaced and removed before it went over: both are gone.
  assign({replacing(4, 1, "quiet", "v", "k4"), RemoveEntry{EntryIndex{4}}});
  EXPECT_TRUE(is_closed(1) && is_closed(4));
  // An index that means nothing is added.
  assign({replacing(6, 77, "quiet", "v")});
  ASSERT_TRUE(intake.wait_records(6, 1, 10s));
}

}  // namespace
}  // namespace e2k::worker
