// Pure. The TLS of connections to a registry: Connect's names for it and librdkafka's, as OpenSSL takes it.
#pragma once

#include <cstdint>
#include <string>

#include "common/registry/option_reader.h"
#include "common/result.h"

namespace e2k::config {

enum class KeyStoreType : uint8_t { pem, pkcs12 };

struct TlsSettings {
  std::string ca_path;           // PEM file, or a folder of them; "": the system's
  std::string certificate_path;  // the client's; "": none
  KeyStoreType certificate_type = KeyStoreType::pem;
  std::string key_path;      // PEM; "": in the certificate's file
  std::string key_password;  // secret
  bool check_host_name = true;
};

// Java's own stores are refused, with the commands that convert them.
Result<TlsSettings> read_tls(const OptionReader& options);

}  // namespace e2k::config
