#include "supervisor/topic_rule.h"

#include <regex>
#include <string>
#include <unordered_map>
#include <utility>

#include "proto/command_record.h"

namespace e2k::supervisor {

TopicRule make_topic_rule(const std::vector<std::string>& allow, std::string prefix,
                          std::string command_topic) {
  std::vector<std::regex> patterns;
  for (const std::string& pattern : allow)
    patterns.emplace_back(pattern, std::regex::ECMAScript | std::regex::optimize);
  // Topics are few and repeat in every command, regular expressions are slow: each name is judged once.
  auto judged = std::make_shared<std::unordered_map<std::string, std::optional<std::string>>>();
  constexpr size_t kRemembered = 10'000;
  return [=](std::string_view name) -> std::optional<std::string> {
    std::string topic(name);
    if (auto known = judged->find(topic); known != judged->end()) return known->second;
    std::optional<std::string> problem = topic_name_problem(topic, command_topic);
    if (!problem && !prefix.empty()) problem = topic_name_problem(prefix + topic, command_topic);
    if (!problem) {
      bool allowed = false;
      for (const std::regex& pattern : patterns) allowed = allowed || std::regex_match(topic, pattern);
      if (!allowed) problem = "topic " + topic + " is not allowed by output.allow";
    }
    if (judged->size() >= kRemembered) judged->clear();
    judged->emplace(std::move(topic), problem);
    return problem;
  };
}

}  // namespace e2k::supervisor
