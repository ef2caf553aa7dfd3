// The bytes between supervisor and worker: golden, and refused where they are garbage.
#include "proto/control_message.h"

#include <gtest/gtest.h>

namespace e2k {
namespace {

std::string hex(std::string_view bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (const char character : bytes) {
    const auto c = static_cast<unsigned char>(character);
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

TEST(ControlMessage, hello_has_its_golden_bytes) {
  const Hello hello{Slot{3}, Generation{17}, 1234, "abcd", "0.1.0", "4.13"};
  EXPECT_EQ(hex(encode(WorkerMessage(hello))), "9b03010311cd04d2a461626364a5302e312e30a4342e31330000c2");
  EXPECT_EQ(decode_worker_message(encode(WorkerMessage(hello))).value(), WorkerMessage(hello));
}

TEST(ControlMessage, a_greeting_that_names_no_library_is_understood) {
  const std::string bytes(
      "\x97\x01\x01\x03\x11\x07\xa4"
      "abcd"
      "\xa5"
      "0.1.0",
      17);
  const auto hello = decode_worker_message(bytes);
  ASSERT_TRUE(hello) << hello.error().message;
  Hello expected{Slot{3}, Generation{17}, 7, "abcd", "0.1.0", ""};
  expected.control_version = 1;
  EXPECT_EQ(*hello, WorkerMessage(expected));
}

TEST(ControlMessage, a_greeting_tells_its_conversation_and_what_is_served) {
  Hello hello{Slot{3}, Generation{17}, 1234, "abcd", "0.1.0", "4.13"};
  hello.conversation = 77;
  hello.serves = 5;
  hello.is_leaving = true;
  EXPECT_EQ(decode_worker_message(encode(WorkerMessage(hello))).value(), WorkerMessage(hello));
  EXPECT_EQ(hex(encode(SupervisorMessage(Greet{77}))), "9303164d");
  EXPECT_EQ(decode_supervisor_message("\x93\x02\x16\x4d").value(), SupervisorMessage(Greet{77}));
}

TEST(ControlMessage, the_other_side_is_written_to_in_its_own_version_where_that_is_older) {
  EXPECT_EQ(hex(encode(SupervisorMessage(Ping{}), 1)), "920112");
  EXPECT_EQ(hex(encode(SupervisorMessage(Ping{}), kControlVersion + 1)), "920312");
  EXPECT_EQ(decode_supervisor_message(std::string("\x92\x01\x10", 3)).value(), SupervisorMessage(Welcome{}));
}

TEST(ControlMessage, of_a_later_version_what_is_known_is_understood_and_the_rest_a_sign_of_life) {
  EXPECT_EQ(decode_worker_message(std::string("\x94\x04\x02\x07\xc3", 5)).value(), WorkerMessage(Applied{7}));
  EXPECT_EQ(decode_supervisor_message(std::string("\x93\x04\x63\x07", 4)).value(), SupervisorMessage(Ping{}));
  EXPECT_FALSE(decode_supervisor_message(std::string("\x93\x03\x63\x07", 4)));
}

TEST(ControlMessage, the_other_messages_of_a_worker_have_their_golden_bytes) {
  EXPECT_EQ(hex(encode(WorkerMessage(Applied{300}))), "930302cd012c");
  EXPECT_EQ(hex(encode(WorkerMessage(Heartbeat{1, 2, 3, "x", 4, "y", "z", "s", 5, "b"}))),
            "9c030301"
            "02"
            "03a17804a179a17aa17305a162");
  EXPECT_EQ(hex(encode(WorkerMessage(Goodbye{5}))), "93030405");
}

TEST(ControlMessage, assign_has_its_golden_bytes) {
  Assign assign{7, {}};
  assign.items.emplace_back(AddEntry{EntryIndex{0}, {"t", "c", Mask{5}, "k"}, true, false});
  assign.items.emplace_back(RemoveEntry{EntryIndex{9}});
  EXPECT_EQ(hex(encode(SupervisorMessage(assign))),
            "94031107929800"
            "00a174a16305a16b01009201"
            "09");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(assign))).value(), SupervisorMessage(assign));
}

TEST(ControlMessage, what_is_known_of_an_added_entry_is_a_bit_each) {
  Assign assign{7, {}};
  assign.items.emplace_back(AddEntry{EntryIndex{0}, {"t", "c", Mask{5}, "k"}, false, true, true});
  AddEntry unserved{EntryIndex{1}, {"t", "d", Mask{5}, "k"}};
  unserved.held = unserved.unserved = true;
  assign.items.emplace_back(unserved);
  EXPECT_EQ(hex(encode(SupervisorMessage(assign))),
            "94031107929800"
            "00a174a16305a16b0600"
            "980201a174a16405a16b0800");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(assign))).value(), SupervisorMessage(assign));
}

