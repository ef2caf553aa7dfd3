#include "common/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace e2k {
namespace {

using testing::HasSubstr;

class Load : public testing::Test {
protected:
  Load() {
    char name[] = "/tmp/e2k-load-XXXXXX";
    folder_ = mkdtemp(name);
    environment_ = {{"XDG_STATE_HOME", folder_}, {"XDG_RUNTIME_DIR", "/run"}};
  }
  ~Load() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  tl::expected<Config, ConfigErrors> load(const std::string& path) {
    LoadOptions options;
    options.path = path;
    options.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return load_config(options);
  }
  std::string mistake(const std::string& text, mode_t mode = 0600) {
    const auto config = load(write("c.toml", text, mode));
    if (config) return "";
    EXPECT_EQ(config.error().messages.size(), 1u);
    return config.error().messages.at(0);
  }

  std::string folder_;
  std::map<std::string, std::string> environment_;
};

TEST_F(Load, the_files_path_and_digest_are_kept) {
  const auto config = load(write("c.toml", "[workers]\ncount = 2\n"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->path, folder_ + "/c.toml");
  // printf '[workers]\ncount = 2\n' | sha256sum
  EXPECT_EQ(config->sha256, "f8a15f54a4ec116784888cc103e6093c59818f9b2cd17f2700d5ffe4853742ea");
}

TEST_F(Load, a_text_is_judged_in_place_of_the_file_that_its_messages_name) {
  LoadOptions options;
  options.path = "not-there.toml";
  options.text = "[kafka]\n\"sasl.password\" = \"p\"\n";
  EXPECT_TRUE(load_config(options));
  options.text = "[workers]\ncount = 0\n";
  EXPECT_THAT(load_config(options).error().messages.at(0), HasSubstr("not-there.toml:2: workers.count"));
}

TEST_F(Load, a_missing_file_names_path_and_remedy) {
  const auto config = load(folder_ + "/none.toml");
  ASSERT_FALSE(config);
  EXPECT_THAT(
      config.error().messages.at(0),
      HasSubstr(folder_ + "/none.toml: cannot be read: No such file or directory; name the configuration"));
}

TEST_F(Load, an_instance_names_its_file) {
  LoadOptions options;
  options.instance = "nowhere";
  options.environment = [](const std::string&) { return std::nullopt; };
  const auto config = load_config(options);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().messages.at(0), HasSubstr("/etc/epics2kafka/nowhere.toml: "));
}

TEST_F(Load, secrets_lose_one_trailing_newline_and_no_more) {
  write("pw", "hunter2 \n\n");
  environment_["CREDENTIALS_DIRECTORY"] = folder_;
  environment_["USER_NAME"] = "alice\n";
  const auto config = load(write("c.toml",
                                 "[kafka]\n\"sasl.password\" = {file = \"" + folder_ +
                                     "/pw\"}\n\"ssl.key.password\" = {credential = \"pw\"}\n"
                                     "\"sasl.username\" = {env = \"USER_NAME\"}\n",
                                 0644));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->kafka.common.at("sasl.password").value, "hunter2 \n");
  EXPECT_EQ(config->kafka.common.at("ssl.key.password").value, "hunter2 \n");
  EXPECT_EQ(config->kafka.common.at("sasl.username"), (ConfigString{"alice", true}));
}

TEST_F(Load, a_missing_secret_names_place_key_and_remedy) {
  EXPECT_THAT(mistake("[kafka]\n\"sasl.password\" = {file = \"/nonexistent/pw\"}\n"),
              HasSubstr("c.toml:2: kafka.sasl.password: cannot read \"/nonexistent/pw\": No such file or "
                        "directory; create it"));
  EXPECT_THAT(mistake("[kafka]\n\"sasl.password\" = {file = \"pw\"}\n"), HasSubstr("absolute path"));
  EXPECT_THAT(mistake("[kafka]\n\"sasl.password\" = {credential = \"pw\"}\n"),
              HasSubstr("CREDENTIALS_DIRECTORY is not set; add LoadCredential=pw:/path to the unit"));
  EXPECT_THAT(mistake("[kafka]\n\"sasl.password\" = {credential = \"../pw\"}\n"),
              HasSubstr("without slashes"));
  EXPECT_THAT(mistake("[kafka]\n\"sasl.password\" = {env = \"PW\"}\n"),
              HasSubstr("the environment variable \"PW\" is not set; set it"));
}

TEST_F(Load, a_literal_secret_needs_a_file_that_others_cannot_read) {
  const std::string text = "[kafka]\n\"sasl.password\" = \"hunter2\"\n";
  EXPECT_EQ(mistake(text, 0640), "");
  EXPECT_THAT(mistake(text, 0644), HasSubstr("others can read"));
}

TEST_F(Load, the_sockets_are_found_beside_secrets_that_only_the_service_can_read) {
  LoadOptions options;
  options.environment = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  options.path = write("c.toml",
                       "[kafka]\n\"sasl.password\" = {credential = \"password\"}\n"
                       "[control]\nsocket = \"/srv/e2k/control.sock\"\n");
  ASSERT_FALSE(load_config(options));
  EXPECT_EQ(load_control_paths(options).socket, "/srv/e2k/control.sock");
  EXPECT_EQ(load_control_paths(options).status_socket, std::nullopt);
  options.path = write("d.toml", "\"control.status_socket\" = \"/srv/s.sock\"\ncontrol.socket = {file = \"" +
                                     write("socket", "/srv/c.sock\n") + "\"}\n");
  EXPECT_EQ(load_control_paths(options).socket, "/srv/c.sock");
  EXPECT_EQ(load_control_paths(options).status_socket, "/srv/s.sock");
  options.path = folder_ + "/none.toml";
  EXPECT_EQ(load_control_paths(options).socket, std::nullopt);
}

TEST_F(Load, a_directory_is_no_configuration) {
  EXPECT_THAT(load(folder_).error().messages.at(0), HasSubstr("it is a directory"));
}

}  // namespace
}  // namespace e2k
