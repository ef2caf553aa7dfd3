// Pure. Events that own their values, and golden files, for tests of the encoders.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "worker/encode/encoder.h"

namespace e2k::worker {

struct Event {
  EventView view;
  std::vector<std::byte> bytes;
};

template <class T>
Event event_of(DbrType type, std::initializer_list<T> elements, int16_t status = 0, int16_t severity = 0) {
  Event event;
  event.bytes.resize(elements.size() * sizeof(T));
  if (elements.size() != 0) std::memcpy(event.bytes.data(), elements.begin(), event.bytes.size());
  event.view.type = type;
  event.view.count = static_cast<uint32_t>(elements.size());
  event.view.status = status;
  event.view.severity = severity;
  event.view.value = event.bytes;
  return event;
}

inline Event strings(const std::vector<std::string>& elements) {
  Event event;
  event.bytes.resize(elements.size() * kDbrStringBytes);
  for (size_t i = 0; i < elements.size(); ++i)
    std::memcpy(&event.bytes[i * kDbrStringBytes], elements[i].data(), elements[i].size());
  event.view.type = DbrType::string;
  event.view.count = static_cast<uint32_t>(elements.size());
  event.view.value = event.bytes;
  return event;
}

inline EventView error_of(std::string_view text) {
  EventView event;
  event.is_error = true;
  event.error = text;
  return event;
}

inline std::string encode(ValueEncoder& encoder, const EventView& event) {
  Buffer out;
  return encoder.encode(event, out) ? std::string(out.view()) : "(not encoded)";
}

inline std::string hex(std::string_view bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string out;
  for (const char character : bytes) {
    const auto c = static_cast<unsigned char>(character);
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

inline std::string golden_text(const std::string& name) {
  std::ifstream in(std::string(E2K_GOLDEN_DIR) + "/" + name);
  EXPECT_TRUE(in) << name;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::vector<std::string> golden(const std::string& name) {
  std::istringstream in(golden_text(name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace e2k::worker
