#include "supervisor/settings/property_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace e2k {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

Config config_with(Properties common, Properties producer = {}, Properties consumer = {}) {
  Config config;
  config.path = "f.toml";
  config.kafka.common = std::move(common);
  config.kafka.producer = std::move(producer);
  config.kafka.consumer = std::move(consumer);
  return config;
}

TEST(ConfigCheck, good_properties_raise_nothing) {
  EXPECT_THAT(check_config(config_with({{"bootstrap.servers", {"127.0.0.1:1"}}, {"client.id", {"e2k"}}},
                                       {{"linger.ms", {"5"}}, {"compression.type", {"lz4"}}},
                                       {{"fetch.min.bytes", {"1"}}})),
              IsEmpty());
}

TEST(ConfigCheck, an_unknown_property_names_file_line_key_and_the_nearest_once) {
  Config config = config_with({{"bootstrap.server", {"h:1"}}});
  config.places["kafka.bootstrap.server"] = "f.toml:3";
  EXPECT_THAT(
      check_config(config),
      ElementsAre("f.toml:3: kafka.bootstrap.server: librdkafka refuses it: No such configuration property: "
                  "\"bootstrap.server\" (did you mean bootstrap.servers?)"));
}

TEST(ConfigCheck, a_share_of_the_spool_that_no_worker_could_begin_with_is_refused) {
  Config config = config_with({});
  config.workers.count = 200;
  config.places["spool.max_total_bytes"] = "f.toml:9";
  EXPECT_THAT(check_config(config),
              ElementsAre(HasSubstr("f.toml:9: spool.max_total_bytes: is too small to be "
                                    "shared by 200 workers; accepted: at least")));
}

TEST(ConfigCheck, a_converter_that_needs_a_registry_needs_its_address) {
  Config config = config_with({});
  config.value.converter = "avro";
  config.places["value.converter"] = "f.toml:2";
  EXPECT_THAT(
      check_config(config),
      ElementsAre(HasSubstr("f.toml:2: value.options.schema.registry.url: is missing; the converter avro")));
  config.value.options["schema.registry.url"] = {"http://r:8081"};
  EXPECT_THAT(check_config(config), IsEmpty());
}

TEST(ConfigCheck, what_a_worker_would_say_of_its_registry_is_said_at_the_start) {
  Config config = config_with({});
  config.value.converter = "avro";
  config.value.options["schema.registry.url"] = {"registry:8081"};
  config.places["value.options.schema.registry.url"] = "f.toml:4";
  EXPECT_THAT(check_config(config), ElementsAre(StartsWith("f.toml:4: value.options.schema.registry.url: ")));
  config.value.options["schema.registry.url"] = {"http://r:8081"};
  config.value.options["ssl.ca.location"] = {"/nonexistent/ca.pem"};
  config.places["value.options.ssl.ca.location"] = "f.toml:5";
  EXPECT_THAT(check_config(config),
              ElementsAre(StartsWith("f.toml:5: value.options.ssl.ca.location: "
                                     "/nonexistent/ca.pem can't be read: No such file")));
}

TEST(ConfigCheck, a_plug_ins_own_options_are_its_own) {
  Config config = config_with({});
  config.value.converter = "plugin:/dev/null";
  config.value.options["precision"] = {"3"};
  config.value.options["schema.registry.url"] = {"http://r:8081"};
  EXPECT_THAT(check_config(config), IsEmpty());
}

TEST(ConfigCheck, the_latest_version_is_remarked_on_where_it_is_not_used) {
  Config config = config_with({});
  config.value.converter = "avro";
  config.value.options["use.latest.version"] = {"true"};
  config.places["value.options.use.latest.version"] = "f.toml:4";
  EXPECT_THAT(config_remarks(config), ElementsAre(HasSubstr("does nothing while auto.register.schemas")));
  config.value.options["auto.register.schemas"] = {"false"};
  EXPECT_THAT(config_remarks(config), IsEmpty());
}

TEST(ConfigCheck, a_plug_in_that_is_not_there_is_told_at_the_start) {
  Config config = config_with({});
  config.value.converter = "plugin:/nonexistent/x.so";
  config.places["value.converter"] = "f.toml:2";
  EXPECT_THAT(check_config(config), ElementsAre(HasSubstr("/nonexistent/x.so can't be read: No such file")));
}

