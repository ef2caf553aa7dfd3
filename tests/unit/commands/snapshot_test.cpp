#include "supervisor/commands/snapshot.h"

#include "proto/crc32c.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace e2k::supervisor {
namespace {

Snapshot example() {
  Snapshot snapshot;
  snapshot.topic = "epics-channels";
  snapshot.next_offsets = {{0, 42}, {1, 7}};
  snapshot.keys.push_back({R"({"topic":"t","channel":"c"})",
                           {"t", "c", *parse_mask("va"), "k"},
                           KeyForm::json,
                           0,
                           41,
                           true,
                           false});
  snapshot.keys.push_back({"d", {"t", "d", *parse_mask("l"), ""}, KeyForm::plain, 1, 6, false, true, true});
  return snapshot;
}

struct SnapshotTest : testing::Test {
  SnapshotTest() {
    char pattern[] = "/tmp/e2k-snapshot-XXXXXX";
    folder = ::mkdtemp(pattern);
  }
  ~SnapshotTest() override { std::filesystem::remove_all(folder); }
  std::string folder;
};

TEST_F(SnapshotTest, what_was_saved_is_loaded) {
  ASSERT_TRUE(save_snapshot(folder, example()));
  auto loaded = load_snapshot(folder);
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->topic, "epics-channels");
  EXPECT_EQ((*loaded)->next_offsets, example().next_offsets);
  ASSERT_EQ((*loaded)->keys.size(), 2u);
  EXPECT_EQ((*loaded)->keys[0].entry, example().keys[0].entry);
  EXPECT_EQ((*loaded)->keys[0].raw_key, example().keys[0].raw_key);
  EXPECT_TRUE((*loaded)->keys[0].never_connected_published);
  EXPECT_TRUE((*loaded)->keys[1].was_connected);
  EXPECT_FALSE((*loaded)->keys[0].disconnected_published);
  EXPECT_TRUE((*loaded)->keys[1].disconnected_published);
  EXPECT_FALSE((*loaded)->shrank);
  Snapshot shrunk = example();
  shrunk.shrank = true;
  EXPECT_TRUE(decode_snapshot(encode(shrunk))->shrank);
}

TEST_F(SnapshotTest, one_of_an_older_release_is_loaded) {
  // It ends with was_connected.
  const char digits[] = "9501ae65706963732d6368616e6e656c7391920008919aa164a174a16402a0000007c3c3c28c2e79fe";
  std::string bytes;
  for (size_t i = 0; digits[i] != '\0'; i += 2)
    bytes += static_cast<char>(std::stoi(std::string(digits + i, 2), nullptr, 16));
  const auto loaded = decode_snapshot(bytes);
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ(loaded->keys.size(), 1u);
  EXPECT_EQ(loaded->keys[0].entry, (EntrySpec{"t", "d", *parse_mask("l"), ""}));
  EXPECT_TRUE(loaded->keys[0].was_connected);
  EXPECT_FALSE(loaded->keys[0].disconnected_published);
}

TEST_F(SnapshotTest, none_is_no_mistake) {
  auto loaded = load_snapshot(folder);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(*loaded);
}

TEST_F(SnapshotTest, a_damaged_one_is_moved_aside_and_named) {
  ASSERT_TRUE(save_snapshot(folder, example()));
  {
    std::fstream file(folder + "/commands.snapshot", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put('\x55');
  }
  auto loaded = load_snapshot(folder);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("commands.snapshot.bad"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder + "/commands.snapshot.bad"));
  EXPECT_TRUE(load_snapshot(folder));
}

TEST_F(SnapshotTest, every_cut_is_noticed) {
  const std::string bytes = encode(example());
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(decode_snapshot(std::string_view(bytes).substr(0, n))) << n;
}

TEST_F(SnapshotTest, a_full_disk_leaves_the_one_of_before) {
  ASSERT_TRUE(save_snapshot(folder, example()));
  std::filesystem::create_directory(folder + "/commands.snapshot.new");  // in the way of the temporary file
  auto saved = save_snapshot(folder, example());
  ASSERT_FALSE(saved);
  EXPECT_NE(saved.error().message.find("commands.snapshot.new"), std::string::npos);
  EXPECT_TRUE(*load_snapshot(folder));
}

TEST(SnapshotPieces, what_ended_while_they_were_put_together_is_not_in_them) {
  const Snapshot whole = example();
  SnapshotPieces pieces;
  for (const auto& key : whole.keys) pieces.add(key);
  std::string bytes;
  for (const std::string& piece : std::move(pieces).finish(whole, {whole.keys.at(0).raw_key})) bytes += piece;
  const uint32_t checksum = crc32c(0, bytes.data(), bytes.size());
  for (size_t i = 0; i < 4; ++i) bytes += static_cast<char>(checksum >> (8 * i) & 0xff);
  const auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->keys.size(), whole.keys.size() - 1);
  EXPECT_EQ(back->keys[0].raw_key, whole.keys.at(1).raw_key);
}

}  // namespace
}  // namespace e2k::supervisor
