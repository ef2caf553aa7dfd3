#include "worker/spool/names_book.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proto/names_reader.h"

namespace e2k::names {
namespace {

constexpr Slot kSlot{3};

struct NamesBookTest : testing::Test {
  NamesBookTest() {
    char pattern[] = "/tmp/e2k-names-XXXXXX";
    folder = ::mkdtemp(pattern);
    path = folder + "/3.names";
  }
  ~NamesBookTest() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<NamesBook> open() {
    auto book = NamesBook::open(path, kSlot);
    EXPECT_TRUE(book) << book.error().message;
    return book ? std::move(*book) : nullptr;
  }
  // "index topic/channel/key" of each, in the file's order.
  std::vector<std::string> names() {
    std::vector<std::string> out;
    const auto book = read_book(path, kSlot, [&](EntryIndex index, const Name& name) {
      out.push_back(std::to_string(index.value) + " " + std::string(name.topic) + "/" +
                    std::string(name.channel) + "/" + std::string(name.key));
    });
    EXPECT_TRUE(book) << book.error().message;
    next_index = book ? book->next_index : 0;
    return out;
  }
  void damage(std::streamoff at, const std::string& bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file << bytes;
  }

  std::string folder, path;
  uint32_t next_index = 0;
};
using Names = std::vector<std::string>;

TEST_F(NamesBookTest, what_was_noted_is_read_while_the_book_is_open_and_by_the_next_worker) {
  auto book = open();
  ASSERT_TRUE(book->note(EntryIndex{0}, {"t", "a", ""}));
  ASSERT_TRUE(book->note(EntryIndex{7}, {"t", "a", "key"}));
  const Names both{"0 t/a/", "7 t/a/key"};
  EXPECT_EQ(names(), both);
  EXPECT_EQ(next_index, 8u);
  ASSERT_TRUE(book->note(EntryIndex{0}, {"t", "a", ""})) << "again";
  book = nullptr;
  book = open();
  ASSERT_TRUE(book->note(EntryIndex{7}, {"t", "a", "key"}));
  EXPECT_EQ(names(), both) << "nothing is written twice";
  ASSERT_TRUE(book->note(EntryIndex{8}, {"u", "b", ""}));
  EXPECT_EQ(names().size(), 3u);
  ASSERT_TRUE(book->sync());
}

TEST_F(NamesBookTest, an_index_that_means_something_else_is_refused) {
  auto book = open();
  ASSERT_TRUE(book->note(EntryIndex{0}, {"t", "a", ""}));
  const auto refused = book->note(EntryIndex{0}, {"t", "b", ""});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(path), std::string::npos);
  // The three names do not run into each other.
  EXPECT_FALSE(book->note(EntryIndex{0}, {"ta", "", ""}));
}

TEST_F(NamesBookTest, a_book_grows_beyond_its_first_reservation) {
  auto book = open();
  const std::string key(16'000, 'k');
  for (uint32_t i = 0; i < 200; ++i)
    ASSERT_TRUE(book->note(EntryIndex{i}, {"topic", "channel" + std::to_string(i), key}));
  EXPECT_EQ(names().size(), 200u);
  EXPECT_GT(std::filesystem::file_size(path), 3'000'000u);
}

TEST_F(NamesBookTest, a_name_without_room_is_refused_with_the_path_and_taken_once_there_is_some) {
  ::signal(SIGXFSZ, SIG_IGN);
  auto book = open();
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{1u << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::string key(16'000, 'k');
  Result<void> noted;
  uint32_t index = 0;
  for (; noted && index < 100; ++index) noted = book->note(EntryIndex{index}, {"t", "c", key});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(noted);
  EXPECT_NE(noted.error().message.find(path), std::string::npos) << noted.error().message;
  EXPECT_EQ(names().size(), index - 1);
  EXPECT_TRUE(book->note(EntryIndex{index - 1}, {"t", "c", key}));
  EXPECT_EQ(names().size(), index);
}

TEST_F(NamesBookTest, a_torn_record_ends_the_book_and_the_writer_goes_on_there) {
  auto book = open();
  uint64_t second = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    if (i == 1) second = kHeaderBytes + padded(record_bytes({"t", "c0", ""}));
    ASSERT_TRUE(book->note(EntryIndex{i}, {"t", "c" + std::to_string(i), ""}));
  }
  book = nullptr;
  damage(static_cast<std::streamoff>(second + sizeof(Record)), "X");
  EXPECT_EQ(names(), (Names{"0 t/c0/"}));
  EXPECT_EQ(next_index, 3u) << "no index that was given is given again";
  book = open();
  ASSERT_TRUE(book->note(EntryIndex{3}, {"t", "c3", ""}));
  EXPECT_EQ(names(), (Names{"0 t/c0/", "3 t/c3/"})) << "what stood behind the torn one stays away";
}

TEST_F(NamesBookTest, what_is_no_book_of_this_slot_and_release_is_refused_untouched) {
  open();
  const auto refusal = [&](Slot slot) {
    const auto book = NamesBook::open(path, slot);
    return book ? std::string() : book.error().message;
  };
  EXPECT_NE(refusal(Slot{4}).find("belongs to slot 3"), std::string::npos);
  damage(8, std::string("\x09\0\0\0", 4));
  EXPECT_NE(refusal(kSlot).find("another release"), std::string::npos);
  EXPECT_NE(refusal(kSlot).find(path), std::string::npos);
  damage(0, "nonsense");
  EXPECT_NE(refusal(kSlot).find("is none"), std::string::npos);
}

TEST_F(NamesBookTest, a_file_without_a_byte_written_and_none_at_all_are_books_without_names) {
  EXPECT_TRUE(names().empty());
  std::ofstream(path) << std::string(5000, '\0');
  EXPECT_TRUE(names().empty());
  auto book = open();
  ASSERT_TRUE(book->note(EntryIndex{0}, {"t", "a", ""}));
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(NamesBookTest, what_was_added_is_read_from_where_it_ended) {
  auto book = open();
  ASSERT_TRUE(book->note(EntryIndex{0}, {"t", "a", ""}));
  const auto nothing = [](EntryIndex, const Name&) { ADD_FAILURE(); };
  const auto all = read_book(path, kSlot, [](EntryIndex, const Name&) {});
  ASSERT_TRUE(all);
  EXPECT_EQ(read_book(path, kSlot, nothing, all->end)->end, all->end);
  ASSERT_TRUE(book->note(EntryIndex{1}, {"t", "b", ""}));
  std::vector<uint32_t> added;
  const auto more = read_book(
      path, kSlot, [&](EntryIndex index, const Name&) { added.push_back(index.value); }, all->end);
  EXPECT_EQ(added, std::vector<uint32_t>{1});
  EXPECT_GT(more->end, all->end);
  EXPECT_EQ(more->next_index, 2u);
  EXPECT_EQ(read_book(path, kSlot, nothing, 1u << 30)->end, 1u << 30) << "beyond the file";
}

TEST_F(NamesBookTest, bytes_are_never_trusted) {
  std::vector<std::byte> file(256, std::byte{0xff});
  for (uint64_t offset = 0; offset < 300; ++offset) EXPECT_EQ(read_record(file, offset).next, 0u);
  alignas(8) std::byte good[128] = {};
  write_record(good, 64, EntryIndex{1}, {"t", "c", "k"});
  EXPECT_NE(read_record(good, 64).next, 0u);
  EXPECT_EQ(read_record(std::span(good).first(64 + record_bytes({"t", "c", "k"}) - 1), 64).next, 0u);
  alignas(8) std::byte moved[128] = {};
  std::copy(good + 64, good + 128, moved + 56);
  EXPECT_EQ(read_record(moved, 56).next, 0u) << "a record of another place";
}

}  // namespace
}  // namespace e2k::names