TEST(ConfigCheck, a_limit_of_memory_that_every_worker_exceeds_is_remarked_on_where_it_was_set) {
  Config config = config_with({});
  EXPECT_THAT(config_remarks(config), IsEmpty());
  config.workers.max_rss_bytes = 100;
  config.places["workers.max_rss_bytes"] = "f.toml:4";
  EXPECT_THAT(config_remarks(config),
              ElementsAre(HasSubstr("f.toml:4: workers.max_rss_bytes: is less than the 64 MiB")));
  config.workers.max_rss_bytes = int64_t{1} << 30;
  EXPECT_THAT(config_remarks(config), IsEmpty());
}

TEST(ConfigCheck, no_kinit_command_is_run) {
  char name[] = "/tmp/e2k-kinit-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  const Config config = config_with({{"security.protocol", {"sasl_plaintext"}},
                                     {"sasl.mechanism", {"GSSAPI"}},
                                     {"sasl.kerberos.kinit.cmd", {"touch " + folder + "/run"}}});
  EXPECT_THAT(check_config(config), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder + "/run"));
  std::filesystem::remove_all(folder);
}

TEST(ConfigCheck, a_client_loads_no_plug_in_and_says_nothing_of_what_may_be_its_own) {
  Config config = config_with({{"plugin.library.paths", {"/nonexistent/e2k.so"}}, {"e2k.own", {"1"}}});
  EXPECT_TRUE(names_code(config));
  EXPECT_THAT(check_config(config, JudgedBy::client), IsEmpty());
  EXPECT_THAT(check_config(config), Not(IsEmpty()));
  config.kafka.common["linger.ms"] = {"many"};
  EXPECT_THAT(check_config(config, JudgedBy::client), ElementsAre(HasSubstr("kafka.linger.ms")));
}

TEST(ConfigCheck, both_sides_are_judged) {
  const auto told = check_config(config_with({}, {{"linger.mss", {"1"}}}, {{"fetch.min.bytes", {"many"}}}));
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_THAT(told[0], HasSubstr("f.toml: kafka.producer.linger.mss: "));
  EXPECT_THAT(told[1], HasSubstr("f.toml: kafka.consumer.fetch.min.bytes: "));
}

TEST(ConfigCheck, a_login_with_tokens_needs_a_source_of_them) {
  const Properties bearer = {{"security.protocol", {"SASL_SSL"}}, {"sasl.mechanism", {"OAUTHBEARER"}}};
  Config config = config_with(bearer);
  config.places["kafka.sasl.mechanism"] = "f.toml:3";
  const auto told = check_config(config);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("f.toml:3: kafka.sasl.mechanism: OAUTHBEARER has no source of tokens"));
  EXPECT_THAT(told[0], HasSubstr("sasl.oauthbearer.token.endpoint.url"));

  Properties oidc = bearer;
  oidc["sasl.oauthbearer.method"] = {"OIDC"};
  oidc["sasl.oauthbearer.client.id"] = {"me"};
  oidc["sasl.oauthbearer.client.secret"] = {"s3cret", true};
  oidc["sasl.oauthbearer.token.endpoint.url"] = {"http://127.0.0.1:1/token"};
  EXPECT_THAT(check_config(config_with(oidc)), IsEmpty());
  Properties unsigned_ones = bearer;
  unsigned_ones["enable.sasl.oauthbearer.unsecure.jwt"] = {"true"};
  unsigned_ones["sasl.oauthbearer.config"] = {"principal=me"};
  EXPECT_THAT(check_config(config_with(unsigned_ones)), IsEmpty());
}

TEST(ConfigCheck, tokens_that_cannot_be_made_are_found_before_anything_connects) {
  const auto told = check_config(config_with({{"security.protocol", {"sasl_ssl"}},
                                              {"sasl.mechanism", {"OAUTHBEARER"}},
                                              {"enable.sasl.oauthbearer.unsecure.jwt", {"true"}},
                                              {"sasl.oauthbearer.config", {"nobody=me"}}}));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("Failed to acquire SASL OAUTHBEARER token"));
}

TEST(ConfigCheck, what_contradicts_the_owned_properties_is_found) {
  const auto told = check_config(config_with({}, {{"queuing.strategy", {"lifo"}}}));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("[kafka.producer]: librdkafka refuses them together: "));
}

TEST(ConfigCheck, an_unreadable_certificate_is_told_once_for_both_sides) {
  const auto told = check_config(
      config_with({{"security.protocol", {"ssl"}}, {"ssl.ca.location", {"/nonexistent/ca.pem"}}}));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], HasSubstr("ssl.ca.location"));
}

TEST(ConfigCheck, no_secret_is_repeated) {
  const auto told = check_config(config_with({{"linger.ms", {"hunter2", true}}}));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_THAT(told[0], Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace e2k
