#include "worker/registry/registry_subject.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::worker {
namespace {

using config::kMaxRegistryUrls;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kUrl = "http://registry:8081";

Result<RegistrySettings> read(ConverterOptions options, RecordPart part = RecordPart::value) {
  options.try_emplace("schema.registry.url", kUrl);
  return config::read_registry_settings(options, part);
}

RegistrySettings good(const ConverterOptions& options, RecordPart part = RecordPart::value) {
  auto settings = read(options, part);
  EXPECT_TRUE(settings) << settings.error().message;
  return settings ? *settings : RegistrySettings{};
}

std::string mistake(const ConverterOptions& options, RecordPart part = RecordPart::value) {
  const auto settings = read(options, part);
  return settings ? "accepted" : settings.error().message;
}

const SchemaDocument kRecord{"AVRO", "{}", "org.example.Reading"};
const SchemaDocument kPlainString{"AVRO", "\"string\"", ""};

TEST(RegistrySettings, defaults_are_connects) {
  const RegistrySettings settings = good({});
  ASSERT_EQ(settings.urls.size(), 1u);
  EXPECT_EQ(settings.urls[0], (RegistryUrl{kUrl, ""}));
  EXPECT_EQ(settings.question, Question::registration);
  EXPECT_FALSE(settings.normalize);
  EXPECT_EQ(settings.strategy, SubjectStrategy::topic_name);
  EXPECT_TRUE(settings.tls.check_host_name);
  EXPECT_EQ(settings.proxy, "");
}

TEST(RegistrySettings, question_follows_from_two_switches) {
  EXPECT_EQ(good({{"auto.register.schemas", "false"}}).question, Question::look_up);
  EXPECT_EQ(good({{"auto.register.schemas", "false"}, {"use.latest.version", "true"}}).question,
            Question::latest);
  EXPECT_EQ(good({{"use.latest.version", "true"}}).question, Question::registration);
  EXPECT_TRUE(good({{"normalize.schemas", "TRUE"}}).normalize);
}

TEST(RegistrySettings, url_is_required_of_either_part) {
  EXPECT_THAT(config::read_registry_settings({}, RecordPart::value).error().message,
              HasSubstr("value.options.schema.registry.url: missing"));
  EXPECT_THAT(config::read_registry_settings({}, RecordPart::key).error().message,
              HasSubstr("key.options.schema.registry.url: missing"));
}

TEST(RegistrySettings, list_of_urls_keeps_paths_and_gives_up_credentials) {
  const auto settings =
      good({{"schema.registry.url", "HTTPS://user:p%40ss@a.example/apis/ccompat/v7/ , http://[::1]:8081"}});
  ASSERT_EQ(settings.urls.size(), 2u);
  EXPECT_EQ(settings.urls[0], (RegistryUrl{"https://a.example/apis/ccompat/v7", "user:p@ss"}));
  EXPECT_EQ(settings.urls[1], (RegistryUrl{"http://[::1]:8081", ""}));
}

TEST(RegistrySettings, bad_urls_are_refused_without_being_repeated) {
  for (const char* bad : {"registry:8081", "ftp://hush@a", "http://", "http://a:0", "http://a:65536",
                          "http://a:b", "http://hush@", "http://u:hush/x@a", "http://u:1/hush@a",
                          "http://a/x?hush", "http://a#hush", "http://a/h ush", "http://%zz@a",
                          "http://u%0ahush@a", "http://a,", "http://u:hush,x@a", "http://a b", "http://[]"})
    EXPECT_THAT(mistake({{"schema.registry.url", bad}}),
                AllOf(HasSubstr("value.options.schema.registry.url: address "), Not(HasSubstr("hush"))))
        << bad;
  std::string many = kUrl;
  for (size_t i = 0; i < kMaxRegistryUrls; ++i) many += std::string(",") + kUrl;
  EXPECT_THAT(mistake({{"schema.registry.url", many}}), HasSubstr("more than 16"));
}

TEST(RegistrySettings, unknown_option_is_refused_with_a_suggestion) {
  EXPECT_THAT(mistake({{"auto.register.schema", "true"}}),
              HasSubstr("value.options.auto.register.schema: no option of a converter with a schema registry "
                        "(did you mean auto.register.schemas?)"));
}

TEST(RegistrySettings, encoders_option_is_left_to_the_encoder) {
  EXPECT_EQ(mistake({{"connect.meta.data", "false"}}), "accepted");
}

TEST(RegistrySettings, sizes_of_caches_are_accepted_where_they_are_numbers) {
  for (const char* name : {"schemas.cache.config", "schemas.cache.size", "schema.cache.size",
                           "latest.cache.size", "latest.cache.ttl.sec", "max.schemas.per.subject"}) {
    EXPECT_EQ(mistake({{name, "1000"}}), "accepted");
    EXPECT_THAT(mistake({{name, "many"}}), HasSubstr("no whole number"));
  }
}

TEST(RegistrySettings, strategies_have_long_and_short_names) {
  const std::string package = "io.confluent.kafka.serializers.subject.";
  for (const std::string& prefix : {std::string(), package}) {
    const auto strategy = [&](const char* name) {
      return good({{"value.subject.name.strategy", prefix + name}}).strategy;
    };
    EXPECT_EQ(strategy("TopicNameStrategy"), SubjectStrategy::topic_name);
    EXPECT_EQ(strategy("RecordNameStrategy"), SubjectStrategy::record_name);
    EXPECT_EQ(strategy("TopicRecordNameStrategy"), SubjectStrategy::topic_record_name);
  }
  EXPECT_THAT(mistake({{"value.subject.name.strategy", "org.example.Mine"}}),
              HasSubstr("\"org.example.Mine\" is not known here"));
}

TEST(RegistrySettings, strategy_of_the_other_part_is_refused) {
  EXPECT_THAT(mistake({{"key.subject.name.strategy", "TopicNameStrategy"}}),
              HasSubstr("value.options.key.subject.name.strategy: belongs to the key's options"));
  EXPECT_THAT(mistake({{"value.subject.name.strategy", "TopicNameStrategy"},
                       {"key.subject.name.strategy", "TopicNameStrategy"}}),
              HasSubstr("belongs to the key's options"));
  EXPECT_THAT(mistake({{"value.subject.name.strategy", "TopicNameStrategy"}}, RecordPart::key),
              HasSubstr("belongs to the value's options"));
}

TEST(RegistrySettings, subjects_are_named_by_the_strategy) {
  RegistrySettings settings;
  EXPECT_EQ(subject_of(settings, RecordPart::value, "t", kRecord), "t-value");
  EXPECT_EQ(subject_of(settings, RecordPart::key, "t", kRecord), "t-key");
  settings.strategy = SubjectStrategy::record_name;
  EXPECT_EQ(subject_of(settings, RecordPart::value, "t", kRecord), "org.example.Reading");
  settings.strategy = SubjectStrategy::topic_record_name;
  EXPECT_EQ(subject_of(settings, RecordPart::value, "t", kRecord), "t-org.example.Reading");
}

TEST(RegistrySettings, plain_string_has_no_record_name) {
  RegistrySettings settings;
  EXPECT_FALSE(strategy_problem(settings, RecordPart::key, kPlainString));
  for (const auto strategy : {SubjectStrategy::record_name, SubjectStrategy::topic_record_name}) {
    settings.strategy = strategy;
    EXPECT_FALSE(strategy_problem(settings, RecordPart::value, kRecord));
    EXPECT_THAT(
        *strategy_problem(settings, RecordPart::key, kPlainString),
        AllOf(HasSubstr("key.options.key.subject.name.strategy"), HasSubstr("use TopicNameStrategy")));
  }
}

TEST(RegistrySettings, credentials_may_have_the_registrys_prefix) {
  EXPECT_EQ(good({{"schema.registry.basic.auth.user.info", "u:p"}}).user_info, "u:p");
  EXPECT_EQ(good({{"schema.registry.bearer.auth.token", "abc"}}).bearer_token, "abc");
  EXPECT_THAT(mistake({{"schema.registry.basic.auth.user.info", "u:p"}, {"basic.auth.user.info", "u:p"}}),
              AllOf(HasSubstr("with and without"), Not(HasSubstr("u:p"))));
}

TEST(RegistrySettings, key_has_no_record_name) {
  EXPECT_THAT(mistake({{"key.subject.name.strategy", "RecordNameStrategy"}}, RecordPart::key),
              HasSubstr("key.options.key.subject.name.strategy: names subjects by the record"));
}

TEST(RegistrySettings, are_picked_from_among_others) {
  EXPECT_EQ(config::registry_part({{"schema.registry.basic.auth.user.info", "u:p"}, {"precision", "3"}},
                                  RecordPart::value),
            (config::OptionValues{{"schema.registry.basic.auth.user.info", "u:p"}}));
}

TEST(RegistrySettings, credentials_come_from_one_place) {
  EXPECT_EQ(good({{"basic.auth.user.info", "u:p:q"}}).user_info, "u:p:q");
  EXPECT_EQ(good({{"basic.auth.credentials.source", "USER_INFO"}, {"basic.auth.user.info", "u:"}}).user_info,
            "u:");
  EXPECT_EQ(good({{"schema.registry.url", "http://u:p@a"}, {"basic.auth.credentials.source", "URL"}})
                .urls[0]
                .user_info,
            "u:p");
  EXPECT_EQ(
      good({{"bearer.auth.credentials.source", "STATIC_TOKEN"}, {"bearer.auth.token", "abc"}}).bearer_token,
      "abc");
}

TEST(RegistrySettings, contradicting_credentials_are_refused_and_not_shown) {
  const ConverterOptions cases[] = {
      {{"basic.auth.credentials.source", "URL"}},
      {{"basic.auth.credentials.source", "URL"}, {"basic.auth.user.info", "u:hush"}},
      {{"basic.auth.credentials.source", "USER_INFO"}},
      {{"basic.auth.credentials.source", "SASL_INHERIT"}},
      {{"schema.registry.url", "http://u:hush@a"},
       {"basic.auth.credentials.source", "USER_INFO"},
       {"basic.auth.user.info", "u:hush"}},
      {{"schema.registry.url", "http://u:hush@a"}, {"basic.auth.user.info", "u:hush"}},
      {{"basic.auth.user.info", "hush"}},
      {{"basic.auth.user.info", "u:hush\n"}},
      {{"bearer.auth.credentials.source", "STATIC_TOKEN"}},
      {{"bearer.auth.credentials.source", "OAUTHBEARER"}},
      {{"bearer.auth.token", "hush hush"}},
      {{"bearer.auth.token", "hush\r\nX: y"}},
      {{"bearer.auth.token", "hush"}, {"basic.auth.user.info", "u:hush"}},
      {{"bearer.auth.token", "hush"}, {"schema.registry.url", "http://u:hush@a"}},
  };
  for (const ConverterOptions& options : cases)
    EXPECT_THAT(mistake(options), AllOf(HasSubstr("value.options."), Not(HasSubstr("hush"))))
        << options.begin()->first << " " << options.size();
}

TEST(RegistrySettings, proxy_has_host_and_port) {
  EXPECT_EQ(good({{"proxy.host", "proxy"}, {"proxy.port", "3128"}}).proxy, "http://proxy:3128");
  EXPECT_THAT(mistake({{"proxy.host", "proxy"}}), HasSubstr("set proxy.port too"));
  EXPECT_THAT(mistake({{"proxy.port", "3128"}}), HasSubstr("set proxy.host too"));
  for (const char* bad : {"http://proxy", "proxy/x", "u:p@proxy", "a,http://b"})
    EXPECT_THAT(mistake({{"proxy.host", bad}, {"proxy.port", "3128"}}), HasSubstr("without scheme and port"));
}

TEST(RegistrySettings, timeouts_are_bounded_numbers) {
  const auto settings = good({{"http.connect.timeout.ms", "50"}, {"http.read.timeout.ms", "70"}});
  EXPECT_EQ(settings.connect_timeout.count(), 50);
  EXPECT_EQ(settings.answer_timeout.count(), 70);
  EXPECT_THAT(mistake({{"http.read.timeout.ms", "0"}}), HasSubstr("1 to 600000"));
}

}  // namespace
}  // namespace e2k::worker
