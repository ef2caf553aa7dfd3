#include "common/kafka/login.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "common/config/property_rules.h"

namespace e2k::kafka {
namespace {

class LoginFilesTest : public testing::Test {
protected:
  LoginFilesTest() {
    char name[] = "/tmp/e2k-login-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~LoginFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  void open(std::map<std::string, std::string> properties) {
    properties["bootstrap.servers"] = "127.0.0.1:1";
    properties["security.protocol"] = "sasl_plaintext";
    properties["sasl.mechanism"] = "PLAIN";
    auto conf = make_conf(properties);
    ASSERT_TRUE(conf);
    rd_kafka_conf_set_log_cb(conf->get(), nullptr);
    auto handle = start_handle(RD_KAFKA_PRODUCER, std::move(*conf));
    ASSERT_TRUE(handle) << handle.error().message;
    handle_ = std::move(*handle);
    login_.attach(handle_.get());
  }

  // What the handle would log in with.
  std::string in_use(const char* property) const {
    char text[64] = "";
    size_t bytes = sizeof text;
    rd_kafka_conf_get(rd_kafka_conf(handle_.get()), property, text, &bytes);
    return text;
  }

  std::string folder_;
  LoginFiles login_;
  Handle handle_;
};

TEST_F(LoginFilesTest, a_changed_password_is_the_next_that_is_used) {
  std::map<std::string, std::string> properties = {{"sasl.username", "me"},
                                                   {"sasl.password", "at the start"}};
  config::name_login_files({{"sasl.password", {"at the start", true, write("pw", "by now\n")}}}, properties);
  login_.take_from(properties);
  EXPECT_EQ(properties,
            (std::map<std::string, std::string>{{"sasl.username", "me"}, {"sasl.password", "by now"}}));
  open(properties);
  write("pw", "later\r\n");
  EXPECT_EQ(in_use("sasl.password"), "by now");
  login_.renew();
  EXPECT_EQ(in_use("sasl.password"), "later");
  EXPECT_EQ(in_use("sasl.username"), "me");
}

TEST_F(LoginFilesTest, a_file_that_is_gone_or_empty_changes_nothing) {
  std::map<std::string, std::string> properties = {{"sasl.username", "me"}, {"sasl.password", "good"}};
  config::name_login_files({{"sasl.password", {"good", true, write("pw", "good")}}}, properties);
  login_.take_from(properties);
  open(properties);
  write("pw", "");
  login_.renew();
  EXPECT_EQ(in_use("sasl.password"), "good");
  std::filesystem::remove(folder_ + "/pw");
  login_.renew();
  EXPECT_EQ(in_use("sasl.password"), "good");
}

TEST(LoginFiles, a_refinement_that_stands_in_the_configuration_is_not_overridden_by_a_file) {
  std::map<std::string, std::string> properties;
  config::name_login_files({{"sasl.password", {"a", true, "/a"}}, {"client.id", {"b", true, "/b"}}},
                           properties);
  EXPECT_EQ(properties, (std::map<std::string, std::string>{{"file:sasl.password", "/a"}}));
  config::name_login_files({{"sasl.password", {"c", true, ""}}}, properties);
  EXPECT_TRUE(properties.empty());
}

TEST_F(LoginFilesTest, a_key_that_came_from_a_file_is_read_again_for_the_next_handle) {
  std::map<std::string, std::string> properties = {{"ssl.key.pem", "at the start"}};
  config::name_login_files({{"ssl.key.pem", {"at the start", true, write("key", "by now\n")}}}, properties);
  login_.take_from(properties);
  EXPECT_EQ(properties, (std::map<std::string, std::string>{{"ssl.key.pem", "by now"}}));
  EXPECT_EQ(login_.certificates(), "ssl.key.pem=" + folder_ + "/key");
}

TEST_F(LoginFilesTest, a_handle_is_outdated_once_it_is_refused_and_a_certificate_has_changed) {
  std::map<std::string, std::string> properties = {{"ssl.ca.location", write("ca", "old")}};
  login_.take_from(properties);
  EXPECT_EQ(properties.at("ssl.ca.location"), folder_ + "/ca");
  open({{"sasl.username", "me"}, {"sasl.password", "good"}});
  login_.renew();
  write("ca", "new");
  login_.renew();
  login_.heard(ErrorKind::down);
  login_.renew();
  EXPECT_FALSE(login_.take_outdated()) << "nobody refused it";
  login_.heard(ErrorKind::tls);
  EXPECT_FALSE(login_.take_outdated()) << "no connection was tried since";
  login_.renew();
  EXPECT_TRUE(login_.take_outdated());
}

TEST_F(LoginFilesTest, a_handle_that_is_refused_for_the_files_that_it_has_is_not_outdated) {
  std::map<std::string, std::string> properties = {{"ssl.ca.location", write("ca", "same")}};
  login_.take_from(properties);
  open({{"sasl.username", "me"}, {"sasl.password", "good"}});
  login_.heard(ErrorKind::login);
  write("ca", "same");
  login_.renew();
  EXPECT_FALSE(login_.take_outdated()) << "written, not changed";
  write("ca", "");
  login_.renew();
  EXPECT_FALSE(login_.take_outdated()) << "just being written";
  std::filesystem::remove(folder_ + "/ca");
  login_.renew();
  EXPECT_FALSE(login_.take_outdated()) << "just being replaced";
}

TEST_F(LoginFilesTest, a_certificate_in_a_folder_counts) {
  std::filesystem::create_directory(folder_ + "/certificates");
  std::map<std::string, std::string> properties = {{"ssl.ca.location", folder_ + "/certificates"}};
  write("certificates/a", "one");
  login_.take_from(properties);
  open({{"sasl.username", "me"}, {"sasl.password", "good"}});
  login_.heard(ErrorKind::tls);
  login_.renew();
  EXPECT_FALSE(login_.take_outdated());
  write("certificates/b", "another");
  login_.renew();
  EXPECT_TRUE(login_.take_outdated());
}

TEST_F(LoginFilesTest, what_no_handle_could_be_made_of_is_tried_again_when_it_changes_again) {
  std::map<std::string, std::string> properties = {{"ssl.ca.location", write("ca", "old")}};
  login_.take_from(properties);
  open({{"sasl.username", "me"}, {"sasl.password", "good"}});
  login_.heard(ErrorKind::tls);
  write("ca", "rubbish");
  login_.renew();
  ASSERT_TRUE(login_.take_outdated());
  login_.renew();
  EXPECT_FALSE(login_.take_outdated());
  write("ca", "new");
  login_.renew();
  EXPECT_TRUE(login_.take_outdated());
}

TEST(StartHandle, librdkafkas_reason_is_the_error) {
  auto conf = make_conf({{"enable.idempotence", "true"}, {"acks", "1"}});
  ASSERT_TRUE(conf);
  rd_kafka_conf_set_log_cb(conf->get(), nullptr);
  const auto handle = start_handle(RD_KAFKA_PRODUCER, std::move(*conf));
  ASSERT_FALSE(handle);
  EXPECT_NE(handle.error().message.find("acks"), std::string::npos) << handle.error().message;
}

}  // namespace
}  // namespace e2k::kafka
