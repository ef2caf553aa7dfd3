// Pure. The registry's HTTP interface as values: what is asked, and what an answer amounts to.
//
// Answers are foreign: their size is bounded, their words are cut, made printable and freed of credentials
// before they go anywhere. What an answer means for us has four cases; a refusal is not worth another
// registry, since all addresses of a list serve the same data. A refusal is a registry's, with an error_code:
// what an ingress or a proxy says with the same status is Verdict::unavailable.
//
// Source: the REST interface that Confluent documents, which other registries (Apicurio, Karapace) serve too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/encode/encoder.h"
#include "worker/registry/redaction.h"
#include "worker/registry/registry_subject.h"

namespace e2k::worker {

inline constexpr std::string_view kRegistryContentType = "application/vnd.schemaregistry.v1+json";
inline constexpr size_t kMaxAnswerBytes = 1 << 20;
inline constexpr size_t kMaxWordsBytes = 400;        // of a registry's own message
inline constexpr size_t kMaxForeignBodyBytes = 200;  // of a body that is none of a registry's

struct RegistryRequest {
  enum class Method : uint8_t { get, post };
  Method method = Method::get;
  std::string path;  // with its query, behind a registry's base address
  std::string body;  // JSON; "" with get
  Question question = Question::registration;
};

RegistryRequest request_for(const RegistrySettings& settings, std::string_view subject,
                            const SchemaDocument& schema);

enum class Verdict : uint8_t {
  ok,            // there is an id
  refused,       // of this schema or subject: it will mostly be the same the next time
  unauthorised,  // who we are, or what we may
  unavailable    // no answer that counts: another address, or the same one later
};

struct RegistryAnswer {
  Verdict verdict = Verdict::unavailable;
  int32_t id = 0;     // of Verdict::ok: positive
  int status = 0;     // HTTP's; 0: none came
  std::string words;  // why there is no id; one line of valid UTF-8, not ended by a full stop

  // Of Question::latest, until judge_latest() has seen them.
  int64_t version = 0;
  std::string type, text;
};

RegistryAnswer decode_answer(Question question, int status, std::string_view body,
                             const Redaction& redaction);

// Turns a latest schema that our records do not fit into a refusal.
RegistryAnswer judge_latest(RegistryAnswer answer, const SchemaDocument& ours);

// What is amiss with a subject and what helps, for a refusal or a lack of rights.
std::string explain(const RegistryAnswer& answer, Question question, std::string_view subject);

// Foreign text as one line: valid UTF-8 without control characters, at most `most_bytes` of it.
std::string one_line(std::string_view text, size_t most_bytes);

}  // namespace e2k::worker
