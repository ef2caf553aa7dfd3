// The registrar against a stand-in; every wait is for its bell or for a request, with a deadline.
#include "worker/registry/registrar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "tests/support/registry/registry_stand_in.h"

namespace e2k::worker {
namespace {

using config::RecordPart;
using test::error_reply;
using test::id_reply;
using test::RegistryStandIn;
using test::Reply;
using test::SeenRequest;
using test::SilentPort;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

const SchemaDocument kRecord{"AVRO", R"({"type":"record","name":"n.R","fields":[]})", "n.R"};
const SchemaDocument kPlainString{"AVRO", R"("string")", ""};
constexpr RetryPauses kShort{.first = 5ms, .longest = 20ms, .rejected = 20ms};

struct RegistrarTest : testing::Test {
  std::unique_ptr<Doorbell> bell = std::move(*Doorbell::create());
  std::unique_ptr<Registrar> registrar;

  void start(ConverterOptions options, const SchemaDocument& schema = kRecord, RetryPauses pauses = kShort) {
    auto made = Registrar::create(options, RecordPart::value, schema, *bell, pauses);
    ASSERT_TRUE(made) << made.error().message;
    registrar = std::move(*made);
  }
  void start(const std::string& url) { start(ConverterOptions{{"schema.registry.url", url}}); }

  // Looks whenever the bell rings.
  template <class Condition>
  bool comes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left <= 0ms) return false;
      bell->wait(static_cast<int>(left.count()));
    }
    return true;
  }
  int32_t id_of(const std::string& topic) {
    std::optional<int32_t> id;
    comes([&] { return (id = registrar->id_for(topic)).has_value(); });
    return id.value_or(-1);
  }
  bool problem_with(const std::string& words) {
    return comes([&] { return registrar->problem().find(words) != std::string::npos; });
  }
};

TEST_F(RegistrarTest, id_comes_with_the_bell_and_counts_as_news) {
  RegistryStandIn registry([](const SeenRequest&) { return id_reply(7); });
  start(registry.url());
  EXPECT_EQ(registrar->news(), 0u);
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_EQ(id_of("t"), 7);
  EXPECT_EQ(registrar->news(), 1u);
  EXPECT_EQ(registrar->problem(), "");
  EXPECT_EQ(registry.seen().at(0).target, "/subjects/t-value/versions?normalize=false");
}

TEST_F(RegistrarTest, topics_of_one_subject_are_asked_for_once) {
  std::promise<void> all_asked;
  RegistryStandIn registry([held = all_asked.get_future().share()](const SeenRequest&) {
    held.wait();
    return id_reply(7);
  });
  const ConverterOptions options{{"schema.registry.url", registry.url()},
                                 {"value.subject.name.strategy", "RecordNameStrategy"}};
  start(options);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(registrar->id_for("topic" + std::to_string(i)));
  all_asked.set_value();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(id_of("topic" + std::to_string(i)), 7);
  // Whatever the first one had still to ask comes before the question of a second one.
  const auto first = std::move(registrar);
  start(options);
  EXPECT_EQ(id_of("topic"), 7);
  EXPECT_EQ(first->news(), 1u);
  ASSERT_EQ(registry.seen().size(), 2u);
  EXPECT_EQ(registry.seen()[0].target, "/subjects/n.R/versions?normalize=false");
}

TEST_F(RegistrarTest, each_topic_has_its_own_subject_otherwise) {
  RegistryStandIn registry(
      [](const SeenRequest& seen) { return id_reply(seen.target.starts_with("/subjects/a-") ? 1 : 2); });
  start(registry.url());
  EXPECT_EQ(id_of("a"), 1);
  EXPECT_EQ(id_of("b"), 2);
  EXPECT_EQ(id_of("a"), 1);
  EXPECT_EQ(registry.seen().size(), 2u);
}

