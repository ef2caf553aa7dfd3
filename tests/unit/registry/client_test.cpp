// The client on real sockets, against a stand-in that answers by a script.
#include "worker/registry/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <future>

#include "common/fd.h"
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

const SchemaDocument kSchema{"PROTOBUF", "syntax = \"proto3\";", "M"};

Reply seven(const SeenRequest&) {
  return id_reply(7);
}

// An address that never completes a connection: the queue of those that nobody accepts is full.
class FullPort {
public:
  FullPort() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    for (UniqueFd& fd : fds_) fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fds_[0].get(), any, size), 0);
    EXPECT_EQ(::listen(fds_[0].get(), 0), 0);
    EXPECT_EQ(::getsockname(fds_[0].get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
    for (size_t i = 1; i < fds_.size(); ++i) (void)::connect(fds_[i].get(), any, size);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
  std::array<UniqueFd, 4> fds_;
  uint16_t port_ = 0;
};

struct Asker {
  RegistrySettings settings;
  std::unique_ptr<RegistryClient> client;

  explicit Asker(ConverterOptions options) {
    options.try_emplace("http.connect.timeout.ms", "10000");
    auto read = config::read_registry_settings(options, RecordPart::value);
    EXPECT_TRUE(read) << read.error().message;
    settings = *read;
    auto made = RegistryClient::create(settings);
    EXPECT_TRUE(made) << made.error().message;
    client = std::move(*made);
  }
  RegistryAnswer ask() { return client->ask(request_for(settings, "t-value", kSchema)); }
};

Asker asker(const std::string& urls) {
  return Asker({{"schema.registry.url", urls}});
}

TEST(RegistryClient, asks_as_the_interface_has_it) {
  RegistryStandIn registry(seven);
  Asker asking({{"schema.registry.url", registry.url() + "/base/"}});
  const auto answer = asking.ask();
  EXPECT_EQ(answer.verdict, Verdict::ok) << answer.words;
  EXPECT_EQ(answer.id, 7);
  ASSERT_EQ(registry.seen().size(), 1u);
  const SeenRequest seen = registry.seen()[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/base/subjects/t-value/versions?normalize=false");
  EXPECT_EQ(seen.body, R"({"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"})");
  EXPECT_EQ(seen.headers.at("content-type"), "application/vnd.schemaregistry.v1+json");
  EXPECT_EQ(seen.headers.at("accept"), "application/vnd.schemaregistry.v1+json, application/json");
  EXPECT_EQ(seen.headers.count("authorization"), 0u);
  EXPECT_EQ(seen.headers.count("expect"), 0u);
}

TEST(RegistryClient, get_follows_post_on_the_same_handle) {
  RegistryStandIn registry([](const SeenRequest&) {
    return Reply{.body = R"({"id":3,"version":1,"schemaType":"JSON","schema":"{}"})"};
  });
  Asker asking = asker(registry.url());
  asking.ask();
  asking.settings.question = Question::latest;
  const auto answer = asking.ask();
  EXPECT_EQ(answer.verdict, Verdict::ok);
  EXPECT_EQ(answer.type, "JSON");
  EXPECT_EQ(registry.seen()[1].method, "GET");
  EXPECT_EQ(registry.seen()[1].body, "");
}

TEST(RegistryClient, user_and_password_go_out_as_basic) {
  RegistryStandIn registry(seven);
  Asker({{"schema.registry.url", registry.url()}, {"basic.auth.user.info", "user:pass:word"}}).ask();
  const std::string in_url = "http://other:p%40ss@" + registry.url().substr(7);
  Asker({{"schema.registry.url", in_url}}).ask();
  ASSERT_EQ(registry.seen().size(), 2u);
  EXPECT_EQ(registry.seen()[0].headers.at("authorization"), "Basic dXNlcjpwYXNzOndvcmQ=");
  EXPECT_EQ(registry.seen()[1].headers.at("authorization"), "Basic b3RoZXI6cEBzcw==");
}

TEST(RegistryClient, urls_have_credentials_of_their_own) {
  RegistryStandIn first([](const SeenRequest&) { return error_reply(503, 50001, "down"); });
  RegistryStandIn second(seven);
  Asker({{"schema.registry.url", "http://u:hush@" + first.url().substr(7) + "," + second.url()}}).ask();
  EXPECT_EQ(first.seen().at(0).headers.count("authorization"), 1u);
  EXPECT_EQ(second.seen().at(0).headers.count("authorization"), 0u);
}

TEST(RegistryClient, token_goes_out_as_bearer) {
  RegistryStandIn registry(seven);
  Asker({{"schema.registry.url", registry.url()}, {"bearer.auth.token", "a.b-c"}}).ask();
  EXPECT_EQ(registry.seen().at(0).headers.at("authorization"), "Bearer a.b-c");
}

TEST(RegistryClient, next_address_is_tried_and_remembered) {
  SilentPort nobody;
  RegistryStandIn unwell([](const SeenRequest&) { return error_reply(500, 50001, "store timed out"); });
  RegistryStandIn busy([](const SeenRequest&) { return Reply{.status = 429}; });
  RegistryStandIn well(seven);
  Asker asking = asker(nobody.url() + "," + unwell.url() + "," + busy.url() + "," + well.url());
  EXPECT_EQ(asking.ask().id, 7);
  EXPECT_EQ(asking.ask().id, 7);
  EXPECT_EQ(unwell.seen().size(), 1u);
  EXPECT_EQ(busy.seen().size(), 1u);
  EXPECT_EQ(well.seen().size(), 2u);
  well.set_script([](const SeenRequest&) { return Reply{.kind = Reply::Kind::close}; });
  unwell.set_script([](const SeenRequest&) { return id_reply(8); });
  EXPECT_EQ(asking.ask().id, 8);
}

TEST(RegistryClient, refusal_is_an_answer_and_ends_the_search) {
  RegistryStandIn first([](const SeenRequest&) { return error_reply(409, 409, "incompatible"); });
  RegistryStandIn second(seven);
  const auto answer = asker(first.url() + "," + second.url()).ask();
  EXPECT_EQ(answer.verdict, Verdict::refused);
  EXPECT_EQ(answer.words, "HTTP 409: incompatible");
  EXPECT_TRUE(second.seen().empty());
}

TEST(RegistryClient, answer_of_no_registry_is_not_a_refusal) {
  RegistryStandIn ingress(
      [](const SeenRequest&) { return Reply{.status = 404, .body = "default backend - 404"}; });
  RegistryStandIn registry(seven);
  EXPECT_EQ(asker(ingress.url() + "," + registry.url()).ask().id, 7);
  const auto answer = asker(ingress.url()).ask();
  EXPECT_EQ(answer.verdict, Verdict::unavailable);
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(answer.words, AllOf(HasSubstr("default backend"), HasSubstr("base address")));
}

TEST(RegistryClient, address_that_denies_access_leaves_it_to_the_others) {
  for (const int status : {401, 403, 407}) {
    RegistryStandIn strict([=](const SeenRequest&) { return error_reply(status, status, "not you"); });
    RegistryStandIn registry(seven);
    EXPECT_EQ(asker(strict.url() + "," + registry.url()).ask().id, 7) << status;
    EXPECT_EQ(strict.seen().size(), 1u);
  }
}

TEST(RegistryClient, first_denial_counts_where_no_address_does_better) {
  RegistryStandIn first([](const SeenRequest&) { return error_reply(401, 40101, "not you"); });
  RegistryStandIn second([](const SeenRequest&) { return error_reply(403, 40301, "nor you"); });
  SilentPort nobody;
  for (const std::string& urls : {nobody.url() + "," + first.url() + "," + second.url(),
                                  first.url() + "," + second.url() + "," + nobody.url()}) {
    const auto answer = asker(urls).ask();
    EXPECT_EQ(answer.verdict, Verdict::unauthorised);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.words, first.url() + ": HTTP 401, code 40101: not you");
  }
}

TEST(RegistryClient, every_failing_address_is_named_without_credentials) {
  SilentPort nobody;
  RegistryStandIn garbage([](const SeenRequest&) {
    return Reply{.kind = Reply::Kind::raw, .body = "SSH-2.0-none of yours\r\n"};
  });
  RegistryStandIn echo([](const SeenRequest& seen) {
    return Reply{.status = 502, .body = "what is " + seen.headers.at("authorization") + " or hush-hush?"};
  });
  const auto with_user = [](const std::string& url) { return "http://operator:hush-hush@" + url.substr(7); };
  const auto answer =
      asker(with_user(nobody.url()) + "," + with_user(garbage.url()) + "," + with_user(echo.url())).ask();
  EXPECT_EQ(answer.verdict, Verdict::unavailable);
  EXPECT_THAT(answer.words,
              AllOf(HasSubstr(nobody.url() + ": "), HasSubstr(garbage.url() + ": "),
                    HasSubstr(echo.url() + ": HTTP 502: no registry's answer: what is Basic *** or ***?")));
  EXPECT_THAT(answer.words, Not(HasSubstr("hush")));
  EXPECT_THAT(answer.words, Not(HasSubstr("operator")));
}

TEST(RegistryClient, silence_is_bounded_by_the_time_out_of_the_answer) {
  RegistryStandIn silent([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  Asker asking({{"schema.registry.url", silent.url()},
                {"http.connect.timeout.ms", "20000"},
                {"http.read.timeout.ms", "100"}});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 2; ++i) {
    const auto answer = asking.ask();
    EXPECT_EQ(answer.verdict, Verdict::unavailable);
    EXPECT_EQ(answer.words, silent.url() + ": timed out: no answer within 100 ms");
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

TEST(RegistryClient, time_out_of_the_answer_begins_anew_on_a_kept_connection) {
  RegistryStandIn registry(seven);
  Asker asking({{"schema.registry.url", registry.url()}, {"http.read.timeout.ms", "100"}});
  EXPECT_EQ(asking.ask().id, 7);
  registry.set_script([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  EXPECT_THAT(asking.ask().words, HasSubstr("no answer within 100 ms"));
}

TEST(RegistryClient, connection_that_never_comes_is_bounded_too) {
  FullPort full;
  Asker asking({{"schema.registry.url", full.url()},
                {"http.connect.timeout.ms", "100"},
                {"http.read.timeout.ms", "20000"}});
  EXPECT_EQ(asking.ask().words, full.url() + ": timed out: no connection within 100 ms");
}

TEST(RegistryClient, equal_outages_have_equal_words) {
  SilentPort nobody;
  Asker asking = asker(nobody.url());
  EXPECT_EQ(asking.ask().words, nobody.url() + ": Couldn't connect to server: Connection refused");
}

TEST(RegistryClient, tells_whom_it_is_still_asking) {
  RegistryStandIn silent([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  Asker asking({{"schema.registry.url", silent.url()}, {"http.read.timeout.ms", "20000"}});
  std::string told;
  asking.client->ask(request_for(asking.settings, "t-value", kSchema), [&](const std::string& base) {
    told = base;
    asking.client->abort();
  });
  EXPECT_EQ(told, silent.url());
}

TEST(RegistryClient, huge_answer_is_cut_off) {
  RegistryStandIn registry([](const SeenRequest&) { return Reply{.body = std::string(8 << 20, ' ')}; });
  const auto answer = asker(registry.url()).ask();
  EXPECT_EQ(answer.verdict, Verdict::unavailable);
  EXPECT_THAT(answer.words, HasSubstr("more than 1048576 bytes"));
}

TEST(RegistryClient, redirection_carries_nothing_away) {
  RegistryStandIn other(seven);
  RegistryStandIn registry([&](const SeenRequest&) {
    return Reply{.status = 307, .headers = {{"Location", other.url() + "/subjects"}}};
  });
  const auto answer =
      Asker({{"schema.registry.url", registry.url()}, {"basic.auth.user.info", "u:hush"}}).ask();
  EXPECT_EQ(answer.verdict, Verdict::unavailable);
  EXPECT_THAT(answer.words, HasSubstr("HTTP 307: it points to another address"));
  EXPECT_TRUE(other.seen().empty());
}

TEST(RegistryClient, plain_server_behind_https_is_told_so) {
  RegistryStandIn registry(seven);
  const auto answer = asker("https" + registry.url().substr(4)).ask();
  EXPECT_EQ(answer.verdict, Verdict::unavailable);
  EXPECT_THAT(answer.words, HasSubstr("does that port speak TLS?"));
}

TEST(RegistryClient, proxy_is_the_configured_one_and_never_the_environments) {
  SilentPort nobody;
  ::setenv("http_proxy", nobody.url().c_str(), 1);
  RegistryStandIn registry(seven);
  EXPECT_EQ(asker(registry.url()).ask().id, 7);
  ::unsetenv("http_proxy");
  RegistryStandIn proxy([](const SeenRequest&) { return id_reply(9); });
  Asker asking({{"schema.registry.url", "http://registry.invalid:8081"},
                {"proxy.host", "127.0.0.1"},
                {"proxy.port", std::to_string(proxy.port())}});
  EXPECT_EQ(asking.ask().id, 9);
  EXPECT_EQ(proxy.seen().at(0).headers.at("host"), "registry.invalid:8081");
}

TEST(RegistryClient, abort_ends_a_question_under_way_and_those_after_it) {
  RegistryStandIn silent([](const SeenRequest&) { return Reply{.kind = Reply::Kind::hang}; });
  Asker asking({{"schema.registry.url", silent.url()}, {"http.read.timeout.ms", "20000"}});
  auto answer = std::async(std::launch::async, [&] { return asking.ask(); });
  ASSERT_TRUE(silent.wait_for_requests(1));
  const auto began = std::chrono::steady_clock::now();
  asking.client->abort();
  EXPECT_EQ(answer.get().verdict, Verdict::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(asking.ask().words, "given up");
  EXPECT_EQ(silent.seen().size(), 1u);
}

TEST(RegistryClient, unreadable_file_of_tls_is_named_at_once) {
  for (const char* option : {"ssl.ca.location", "ssl.certificate.location"}) {
    const auto settings = config::read_registry_settings(
        {{"schema.registry.url", "https://a"}, {option, "/no/such.pem"}}, RecordPart::value);
    ASSERT_TRUE(settings);
    const auto client = RegistryClient::create(*settings);
    ASSERT_FALSE(client);
    EXPECT_THAT(client.error().message, AllOf(HasSubstr(option), HasSubstr("\"/no/such.pem\" can't be read"),
                                              HasSubstr("No such file")));
  }
}

}  // namespace
}  // namespace e2k::worker
