// Any bytes as a registry's answer: the first two choose status and question, the third the type of our
// schema, the rest is the body. An id is positive, words are short, printable and free of credentials. As
// schemas, what can be parsed fits itself, and two that do not fit do so in both directions. The body is read
// as a list of addresses, too: what is accepted holds nothing of a password.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/registry/registry_url.h"
#include "common/text.h"
#include "worker/registry/registry_protocol.h"
#include "worker/registry/wire_form.h"

namespace {

using namespace e2k::worker;

constexpr int kStatuses[] = {200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503, 0};
constexpr std::string_view kSecret = "hush-hush";

void require(bool holds) {
  if (!holds) std::abort();
}

void check_words(const std::string& words) {
  require(words.size() < 3 * kMaxWordsBytes);
  require(e2k::is_valid_utf8(words) && !e2k::has_control_characters(words));
  require(words.find(kSecret) == std::string::npos);
}

// Its words may be shown, so it holds no secret.
std::string_view our_schema(std::string_view type) {
  if (type == "PROTOBUF") return "syntax = \"proto3\";\nmessage R {\n  string a = 1;\n}\n";
  if (type == "JSON") return R"({"type":"object","properties":{"a":{"type":"string"}}})";
  return R"({"type":"record","name":"R","fields":[{"name":"a","type":"string"}]})";
}

void check_forms(std::string_view type, std::string_view one, std::string_view other) {
  if (const auto difference = form_difference(type, one, one)) require(difference->empty());
  require(form_difference(type, one, other).has_value() == form_difference(type, other, one).has_value());
}

void check_addresses(std::string_view list) {
  const auto urls = e2k::config::parse_registry_urls(list);
  if (!urls) return check_words(urls.error().message);
  require(!urls->empty() && urls->size() <= e2k::config::kMaxRegistryUrls);
  for (const RegistryUrl& url : *urls)
    require(url.base.find('@') == std::string::npos && !e2k::has_control_characters(url.base));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const int status = kStatuses[data[0] % std::size(kStatuses)];
  const auto question = static_cast<Question>(data[1] % 3);
  const std::string_view types[] = {"AVRO", "PROTOBUF", "JSON"};
  const std::string_view type = types[data[2] % 3];
  const std::string_view body(reinterpret_cast<const char*>(data) + 3, size - 3);

  Redaction redaction;
  redaction.add_user_info("operator:" + std::string(kSecret));
  RegistryAnswer answer = decode_answer(question, status, body, redaction);
  require((answer.verdict == Verdict::ok) == (answer.id > 0));
  check_words(answer.words);
  require(type != "PROTOBUF" || !form_difference(type, body, body));
  check_forms(type, body.substr(0, body.size() / 2), body.substr(body.size() / 2));
  if (question == Question::latest) {
    answer = judge_latest(answer, {std::string(type), std::string(our_schema(type)), "R"});
    require((answer.verdict == Verdict::ok) == (answer.id > 0));
    check_words(answer.words);
  }
  if (answer.verdict != Verdict::ok) check_words(explain(answer, question, "subject"));
  check_addresses(body);
  return 0;
}
