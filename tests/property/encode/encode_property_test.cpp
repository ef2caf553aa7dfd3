// Whatever an IOC sends: the record is JSON in valid UTF-8, and reads back as what was sent.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/text.h"
#include "worker/encode/encoder.h"
#include "worker/encode/java_number.h"

namespace e2k::worker {
namespace {

std::string encode(const EventView& event, const char* converter = "json") {
  const auto encoder = make_value_encoder(converter, "EPICS_CA_DBR", {});
  Buffer out;
  RC_ASSERT((*encoder)->encode(event, out));
  return std::string(out.view());
}

template <class T>
EventView event_of(DbrType type, const std::vector<T>& elements) {
  EventView event;
  event.type = type;
  event.count = static_cast<uint32_t>(elements.size());
  event.value = std::as_bytes(std::span(elements));
  return event;
}

// The digits of a number's text, without sign, point, exponent and the zeros around them.
std::string digits_of(std::string text) {
  text = text.substr(0, text.find('E'));
  std::erase_if(text, [](char c) { return c < '0' || c > '9'; });
  text.erase(0, text.find_first_not_of('0'));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

// Java's form of `value`, checked for what Java promises about it.
template <class Float>
void check_number(Float value, const std::string& text, Float read_back) {
  if (std::isnan(value)) {
    RC_ASSERT(text == "NaN");
    return;
  }
  RC_ASSERT((std::signbit(value) == (text[0] == '-')));
  if (std::isinf(value)) {
    RC_ASSERT(text.substr(text[0] == '-') == "Infinity");
    return;
  }
  RC_ASSERT(read_back == value);
  const Float magnitude = std::fabs(value);
  const bool plain = magnitude == 0 || (magnitude >= Float(1e-3) && magnitude < Float(1e7));
  RC_ASSERT((text.find('E') == std::string::npos) == plain);
  RC_ASSERT(text.find('.') != std::string::npos);
  if (value == 0) return;
  char shortest[64];
  const std::string any(shortest,
                        std::to_chars(shortest, shortest + 64, value, std::chars_format::scientific).ptr);
  const size_t fewest = digits_of(any.substr(0, any.find('e'))).size();
  const size_t ours = digits_of(text).size();
  RC_ASSERT((ours == fewest || (ours == 2 && fewest == 1)));
}

RC_GTEST_PROP(EncodeProperty, any_double_reads_back_in_the_fewest_digits, (uint64_t bits)) {
  // rapidcheck's numbers are small; the multiplication spreads them over all exponents.
  for (const uint64_t pattern : {bits, bits * 0x9e3779b97f4a7c15u, ~bits, bits << 52}) {
    const auto value = std::bit_cast<double>(pattern);
    char text[kJavaNumberBytes];
    const std::string java(text, write_java_double(text, value));
    check_number(value, java, std::strtod(java.c_str(), nullptr));
  }
}

RC_GTEST_PROP(EncodeProperty, any_float_reads_back_in_the_fewest_digits, (uint32_t bits)) {
  for (const uint32_t pattern : {bits, bits * 0x9e3779b9u, ~bits, bits << 23}) {
    const auto value = std::bit_cast<float>(pattern);
    char text[kJavaNumberBytes];
    const std::string java(text, write_java_float(text, value));
    check_number(value, java, std::strtof(java.c_str(), nullptr));
  }
}

RC_GTEST_PROP(EncodeProperty, arrays_of_doubles_read_back, (const std::vector<uint64_t>& patterns)) {
  std::vector<double> values;
  for (const uint64_t pattern : patterns)
    values.push_back(std::bit_cast<double>(pattern * 0x9e3779b97f4a7c15u));
  const auto record = nlohmann::json::parse(encode(event_of(DbrType::float64, values)));
  const auto& read = record.at("doubleValues");
  RC_ASSERT(read.size() == values.size());
  for (size_t i = 0; i < values.size(); ++i)
    if (std::isfinite(values[i]))
      RC_ASSERT(read[i].get<double>() == values[i]);
    else
      RC_ASSERT(read[i].is_string());
  RC_ASSERT(record.at("error").is_null());
}

RC_GTEST_PROP(EncodeProperty, integers_read_back,
              (const std::vector<int32_t>& longs, const std::vector<int16_t>& shorts,
               const std::vector<int8_t>& chars)) {
  const auto read = [](DbrType type, const auto& values, const char* field) {
    return nlohmann::json::parse(encode(event_of(type, values))).at(field);
  };
  RC_ASSERT((read(DbrType::int32, longs, "intValues") == nlohmann::json(longs)));
  RC_ASSERT((read(DbrType::int16, shorts, "shortValues") == nlohmann::json(shorts)));
  RC_ASSERT((read(DbrType::enum16, shorts, "shortValues") == nlohmann::json(shorts)));
  RC_ASSERT((read(DbrType::char8, chars, "byteValues") == nlohmann::json(chars)));
}

RC_GTEST_PROP(EncodeProperty, any_error_text_reads_back_as_utf8_or_latin1,
              (const std::vector<uint8_t>& bytes)) {
  EventView event;
  event.is_error = true;
  event.error = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  for (const char* converter : {"json", "json-schema-envelope"}) {
    const std::string text = encode(event, converter);
    RC_ASSERT(is_valid_utf8(text));
    const auto json = nlohmann::json::parse(text);
    const auto& record = converter == std::string("json") ? json : json.at("payload");
    RC_ASSERT(record.at("error").get<std::string>() == utf8_or_latin1(event.error));
  }
}

RC_GTEST_PROP(EncodeProperty, any_string_element_reads_back_up_to_its_first_nul,
              (const std::vector<uint8_t>& noise)) {
  std::vector<uint8_t> elements(3 * kDbrStringBytes, 0);
  for (size_t i = 0; i < elements.size() && !noise.empty(); ++i) elements[i] = noise[i % noise.size()];
  EventView event = event_of(DbrType::string, elements);
  event.count = 3;
  const std::string text = encode(event);
  RC_ASSERT(is_valid_utf8(text));
  const auto read = nlohmann::json::parse(text).at("stringValues");
  RC_ASSERT(read.size() == 3u);
  for (size_t i = 0; i < 3; ++i) {
    const auto* element = reinterpret_cast<const char*>(&elements[i * kDbrStringBytes]);
    std::string_view sent(element, strnlen(element, kDbrStringBytes));
    if (sent.size() >= kDbrStringBytes - 1) sent = without_cut_character(sent);
    RC_ASSERT(read[i].get<std::string>() == utf8_or_latin1(sent));
  }
}

}  // namespace
}  // namespace e2k::worker
