#include "supervisor/check/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "supervisor/check/stamp_findings.h"
#include "supervisor/ctl/table.h"

namespace e2k::supervisor::check {
namespace {

constexpr size_t kExamples = 5;
constexpr int kTryAgain = 75, kBadConfiguration = 78;

Level level_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::none:
      return Level::ok;
    case Trouble::unreachable:
    case Trouble::silent:
    case Trouble::unresolved:
      return Level::unreachable;
    case Trouble::protocol:
    case Trouble::tls:
    case Trouble::login:
    case Trouble::not_allowed:
      return Level::mistaken;
    case Trouble::odd:
      return Level::unreachable;
  }
  return Level::ok;
}

Finding of_brokers(const BrokerFacts& facts) {
  const std::string who = facts.side.empty() ? "brokers" : fmt::format("brokers (as {})", facts.side);
  if (facts.trouble != Trouble::none)
    return {level_of(facts.trouble), fmt::format("{}: {} {}: {}; {}", who, broker_complaint(facts.trouble),
                                                 facts.servers, facts.words, broker_remedy(facts.trouble))};
  return {Level::ok, fmt::format("{}: {} at {}", who, facts.brokers, facts.servers)};
}

std::string creation_of(const std::string& topic, const std::string& servers, const char* more) {
  return fmt::format("kafka-topics.sh --bootstrap-server {} --create --topic {}{}", servers, topic, more);
}

// Whether the command topic is read on its own ground: how it is made.
Finding of_cleanup_policy(const TopicFacts& topic, const std::string& servers) {
  if (topic.cleanup_policy.empty())
    return {Level::warning,
            fmt::format("command topic {}: whether it is compacted can't be seen ({}); grant DescribeConfigs "
                        "on it, or see that it has cleanup.policy=compact",
                        topic.name, topic.policy_words)};
  if (topic.cleanup_policy == "compact")
    return {Level::ok, fmt::format("command topic {}: compacted", topic.name)};
  return {
      Level::warning,
      fmt::format("command topic {}: cleanup.policy={}, so that commands will be deleted some day; repair "
                  "it: kafka-configs.sh --bootstrap-server {} --alter --topic {} --add-config "
                  "cleanup.policy=compact",
                  topic.name, topic.cleanup_policy, servers, topic.name)};
}

Finding of_reading(const CommandTopicFacts& facts) {
  const std::string& name = facts.topic.name;
  if (facts.read_trouble == Trouble::not_allowed || facts.read_trouble == Trouble::login)
    return {Level::mistaken, fmt::format("command topic {}: reading it is refused ({}); grant Read and "
                                         "Describe on it to this user",
                                         name, facts.read_words)};
  if (facts.read_trouble != Trouble::none)
    return {Level::unreachable,
            fmt::format("command topic {}: it could not be read to its end ({}); are all of its partitions "
                        "led by a broker that this machine reaches under its advertised name?",
                        name, facts.read_words)};
  return {Level::ok, fmt::format("command topic {}: read to its end, {} {}, {} {}", name, facts.partitions,
                                 facts.partitions == 1 ? "partition" : "partitions", facts.entries,
                                 facts.entries == 1 ? "entry" : "entries")};
}

void of_command_topic(const CommandTopicFacts& facts, const std::string& servers,
                      std::vector<Finding>& found) {
  const TopicFacts& topic = facts.topic;
  switch (topic.seen) {
    case Seen::unknown:
      found.push_back({Level::unreachable,
                       fmt::format("command topic {}: not seen ({}); ask again when the brokers answer",
                                   topic.name, topic.words)});
      return;
    case Seen::denied:
      found.push_back({Level::mistaken,
                       fmt::format("command topic {}: this user may not see it ({}); grant Read and Describe "
                                   "on it",
                                   topic.name, topic.words)});
      return;
    case Seen::absent:
      if (facts.is_made_at_start)
        found.push_back({Level::warning,
                         fmt::format("command topic {}: it does not exist; the start makes it, if this user "
                                     "may, otherwise: {}",
                                     topic.name,
                                     creation_of(topic.name, servers,
                                                 " --partitions 1 --config cleanup.policy=compact"))});
      else
        found.push_back(
            {Level::mistaken, fmt::format("command topic {}: it does not exist, and commands.create_topic is "
                                          "false; make it: {}",
                                          topic.name,
                                          creation_of(topic.name, servers,
                                                      " --partitions 1 --config cleanup.policy=compact"))});
      return;
    case Seen::there:
      break;
  }
  found.push_back(of_cleanup_policy(topic, servers));
  found.push_back(of_reading(facts));
  if (facts.rejected > 0)
    found.push_back({Level::warning,
                     fmt::format("command topic {}: records that are no valid commands and are skipped: {}; "
                                 "epics2kafkactl list --all shows them",
                                 topic.name, facts.rejected)});
}

std::string names_of(const std::vector<const TopicFacts*>& topics) {
  std::string text;
  for (size_t i = 0; i < std::min(topics.size(), kExamples); ++i)
    text += (i == 0 ? "" : ", ") + topics[i]->name;
  return topics.size() > kExamples ? text + ", …" : text;
}

