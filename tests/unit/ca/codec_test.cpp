#include <gtest/gtest.h>

#include <cstring>

#include "worker/ca/search/codec.h"

namespace e2k::worker::search {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> numbers) {
  std::vector<std::byte> out;
  for (int n : numbers) out.push_back(static_cast<std::byte>(n));
  return out;
}

std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const auto kReply =
    bytes_of({0, 6, 0, 8, 0x13, 0xc8, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 42, 0, 13, 0, 0, 0, 0, 0, 0});
const auto kVersionHeader = bytes_of({0, 0, 0, 0, 0, 1, 0, 13, 0, 0, 0, 7, 0, 0, 0, 0});

TEST(SearchFrame, holds_a_version_header_and_padded_requests) {
  FrameBuilder frame(7);
  EXPECT_TRUE(frame.empty());
  ASSERT_TRUE(frame.add(42, "abc"));
  ASSERT_TRUE(frame.add(43, "abcdefgh"));
  const auto expected =
      kVersionHeader +
      bytes_of({0, 6, 0, 8, 0, 5, 0, 13, 0, 0, 0, 42, 0, 0, 0, 42, 'a', 'b', 'c', 0, 0, 0, 0, 0}) +
      bytes_of({0,   6,   0,   16,  0,   5,   0,   13,  0, 0, 0, 43, 0, 0, 0, 43,
                'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 0, 0, 0, 0,  0, 0, 0, 0});
  const auto got = frame.bytes();
  EXPECT_EQ(std::vector<std::byte>(got.begin(), got.end()), expected);
}

TEST(SearchFrame, takes_requests_until_the_next_does_not_fit) {
  FrameBuilder frame(1);
  size_t names = 0;
  while (frame.add(static_cast<uint32_t>(names), "sector01:magnet0001")) ++names;
  EXPECT_EQ(names, (kFrameBytes - kHeaderBytes) / request_bytes(19));
  EXPECT_LE(frame.bytes().size(), kFrameBytes);
  EXPECT_GT(frame.bytes().size() + request_bytes(19), kFrameBytes);
}

TEST(SearchFrame, the_longest_searchable_name_fills_one) {
  FrameBuilder frame(1);
  EXPECT_TRUE(frame.add(1, std::string(kMaxSearchableNameBytes, 'x')));
  EXPECT_EQ(frame.bytes().size(), kFrameBytes);
  EXPECT_FALSE(FrameBuilder(1).add(1, std::string(kMaxSearchableNameBytes + 1, 'x')));
}

TEST(SearchReply, names_its_server_by_port_and_sender) {
  Received got;
  EXPECT_TRUE(decode_datagram(kVersionHeader + kReply + kReply, {0x0a000001, 9}, 5064, got));
  EXPECT_EQ(got.replies, (std::vector<SearchReply>(2, {42, {0x0a000001, 5064}, 13})));
}

TEST(SearchReply, may_name_another_address) {
  auto reply = kReply;
  const auto address = bytes_of({10, 1, 2, 3});
  std::memcpy(reply.data() + 8, address.data(), 4);
  Received got;
  EXPECT_TRUE(decode_datagram(reply, {1, 1}, 5064, got));
  ASSERT_EQ(got.replies.size(), 1u);
  EXPECT_EQ(to_string(got.replies[0].server), "10.1.2.3:5064");
}

TEST(SearchReply, of_a_server_before_4_5_is_on_the_default_port) {
  auto reply = kReply;
  reply[17] = std::byte{4};
  Received got;
  EXPECT_TRUE(decode_datagram(reply, {1, 1}, 5099, got));
  EXPECT_EQ(got.replies, (std::vector<SearchReply>{{42, {1, 5099}, 4}}));
}

TEST(SearchReply, of_a_server_before_4_2_is_passed_over) {
  auto reply = kReply;
  reply[17] = std::byte{1};
  Received got;
  EXPECT_TRUE(decode_datagram(reply, {1, 1}, 5099, got));
  EXPECT_TRUE(got.replies.empty());
}

TEST(LibcasSearch, is_read_and_answered_in_its_own_terms) {
  FrameBuilder frame(77);
  ASSERT_TRUE(frame.add(5, "abc"));
  ASSERT_TRUE(frame.add(6, "abcdefgh"));
  SearchRequests requests;
  EXPECT_TRUE(decode_requests(frame.bytes(), requests));
  EXPECT_TRUE(requests.has_sequence);
  EXPECT_EQ(requests.sequence, 77u);
  ASSERT_EQ(requests.names.size(), 2u);
  EXPECT_EQ(requests.names[1].name, "abcdefgh");
  ReplyBuilder reply(requests);
  EXPECT_TRUE(reply.add(requests.names[1].id, {0x0a010203, 5099}, 11));
  Received got;
  EXPECT_TRUE(decode_datagram(reply.bytes(), {0x7f000001, 1}, 5064, got));
  EXPECT_EQ(got.replies, (std::vector<SearchReply>{{6, {0x0a010203, 5099}, 11}}));
  // The sequence number stands where libca looks for it: in a version message, marked as valid.
  const auto bytes = reply.bytes();
  EXPECT_EQ(bytes[5], std::byte{1});
  EXPECT_EQ(bytes[11], std::byte{77});
}

TEST(LibcasSearch, that_is_malformed_stands_up_to_the_fault) {
  FrameBuilder frame(1);
  ASSERT_TRUE(frame.add(5, "abc"));
  const auto bytes = frame.bytes();
  SearchRequests requests;
  EXPECT_FALSE(decode_requests(bytes.first(bytes.size() - 1), requests));
  EXPECT_TRUE(requests.names.empty());
  EXPECT_FALSE(decode_requests(bytes.first(7), requests));
}

TEST(SearchReply, before_a_malformed_message_stands) {
  Received got;
  EXPECT_FALSE(decode_datagram(kReply + bytes_of({0, 6, 0xff, 0xf0, 0}), {1, 1}, 5064, got));
  EXPECT_EQ(got.replies.size(), 1u);
  auto cut = kReply;
  cut.pop_back();
  got.clear();
  EXPECT_FALSE(decode_datagram(cut, {1, 1}, 5064, got));
  EXPECT_TRUE(got.replies.empty());
}

TEST(Beacon, carries_the_servers_address_and_a_number) {
  Received got;
  const auto beacon = bytes_of({0, 13, 0, 0, 0, 13, 0x13, 0xc8, 0, 0, 0, 3, 10, 0, 0, 9});
  EXPECT_TRUE(decode_datagram(beacon, {1, 1}, 5064, got));
  EXPECT_EQ(got.beacons, (std::vector<Beacon>{{{0x0a000009, 5064}, 3, 13}}));
}

TEST(NameServerStream, is_cut_into_messages_wherever_it_is_split) {
  const auto large = bytes_of(
      {0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8});
  const auto stream = kVersionHeader + kReply + large + kReply;
  for (size_t at = 0; at <= stream.size(); ++at) {
    StreamDecoder decoder({0x7f000001, 5064});
    Received got;
    const std::span<const std::byte> whole(stream);
    EXPECT_TRUE(decoder.feed(whole.first(at), got));
    EXPECT_TRUE(decoder.feed(whole.subspan(at), got));
    EXPECT_EQ(got.replies, (std::vector<SearchReply>(2, {42, {0x7f000001, 5064}, 13}))) << at;
  }
}

TEST(NameServerStream, with_a_senseless_size_is_given_up) {
  StreamDecoder decoder({1, 1});
  Received got;
  EXPECT_FALSE(decoder.feed(
      bytes_of({0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0}), got));
}

TEST(NameServerStream, begins_with_version_user_and_host) {
  const std::string greeting = circuit_greeting("ops", "host");
  EXPECT_EQ(greeting.size(), 16u + 24 + 24);
  EXPECT_EQ(greeting.substr(0, 8), std::string("\0\0\0\0\0\0\0\x0d", 8));
  EXPECT_EQ(greeting[17], 20);
  EXPECT_EQ(greeting.substr(32, 8), std::string("ops\0\0\0\0\0", 8));
  EXPECT_EQ(greeting[41], 21);
}

}  // namespace
}  // namespace e2k::worker::search