TEST(ControlMessage, the_entry_that_an_added_one_replaces_is_its_index_and_one) {
  Assign assign{7, {}};
  assign.items.emplace_back(
      AddEntry{EntryIndex{4}, {"t", "c", Mask{5}, "k"}, false, false, false, EntryIndex{3}});
  EXPECT_EQ(hex(encode(SupervisorMessage(assign))),
            "94031107919800"
            "04a174a16305a16b0004");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(assign))).value(), SupervisorMessage(assign));
}

TEST(ControlMessage, what_is_held_and_released_are_kinds_of_their_own_which_older_workers_refuse) {
  Assign assign{7, {}};
  AddEntry held{EntryIndex{4}, {"t", "c", Mask{5}, "k"}};
  held.held = true;
  assign.items.emplace_back(held);
  assign.items.emplace_back(ReleaseEntry{EntryIndex{4}, 6, 9});
  EXPECT_EQ(hex(encode(SupervisorMessage(assign))),
            "94031107929802"
            "04a174a16305a16b0000"
            "9403040609");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(assign))).value(), SupervisorMessage(assign));
}

TEST(ControlMessage, the_other_messages_of_the_supervisor_have_their_golden_bytes) {
  EXPECT_EQ(hex(encode(SupervisorMessage(Welcome{}))), "950310000000");
  EXPECT_EQ(hex(encode(SupervisorMessage(Ping{}))), "920312");
  EXPECT_EQ(hex(encode(SupervisorMessage(Stop{10'000}))), "930313cd2710");
  EXPECT_EQ(hex(encode(SupervisorMessage(SetLogLevel{"debug"}))), "930314a56465627567");
  EXPECT_EQ(hex(encode(SupervisorMessage(SetPaused{true}))), "930315c3");
  EXPECT_EQ(decode_supervisor_message("\x93\x01\x15\xc3").value(), SupervisorMessage(SetPaused{true}));
  EXPECT_EQ(hex(encode(SupervisorMessage(SetHeld{"ab"}))), "930317a26162");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(SetHeld{"ab"}))).value(),
            SupervisorMessage(SetHeld{"ab"}));
  EXPECT_EQ(hex(encode(SupervisorMessage(SetSpoolShare{10'000}))), "930318cd2710");
  EXPECT_EQ(decode_supervisor_message(encode(SupervisorMessage(SetSpoolShare{7}))).value(),
            SupervisorMessage(SetSpoolShare{7}));
}

TEST(ControlMessage, a_message_of_a_version_that_is_too_old_is_refused_by_its_number) {
  const auto decoded = decode_worker_message(std::string("\x93\x00\x02\x01", 4));
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("version 0"), std::string::npos) << decoded.error().message;
}

TEST(ControlMessage, garbage_is_an_error_and_no_exception) {
  const std::string ok = encode(SupervisorMessage(Stop{1}));
  for (const std::string& bytes :
       {std::string(), std::string("hello"), std::string(4, '\xff'), ok + "x", ok.substr(0, ok.size() - 1),
        std::string("\xc1"), std::string("\x92\x01\x63", 3)}) {
    EXPECT_FALSE(decode_supervisor_message(bytes)) << hex(bytes);
    EXPECT_FALSE(decode_worker_message(bytes)) << hex(bytes);
  }
}

TEST(ControlMessage, a_size_that_is_not_there_is_refused_before_memory_is_taken_for_it) {
  // array of 4 billion, a text of 4 GB, a deep nest
  EXPECT_FALSE(decode_worker_message(std::string("\xdd\xff\xff\xff\xff", 5)));
  EXPECT_FALSE(decode_worker_message(std::string("\x93\x01\x02\xdb\xff\xff\xff\xff", 8)));
  EXPECT_FALSE(decode_worker_message(std::string(100'000, '\x91')));
}

TEST(ControlMessage, a_side_does_not_take_its_own_messages) {
  EXPECT_FALSE(decode_worker_message(encode(SupervisorMessage(Ping{}))));
  EXPECT_FALSE(decode_supervisor_message(encode(WorkerMessage(Applied{1}))));
}

TEST(ControlMessage, an_entry_without_a_mask_is_refused) {
  Assign assign{1, {AddEntry{EntryIndex{0}, {"t", "c", Mask{0}, ""}}}};
  EXPECT_FALSE(decode_supervisor_message(encode(SupervisorMessage(assign))));
}

TEST(ControlMessage, more_elements_than_known_are_left_alone) {
  EXPECT_TRUE(decode_worker_message(std::string("\x94\x01\x02\x07\xc3", 5)));
}

}  // namespace
}  // namespace e2k
