#include "supervisor/ctl/topic_settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace e2k::supervisor::ctl {
namespace {

class TopicSettingsTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/e2k-settings-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    variables_["HOME"] = folder_;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  Outcome<TopicSettings> settings() {
    return topic_settings(arguments_, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void configure() {
    arguments_.configuration = file("c.toml",
                                    "[kafka]\n\"bootstrap.servers\" = \"from-configuration:9092\"\n"
                                    "\"client.rack\" = \"r\"\n[commands]\ntopic = \"mine\"\n");
  }

  std::string folder_;
  TopicArguments arguments_;
  std::map<std::string, std::string> variables_;
};

TEST_F(TopicSettingsTest, come_from_arguments_before_environment_before_configuration) {
  configure();
  EXPECT_EQ(settings()->servers, "from-configuration:9092");
  EXPECT_EQ(settings()->topic, "mine");
  variables_["BOOTSTRAP_SERVER"] = "single:1";
  EXPECT_EQ(settings()->servers, "single:1");
  variables_["BOOTSTRAP_SERVERS"] = "several:1";
  EXPECT_EQ(settings()->servers, "several:1");
  arguments_.command_config =
      file("p", "# brokers\nbootstrap.servers = properties:1\nsecurity.protocol=ssl\n");
  EXPECT_EQ(settings()->servers, "properties:1");
  arguments_.bootstrap_server = "argument:1";
  arguments_.command_topic = "given";
  EXPECT_EQ(settings()->servers, "argument:1");
  EXPECT_EQ(settings()->topic, "given");
  EXPECT_EQ(settings()->producer.at("client.rack"), "r");
  EXPECT_EQ(settings()->consumer.at("security.protocol"), "ssl");
}

TEST_F(TopicSettingsTest, of_a_configuration_that_is_named_and_wrong_are_an_error) {
  arguments_.configuration = file("c.toml", "nonsense = 1\n");
  variables_["BOOTSTRAP_SERVERS"] = "several:1";
  const auto found = settings();
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("nonsense"), std::string::npos);
}

TEST_F(TopicSettingsTest, refuse_what_is_no_property_and_what_only_java_knows) {
  arguments_.command_config = file("p", "ssl.truststore.location=/x\n");
  ASSERT_FALSE(settings());
  EXPECT_NE(settings().error().message.find("p:1"), std::string::npos);
  arguments_.command_config = file("q", "\nnonsense\n");
  ASSERT_FALSE(settings());
  EXPECT_NE(settings().error().message.find("q:2"), std::string::npos);
  EXPECT_EQ(settings().error().exit, Exit::usage);
}

TEST_F(TopicSettingsTest, take_no_topic_that_kafka_would_not) {
  arguments_.command_topic = "a topic";
  ASSERT_FALSE(settings());
  EXPECT_EQ(settings().error().exit, Exit::usage);
}

}  // namespace
}  // namespace e2k::supervisor::ctl
