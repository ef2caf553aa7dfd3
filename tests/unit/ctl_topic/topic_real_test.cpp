// The client's verbs on a real broker, with the topic read by the client itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "supervisor/ctl/topic_import.h"
#include "tests/support/commands/real_broker.h"

namespace e2k::supervisor::ctl {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::unique_ptr<test::RealBroker> broker;

class BrokerEnvironment : public testing::Environment {
public:
  void SetUp() override { broker = std::make_unique<test::RealBroker>(); }
  void TearDown() override { broker.reset(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new BrokerEnvironment);

class TopicVerbs : public testing::Test {
protected:
  TopicVerbs() : settings_(broker->settings(testing::UnitTest::GetInstance()->current_test_info()->name())) {}
  TopicUse use() { return {settings_, timeout_, output_}; }
  Exit set(const char* channel, const char* topic, const char* mask, std::optional<KeyForm> form = {}) {
    return set_entry(use(), {channel, topic, mask, "", form, std::nullopt}, Client({}, milliseconds(100)));
  }
  std::string listed(bool all = false) {
    out_.str("");
    EXPECT_EQ(list_entries(use(), all), Exit::ok) << err_.str();
    return out_.str();
  }
  Exit import(const std::string& text, bool prune, const char* answer, bool dry_run = false) {
    char folder[] = "/tmp/e2k-import-XXXXXX";
    EXPECT_NE(::mkdtemp(folder), nullptr);
    const std::string file = std::string(folder) + "/commands";
    std::ofstream(file) << text;
    std::istringstream answers(answer);
    ImportRequest request;
    request.file = file;
    request.prune = prune;
    request.dry_run = dry_run;
    const Exit exit = import_entries(
        use(), request, [](const std::string&) { return std::nullopt; }, answers);
    std::filesystem::remove_all(folder);
    return exit;
  }

  TopicSettings settings_;
  milliseconds timeout_{20'000};
  std::ostringstream out_, err_;
  const Output output_{false, false, out_, err_};
};

TEST_F(TopicVerbs, set_makes_the_topic_compacted_and_list_shows_what_stands) {
  EXPECT_EQ(list_entries(use(), false), Exit::not_found);
  ASSERT_EQ(set("c", "t", "va"), Exit::ok) << err_.str();
  ASSERT_EQ(set("c", "t", "v"), Exit::ok);
  EXPECT_EQ(listed(), "{\"topic\":\"t\",\"channel\":\"c\"}={\"mask\":\"v\"}\n");
  EXPECT_THAT(listed(true), HasSubstr("# 0:0 superseded"));
}

TEST_F(TopicVerbs, set_keeps_the_form_that_the_topic_holds) {
  ASSERT_EQ(set("c", "t", "v", KeyForm::plain), Exit::ok) << err_.str();
  ASSERT_EQ(set("d", "t", "v"), Exit::ok);
  ASSERT_EQ(set("d", "u", "v"), Exit::ok);  // the plain key d stands for t
  EXPECT_EQ(listed(),
            "c={\"topic\":\"t\",\"mask\":\"v\"}\n"
            "d={\"topic\":\"t\",\"mask\":\"v\"}\n"
            "{\"topic\":\"u\",\"channel\":\"d\"}={\"mask\":\"v\"}\n");
}

TEST_F(TopicVerbs, unset_ends_every_key_of_a_channel) {
  broker->create_compacted(settings_.topic);
  broker->produce(settings_.topic, {{"c", R"({"topic":"t","mask":"v"})", {}},
                                    {R"({"topic":"t","channel":"c"})", R"({"mask":"v"})", {}},
                                    {R"({"topic":"u","channel":"c"})", R"({"mask":"v"})", {}}});
  ASSERT_EQ(unset_entries(use(), "c", "t"), Exit::ok) << err_.str();
  EXPECT_EQ(listed(), "{\"topic\":\"u\",\"channel\":\"c\"}={\"mask\":\"v\"}\n");
  ASSERT_EQ(unset_entries(use(), "c", std::nullopt), Exit::ok);
  EXPECT_EQ(listed(), "");
  EXPECT_EQ(unset_entries(use(), "c", std::nullopt), Exit::not_found);
}

TEST_F(TopicVerbs, commands_of_a_key_stay_in_its_partition) {
  broker->create_compacted(settings_.topic);
  broker->set_partitions(settings_.topic, 4);
  // Written by somebody whose partitioner is not Kafka's.
  for (int32_t partition = 0; partition < 4; ++partition) {
    const std::string name = "c" + std::to_string(partition);
    const auto wrote =
        write_topic(settings_, {{name, R"({"topic":"t","mask":"v"})", partition}}, timeout_, nullptr);
    ASSERT_TRUE(wrote) << wrote.error().message;
  }
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(unset_entries(use(), "c" + std::to_string(i), std::nullopt), Exit::ok);
  const auto records = read_topic(settings_, timeout_, false);
  ASSERT_TRUE(records);
  std::map<std::string, std::set<int32_t>> partitions;
  for (const auto& record : *records) partitions[*record.key].insert(record.partition);
  for (const auto& [key, of_key] : partitions) EXPECT_EQ(of_key.size(), 1u) << key;
  EXPECT_EQ(records->size(), 8u);
}

TEST_F(TopicVerbs, import_shows_the_difference_asks_before_it_removes_and_is_then_unchanged) {
  ASSERT_EQ(set("old", "t", "v"), Exit::ok) << err_.str();
  const std::string lines = "{\"topic\":\"t\",\"channel\":\"new\"}={\"mask\":\"v\"}\n";
  EXPECT_EQ(import(lines, true, "", true), Exit::ok);
  EXPECT_THAT(out_.str(), HasSubstr("added 1, changed 0, removed 1, unchanged 0"));
  EXPECT_EQ(import(lines, true, "n\n"), Exit::failed);
  EXPECT_THAT(listed(), HasSubstr("old"));
  EXPECT_EQ(import(lines, true, "y\n"), Exit::ok) << err_.str();
  EXPECT_EQ(listed(), lines);
  EXPECT_EQ(import(listed(), true, ""), Exit::ok);
  EXPECT_THAT(out_.str(), HasSubstr("added 0, changed 0, removed 0, unchanged 1"));
}

TEST_F(TopicVerbs, import_writes_nothing_when_a_line_is_wrong) {
  ASSERT_EQ(set("old", "t", "v"), Exit::ok) << err_.str();
  EXPECT_EQ(import("new={\"topic\":\"t\",\"mask\":\"v\"}\nbad\n", false, ""), Exit::failed);
  EXPECT_THAT(err_.str(), HasSubstr("/commands:2: "));
  EXPECT_THAT(listed(), testing::Not(HasSubstr("new")));
}

TEST_F(TopicVerbs, that_reach_no_broker_say_why) {
  settings_ = test::RealBroker::settings_of("127.0.0.1:1", "commands");
  EXPECT_EQ(set("c", "t", "v"), Exit::failed);
  EXPECT_THAT(err_.str(), HasSubstr("none answers at 127.0.0.1:1"));
}

}  // namespace
}  // namespace e2k::supervisor::ctl
