// A site where all is well, for tests that spoil one thing of it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "supervisor/check/findings.h"

namespace e2k::supervisor::check {

inline TopicFacts topic(std::string name, std::string policy = "delete", int64_t retention_ms = 604'800'000) {
  TopicFacts facts;
  facts.name = std::move(name);
  facts.seen = Seen::there;
  facts.cleanup_policy = std::move(policy);
  facts.retention_ms = retention_ms;
  return facts;
}

inline Facts all_well() {
  Facts facts;
  facts.brokers = {{"", "kafka1:9092", 3, Trouble::none, ""}};
  facts.commands.topic = topic("epics-channels", "compact");
  facts.commands.partitions = 1;
  facts.commands.entries = 2;
  facts.outputs = {topic("out1"), topic("out2")};
  facts.stamps.oldest = {{"out1", {1.0, "a"}}, {"out2", {-0.5, "b"}}};
  facts.registries = {{"value", "http://registry:8081", Trouble::none, 200, ""}};
  return facts;
}

// The lines that are not ok.
inline std::vector<std::string> complaints(const Facts& facts) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings(facts))
    if (finding.level != Level::ok) lines.push_back(line(finding));
  return lines;
}

}  // namespace e2k::supervisor::check