TEST_F(RegistrarTest, registry_that_is_away_is_named_and_asked_until_it_answers) {
  RegistryStandIn registry([](const SeenRequest&) { return Reply{.kind = Reply::Kind::close}; });
  start(registry.url());
  EXPECT_FALSE(registrar->id_for("a"));
  EXPECT_FALSE(registrar->id_for("b"));
  EXPECT_TRUE(problem_with("the schema registry is unavailable and asked again: " + registry.url()));
  ASSERT_TRUE(registry.wait_for_requests(4));
  registry.set_script([](const SeenRequest&) { return id_reply(7); });
  EXPECT_EQ(id_of("a"), 7);
  EXPECT_EQ(id_of("b"), 7);
  EXPECT_EQ(registrar->problem(), "");
}

TEST_F(RegistrarTest, registry_that_is_away_is_not_pressed) {
  RegistryStandIn registry([](const SeenRequest&) { return Reply{.kind = Reply::Kind::close}; });
  const auto began = std::chrono::steady_clock::now();
  start({{"schema.registry.url", registry.url()}}, kRecord, {.first = 40ms, .longest = 40ms});
  EXPECT_FALSE(registrar->id_for("a"));
  EXPECT_FALSE(registrar->id_for("b"));
  ASSERT_TRUE(registry.wait_for_requests(4));
  // Three pauses, less what chance takes of them.
  EXPECT_GE(std::chrono::steady_clock::now() - began, 90ms);
}

TEST_F(RegistrarTest, subject_that_a_server_chokes_on_holds_up_no_other) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return seen.target.starts_with("/subjects/bad-") ? error_reply(500, 50001, "choked") : id_reply(7);
  });
  start(registry.url());
  EXPECT_FALSE(registrar->id_for("bad"));
  EXPECT_TRUE(problem_with("choked, when asked for the subject \"bad-value\""));
  EXPECT_EQ(id_of("good"), 7);
}

TEST_F(RegistrarTest, second_address_answers_for_the_first) {
  SilentPort nobody;
  RegistryStandIn registry([](const SeenRequest&) { return id_reply(7); });
  start(nobody.url() + "," + registry.url());
  EXPECT_EQ(id_of("t"), 7);
  EXPECT_EQ(registrar->problem(), "");
}

TEST_F(RegistrarTest, refusal_is_shown_in_the_registrys_words_and_asked_again) {
  RegistryStandIn registry(
      [](const SeenRequest&) { return error_reply(409, 409, "Schema being registered is incompatible"); });
  start(registry.url());
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("subject \"t-value\""));
  EXPECT_THAT(registrar->problem(), AllOf(HasSubstr("HTTP 409: Schema being registered is incompatible"),
                                          HasSubstr("compatibility level")));
  ASSERT_TRUE(registry.wait_for_requests(3));
  registry.set_script([](const SeenRequest&) { return id_reply(7); });
  EXPECT_EQ(id_of("t"), 7);
  EXPECT_EQ(registrar->problem(), "");
}

TEST_F(RegistrarTest, refused_subject_is_left_alone_for_its_pause) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return seen.target.starts_with("/subjects/bad-") ? error_reply(422, 42201, "invalid schema")
                                                     : id_reply(7);
  });
  start({{"schema.registry.url", registry.url()}}, kRecord, {});
  EXPECT_FALSE(registrar->id_for("bad"));
  EXPECT_TRUE(problem_with("invalid schema"));
  for (const char* topic : {"a", "b", "c"}) {
    EXPECT_EQ(id_of(topic), 7);
    EXPECT_FALSE(registrar->id_for("bad"));
  }
  EXPECT_EQ(registry.seen().size(), 4u);
}

TEST_F(RegistrarTest, rejected_subjects_take_turns_with_new_ones) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return seen.target.starts_with("/subjects/bad") ? error_reply(409, 409, "incompatible") : id_reply(7);
  });
  // All that are rejected are due again at once.
  start({{"schema.registry.url", registry.url()}}, kRecord, {.first = 5ms, .longest = 20ms, .rejected = 0ms});
  for (int i = 0; i < 20; ++i) registrar->id_for("bad" + std::to_string(i));
  ASSERT_TRUE(registry.wait_for_requests(40));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(id_of("good" + std::to_string(i)), 7);
}

