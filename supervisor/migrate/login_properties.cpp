#include "supervisor/migrate/login_properties.h"

#include <algorithm>

#include "common/config/property_rules.h"
#include "common/split.h"
#include "common/text.h"
#include "supervisor/migrate/jaas.h"

namespace e2k::supervisor::migrate {
namespace {

std::string trimmed(const std::string& text) {
  return std::string(e2k::trimmed(text));
}

// The path with another ending.
std::string with_ending(const std::string& path, const std::string& ending) {
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  return (has_ending ? path.substr(0, dot) : path) + ending;
}

DraftLine line_of(const std::string& key, const std::string& value, const std::string& origin,
                  bool bare = false) {
  TomlValue toml = toml_value(value, key, bare);
  DraftLine line{"", key, std::move(toml.text), origin};
  if (!toml.remark.empty()) line.remarks.push_back(std::move(toml.remark));
  line.secret = !toml.reference && config::holds_secret(key, value);
  return line;
}

// A file for a command line: quoted where the shell would take it apart.
std::string shell_word(const std::string& path) {
  const bool plain = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+,:@%").find(c) != std::string_view::npos;
  });
  if (plain) return path;
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

class Login {
public:
  Login(const std::vector<ClientProperty>& properties, const std::set<std::string>& known)
      : properties_(properties), known_(known) {}

  Translated translate() && {
    for (const ClientProperty& property : properties_) {
      const std::string& name = property.name;
      if (name == "security.protocol")
        add(name, lower(trimmed(property.value)), property.origin);
      else if (name == "ssl.endpoint.identification.algorithm")
        add(name, trimmed(property.value).empty() ? "none" : lower(trimmed(property.value)), property.origin);
      else if (name == "sasl.jaas.config")
        jaas(property);
      else if (name.starts_with("ssl.truststore."))
        trust_store(property);
      else if (name.starts_with("ssl.keystore."))
        key_store(property);
      else if (name == "sasl.kerberos.kinit.cmd")
        leave(property,
              "Java names the program only; librdkafka's property of this name is a whole command, whose "
              "default runs kinit with principal and keytab",
              false);
      else
        translate_property(property, known_, out_);
    }
    return std::move(out_);
  }

private:
  const ClientProperty* find(std::string_view name) const {
    const auto found = std::ranges::find(properties_, name, &ClientProperty::name);
    return found == properties_.end() ? nullptr : &*found;
  }
  void add(const std::string& key, const std::string& value, const std::string& origin,
           std::vector<std::string> remarks = {}) {
    DraftLine line = line_of(key, value, origin);
    line.remarks.insert(line.remarks.end(), remarks.begin(), remarks.end());
    out_.lines.push_back(std::move(line));
  }
  void leave(const ClientProperty& property, const std::string& what, bool noted) {
    const bool secret = config::holds_secret(property.name, property.value);
    out_.leftovers.push_back({{property.origin, secret ? "" : property.value, what}, noted});
  }

  enum class Store { pem, pkcs12, java };
  Store store_type(const std::string& side, const std::string& path) const {
    const ClientProperty* given = find("ssl." + side + ".type");
    const std::string type = given == nullptr ? "" : lower(trimmed(given->value));
    if (type == "pem") return Store::pem;
    const std::string name = lower(path);
    // Java's default JKS opens PKCS#12 as well.
    if (type == "pkcs12" || (type.empty() && (name.ends_with(".p12") || name.ends_with(".pfx"))))
      return Store::pkcs12;
    return Store::java;
  }

  void trust_store(const ClientProperty& property) {
    if (property.name == "ssl.truststore.certificates")
      return add("ssl.ca.pem", property.value, property.origin);
    if (property.name != "ssl.truststore.location")
      return leave(property,
                   "librdkafka's ssl.ca.location is PEM, which needs no " +
                       property.name.substr(property.name.rfind('.') + 1),
                   false);
    const std::string path = trimmed(property.value);
    const Store type = store_type("truststore", path);
    if (type == Store::pem) return add("ssl.ca.location", path, property.origin);
    const std::string made = with_ending(path, ".pem");
    add("ssl.ca.location", made, property.origin,
        {"librdkafka reads no Java trust store. This makes the file that the next line names:",
         type == Store::pkcs12
             ? "    openssl pkcs12 -in " + shell_word(path) + " -nokeys -out " + shell_word(made)
             : "    keytool -list -rfc -keystore " + shell_word(path) + " > " + shell_word(made)});
  }

