#include "worker/registry/registry_subject.h"

namespace e2k::worker {

std::string subject_of(const RegistrySettings& settings, RecordPart part, std::string_view topic,
                       const SchemaDocument& schema) {
  switch (settings.strategy) {
    case SubjectStrategy::topic_name:
      return std::string(topic) + (part == RecordPart::key ? "-key" : "-value");
    case SubjectStrategy::record_name:
      return schema.record_name;
    case SubjectStrategy::topic_record_name:
      return std::string(topic) + "-" + schema.record_name;
  }
  return "";
}

std::optional<std::string> strategy_problem(const RegistrySettings& settings, RecordPart part,
                                            const SchemaDocument& schema) {
  if (settings.strategy == SubjectStrategy::topic_name || !schema.record_name.empty()) return std::nullopt;
  const std::string word = part == RecordPart::key ? "key" : "value";
  return word + ".options." + word +
         ".subject.name.strategy: names subjects by the record, but the schema is that of a plain " + word +
         " and has no name; use TopicNameStrategy";
}

}  // namespace e2k::worker
