#include "common/config/value_rules.h"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "common/config/config.h"
#include "common/config/patterns.h"
#include "common/config/spelling.h"
#include "common/split.h"
#include "common/text.h"

namespace e2k::config {
namespace {

constexpr size_t kMaxTopicBytes = 249;
constexpr size_t kMaxPatternBytes = 1000;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}
bool is_topic_character(char c) {
  return is_name_character(c) || c == '.';
}

bool is_port(std::string_view text, unsigned least) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= least && port <= 65535;
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return is_topic_character(c) || c == ':' || c == '%'; });
  }
  return !host.empty() && std::all_of(host.begin(), host.end(), is_topic_character);
}

}  // namespace

std::optional<std::string> any_text_problem(const std::string& text) {
  if (!is_valid_utf8(text)) return "is not valid UTF-8";
  if (text.find('\0') != std::string::npos) return "holds a NUL character";
  return std::nullopt;
}

std::optional<std::string> nonempty_problem(const std::string& text) {
  if (text.empty()) return "is empty";
  if (has_control_characters(text)) return "holds control characters";
  return any_text_problem(text);
}

std::optional<std::string> topic_prefix_problem(const std::string& text) {
  if (text.size() >= kMaxTopicBytes) return "leaves no room for a topic's name";
  if (!std::all_of(text.begin(), text.end(), is_topic_character))
    return "holds other characters than a-z A-Z 0-9 . _ -";
  return std::nullopt;
}

std::optional<std::string> topic_problem(const std::string& text) {
  if (text.empty()) return "is empty";
  if (text == "." || text == "..") return "is no topic name";
  if (text.size() > kMaxTopicBytes)
    return "has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxTopicBytes) +
           " are accepted";
  return topic_prefix_problem(text.substr(0, kMaxTopicBytes - 1)) || !is_topic_character(text.back())
             ? std::optional<std::string>("holds other characters than a-z A-Z 0-9 . _ -")
             : std::nullopt;
}

std::optional<std::string> pattern_problem(const std::string& text) {
  if (text.empty()) return "is empty, which no topic matches";
  if (text.size() > kMaxPatternBytes) return "is longer than 1000 characters";
  return Patterns::problem(text);
}

std::optional<std::string> header_problem(const std::string& text) {
  if (text == kStampHeader) return std::nullopt;
  return "is no header that records can carry" + suggestion(text, std::to_array({kStampHeader}));
}

std::optional<std::string> path_problem(const std::string& text) {
  if (text.find('\0') != std::string::npos) return "holds a NUL character";
  if (!text.empty() && text.front() != '/') return "is not absolute";
  return std::nullopt;
}

std::optional<std::string> socket_path_problem(const std::string& text) {
  if (text.size() >= sizeof(sockaddr_un::sun_path))
    return "is longer than the " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
           " bytes that a socket's address has room for";
  return path_problem(text);
}

std::optional<std::string> listen_address_problem(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto [host, port] = split_host_port(text);
  if (port.empty()) return "has no port";
  if (!is_port(port, 0)) return "has a port that is no number up to 65535";
  if (!is_host(host)) return "has no valid host before the port";
  return std::nullopt;
}

std::optional<std::string> broker_list_problem(const std::string& text) {
  std::string_view rest = text;
  bool any = false;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    std::string_view broker = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    broker = trimmed(broker, " ");
    if (broker.empty()) continue;
    any = true;
    if (const size_t scheme = broker.find("://"); scheme != std::string_view::npos)
      broker.remove_prefix(scheme + 3);
    const auto [host, port] = split_host_port(broker);
    if (!is_host(host)) return "names a broker without a valid host";
    if (!port.empty() && !is_port(port, 1)) return "names a broker whose port is no number from 1 to 65535";
    if (port.empty() && broker.back() == ':') return "names a broker with a colon but no port";
  }
  if (!any) return "names no broker";
  return std::nullopt;
}

std::optional<std::string> instance_problem(const std::string& text) {
  constexpr auto kTaken = std::to_array<std::string_view>(
      {"epics2kafka", "spool", "workers", "ledgers", "ledger", "links", "link", "lock", "state", "snapshot"});
  if (text.empty() || text.size() > 64 || text[0] == '-' || text[0] == '_' ||
      !std::all_of(text.begin(), text.end(), is_name_character))
    return "accepted: 1 to 64 letters, digits, _ and -, a letter or digit first";
  if (std::find(kTaken.begin(), kTaken.end(), text) != kTaken.end())
    return "the default instance uses that name for itself; choose another";
  return std::nullopt;
}

}  // namespace e2k::config
