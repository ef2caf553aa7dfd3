// Pure. What is wrong with a setting's text, as a clause, or nothing.
#pragma once

#include <optional>
#include <string>

namespace e2k::config {

std::optional<std::string> any_text_problem(const std::string& text);
std::optional<std::string> nonempty_problem(const std::string& text);
// Kafka's rule: 1 to 249 of a-z A-Z 0-9 . _ -, and neither . nor ..
std::optional<std::string> topic_problem(const std::string& text);
std::optional<std::string> topic_prefix_problem(const std::string& text);
// A regular expression (patterns.h).
std::optional<std::string> pattern_problem(const std::string& text);
// A header that records can carry.
std::optional<std::string> header_problem(const std::string& text);
// "" or an absolute path.
std::optional<std::string> path_problem(const std::string& text);
// … that a Unix socket's address has room for.
std::optional<std::string> socket_path_problem(const std::string& text);
// "" or host:port, [v6]:port; port 0 takes a free one.
std::optional<std::string> listen_address_problem(const std::string& text);
// host[:port],…, each with an optional protocol:// as librdkafka takes it.
std::optional<std::string> broker_list_problem(const std::string& text);
// --instance: letters, digits, _ and -, beginning with a letter or digit; none of the names that a
// default instance's directories and files use.
std::optional<std::string> instance_problem(const std::string& text);

}  // namespace e2k::config
