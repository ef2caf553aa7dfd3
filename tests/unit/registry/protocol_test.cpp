#include "worker/registry/registry_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/text.h"

namespace e2k::worker {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const SchemaDocument kAvro{"AVRO", "{\"type\":\"string\"}", ""};
const SchemaDocument kProtobuf{"PROTOBUF", "syntax = \"proto3\";\n", "M"};

RegistryAnswer decode(int status, std::string_view body, Question question = Question::registration) {
  return decode_answer(question, status, body, {});
}

TEST(RegistryRequests, registration_carries_the_schema_and_no_type_for_avro) {
  const auto request = request_for({}, "a/b c-value", kAvro);
  EXPECT_EQ(request.method, RegistryRequest::Method::post);
  EXPECT_EQ(request.path, "/subjects/a%2Fb%20c-value/versions?normalize=false");
  EXPECT_EQ(request.body, R"({"schema":"{\"type\":\"string\"}"})");
}

TEST(RegistryRequests, other_types_are_named) {
  RegistrySettings settings;
  settings.normalize = true;
  const auto request = request_for(settings, "s", kProtobuf);
  EXPECT_EQ(request.path, "/subjects/s/versions?normalize=true");
  EXPECT_EQ(request.body, R"({"schema":"syntax = \"proto3\";\n","schemaType":"PROTOBUF"})");
}

TEST(RegistryRequests, lookup_and_latest_have_paths_of_their_own) {
  RegistrySettings settings;
  settings.question = Question::look_up;
  const auto lookup = request_for(settings, "s", kAvro);
  EXPECT_EQ(lookup.path, "/subjects/s?normalize=false");
  EXPECT_EQ(lookup.method, RegistryRequest::Method::post);
  settings.question = Question::latest;
  const auto latest = request_for(settings, "s", kAvro);
  EXPECT_EQ(latest.path, "/subjects/s/versions/latest");
  EXPECT_EQ(latest.method, RegistryRequest::Method::get);
  EXPECT_EQ(latest.body, "");
}

TEST(RegistryAnswers, id_is_a_positive_int32) {
  EXPECT_EQ(decode(200, R"({"id":7})").id, 7);
  EXPECT_EQ(decode(200, R"({"subject":"s","version":1,"id":2147483647,"schema":"x"})").id, 2147483647);
  for (const char* bad :
       {"{\"id\":0}", "{\"id\":-1}", "{\"id\":2147483648}", "{\"id\":18446744073709551615}", "{\"id\":1.5}",
        "{\"id\":\"7\"}", "{\"id\":null}", "{}", "[7]", "7", "", "<html>", "{\"id\":7"}) {
    EXPECT_EQ(decode(200, bad).verdict, Verdict::unavailable) << bad;
    EXPECT_EQ(decode(200, bad).id, 0) << bad;
  }
}

TEST(RegistryAnswers, statuses_have_four_meanings) {
  for (const int status : {400, 404, 405, 409, 422}) {
    EXPECT_EQ(decode(status, R"({"error_code":40401})").verdict, Verdict::refused);
    // A registry gives a code.
    for (const char* other : {"{}", "", "<html>", "[]", R"({"message":"no Route matched"})"})
      EXPECT_EQ(decode(status, other).verdict, Verdict::unavailable) << other;
  }
  for (const int status : {401, 403, 407}) EXPECT_EQ(decode(status, "{}").verdict, Verdict::unauthorised);
  for (const int status : {0, 204, 301, 307, 408, 429, 500, 502, 503, 504})
    EXPECT_EQ(decode(status, "{\"id\":7}").verdict, Verdict::unavailable) << status;
}

TEST(RegistryAnswers, registrys_own_words_are_kept) {
  const auto answer = decode(409, R"({"error_code":409,"message":"Schema is incompatible."})");
  EXPECT_EQ(answer.words, "HTTP 409: Schema is incompatible");
  EXPECT_EQ(decode(404, R"({"error_code":40401,"message":"Subject 's' not found."})").words,
            "HTTP 404, code 40401: Subject 's' not found");
  EXPECT_EQ(decode(422, R"({"error_code":42201})").words, "HTTP 422, code 42201: without a reason");
  EXPECT_EQ(decode(403, "").words, "HTTP 403: without a reason");
}

TEST(RegistryAnswers, foreign_words_become_one_printable_line) {
  EXPECT_EQ(decode(502, "<h1>Bad\r\n\tGateway\x01</h1>\xff\xc2\x85").words,
            "HTTP 502: no registry's answer: <h1>Bad Gateway </h1>?");
  const auto body = decode(500, std::string(5000, 'x')).words;
  EXPECT_THAT(body, EndsWith("x…"));
  EXPECT_EQ(std::count(body.begin(), body.end(), 'x'), 200);
  const auto message = decode(409, "{\"message\":\"" + std::string(5000, 'x') + "\"}").words;
  EXPECT_EQ(std::count(message.begin(), message.end(), 'x'), 400);
  EXPECT_EQ(one_line("ääää", 5), "ää…");
}

