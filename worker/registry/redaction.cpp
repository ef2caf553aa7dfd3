#include "worker/registry/redaction.h"

#include <algorithm>
#include <cstdint>

namespace e2k::worker {
namespace {

// Hiding shorter ones would hide ordinary words, and tell the secret by their absence.
constexpr size_t kShortestHiddenBytes = 4;

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    for (size_t i = 0; i < 4; ++i) text += at + i > bytes.size() ? '=' : kDigits[group >> (18 - 6 * i) & 63u];
  }
  return text;
}

}  // namespace

void Redaction::add_user_info(std::string_view user_info) {
  add(user_info);
  add(base64(user_info));
  if (const size_t colon = user_info.find(':'); colon != std::string_view::npos)
    add(user_info.substr(colon + 1));
}

void Redaction::add(std::string_view secret) {
  if (secret.size() < kShortestHiddenBytes) return;
  secrets_.emplace_back(secret);
  std::ranges::stable_sort(secrets_, std::greater<>(), &std::string::size);
}

std::string Redaction::apply(std::string_view text) const {
  std::string shown(text);
  for (const std::string& secret : secrets_)
    for (size_t at = shown.find(secret); at != std::string::npos; at = shown.find(secret, at + 3))
      shown.replace(at, secret.size(), "***");
  return shown;
}

}  // namespace e2k::worker
