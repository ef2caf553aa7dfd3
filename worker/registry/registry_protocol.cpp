#include "worker/registry/registry_protocol.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/log.h"
#include "common/text.h"
#include "worker/registry/wire_form.h"

namespace e2k::worker {
namespace {

using nlohmann::json;

constexpr std::string_view kCheckBase = "check that schema.registry.url is a registry's base address";

std::optional<int64_t> integer_member(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_number_integer()) return std::nullopt;
  if (member->is_number_unsigned() &&
      member->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return member->get<int64_t>();
}

std::string text_member(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

// Registries give every error a code; an ingress or a proxy in front of them does not.
bool is_registrys(const json& document) {
  return document.is_object() && integer_member(document, "error_code");
}

Verdict verdict_of(int status, const json& document) {
  if (status == 401 || status == 403 || status == 407) return Verdict::unauthorised;
  // Time-outs and too many requests pass. So may a redirection, which is not followed: it would carry
  // credentials to a host that nobody named.
  if (status == 408 || status == 429 || status >= 500 || status < 400) return Verdict::unavailable;
  return is_registrys(document) ? Verdict::refused : Verdict::unavailable;
}

std::string with_status(int status, std::string_view words) {
  return "HTTP " + std::to_string(status) + ": " + std::string(words);
}

std::string words_of(int status, const json& document, std::string_view body, const Redaction& redaction) {
  if (document.is_object()) {
    const std::string message = one_line(redaction.apply(text_member(document, "message")), kMaxWordsBytes);
    const auto code = integer_member(document, "error_code");
    if (code && *code != status)
      return "HTTP " + std::to_string(status) + ", code " + std::to_string(*code) + ": " +
             (message.empty() ? "without a reason" : message);
    if (!message.empty()) return with_status(status, message);
  }
  if (status >= 300 && status < 400)
    return with_status(status, "it points to another address; name that one in schema.registry.url");
  const std::string shown = one_line(redaction.apply(body), kMaxForeignBodyBytes);
  const std::string words = shown.empty() ? "without a reason" : "no registry's answer: " + shown;
  return with_status(status, status == 404 ? words + "; " + std::string(kCheckBase) : words);
}

std::string_view remedy(const RegistryAnswer& answer, Question question) {
  if (answer.verdict == Verdict::unauthorised)
    return "check basic.auth.user.info, bearer.auth.token or the credentials in schema.registry.url, and "
           "what that user may do with the subject";
  if (answer.status == 409)
    return "settle it in the registry: another compatibility level for the subject, or the subject deleted";
  if (answer.status == 404 && question == Question::registration) return kCheckBase;
  if (answer.status == 404)
    return "register the schema under that subject, or set auto.register.schemas = true";
  if (answer.status == 200)
    return "register this program's schema as the newest version, or set use.latest.version = false";
  return "settle it in the registry, or choose another converter";
}

}  // namespace

RegistryRequest request_for(const RegistrySettings& settings, std::string_view subject,
                            const SchemaDocument& schema) {
  RegistryRequest request;
  request.question = settings.question;
  request.path = "/subjects/" + percent_encode(subject);
  if (settings.question == Question::latest) {
    request.path += "/versions/latest";
    return request;
  }
  request.method = RegistryRequest::Method::post;
  if (settings.question == Question::registration) request.path += "/versions";
  request.path += settings.normalize ? "?normalize=true" : "?normalize=false";
  json body = {{"schema", schema.text}};
  if (schema.type != "AVRO") body["schemaType"] = schema.type;
  request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return request;
}

RegistryAnswer decode_answer(Question question, int status, std::string_view body,
                             const Redaction& redaction) {
  RegistryAnswer answer;
  answer.status = status;
  if (body.size() > kMaxAnswerBytes) {
    answer.words = with_status(status, "more than " + std::to_string(kMaxAnswerBytes) + " bytes");
    return answer;
  }
  const json document = json::parse(body, nullptr, false);
  if (status != 200 && status != 201) {
    answer.verdict = verdict_of(status, document);
    answer.words = words_of(status, document, body, redaction);
    return answer;
  }
  const auto id = document.is_object() ? integer_member(document, "id") : std::nullopt;
  if (!id || *id < 1 || *id > std::numeric_limits<int32_t>::max()) {
    answer.words = words_of(status, json(), body, redaction);
    return answer;
  }
  answer.verdict = Verdict::ok;
  answer.id = static_cast<int32_t>(*id);
  if (question != Question::latest) return answer;
  answer.version = integer_member(document, "version").value_or(0);
  answer.text = text_member(document, "schema");
  // A refusal shows it.
  answer.type = redaction.apply(text_member(document, "schemaType"));
  if (answer.type.empty()) answer.type = "AVRO";
  return answer;
}

RegistryAnswer judge_latest(RegistryAnswer answer, const SchemaDocument& ours) {
  if (answer.verdict != Verdict::ok) return answer;
  RegistryAnswer judged;
  judged.status = answer.status;
  const std::string latest = "its latest schema, version " + std::to_string(answer.version) + ", ";
  judged.verdict = Verdict::refused;
  if (answer.type != ours.type) {
    judged.words = latest + "is of the type " + one_line(answer.type, 20) + ", not " + ours.type;
    return judged;
  }
  const auto difference = form_difference(ours.type, ours.text, answer.text);
  if (!difference) {
    judged.verdict = Verdict::ok;
    judged.id = answer.id;
    return judged;
  }
  judged.words = latest + "differs from the one that records are written with";
  if (!difference->empty()) judged.words += ", first " + one_line(*difference, kMaxForeignBodyBytes);
  return judged;
}

std::string explain(const RegistryAnswer& answer, Question question, std::string_view subject) {
  return "subject " + log::quoted(subject) +
         (answer.verdict == Verdict::unauthorised ? ": the schema registry denies access: "
                                                  : ": refused by the schema registry: ") +
         answer.words + "; " + std::string(remedy(answer, question));
}

std::string one_line(std::string_view text, size_t most_bytes) {
  std::string line;
  while (!text.empty()) {
    const size_t bytes = utf8_character_bytes(text);
    const std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(character.size());
    if (line.size() + character.size() > most_bytes) return line + "…";
    if (bytes == 0)
      line += '?';
    else if (!has_control_characters(character))
      line += character;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (line.ends_with(' ') || line.ends_with('.')) line.pop_back();
  return line;
}

}  // namespace e2k::worker