  void key_store(const ClientProperty& property) {
    const std::string& name = property.name;
    if (name == "ssl.keystore.key") return add("ssl.key.pem", property.value, property.origin);
    if (name == "ssl.keystore.certificate.chain")
      return add("ssl.certificate.pem", property.value, property.origin);
    if (name == "ssl.keystore.password") return add(name, property.value, property.origin);
    if (name != "ssl.keystore.location")
      return leave(property, "the lines for the key store follow from it", false);
    const std::string path = trimmed(property.value);
    switch (store_type("keystore", path)) {
      case Store::pem:
        add("ssl.certificate.location", path, property.origin);
        return add("ssl.key.location", path, property.origin);
      case Store::pkcs12:
        return add(name, path, property.origin);
      case Store::java:
        break;
    }
    const std::string made = with_ending(path, ".p12");
    add(name, made, property.origin,
        {"librdkafka reads PKCS#12, no JKS. This makes the file that the next line names, with the same "
         "password:",
         "    keytool -importkeystore -srckeystore " + shell_word(path) + " -destkeystore " +
             shell_word(made) + " -deststoretype PKCS12",
         "or, for ssl.certificate.location and ssl.key.location, PEM from that:",
         "    openssl pkcs12 -in " + shell_word(made) + " -out " + shell_word(with_ending(path, ".pem"))});
  }

  void jaas(const ClientProperty& property) {
    const auto entry = read_jaas(property.value);
    if (!entry) return leave(property, "no login could be read from it: " + entry.error().message, true);
    const auto take = [&](const char* option, const char* key) {
      const auto found = entry->options.find(option);
      if (found != entry->options.end() && find(key) == nullptr)
        add(key, found->second, property.origin + " (" + option + ")");
    };
    if (entry->module.ends_with(".PlainLoginModule") || entry->module.ends_with(".ScramLoginModule")) {
      take("username", "sasl.username");
      take("password", "sasl.password");
    } else if (entry->module.ends_with(".Krb5LoginModule")) {
      take("principal", "sasl.kerberos.principal");
      take("keyTab", "sasl.kerberos.keytab");
      take("serviceName", "sasl.kerberos.service.name");
    } else if (entry->module.ends_with(".OAuthBearerLoginModule")) {
      if (find("sasl.oauthbearer.token.endpoint.url") != nullptr)
        add("sasl.oauthbearer.method", "oidc", property.origin);
      take("clientId", "sasl.oauthbearer.client.id");
      take("clientSecret", "sasl.oauthbearer.client.secret");
      take("scope", "sasl.oauthbearer.scope");
    } else {
      leave(property, "the login module " + entry->module + " has no counterpart in librdkafka", true);
    }
  }

  const std::vector<ClientProperty>& properties_;
  const std::set<std::string>& known_;
  Translated out_;
};

}  // namespace

bool is_login_property(std::string_view name) {
  return name == "security.protocol" || name.starts_with("sasl.") || name.starts_with("ssl.");
}

Translated translate_login(const std::vector<ClientProperty>& properties,
                           const std::set<std::string>& known) {
  return Login(properties, known).translate();
}

void translate_property(const ClientProperty& property, const std::set<std::string>& known, Translated& out) {
  std::string key(config::canonical_property(property.name));
  if (key == "max.request.size") key = "message.max.bytes";
  const bool secret = config::holds_secret(property.name, property.value);
  const auto leave = [&](const std::string& what, bool noted) {
    out.leftovers.push_back({{property.origin, secret ? "" : property.value, what}, noted});
  };
  if (const auto refusal = config::refused_kafka_property(key)) return leave(*refusal, false);
  if (!known.contains(key)) return leave("no property of librdkafka", true);
  DraftLine line = line_of(key, secret ? property.value : trimmed(property.value), property.origin, true);
  out.lines.push_back(std::move(line));
}

}  // namespace e2k::supervisor::migrate
