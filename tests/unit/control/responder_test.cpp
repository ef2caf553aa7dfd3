#include "supervisor/control/responder.h"

#include <gtest/gtest.h>

#include "tests/unit/control/fake_model.h"

namespace e2k::supervisor {
namespace {

struct Responder : testing::Test {
  FakeModel model;
  ResponderRules rules;
  Responder() {
    rules.hosts = {"localhost", "127.0.0.1"};
    model.worker_views.resize(1);
    model.entry_views = {an_entry("a")};
    model.status_view.config_path = "/etc/secret-place.toml";
  }
  Answer ask(Surface surface, std::string_view method, std::string_view target, Request request = {}) {
    request.method = method;
    request.target = target;
    if (request.host.empty()) request.host = "localhost:8083";
    return whole(respond(surface, request, rules, model));
  }
};

TEST_F(Responder, status_socket_shows_no_configuration_and_changes_nothing) {
  EXPECT_NE(ask(Surface::control_socket, "GET", "/status").body.find("secret-place"), std::string::npos);
  const Answer status = ask(Surface::status_socket, "GET", "/status");
  EXPECT_EQ(status.code, 200);
  EXPECT_EQ(status.body.find("secret-place"), std::string::npos);
  EXPECT_EQ(status.body.find("\"epics\""), std::string::npos);
  const Answer change = ask(Surface::status_socket, "POST", "/workers/0/restart");
  EXPECT_EQ(change.code, 405);
  EXPECT_EQ(change.allow, "GET, HEAD");
  EXPECT_TRUE(model.changes.empty());
}

TEST_F(Responder, changes_reach_the_model_and_are_accepted) {
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/workers/0/restart").code, 202);
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/workers/restart?rolling=true&only_failed=true").code, 202);
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/channels/a/retry?topic=topic1").code, 202);
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/workers/7/restart").code, 404);
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/channels/b/retry").code, 404);
  EXPECT_EQ(model.changes, (std::vector<std::string>{"restart 0", "restart all rolling failed",
                                                     "retry a topic1", "restart 7", "retry b"}));
}

TEST_F(Responder, a_reload_is_accepted_under_its_number_and_one_at_a_time) {
  const Answer answer = ask(Surface::control_socket, "POST", "/reload");
  EXPECT_EQ(answer.code, 202);
  EXPECT_NE(answer.body.find("\"reload\":4"), std::string::npos) << answer.body;
  EXPECT_EQ(ask(Surface::status_socket, "POST", "/reload").code, 405);
  EXPECT_EQ(ask(Surface::http, "POST", "/reload").code, 403);
  model.reload_outcome = fail("a reload is under way already");
  EXPECT_EQ(ask(Surface::control_socket, "POST", "/reload").code, 409);
}

TEST_F(Responder, a_log_level_is_changed_by_who_may_and_for_workers_that_there_are) {
  EXPECT_EQ(ask(Surface::control_socket, "PUT", "/log-level?level=debug").code, 202);
  EXPECT_EQ(ask(Surface::control_socket, "PUT", "/log-level?level=debug&worker=99").code, 404);
  EXPECT_EQ(ask(Surface::status_socket, "PUT", "/log-level?level=debug").code, 405);
  EXPECT_EQ(model.changes, (std::vector<std::string>{"log level debug", "log level debug of 99"}));
}

TEST_F(Responder, a_pause_that_can_not_be_remembered_is_an_error) {
  EXPECT_EQ(ask(Surface::control_socket, "PUT", "/pause").code, 202);
  EXPECT_EQ(ask(Surface::control_socket, "PUT", "/resume").code, 202);
  EXPECT_EQ(ask(Surface::status_socket, "PUT", "/pause").code, 405);
  EXPECT_EQ(model.changes, (std::vector<std::string>{"pause", "resume"}));
  model.pause_outcome = fail("/state/paused: no space");
  const Answer refused = ask(Surface::control_socket, "PUT", "/pause");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.body.find("no space"), std::string::npos);
}

TEST_F(Responder, changes_over_tcp_follow_the_setting) {
  const auto code = [&](Request request = {}) {
    return ask(Surface::http, "POST", "/workers/0/restart", request).code;
  };
  EXPECT_EQ(code(), 403);
  rules.http_changes = HttpChanges::loopback;
  EXPECT_EQ(code(), 403);
  Request near;
  near.from_loopback = true;
  EXPECT_EQ(code(near), 202);
  rules.http_changes = HttpChanges::token;
  EXPECT_EQ(code(near), 401);  // no token is set: nobody knows it
  rules.http_token = "s3cret";
  near.authorization = "Bearer s3cre";
  EXPECT_EQ(code(near), 401);
  near.authorization = "Bearer s3cret";
  EXPECT_EQ(code(near), 202);
  EXPECT_EQ(model.changes.size(), 2u);
}

TEST_F(Responder, tcp_refuses_web_pages_and_foreign_hosts) {
  Request page;
  page.has_origin = true;
  EXPECT_EQ(ask(Surface::http, "GET", "/status", page).code, 403);
  EXPECT_EQ(ask(Surface::metrics, "GET", "/metrics", page).code, 403);
  EXPECT_EQ(ask(Surface::control_socket, "GET", "/status", page).code, 200);
  Request rebound;
  rebound.host = "evil.example:8083";
  EXPECT_EQ(ask(Surface::http, "GET", "/status", rebound).code, 403);
  EXPECT_EQ(ask(Surface::http, "GET", "http://evil.example/status").code, 403);
  EXPECT_EQ(ask(Surface::metrics, "GET", "/metrics", rebound).code, 200);
  Request upper;
  upper.host = "LocalHost";
  EXPECT_EQ(ask(Surface::http, "GET", "/status", upper).code, 200);
}

TEST_F(Responder, the_page_is_shown_to_browsers_and_may_change_what_its_reader_may) {
  const Answer page = ask(Surface::http, "GET", "/");
  EXPECT_EQ(page.code, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("<script src=\"page.js\""), std::string::npos);
  EXPECT_EQ(ask(Surface::http, "GET", "/page.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(ask(Surface::metrics, "GET", "/").code, 404);

  Request own;
  own.host = "localhost:8083";
  own.has_origin = true;
  own.origin = "http://localhost:8083";
  own.from_loopback = true;
  EXPECT_EQ(ask(Surface::http, "PUT", "/pause", own).code, 403);
  rules.http_changes = HttpChanges::loopback;
  EXPECT_EQ(ask(Surface::http, "PUT", "/pause", own).code, 202);
  for (const char* other :
       {"http://localhost:8084", "https://localhost:8083", "http://localhost", "null", ""}) {
    own.origin = other;
    EXPECT_EQ(ask(Surface::http, "PUT", "/pause", own).code, 403) << other;
  }
  // Rebinding: the page's name is its own, and is not this machine's.
  own.host = "evil.example";
  own.origin = "http://evil.example";
  EXPECT_EQ(ask(Surface::http, "PUT", "/pause", own).code, 403);
}

TEST_F(Responder, who_asks_learns_whether_he_may_change_anything) {
  const auto access = [&](Surface surface, Request request = {}) {
    return ask(surface, "GET", "/access", request).body;
  };
  EXPECT_EQ(access(Surface::control_socket), R"({"api":1,"changes":"allowed"})");
  EXPECT_EQ(access(Surface::status_socket), R"({"api":1,"changes":"refused"})");
  EXPECT_EQ(access(Surface::http), R"({"api":1,"changes":"refused"})");
  rules.http_changes = HttpChanges::token;
  rules.http_token = "s3cret";
  EXPECT_EQ(access(Surface::http), R"({"api":1,"changes":"token"})");
  Request known;
  known.authorization = "Bearer s3cret";
  EXPECT_EQ(access(Surface::http, known), R"({"api":1,"changes":"allowed"})");
}

TEST_F(Responder, metrics_port_serves_metrics_and_health_only) {
  EXPECT_EQ(ask(Surface::metrics, "GET", "/health/live").code, 200);
  EXPECT_EQ(ask(Surface::metrics, "GET", "/status").code, 404);
  EXPECT_EQ(ask(Surface::metrics, "POST", "/workers/0/restart").code, 404);
}

TEST_F(Responder, ready_in_running_paused_and_degraded) {
  const auto code = [&](ServiceState state) {
    model.status_view.state = state;
    EXPECT_EQ(ask(Surface::status_socket, "GET", "/health/live").code, 200);
    return ask(Surface::status_socket, "GET", "/health/ready").code;
  };
  EXPECT_EQ(code(ServiceState::starting), 503);
  EXPECT_EQ(code(ServiceState::running), 200);
  EXPECT_EQ(code(ServiceState::paused), 200);
  EXPECT_EQ(code(ServiceState::degraded), 200);
  EXPECT_EQ(code(ServiceState::stopping), 503);
}

TEST_F(Responder, an_address_in_figures_is_no_foreign_host) {
  Request request;
  request.method = "GET";
  request.target = "/status";
  for (const char* host : {"10.1.2.3:8083", "[2001:db8::7]:8083"}) {
    request.host = host;
    EXPECT_EQ(respond(Surface::http, request, rules, model).code, 200) << host;
  }
  request.host = "10.1.2.3.evil.example";
  EXPECT_EQ(respond(Surface::http, request, rules, model).code, 403);
}

TEST_F(Responder, hosts_are_compared_without_port) {
  EXPECT_EQ(host_without_port("[::1]:8083"), "::1");
  EXPECT_EQ(host_without_port("[::1"), "::1");
  EXPECT_EQ(host_without_port("Name:8083"), "name");
  EXPECT_EQ(host_without_port("::1"), "::1");
}

}  // namespace
}  // namespace e2k::supervisor
