// What workers of an earlier supervisor serve is compared with what is commanded: in the book of shares, and
// by the service as a whole.
#include "names_file.h"
#include "service_fixture.h"
#include "supervisor/fleet/contract_of.h"
#include "supervisor/plan/shares.h"

namespace e2k::supervisor {
namespace {

constexpr const char* kV = R"({"mask":"v"})";
constexpr const char* kVa = R"({"mask":"va"})";

// The book before, and the book of the supervisor that comes after.
struct TakenOverShares : testing::Test {
  void command(const std::string& channel, const char* value) {
    std::vector<Change> changes;
    const std::string key = R"({"topic":"t","channel":")" + channel + R"("})";
    state.apply(0, offset++, 0, key, value == nullptr ? std::nullopt : std::optional<std::string_view>(value),
                changes);
    for (const Change& change : changes) dirty.push_back(change.id);
  }
  // By the supervisor before; its workers have applied it.
  void apply_before() {
    before.touch(dirty);
    for (const auto& [slot, items] : before.reconcile(state).items)
      for (const AssignItem& item : items)
        if (const auto* add = std::get_if<AddEntry>(&item)) served[slot][add->index] = add->entry;
    dirty.clear();
  }
  std::vector<uint8_t> masks_of(Slot slot) {
    std::vector<uint8_t> masks;
    for (const auto& [index, entry] : served[slot]) {
      masks.resize(std::max<size_t>(masks.size(), index.value + 1));
      masks[index.value] = static_cast<uint8_t>(entry.mask.bits);
    }
    return masks;
  }
  // The next supervisor knows the books of names and what workers serve, and reads every command.
  Shares::Orders take_over() {
    for (const auto& [slot, lines] : served) {
      for (const auto& [index, e] : lines) after.lines().learn(slot, index, e.topic, e.channel, e.key);
      after.take_over(slot, masks_of(slot));
    }
    dirty.clear();
    state.visit([&](const EntryRef& entry) { dirty.push_back(entry.id); });
    after.touch(dirty);
    return after.reconcile(state);
  }
  std::optional<Place> place(const Shares& shares, const std::string& channel) {
    const auto entries = state.of_channel(channel);
    return entries.empty() ? std::nullopt : shares.place(entries.front().id);
  }
  static size_t count(const Shares::Orders& orders) {
    size_t n = 0;
    for (const auto& [slot, items] : orders.items) n += items.size();
    return n;
  }

  CommandState state{[](std::string_view) { return std::nullopt; }, 1000};
  Shares before{{Slot{0}, Slot{1}}}, after{{Slot{0}, Slot{1}}};
  std::map<Slot, std::map<EntryIndex, EntrySpec>> served;
  std::vector<EntryId> dirty;
  int64_t offset = 0;
};

TEST_F(TakenOverShares, nothing_is_sent_where_nothing_has_changed) {
  for (int i = 0; i < 20; ++i) command("c" + std::to_string(i), kVa);
  apply_before();
  const Shares::Orders orders = take_over();
  EXPECT_EQ(count(orders), 0u);
  EXPECT_TRUE(orders.departures.empty());
  EXPECT_EQ(count(after.drop_unclaimed()), 0u);
  for (int i = 0; i < 20; ++i) {
    const std::string channel = "c" + std::to_string(i);
    ASSERT_TRUE(place(after, channel));
    EXPECT_EQ(place(after, channel), place(before, channel));
  }
  EXPECT_EQ(after.channels(Slot{0}), before.channels(Slot{0}));
}

TEST_F(TakenOverShares, only_what_differs_is_sent) {
  for (const char* channel : {"same", "mask", "key", "gone"}) command(channel, kVa);
  apply_before();
  command("mask", kV);
  command("key", R"({"mask":"va","outkey":"other"})");
  command("gone", nullptr);
  command("new", kVa);
  const Shares::Orders orders = take_over();
  std::map<std::string, AddEntry> added;
  for (const auto& [slot, items] : orders.items)
    for (const AssignItem& item : items) {
      ASSERT_TRUE(std::holds_alternative<AddEntry>(item));
      added[std::get<AddEntry>(item).entry.channel] = std::get<AddEntry>(item);
    }
  ASSERT_EQ(added.size(), 3u);
  EXPECT_EQ(added.at("mask").replaces, added.at("mask").index);
  EXPECT_EQ(added.at("key").replaces, place(before, "key")->index);
  EXPECT_NE(added.at("key").replaces, added.at("key").index);
  EXPECT_FALSE(added.at("new").replaces);
  const Shares::Orders rest = after.drop_unclaimed();
  ASSERT_EQ(count(rest), 1u);
  EXPECT_TRUE(std::holds_alternative<RemoveEntry>(rest.items.begin()->second.front()));
  EXPECT_EQ(count(after.drop_unclaimed()), 0u);
}

TEST_F(TakenOverShares, an_entry_that_two_workers_serve_is_left_to_one) {
  command("c", kVa);
  apply_before();
  const Slot other{place(before, "c")->slot == Slot{0} ? uint16_t{1} : uint16_t{0}};
  served[other][EntryIndex{7}] = EntrySpec{"t", "c", Mask{5}, "c"};
  const Shares::Orders orders = take_over();
  ASSERT_EQ(count(orders), 1u);
  EXPECT_TRUE(std::holds_alternative<RemoveEntry>(orders.items.begin()->second.front()));
  ASSERT_TRUE(place(after, "c"));
  EXPECT_NE(place(after, "c")->slot, orders.items.begin()->first);
}

TEST_F(TakenOverShares, what_a_worker_that_died_served_is_given_to_the_next_one) {
  command("c", kVa);
  apply_before();
  const Slot slot = place(before, "c")->slot;
  for (const auto& [at, lines] : served) {
    for (const auto& [index, e] : lines) after.lines().learn(at, index, e.topic, e.channel, e.key);
    after.take_over(at, masks_of(at));
  }
  after.forget_taken_over(slot);
  state.visit([&](const EntryRef& entry) { dirty.push_back(entry.id); });
  after.touch(dirty);
  const Shares::Orders orders = after.reconcile(state);
  EXPECT_EQ(count(orders), 1u);
  EXPECT_EQ(orders.items.begin()->first, slot) << "where it was served before";
}

// The service on both of its lives: the second one finds the workers of the first.
class TakeoverTest : public ServiceTest {
protected:
  std::map<uint16_t, std::map<uint32_t, uint8_t>> assigned;

