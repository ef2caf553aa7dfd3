#include "common/registry/registry_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace e2k::config {
namespace {

using testing::HasSubstr;

const std::string kSsl = "schema.registry.ssl.";

Result<TlsSettings> read(const OptionValues& options) {
  const auto reader = OptionReader::create(options, RecordPart::value);
  if (!reader) return tl::unexpected(reader.error());
  return read_tls(*reader);
}

std::string mistake(const OptionValues& options) {
  const auto tls = read(options);
  return tls ? "accepted" : tls.error().message;
}

TEST(RegistryTls, what_belongs_to_a_keystore_is_refused_without_one) {
  EXPECT_THAT(mistake({{kSsl + "keystore.password", "hush"}}),
              HasSubstr("is of a keystore, but there is none"));
  EXPECT_THAT(mistake({{kSsl + "keystore.type", "PEM"}}),
              HasSubstr("set schema.registry.ssl.keystore.location"));
}

TEST(RegistryTls, pem_trust_store_by_either_name) {
  EXPECT_EQ(read({{kSsl + "truststore.location", "/ca.pem"}})->ca_path, "/ca.pem");
  EXPECT_EQ(read({{kSsl + "truststore.location", "/ca.jks"}, {kSsl + "truststore.type", "PEM"}})->ca_path,
            "/ca.jks");
  EXPECT_EQ(read({{"ssl.ca.location", "/certs"}})->ca_path, "/certs");
  EXPECT_THAT(mistake({{"ssl.ca.location", "/a"}, {kSsl + "truststore.location", "/b"}}),
              HasSubstr("keep one of them"));
}

TEST(RegistryTls, java_stores_are_refused_with_the_commands_that_convert_them) {
  EXPECT_THAT(mistake({{kSsl + "truststore.location", "/trust.jks"}}), HasSubstr("keytool -importkeystore"));
  EXPECT_THAT(mistake({{kSsl + "truststore.location", "/trust"}, {kSsl + "truststore.type", "JKS"}}),
              HasSubstr("openssl pkcs12 -in trust.p12 -nokeys"));
  EXPECT_THAT(mistake({{kSsl + "truststore.location", "/trust.P12"}}),
              HasSubstr("openssl pkcs12 -in trust.p12 -nokeys"));
  EXPECT_THAT(mistake({{kSsl + "keystore.location", "/keys.jks"}}), HasSubstr("-deststoretype PKCS12"));
  EXPECT_THAT(mistake({{kSsl + "keystore.location", "/keys"}, {kSsl + "keystore.type", "BKS"}}),
              HasSubstr("accepted: PEM, PKCS12, JKS"));
}

TEST(RegistryTls, pkcs12_has_one_password) {
  const auto tls = read({{kSsl + "keystore.location", "/keys.p12"}, {kSsl + "keystore.password", "hush"}});
  ASSERT_TRUE(tls);
  EXPECT_EQ(tls->certificate_type, KeyStoreType::pkcs12);
  EXPECT_EQ(tls->key_password, "hush");
  EXPECT_THAT(mistake({{kSsl + "keystore.location", "/keys"},
                       {kSsl + "keystore.password", "hush"},
                       {kSsl + "key.password", "other"}}),
              HasSubstr("one password for both"));
}

TEST(RegistryTls, pem_key_may_stand_apart) {
  const auto one = read({{kSsl + "keystore.location", "/both.pem"}, {kSsl + "key.password", "hush"}});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->certificate_type, KeyStoreType::pem);
  EXPECT_EQ(one->key_path, "");
  EXPECT_EQ(one->key_password, "hush");
  const auto two = read(
      {{"ssl.certificate.location", "/c.pem"}, {"ssl.key.location", "/k.pem"}, {"ssl.key.password", "hush"}});
  ASSERT_TRUE(two);
  EXPECT_EQ(two->certificate_path, "/c.pem");
  EXPECT_EQ(two->key_path, "/k.pem");
  EXPECT_EQ(two->key_password, "hush");
}

TEST(RegistryTls, contradictions_are_refused) {
  EXPECT_THAT(mistake({{"ssl.key.location", "/k.pem"}}), HasSubstr("set ssl.certificate.location"));
  EXPECT_THAT(mistake({{"ssl.certificate.location", "/c.pem"}, {kSsl + "keystore.location", "/k.p12"}}),
              HasSubstr("contradicts"));
  EXPECT_THAT(mistake({{"ssl.key.password", "hush"}, {kSsl + "key.password", "hush"}}),
              HasSubstr("keep one of them"));
}

TEST(RegistryTls, only_the_empty_text_turns_the_check_of_names_off) {
  EXPECT_TRUE(read({})->check_host_name);
  EXPECT_TRUE(read({{kSsl + "endpoint.identification.algorithm", "https"}})->check_host_name);
  EXPECT_FALSE(read({{kSsl + "endpoint.identification.algorithm", ""}})->check_host_name);
  EXPECT_THAT(mistake({{kSsl + "endpoint.identification.algorithm", "none"}}), HasSubstr("https, \"\""));
}

}  // namespace
}  // namespace e2k::config
