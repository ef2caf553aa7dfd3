// Pure. What is known beforehand of the properties that are passed through to librdkafka and to converters:
// aliases, which belong to this program, which are Java's only, which are secret, which stand in the file
// only.
//
// Whether librdkafka knows a name at all is asked of librdkafka (common/kafka/conf.h).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"

namespace e2k::config {

// The one of a property's names under which it is kept, so that a refinement meets what it refines.
std::string_view canonical_property(std::string_view name);

// Why a librdkafka property may not be set: a whole clause ("belongs to epics2kafka: …", "is a property of
// the Java clients; use …"). Nothing: it may.
std::optional<std::string> refused_kafka_property(std::string_view name);

// Whether the value of such a property (of librdkafka or of a converter) is never shown.
bool is_secret_property(std::string_view name);
// A secret where the name alone does not tell: an URL with a password in it.
bool holds_secret(std::string_view name, std::string_view value);

// Whether a property is taken from the configuration file only.
bool is_file_only_property(std::string_view name);

// What a login's user and password, and certificates with their keys, are set by. Among the properties of a
// handle "file:sasl.password" = "/path" names the file that such a one came from; who makes the handle takes
// it out and reads the file again when it must (common/kafka/login.h).
inline constexpr const char* kLoginProperties[] = {"sasl.username", "sasl.password"};
inline constexpr const char* kCertificateProperties[] = {"ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem",
                                                         "ssl.key.password", "ssl.keystore.password"};
inline constexpr std::string_view kFilePrefix = "file:";
void name_login_files(const Properties& properties, std::map<std::string, std::string>& handle_properties);

}  // namespace e2k::config

namespace e2k {

// [kafka] refined by [kafka.producer] or [kafka.consumer], as librdkafka takes it.
std::map<std::string, std::string> merged_properties(const Properties& common, const Properties& side);
// The brokers that such a handle asks, as they may be shown: "***" where they are a secret.
std::string shown_servers(const Properties& common, const Properties& side);

}  // namespace e2k
