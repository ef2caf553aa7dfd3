#include "supervisor/topic_rule.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "common/config/patterns.h"
#include "proto/command_record.h"

namespace e2k::supervisor {

TopicRule make_topic_rule(const std::vector<std::string>& allow, std::string prefix,
                          std::string command_topic) {
  const config::Patterns patterns(allow);
  // Topics are few and repeat in every command, each name is judged once.
  auto judged = std::make_shared<std::unordered_map<std::string, std::optional<std::string>>>();
  constexpr size_t kRemembered = 10'000;
  return [=](std::string_view name) -> std::optional<std::string> {
    std::string topic(name);
    if (auto known = judged->find(topic); known != judged->end()) return known->second;
    std::optional<std::string> problem = topic_name_problem(topic, command_topic);
    if (!problem && !prefix.empty()) problem = topic_name_problem(prefix + topic, command_topic);
    if (!problem && !patterns.match(topic)) problem = "topic " + topic + " is not allowed by output.allow";
    if (judged->size() >= kRemembered) judged->clear();
    judged->emplace(std::move(topic), problem);
    return problem;
  };
}

}  // namespace e2k::supervisor