TEST(RegistryAnswers, huge_body_is_not_looked_at) {
  const std::string body = "{\"id\":7,\"x\":\"" + std::string(kMaxAnswerBytes, 'x') + "\"}";
  EXPECT_EQ(decode(200, body).verdict, Verdict::unavailable);
  EXPECT_THAT(decode(200, body).words, HasSubstr("more than 1048576 bytes"));
}

TEST(RegistryAnswers, deep_nesting_is_harmless) {
  EXPECT_EQ(decode(200, std::string(kMaxAnswerBytes, '[')).verdict, Verdict::unavailable);
}

TEST(RegistryAnswers, redirection_is_not_followed) {
  EXPECT_THAT(decode(301, "").words, HasSubstr("name that one in schema.registry.url"));
}

TEST(RegistryAnswers, credentials_in_foreign_words_are_hidden) {
  Redaction redaction;
  redaction.add_user_info("operator:hush-hush");
  redaction.add("token-of-ours");
  const auto answer = decode_answer(
      Question::registration, 401,
      R"({"message":"no operator:hush-hush, hush-hush, Basic b3BlcmF0b3I6aHVzaC1odXNo, Bearer token-of-ours"})",
      redaction);
  EXPECT_EQ(answer.words, "HTTP 401: no ***, ***, Basic ***, Bearer ***");
  Redaction padded;
  padded.add_user_info("a:bcdef");
  EXPECT_EQ(padded.apply("YTpiY2RlZg=="), "***");
}

RegistryAnswer latest(const char* body, const SchemaDocument& ours) {
  return judge_latest(decode(200, body, Question::latest), ours);
}

TEST(LatestSchema, of_the_same_form_gives_its_id) {
  const auto answer =
      latest(R"({"subject":"s","version":4,"id":9,"schema":"{\"type\":\"string\",\"doc\":\"d\"}"})", kAvro);
  EXPECT_EQ(answer.verdict, Verdict::ok);
  EXPECT_EQ(answer.id, 9);
}

TEST(LatestSchema, of_another_form_is_a_refusal_that_names_version_and_remedy) {
  const auto answer = latest(R"({"subject":"s","version":4,"id":9,"schema":"\"int\""})", kAvro);
  EXPECT_EQ(answer.verdict, Verdict::refused);
  EXPECT_EQ(answer.id, 0);
  EXPECT_THAT(
      explain(answer, Question::latest, "s"),
      AllOf(HasSubstr("subject \"s\""), HasSubstr("version 4"), HasSubstr("use.latest.version = false")));
}

TEST(LatestSchema, of_another_form_is_refused_with_the_place_in_ours) {
  const SchemaDocument ours{
      "AVRO",
      R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]})", "R"};
  const auto answer = latest(
      R"({"version":4,"id":9,"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"x\",\"type\":\"int\"}]}"})",
      ours);
  EXPECT_EQ(answer.words,
            "its latest schema, version 4, differs from the one that records are written with, first in the "
            "field \"b\"");
}

TEST(LatestSchema, of_another_type_is_refused) {
  const auto answer = latest(R"({"version":4,"id":9,"schemaType":"JSON","schema":"{}"})", kAvro);
  EXPECT_EQ(answer.verdict, Verdict::refused);
  EXPECT_THAT(answer.words, HasSubstr("of the type JSON, not AVRO"));
}

TEST(LatestSchema, type_that_quotes_a_credential_is_not_shown) {
  Redaction redaction;
  redaction.add("hush-hush");
  const auto answer = decode_answer(Question::latest, 200, R"({"id":9,"schemaType":"hush-hush"})", redaction);
  EXPECT_THAT(judge_latest(answer, kAvro).words, AllOf(HasSubstr("***"), Not(HasSubstr("hush"))));
}

TEST(LatestSchema, failure_stays_what_it_is) {
  EXPECT_EQ(judge_latest(decode(503, "", Question::latest), kAvro).verdict, Verdict::unavailable);
}

TEST(RegistryExplanations, name_subject_reason_and_remedy) {
  EXPECT_EQ(explain(decode(409, R"({"error_code":409,"message":"incompatible"})"), Question::registration,
                    "t-value"),
            "subject \"t-value\": refused by the schema registry: HTTP 409: incompatible; settle it in the "
            "registry: another compatibility level for the subject, or the subject deleted");
  EXPECT_THAT(explain(decode(401, ""), Question::registration, "s"),
              AllOf(HasSubstr("denies access"), HasSubstr("check basic.auth.user.info")));
  EXPECT_THAT(explain(decode(404, "{\"error_code\":40403}"), Question::look_up, "s"),
              HasSubstr("auto.register.schemas = true"));
  EXPECT_THAT(explain(decode(404, "{\"error_code\":404}"), Question::registration, "s"),
              HasSubstr("base address"));
  EXPECT_THAT(decode(404, "<html>").words, HasSubstr("base address"));
  EXPECT_THAT(explain(decode(422, "{\"error_code\":422}"), Question::registration, "a\nb"),
              Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace e2k::worker
