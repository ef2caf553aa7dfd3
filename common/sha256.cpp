#include "common/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "common/hex.h"

namespace e2k {

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) return "";
  return hex_of({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace e2k
