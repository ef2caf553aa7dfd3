#include "supervisor/commands/snapshot.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace e2k::supervisor {
namespace {

const std::vector<CommandState::LiveKey> kKeys = {
    {R"({"topic":"t","channel":"c"})",
     {"t", "c", *parse_mask("va"), "k"},
     KeyForm::json,
     0,
     41,
     true,
     false,
     false},
    {"d", {"t", "d", *parse_mask("l"), ""}, KeyForm::plain, 1, 6, false, true, true}};

SnapshotTail example_tail() {
  SnapshotTail tail;
  tail.next_offsets = {{0, 42}, {1, 7}};
  tail.log = {"an id", {{0, 3}}};
  return tail;
}

struct SnapshotTest : testing::Test {
  SnapshotTest() {
    char pattern[] = "/tmp/e2k-snapshot-XXXXXX";
    folder = ::mkdtemp(pattern);
  }
  ~SnapshotTest() override { std::filesystem::remove_all(folder); }
  Result<void> save(const SnapshotTail& tail, const std::vector<CommandState::LiveKey>& given = kKeys) {
    SnapshotFile file(folder, "epics-channels", given.size());
    SnapshotPieces pieces;
    for (const auto& key : given) pieces.add(key);
    EXPECT_FALSE(pieces.take_full());
    file.append(pieces.take_rest());
    return file.commit(tail);
  }
  SnapshotVisitor visitor(bool is_of_use = true) {
    keys.clear();
    return {[this, is_of_use](std::string_view topic, size_t about) {
              EXPECT_EQ(topic, "epics-channels");
              expected = about;
              return is_of_use;
            },
            [this](const CommandState::LiveKey& key) { keys.push_back(key); }};
  }
  std::string bytes() {
    std::ifstream in(folder + "/commands.snapshot", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::string folder;
  std::vector<CommandState::LiveKey> keys;
  size_t expected = 0;
};

TEST_F(SnapshotTest, what_was_saved_is_loaded) {
  SnapshotTail tail = example_tail();
  tail.shrank = true;
  tail.ended = {"e"};
  ASSERT_TRUE(save(tail));
  const auto loaded = load_snapshot(folder, visitor());
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ(expected, 2u);
  EXPECT_EQ((*loaded)->next_offsets, tail.next_offsets);
  EXPECT_EQ((*loaded)->log.id, "an id");
  EXPECT_EQ((*loaded)->log.begins, tail.log.begins);
  EXPECT_EQ((*loaded)->ended, tail.ended);
  EXPECT_TRUE((*loaded)->shrank);
  EXPECT_FALSE((*loaded)->renewed);
  ASSERT_EQ(keys.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(keys[i].entry, kKeys[i].entry);
    EXPECT_EQ(keys[i].raw_key, kKeys[i].raw_key);
    EXPECT_EQ(keys[i].form, kKeys[i].form);
    EXPECT_EQ(keys[i].offset, kKeys[i].offset);
    EXPECT_EQ(keys[i].never_connected_published, kKeys[i].never_connected_published);
    EXPECT_EQ(keys[i].was_connected, kKeys[i].was_connected);
    EXPECT_EQ(keys[i].disconnected_published, kKeys[i].disconnected_published);
  }
}

TEST_F(SnapshotTest, one_of_another_topic_is_not_read_on_and_stays) {
  ASSERT_TRUE(save(example_tail()));
  const auto loaded = load_snapshot(folder, visitor(false));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
  EXPECT_TRUE(keys.empty());
  EXPECT_TRUE(*load_snapshot(folder, visitor()));
}

TEST_F(SnapshotTest, one_of_another_version_is_told_and_moved_aside) {
  const char digits[] = "9501ae65706963732d6368616e6e656c7391920008919aa164a174a16402a0000007c3c3c28c2e79fe";
  std::ofstream file(folder + "/commands.snapshot", std::ios::binary);
  for (size_t i = 0; digits[i] != '\0'; i += 2)
    file.put(static_cast<char>(std::stoi(std::string(digits + i, 2), nullptr, 16)));
  file.close();
  const auto loaded = load_snapshot(folder, visitor());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("its version is 1, not 2"), std::string::npos);
  EXPECT_NE(loaded.error().message.find("commands.snapshot.bad"), std::string::npos);
}

TEST_F(SnapshotTest, none_is_no_mistake) {
  auto loaded = load_snapshot(folder, visitor());
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
}

TEST_F(SnapshotTest, a_damaged_one_is_moved_aside_and_named) {
  ASSERT_TRUE(save(example_tail()));
  {
    std::fstream file(folder + "/commands.snapshot", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(30);
    file.put('\x55');
  }
  auto loaded = load_snapshot(folder, visitor());
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(keys.empty());
  EXPECT_NE(loaded.error().message.find("commands.snapshot.bad"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder + "/commands.snapshot.bad"));
  EXPECT_TRUE(load_snapshot(folder, visitor()));
}

TEST_F(SnapshotTest, every_cut_is_noticed) {
  ASSERT_TRUE(save(example_tail()));
  const std::string whole = bytes();
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(read_snapshot(std::string_view(whole).substr(0, n), visitor())) << n;
  EXPECT_TRUE(read_snapshot(whole, visitor()));
}

TEST_F(SnapshotTest, a_full_disk_leaves_the_one_of_before) {
  ASSERT_TRUE(save(example_tail()));
  std::filesystem::create_directory(folder + "/commands.snapshot.new");  // in the way of the temporary file
  auto saved = save(example_tail());
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().message.find("commands.snapshot.new"), std::string::npos);
  EXPECT_TRUE(*load_snapshot(folder, visitor()));
}

TEST_F(SnapshotTest, one_that_is_given_up_leaves_nothing) {
  ASSERT_TRUE(save(example_tail()));
  { const SnapshotFile file(folder, "epics-channels", 1); }
  EXPECT_FALSE(std::filesystem::exists(folder + "/commands.snapshot.new"));
  EXPECT_TRUE(*load_snapshot(folder, visitor()));
}

TEST_F(SnapshotTest, more_keys_than_a_zone_s_worth_and_a_piece_s) {
  SnapshotFile file(folder, "epics-channels", 20'000);
  SnapshotPieces pieces;
  size_t full = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto key = kKeys[1];
    key.raw_key = key.entry.channel = "a channel of usual length " + std::to_string(i);
    pieces.add(key);
    if (const auto piece = pieces.take_full()) {
      ++full;
      file.append(*piece);
    }
  }
  EXPECT_GT(full, 2u);
  file.append(pieces.take_rest());
  ASSERT_TRUE(file.commit(example_tail()));
  ASSERT_TRUE(*load_snapshot(folder, visitor()));
  ASSERT_EQ(keys.size(), 20'000u);
  for (int i = 0; i < 20'000; ++i)
    ASSERT_EQ(keys[static_cast<size_t>(i)].raw_key, "a channel of usual length " + std::to_string(i));
}

}  // namespace
}  // namespace e2k::supervisor
