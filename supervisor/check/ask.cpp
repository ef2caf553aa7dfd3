#include "supervisor/check/ask.h"

#include "supervisor/check/kafka_questions.h"
#include "supervisor/check/registry_questions.h"
#include "supervisor/check/supervisor_questions.h"

namespace e2k::supervisor::check {

using std::chrono::seconds;

Facts ask(const Config& config) {
  Facts facts;
  facts.iocs_stamps = config.output.timestamp == TimestampSource::ioc;
  facts.max_past_s = config.output.max_past_s;
  facts.commands.topic.name = config.commands.topic;
  facts.commands.is_made_at_start = config.commands.create_topic;
  ask_kafka(config, Deadline(seconds(10)), facts);
  if (!facts.outputs.empty() && facts.iocs_stamps) facts.stamps = ask_stamps(config, Deadline(seconds(5)));
  facts.registries = ask_registries(config, Deadline(seconds(10)));
  return facts;
}

}  // namespace e2k::supervisor::check
