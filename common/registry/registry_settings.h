// Pure. What the options of one part say about its schema registry: where it is, who we are to it, what is
// asked of it and under which subject. The options' names and defaults are Connect's; common/config/
// registry_options.h lists them.
//
// Contradictions that Connect would pass over are refused (credentials of two kinds, a source of credentials
// that holds none). One habit is kept: auto.register.schemas, true unless set, comes before
// use.latest.version. Some options are accepted and do nothing: those of caches, since there is one schema a
// subject, and the password of a trust store, since a PEM file has none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/converters.h"
#include "common/config/registry_options.h"
#include "common/registry/registry_tls.h"
#include "common/registry/registry_url.h"
#include "common/result.h"

namespace e2k::config {

enum class SubjectStrategy : uint8_t {
  topic_name,        // TOPIC-value, TOPIC-key
  record_name,       // the record's full name: one subject for all topics
  topic_record_name  // TOPIC-NAME
};

// What is asked of the registry.
enum class Question : uint8_t {
  registration,  // take our schema in, unless it is there already
  look_up,       // the id of our schema, which somebody else has registered
  latest         // the subject's latest schema, which must have the same bytes as ours
};

struct RegistrySettings {
  std::vector<RegistryUrl> urls;  // at least one
  Question question = Question::registration;
  bool normalize = false;
  SubjectStrategy strategy = SubjectStrategy::topic_name;
  std::string user_info;     // "user:password" for all URLs; "": each URL's own. Secret.
  std::string bearer_token;  // "": none. Secret.
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds answer_timeout{20'000};  // from when the question was sent
  std::string proxy;                                 // "http://HOST:PORT"; "": none
  TlsSettings tls;
};

// `options`: those of one part; of the converter's own, none but connect.meta.data. A key has no record to
// name its subject by: RecordNameStrategy and its like are refused for it.
Result<RegistrySettings> read_registry_settings(const OptionValues& options, RecordPart part);

// The same for options among which are others (a converter's or a plug-in's): of these, the registry's.
OptionValues registry_part(const OptionValues& options, RecordPart part);

}  // namespace e2k::config