void of_output_topics(const Facts& facts, const std::string& servers, std::vector<Finding>& found) {
  if (facts.commands.topic.seen != Seen::there || facts.commands.read_trouble != Trouble::none) {
    found.push_back(
        {Level::warning,
         "output topics: not looked at, because the command topic that names them could not be read; ask "
         "again when it can"});
    return;
  }
  if (facts.outputs.empty()) {
    found.push_back({Level::ok, "output topics: no command names one yet"});
    return;
  }
  std::vector<const TopicFacts*> there, absent, denied, unknown, closed;
  for (const TopicFacts& topic : facts.outputs) {
    auto& list = topic.seen == Seen::there    ? there
                 : topic.seen == Seen::absent ? absent
                 : topic.seen == Seen::denied ? denied
                                              : unknown;
    list.push_back(&topic);
    if (topic.seen == Seen::there && !topic.may_write) closed.push_back(&topic);
  }
  if (!there.empty())
    found.push_back(
        {Level::ok, fmt::format("output topics: {} of {} exist", there.size(), facts.outputs.size())});
  if (!closed.empty())
    found.push_back(
        {Level::mistaken,
         fmt::format(
             "output topics: this user may not write to {} of {}: {}; their events wait in the spool. "
             "Grant it: kafka-acls.sh --bootstrap-server {} --add --allow-principal User:NAME "
             "--operation Write --topic {}",
             closed.size(), facts.outputs.size(), names_of(closed), servers, closed.front()->name)});
  if (!absent.empty())
    found.push_back({Level::warning,
                     fmt::format("output topics: {} of {} do not exist: {}; their events wait in the spool "
                                 "unless the brokers make topics by themselves. Make each: {}",
                                 absent.size(), facts.outputs.size(), names_of(absent),
                                 creation_of(absent.front()->name, servers, ""))});
  if (!denied.empty())
    found.push_back({Level::mistaken, fmt::format("output topics: this user may not see {} of {}: {} ({}); "
                                                  "grant Write and Describe on them",
                                                  denied.size(), facts.outputs.size(), names_of(denied),
                                                  denied.front()->words)});
  if (!unknown.empty())
    found.push_back({Level::unreachable, fmt::format("output topics: {} of {} could not be asked for: {} "
                                                     "({}); ask again when the brokers answer",
                                                     unknown.size(), facts.outputs.size(), names_of(unknown),
                                                     unknown.front()->words)});
}

Finding of_registry(const RegistryFacts& facts) {
  const std::string who = fmt::format("schema registry ({}) {}", facts.part, facts.url);
  const std::string options = facts.part + ".options.";
  switch (facts.trouble) {
    case Trouble::none:
      return {Level::ok, fmt::format("{}: answers", who)};
    case Trouble::unreachable:
    case Trouble::silent:
    case Trouble::unresolved:
      return {Level::unreachable, fmt::format("{}: {}; start it, or correct {}\"schema.registry.url\"", who,
                                              facts.words, options)};
    case Trouble::login:
    case Trouble::not_allowed:
      return {Level::mistaken, fmt::format("{}: refuses with HTTP {}; correct {}\"basic.auth.user.info\" or "
                                           "\"bearer.auth.token\", or let this user read subjects",
                                           who, facts.status, options)};
    case Trouble::tls:
    case Trouble::protocol:
      return {Level::mistaken, fmt::format("{}: {}; check http or https in {}\"schema.registry.url\" and the "
                                           "ssl.* options there",
                                           who, facts.words, options)};
    case Trouble::odd:
      return {facts.status >= 500 ? Level::unreachable : Level::warning,
              fmt::format("{}: {}; is {}\"schema.registry.url\" the base of a registry with Confluent's API?",
                          who, facts.words, options)};
  }
  return {};
}

bool other_answers(const RegistryFacts& registry, const std::vector<RegistryFacts>& all) {
  return std::any_of(all.begin(), all.end(), [&](const RegistryFacts& other) {
    return other.part == registry.part && other.trouble == Trouble::none;
  });
}

}  // namespace

std::vector<Finding> findings(const Facts& facts) {
  std::vector<Finding> found;
  bool answered = true;
  for (const BrokerFacts& side : facts.brokers) {
    found.push_back(of_brokers(side));
    answered = answered && side.trouble == Trouble::none;
  }
  const std::string servers = facts.brokers.empty() ? "SERVERS" : facts.brokers.front().servers;
  // Where no broker answers there is nothing to say of topics that it would not repeat.
  if (answered) {
    of_command_topic(facts.commands, servers, found);
    of_output_topics(facts, servers, found);
    of_stamps(facts, found);
  }
  for (const RegistryFacts& registry : facts.registries) {
    found.push_back(of_registry(registry));
    // Of several addresses one is enough for the service to work.
    if (found.back().level == Level::unreachable && other_answers(registry, facts.registries))
      found.back().level = Level::warning;
  }
  return found;
}

std::string line(const Finding& finding) {
  const char* word = finding.level == Level::ok        ? "ok"
                     : finding.level == Level::warning ? "warning"
                                                       : "broken";
  return fmt::format("{} {}", word, ctl::printable(finding.text));
}

int exit_code(const std::vector<Finding>& findings) {
  const auto any = [&](Level level) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.level == level; });
  };
  return any(Level::mistaken) ? kBadConfiguration : any(Level::unreachable) ? kTryAgain : 0;
}

}  // namespace e2k::supervisor::check
