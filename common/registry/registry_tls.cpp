#include "common/registry/registry_tls.h"
#include "common/text.h"

#include <algorithm>
#include <array>

namespace e2k::config {
namespace {

constexpr std::string_view kTrustStore = "schema.registry.ssl.truststore.location";
constexpr std::string_view kTrustStoreType = "schema.registry.ssl.truststore.type";
constexpr std::string_view kKeyStore = "schema.registry.ssl.keystore.location";
constexpr std::string_view kKeyStoreType = "schema.registry.ssl.keystore.type";
constexpr std::string_view kKeyStorePassword = "schema.registry.ssl.keystore.password";
constexpr std::string_view kKeyPassword = "schema.registry.ssl.key.password";
constexpr std::string_view kCa = "ssl.ca.location";
constexpr std::string_view kCertificate = "ssl.certificate.location";
constexpr std::string_view kKey = "ssl.key.location";
constexpr std::string_view kPlainKeyPassword = "ssl.key.password";

constexpr std::string_view kConvertJksTrust =
    "a JKS trust store can't be read here; convert it to PEM (keytool -importkeystore -srckeystore trust.jks "
    "-destkeystore trust.p12 -deststoretype PKCS12, then openssl pkcs12 -in trust.p12 -nokeys -out "
    "trust.pem) "
    "and name the .pem";
constexpr std::string_view kConvertP12Trust =
    "a PKCS12 trust store can't be read here; convert it to PEM (openssl pkcs12 -in trust.p12 -nokeys -out "
    "trust.pem) and name the .pem";
constexpr std::string_view kConvertJksKeys =
    "a JKS keystore can't be read here; convert it to PKCS12 (keytool -importkeystore -srckeystore keys.jks "
    "-destkeystore keys.p12 -deststoretype PKCS12) and name the .p12";

// What a store is: by its type where that is given, else by its file's name.
std::string store_type(const OptionReader& options, std::string_view type, const std::string& location,
                       std::string_view otherwise) {
  if (options.has(type)) return options.text(type);
  const std::string name = lower(location);
  const auto ends = [&name](auto... endings) { return (name.ends_with(endings) || ...); };
  if (ends(".jks", ".keystore", ".truststore")) return "JKS";
  if (ends(".p12", ".pfx", ".pkcs12")) return "PKCS12";
  if (ends(".pem", ".crt", ".cer")) return "PEM";
  return std::string(otherwise);
}

Result<void> read_trust(const OptionReader& options, TlsSettings& tls) {
  if (options.has(kTrustStore) && options.has(kCa))
    return options.refuse(kCa, "says the same as " + std::string(kTrustStore) + "; keep one of them");
  tls.ca_path = options.has(kCa) ? options.text(kCa) : options.text(kTrustStore);
  if (!options.has(kTrustStore)) return {};
  const std::string type = store_type(options, kTrustStoreType, tls.ca_path, "PEM");
  if (type == "JKS") return options.refuse(kTrustStore, kConvertJksTrust);
  if (type == "PKCS12") return options.refuse(kTrustStore, kConvertP12Trust);
  return {};
}

Result<void> read_key_store(const OptionReader& options, TlsSettings& tls) {
  tls.certificate_path = options.text(kKeyStore);
  const std::string type = store_type(options, kKeyStoreType, tls.certificate_path, "PKCS12");
  if (type == "JKS") return options.refuse(kKeyStore, kConvertJksKeys);
  if (type == "PEM") {
    tls.key_password =
        options.has(kKeyPassword) ? options.text(kKeyPassword) : options.text(kKeyStorePassword);
    return {};
  }
  tls.certificate_type = KeyStoreType::pkcs12;
  tls.key_password = options.text(kKeyStorePassword);
  if (options.has(kKeyPassword) && options.text(kKeyPassword) != tls.key_password)
    return options.refuse(kKeyPassword, "differs from " + std::string(kKeyStorePassword) +
                                            ", but a PKCS12 file has one password for both; leave it out");
  return {};
}

Result<void> read_certificate(const OptionReader& options, TlsSettings& tls) {
  for (const std::string_view of_store : {kKeyStoreType, kKeyStorePassword})
    if (options.has(of_store))
      return options.refuse(of_store, "is of a keystore, but there is none; set " + std::string(kKeyStore));
  tls.certificate_path = options.text(kCertificate);
  tls.key_path = options.text(kKey);
  tls.key_password =
      options.has(kPlainKeyPassword) ? options.text(kPlainKeyPassword) : options.text(kKeyPassword);
  if (!tls.key_path.empty() && tls.certificate_path.empty())
    return options.refuse(kKey, "needs the certificate that the key is of; set " + std::string(kCertificate));
  return {};
}

}  // namespace

Result<TlsSettings> read_tls(const OptionReader& options) {
  TlsSettings tls;
  if (auto trust = read_trust(options, tls); !trust) return tl::unexpected(trust.error());
  if (options.has(kKeyStore))
    for (const std::string_view other : {kCertificate, kKey})
      if (options.has(other))
        return options.refuse(other, "contradicts " + std::string(kKeyStore) + "; keep one of them");
  if (options.has(kKeyPassword) && options.has(kPlainKeyPassword))
    return options.refuse(kPlainKeyPassword,
                          "says the same as " + std::string(kKeyPassword) + "; keep one of them");
  auto keys = options.has(kKeyStore) ? read_key_store(options, tls) : read_certificate(options, tls);
  if (!keys) return tl::unexpected(keys.error());
  // Java's default is the check; only the empty text turns it off.
  tls.check_host_name =
      options.text_or("schema.registry.ssl.endpoint.identification.algorithm", "https") == "https";
  return tls;
}

}  // namespace e2k::config
