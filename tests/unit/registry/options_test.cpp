// The table of options, as the configuration's check uses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/config/property_rules.h"
#include "common/config/registry_options.h"

namespace e2k::config {
namespace {

using testing::HasSubstr;

const RegistryOption& option(std::string_view name) {
  for (const RegistryOption& known : registry_options())
    if (known.name == name) return known;
  ADD_FAILURE() << name;
  return registry_options().front();
}

TEST(RegistryOptions, secrets_are_those_that_the_configuration_hides) {
  std::set<std::string_view> names;
  for (const RegistryOption& known : registry_options()) {
    EXPECT_EQ(known.secret, is_secret_property(known.name)) << known.name;
    EXPECT_TRUE(names.insert(known.name).second) << known.name;
    EXPECT_EQ(known.kind == OptionKind::choice, !known.choices.empty()) << known.name;
  }
}

TEST(RegistryOptions, unknown_name_is_told_what_may_have_been_meant) {
  const auto found = find_registry_option("schema.registry.ulr", RecordPart::value);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("(did you mean schema.registry.url?)"));
  EXPECT_THAT(found.error().message, HasSubstr("auto.register.schemas, use.latest.version"));
}

TEST(RegistryOptions, strategy_belongs_to_one_part) {
  EXPECT_TRUE(find_registry_option("key.subject.name.strategy", RecordPart::key));
  const auto other = find_registry_option("key.subject.name.strategy", RecordPart::value);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("value.subject.name.strategy"));
  EXPECT_FALSE(find_registry_option("value.subject.name.strategy", RecordPart::key));
}

TEST(RegistryOptions, values_are_held_to_their_kind) {
  EXPECT_FALSE(registry_option_mistake(option("auto.register.schemas"), "True"));
  EXPECT_THAT(*registry_option_mistake(option("auto.register.schemas"), "yes"), HasSubstr("true, false"));
  EXPECT_FALSE(registry_option_mistake(option("proxy.port"), "65535"));
  for (const char* bad : {"0", "65536", "8080x", "", " 1", "99999999999999999999"})
    EXPECT_THAT(*registry_option_mistake(option("proxy.port"), bad), HasSubstr("1 to 65535")) << bad;
  EXPECT_FALSE(registry_option_mistake(option("latest.cache.ttl.sec"), "-1"));
  EXPECT_FALSE(registry_option_mistake(option("value.subject.name.strategy"), "RecordNameStrategy"));
  EXPECT_THAT(*registry_option_mistake(option("value.subject.name.strategy"), "RecordNameStrateg"),
              HasSubstr("did you mean RecordNameStrategy?"));
  EXPECT_FALSE(registry_option_mistake(option("schema.registry.ssl.endpoint.identification.algorithm"), ""));
  EXPECT_FALSE(registry_option_mistake(option("basic.auth.user.info"), "anything"));
}

}  // namespace
}  // namespace e2k::config
