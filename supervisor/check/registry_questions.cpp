#include "supervisor/check/registry_questions.h"

#include <algorithm>

#include "common/registry/registry_settings.h"
#include "supervisor/ctl/registry_request.h"

namespace e2k::supervisor::check {
namespace {

using std::chrono::milliseconds;

// Of one address: so that one which is silent leaves time for the next.
constexpr milliseconds kLongest{4000};

Trouble trouble_of(ctl::RegistryTrouble trouble) {
  switch (trouble) {
    case ctl::RegistryTrouble::unresolved:
      return Trouble::unresolved;
    case ctl::RegistryTrouble::tls:
      return Trouble::tls;
    case ctl::RegistryTrouble::unreachable:
      return Trouble::unreachable;
    case ctl::RegistryTrouble::none:
    case ctl::RegistryTrouble::odd:
      break;
  }
  return Trouble::odd;
}

RegistryFacts ask(const config::RegistryUrl& url, const config::RegistrySettings& settings,
                  const Deadline& deadline) {
  RegistryFacts facts;
  facts.url = url.base;
  // The list of subjects may be long, and nobody reads it: one that did not end in time is an answer, too.
  const ctl::RegistryReply reply =
      ctl::get_from_registry(url, settings, "/subjects", 0, std::min(kLongest, deadline.left()));
  facts.status = reply.status;
  if (facts.status >= 200 && facts.status < 300) return facts;
  if (facts.status != 0) {
    facts.trouble =
        facts.status == 401 || facts.status == 403 || facts.status == 407 ? Trouble::login : Trouble::odd;
    facts.words = "it answers GET /subjects with HTTP " + std::to_string(facts.status);
    return facts;
  }
  facts.trouble = trouble_of(reply.trouble);
  facts.words = reply.words;
  return facts;
}

void ask_part(const Properties& options, config::RecordPart part, const char* name, const Deadline& deadline,
              std::vector<RegistryFacts>& told) {
  if (!options.contains("schema.registry.url")) return;
  config::OptionValues values;
  for (const auto& [option, value] : options) values[option] = value.value;
  // The configuration was judged before: what can't be read is told there.
  const auto settings = config::read_registry_settings(config::registry_part(values, part), part);
  if (!settings) return;
  for (const config::RegistryUrl& url : settings->urls) {
    told.push_back(ask(url, *settings, deadline));
    told.back().part = name;
  }
}

}  // namespace

std::vector<RegistryFacts> ask_registries(const Config& config, const Deadline& deadline) {
  std::vector<RegistryFacts> told;
  ask_part(config.value.options, config::RecordPart::value, "value", deadline, told);
  ask_part(config.key.options, config::RecordPart::key, "key", deadline, told);
  return told;
}

}  // namespace e2k::supervisor::check
