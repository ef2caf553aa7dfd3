// What is kept of quarantined channels, and what is told.
#include <gtest/gtest.h>
#include <signal.h>

#include <msgpack.hpp>

#include "supervisor/quarantine/quarantine.h"

namespace e2k::supervisor {
namespace {

Quarantined channel(const char* name) {
  return {name,
          RealNs{1'795'746'346'000'000'000},
          {{Slot{1}, Generation{7}, SIGSEGV, RealNs{1'795'746'340'000'000'000}, "ca_callback", 0, 0},
           {Slot{1}, Generation{8}, SIGABRT, RealNs{1'795'746'346'000'000'000}, "publish", 8, 4096}}};
}

TEST(Quarantine, comes_back_as_it_was_kept) {
  Quarantine before;
  before.add(channel("a"));
  before.add(channel("b:c"));
  const auto after = Quarantine::decode(before.encode());
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->all(), before.all());
}

TEST(Quarantine, what_is_none_is_refused) {
  EXPECT_FALSE(Quarantine::decode(""));
  EXPECT_FALSE(Quarantine::decode("\x92\x01\xc0"));
  Quarantine one;
  one.add(channel("a"));
  const std::string bytes = one.encode();
  for (size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(Quarantine::decode(std::string_view(bytes).substr(0, cut)));
}

TEST(Quarantine, what_a_later_version_adds_is_left_alone) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> out(buffer);
  out.pack_array(3).pack(2).pack_array(1);
  out.pack_array(5).pack("a").pack(5).pack_array(0).pack(7).pack("new");
  out.pack("newer");
  const auto read = Quarantine::decode({buffer.data(), buffer.size()});
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_NE(read->find("a"), nullptr);
  EXPECT_EQ(read->find("a")->since, RealNs{5});
  EXPECT_EQ(read->find("a")->command_offset, 7);
}

TEST(Quarantine, what_an_earlier_version_had_not_is_not_known) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> out(buffer);
  out.pack_array(2).pack(1).pack_array(1);
  out.pack_array(3).pack("a").pack(5).pack_array(0);
  const auto read = Quarantine::decode({buffer.data(), buffer.size()});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->find("a")->command_offset, -1);
}

TEST(Quarantine, a_channel_that_is_there_already_gets_the_evidence_besides_and_the_newest_is_kept) {
  Quarantine quarantine;
  for (int i = 0; i < 10; ++i) quarantine.add(channel("a"));
  EXPECT_EQ(quarantine.find("a")->evidence.size(), 8u);
}

TEST(Quarantine, its_reason_names_channels_what_they_did_and_the_remedy) {
  Quarantine quarantine;
  EXPECT_EQ(quarantine.problem(), "");
  quarantine.add(channel("a"));
  const std::string text = quarantine.problem();
  for (const char* word :
       {"1 channel is", "a, signal 6 (SIGABRT) in the thread publish", "worker 1, generation 8",
        "2026-11-27T", "epics2kafkactl retry NAME", "--state quarantined"})
    EXPECT_NE(text.find(word), std::string::npos) << word << " in " << text;
  EXPECT_TRUE(quarantine.remove("a"));
  EXPECT_FALSE(quarantine.remove("a"));
}

}  // namespace
}  // namespace e2k::supervisor
