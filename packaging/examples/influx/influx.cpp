// An epics2kafka converter: values in InfluxDB's line protocol, one line an event.
//
//   channel,severity=2,status=3 value=1.5 1700000000000000000
//   channel,severity=0,status=0 value0=1i,value1=2i 1700000000000000000    (an array)
//   channel error="Never Connected" 1700000000000000000
//
// Options: measurement = channel (default) or topic, which adds the channel as a tag; tags =
// "site=lab,hall=B", added to every line. An instance holds what create() made of its options and a line that
// is used again and again; see epics2kafka/converter.h for the rules of threads, memory and errors.
#include <epics2kafka/converter.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

struct Influx {
  bool by_topic = false;
  std::string tags;  // ",site=lab,hall=B", escaped
  std::string line;
};

bool is_utf8(std::string_view text) {
  constexpr uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};  // that needs so many more bytes
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if ((lead & 0xc0) == 0x80) return false;
    const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t code = lead & (0xffu >> (more + 2));
    for (int left = more; left > 0; --left, ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return false;
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
    }
    if (lead > 0xf4 || code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return false;
  }
  return true;
}

// A field's string. Quotes and backslashes are escaped; text that is not UTF-8 is taken for Latin-1.
void append_string(std::string_view text, std::string& line) {
  const bool utf8 = is_utf8(text);
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') line += '\\';
    if (byte < 0x80 || utf8) {
      line += c;
    } else {
      line += static_cast<char>(0xc0 | byte >> 6);
      line += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  line += '"';
}

// A measurement, or a tag's key or value: `special` are escaped. false: the protocol has no way to write it.
bool append_name(std::string_view name, std::string_view special, std::string& line) {
  if (name.empty() || name.back() == '\\' || name.find_first_of("\r\n") != name.npos) return false;
  for (const char c : name) {
    if (special.find(c) != special.npos) line += '\\';
    line += c;
  }
  return true;
}
constexpr std::string_view kInMeasurements = ", ", kInTags = ",= ";

template <class Number>
void append_number(Number number, std::string& line) {
  char digits[40];
  line.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// One field of type Native; nothing of a number that is none.
template <class Native>
void append_field(const char* at, std::string_view name, std::string& line) {
  Native number;
  std::memcpy(&number, at, sizeof number);
  if constexpr (std::is_floating_point_v<Native>)
    if (!std::isfinite(number)) return;
  line.append(line.back() == ' ' ? "" : ",").append(name).append("=");
  append_number(number, line);
  if constexpr (std::is_integral_v<Native>) line += 'i';
}

void append_element(uint32_t type, const char* at, std::string_view name, std::string& line) {
  switch (type) {
    case E2K_DBR_STRING:
      line.append(line.back() == ' ' ? "" : ",").append(name).append("=");
      return append_string({at, strnlen(at, E2K_DBR_STRING_BYTES)}, line);
    case E2K_DBR_SHORT:
      return append_field<int16_t>(at, name, line);
    case E2K_DBR_FLOAT:
      return append_field<float>(at, name, line);
    case E2K_DBR_ENUM:
      return append_field<uint16_t>(at, name, line);
    case E2K_DBR_CHAR:
      return append_field<int8_t>(at, name, line);
    case E2K_DBR_LONG:
      return append_field<int32_t>(at, name, line);
    case E2K_DBR_DOUBLE:
      return append_field<double>(at, name, line);
  }
}

bool write_line(const Influx& influx, const e2k_event& event, std::string& line) {
  const std::string_view channel(event.channel, event.channel_bytes), topic(event.topic, event.topic_bytes);
  line.clear();
  if (!append_name(influx.by_topic ? topic : channel, kInMeasurements, line)) return false;
  if (line.front() == '#') return false;  // it would be a comment
  line += influx.tags;
  if (influx.by_topic && !append_name(channel, kInTags, line += ",channel=")) return false;
  if (event.is_error) {
    append_string({event.error, event.error_bytes}, line += " error=");
  } else {
    append_number(event.severity, line += ",severity=");
    append_number(event.status, line += ",status=");
    line += ' ';
    const auto* at = static_cast<const char*>(event.value);
    std::string name = "value";
    for (uint32_t i = 0; i < event.count; ++i, at += e2k_element_bytes(event.type)) {
      if (event.count > 1) append_number(i, name.erase(5));
      append_element(event.type, at, name, line);
    }
    if (line.back() == ' ') return false;  // a line without fields is none
  }
  append_number(event.stamp_unix_ns, line += ' ');
  return true;
}

// "site=lab,hall=B" as the end of a measurement. Keys that this converter writes itself are taken.
std::string tags_of(std::string_view pairs) {
  std::string tags;
  std::set<std::string_view> keys{"severity", "status", "channel", "time"};
  while (!pairs.empty()) {
    const std::string_view pair = pairs.substr(0, pairs.find(','));
    pairs.remove_prefix(pair.size() < pairs.size() ? pair.size() + 1 : pair.size());
    const size_t equals = pair.find('=');
    if (equals == pair.npos || !append_name(pair.substr(0, equals), kInTags, tags += ',') ||
        !append_name(pair.substr(equals + 1), kInTags, tags += '='))
      throw std::invalid_argument("tags: '" + std::string(pair) + "' is no KEY=VALUE");
    if (!keys.insert(pair.substr(0, equals)).second)
      throw std::invalid_argument("tags: the key of '" + std::string(pair) + "' is taken; use another");
  }
  return tags;
}

void* create(const e2k_option* options, size_t count, char* error, size_t error_bytes) try {
  auto influx = std::make_unique<Influx>();
  for (size_t i = 0; i < count; ++i) {
    const std::string name = options[i].name, value = options[i].value;
    if (name == "tags")
      influx->tags = tags_of(value);
    else if (name != "measurement")
      throw std::invalid_argument("'" + name + "' is no option of influx; accepted: measurement, tags");
    else if (value != "channel" && value != "topic")
      throw std::invalid_argument("measurement is '" + value + "'; accepted: channel, topic");
    else
      influx->by_topic = value == "topic";
  }
  return influx.release();
} catch (const std::exception& e) {
  std::snprintf(error, error_bytes, "%s", e.what());
  return nullptr;
}

int encode(void* instance, const e2k_event* event, e2k_buffer* buffer) try {
  auto& influx = *static_cast<Influx*>(instance);
  if (!write_line(influx, *event, influx.line)) return E2K_CANNOT_EXPRESS;
  void* room = buffer->reserve(buffer, influx.line.size());
  if (room == nullptr) return E2K_CANNOT_EXPRESS;
  std::memcpy(room, influx.line.data(), influx.line.size());
  buffer->commit(buffer, influx.line.size());
  return E2K_OK;
} catch (const std::exception&) {  // no memory
  return E2K_CANNOT_EXPRESS;
}

void destroy(void* instance) {
  delete static_cast<Influx*>(instance);
}

constexpr e2k_converter kInflux = {E2K_CONVERTER_ABI,
                                   sizeof(e2k_converter),
                                   "influx",
                                   "1.0",
                                   E2K_TAKES_ERRORS | E2K_WANTS_NAMES,
                                   create,
                                   nullptr,
                                   encode,
                                   destroy};

}  // namespace

const e2k_converter* epics2kafka_converter() {
  return &kInflux;
}
