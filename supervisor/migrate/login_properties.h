// Pure. TLS and logins of Java's Kafka clients in librdkafka's properties.
//
// Java keeps certificates in stores, which librdkafka reads as PKCS#12 (the key store) or not at all: such a
// line names the file that the command in its remark makes. A line of sasl.jaas.config becomes the properties
// that it consists of.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/migrate/draft.h"

namespace e2k::supervisor::migrate {

// A client's property without the prefix (producer., …) that its origin has.
struct ClientProperty {
  std::string name, value, origin;
};

struct Translated {
  std::vector<DraftLine> lines;  // their table is left to the caller
  struct Left {
    Leftover leftover;
    bool noted;
  };
  std::vector<Left> leftovers;
};

bool is_login_property(std::string_view name);

// `properties`: those of one client's login, all of them. `known`: the names that librdkafka knows.
Translated translate_login(const std::vector<ClientProperty>& properties, const std::set<std::string>& known);

// One property that is spelt alike, or nearly, on both sides; refused and unknown ones are left.
void translate_property(const ClientProperty& property, const std::set<std::string>& known, Translated& out);

}  // namespace e2k::supervisor::migrate