  void begin_with(const std::vector<std::string>& channels) {
    start_with(channels);
    for (const auto& [slot, lines] : served)
      for (const auto& [index, add] : lines) {
        assigned[slot][index.value] = static_cast<uint8_t>(add.entry.mask.bits);
        names[slot].push_back(add.entry.channel);  // indices begin at 0, and none is left out
      }
  }
  // As after kill -9. The books of names are what workers have written.
  void start_anew() {
    service.reset();
    for (const auto& [slot, channels] : names)
      write_names(names_path(config, Slot{slot}), Slot{slot}, channels);
    start();
    for (const auto& [slot, lines] : assigned) fleet->found(Slot{slot});
  }
  void greet_found() {
    for (const auto& [slot, lines] : assigned) fleet->adopt(Slot{slot}, lines);
  }
  bool was_given_nothing() {
    return fleet->take_given(Slot{0}).empty() && fleet->take_given(Slot{1}).empty();
  }
  std::map<uint16_t, std::vector<std::string>> names;
};

TEST_F(TakeoverTest, workers_are_taken_over_before_the_topic_is_read_and_told_nothing_they_know) {
  begin_with({"a", "b", "c"});
  start_anew();
  greet_found();
  EXPECT_TRUE(was_given_nothing());
  for (const char* channel : {"a", "b", "c"}) tail->set(channel);
  EXPECT_TRUE(was_given_nothing());
  tail->end();
  EXPECT_TRUE(was_given_nothing());
  EXPECT_EQ(service->status().state, ServiceState::running);
  tail->set("d");
  tail->batch_end();
  EXPECT_EQ(fleet->take_given(Slot{0}).size() + fleet->take_given(Slot{1}).size(), 1u);
}

TEST_F(TakeoverTest, nothing_is_assigned_while_a_found_worker_has_not_greeted) {
  begin_with({"a", "b", "c"});
  start_anew();
  for (const char* channel : {"a", "b", "c"}) tail->set(channel);
  tail->end();
  EXPECT_TRUE(was_given_nothing());
  greet_found();
  ASSERT_TRUE(until([&] { return !fleet->is_adopting(); }));
  EXPECT_TRUE(was_given_nothing());
}

TEST_F(TakeoverTest, what_is_commanded_no_more_is_removed_at_the_topics_end_and_not_before) {
  begin_with({"a", "b"});
  start_anew();
  greet_found();
  tail->set("a");
  tail->batch_end();
  EXPECT_TRUE(was_given_nothing());
  tail->end();
  std::vector<AssignItem> given = fleet->take_given(Slot{0}), more = fleet->take_given(Slot{1});
  given.insert(given.end(), more.begin(), more.end());
  ASSERT_EQ(given.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<RemoveEntry>(given.front()));
}

}  // namespace
}  // namespace e2k::supervisor