TEST_F(RegistrarTest, three_rejections_are_told_in_their_own_words_and_the_rest_is_counted) {
  RegistryStandIn registry(
      [](const SeenRequest& seen) { return error_reply(409, 409, "no " + seen.target.substr(10, 1)); });
  start(registry.url());
  for (const char* topic : {"e", "d", "c", "b", "a"}) registrar->id_for(topic);
  EXPECT_TRUE(problem_with("(and 2 more subjects)"));
  const std::string problem = registrar->problem();
  for (const char* words : {"\"a-value\": refused by the schema registry: HTTP 409: no a;",
                            "\"b-value\": refused by the schema registry: HTTP 409: no b;",
                            "\"c-value\": refused by the schema registry: HTTP 409: no c;"})
    EXPECT_THAT(problem, HasSubstr(words));
  EXPECT_THAT(problem, Not(HasSubstr("\"d-value\"")));
}

TEST_F(RegistrarTest, wrong_password_is_tried_by_one_subject_and_not_by_all) {
  RegistryStandIn registry([](const SeenRequest&) { return error_reply(401, 40101, "Unauthorized"); });
  start({{"schema.registry.url", registry.url()}, {"basic.auth.user.info", "operator:hush-hush"}}, kRecord,
        {.first = 1ms, .longest = 1ms, .rejected = 100ms});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) registrar->id_for("t" + std::to_string(i));
  EXPECT_TRUE(problem_with("denies access"));
  EXPECT_THAT(registrar->problem(), HasSubstr("nothing else is asked meanwhile"));
  ASSERT_TRUE(registry.wait_for_requests(4));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
  for (const SeenRequest& seen : registry.seen()) EXPECT_EQ(seen.target, registry.seen()[0].target);
  registry.set_script([](const SeenRequest&) { return id_reply(7); });
  for (int i = 0; i < 50; ++i) EXPECT_EQ(id_of("t" + std::to_string(i)), 7);
  EXPECT_EQ(registrar->problem(), "");
}

TEST_F(RegistrarTest, right_that_one_subject_lacks_holds_up_no_other) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return seen.target.starts_with("/subjects/bad-") ? error_reply(403, 40301, "denied") : id_reply(7);
  });
  start({{"schema.registry.url", registry.url()}}, kRecord, {});
  EXPECT_FALSE(registrar->id_for("bad"));
  EXPECT_TRUE(problem_with("denies access"));
  EXPECT_EQ(id_of("good"), 7);
  EXPECT_THAT(registrar->problem(), Not(HasSubstr("meanwhile")));
}

TEST_F(RegistrarTest, registry_that_leaves_a_question_unanswered_is_named_before_the_time_out) {
  RegistryStandIn registry([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  start({{"schema.registry.url", registry.url()}}, kRecord, {.told_after = 50ms});
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("the schema registry has not answered yet: " + registry.url()));
}

TEST_F(RegistrarTest, slow_answer_ends_the_words_about_it) {
  std::promise<void> told;
  RegistryStandIn registry([until = told.get_future().share()](const SeenRequest&) {
    until.wait();
    return id_reply(7);
  });
  start({{"schema.registry.url", registry.url()}}, kRecord, {.told_after = 50ms});
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("has not answered yet"));
  told.set_value();
  EXPECT_EQ(id_of("t"), 7);
  EXPECT_EQ(registrar->problem(), "");
}

TEST_F(RegistrarTest, success_of_others_does_not_hide_a_refusal) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return seen.target.starts_with("/subjects/bad") ? error_reply(422, 42201, "invalid schema") : id_reply(7);
  });
  start(registry.url());
  EXPECT_FALSE(registrar->id_for("bad2"));
  EXPECT_FALSE(registrar->id_for("bad1"));
  EXPECT_EQ(id_of("good"), 7);
  EXPECT_TRUE(problem_with("subject \"bad2-value\""));
  EXPECT_THAT(
      registrar->problem(),
      HasSubstr(
          "subject \"bad1-value\": refused by the schema registry: HTTP 422, code 42201: invalid schema"));
}

TEST_F(RegistrarTest, outage_is_told_beside_a_refusal) {
  RegistryStandIn registry([](const SeenRequest&) { return error_reply(409, 409, "incompatible"); });
  start(registry.url());
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("incompatible"));
  registry.set_script([](const SeenRequest&) { return Reply{.kind = Reply::Kind::close}; });
  EXPECT_TRUE(problem_with("the schema registry is unavailable"));
  EXPECT_THAT(registrar->problem(), HasSubstr("incompatible"));
}

TEST_F(RegistrarTest, wrong_password_is_told_without_it) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return error_reply(401, 40101, "who is " + seen.headers.at("authorization") + " with hush-hush");
  });
  start({{"schema.registry.url", registry.url()}, {"basic.auth.user.info", "operator:hush-hush"}});
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("denies access"));
  EXPECT_THAT(registrar->problem(),
              AllOf(HasSubstr("HTTP 401, code 40101: who is Basic *** with ***"),
                    HasSubstr("check basic.auth.user.info"), Not(HasSubstr("hush")), Not(HasSubstr("b3Bl"))));
}

TEST_F(RegistrarTest, lookup_of_a_schema_that_is_not_there_says_what_helps) {
  RegistryStandIn registry([](const SeenRequest&) { return error_reply(404, 40401, "Subject not found."); });
  start({{"schema.registry.url", registry.url()}, {"auto.register.schemas", "false"}});
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("HTTP 404, code 40401: Subject not found; register the schema"));
  EXPECT_EQ(registry.seen().at(0).target, "/subjects/t-value?normalize=false");
}

TEST_F(RegistrarTest, latest_schema_must_fit_ours) {
  RegistryStandIn registry([](const SeenRequest& seen) {
    return Reply{
        .body =
            seen.target.starts_with("/subjects/same-")
                ? R"({"id":5,"version":2,"schema":"{\"type\":\"record\",\"doc\":\"d\",\"name\":\"n.R\",\"fields\":[]}"})"
                : R"({"id":6,"version":3,"schema":"\"string\""})"};
  });
  start({{"schema.registry.url", registry.url()},
         {"auto.register.schemas", "false"},
         {"use.latest.version", "true"}});
  EXPECT_EQ(id_of("same"), 5);
  EXPECT_FALSE(registrar->id_for("other"));
  EXPECT_TRUE(
      problem_with("subject \"other-value\": refused by the schema registry: its latest schema, version 3"));
}

TEST_F(RegistrarTest, end_does_not_wait_for_an_answer) {
  RegistryStandIn silent([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  start({{"schema.registry.url", silent.url()}, {"http.read.timeout.ms", "20000"}});
  EXPECT_FALSE(registrar->id_for("t"));
  ASSERT_TRUE(silent.wait_for_requests(1));
  const auto began = std::chrono::steady_clock::now();
  registrar.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(RegistrarTest, end_does_not_wait_for_a_pause) {
  RegistryStandIn registry([](const SeenRequest&) { return error_reply(409, 409, "incompatible"); });
  start({{"schema.registry.url", registry.url()}}, kRecord, {});
  EXPECT_FALSE(registrar->id_for("t"));
  EXPECT_TRUE(problem_with("incompatible"));
  const auto began = std::chrono::steady_clock::now();
  registrar.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(RegistrarTest, options_that_cannot_work_are_refused_at_once) {
  const ConverterOptions options{{"schema.registry.url", "http://a"},
                                 {"value.subject.name.strategy", "RecordNameStrategy"}};
  const auto unnamed = Registrar::create(options, RecordPart::value, kPlainString, *bell);
  ASSERT_FALSE(unnamed);
  EXPECT_THAT(unnamed.error().message, HasSubstr("use TopicNameStrategy"));
  EXPECT_FALSE(Registrar::create({}, RecordPart::value, kRecord, *bell));
}

}  // namespace
}  // namespace e2k::worker
