// Kafka Connect's surface, as a script meets it: request in, code and document out.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "supervisor/control/connect_documents.h"
#include "supervisor/control/responder.h"
#include "tests/unit/control/fake_model.h"

namespace e2k::supervisor {
namespace {

using Json = nlohmann::json;

WorkerView a_worker(uint16_t slot, std::string state, int32_t pid = 0) {
  WorkerView worker;
  worker.slot = Slot{slot};
  worker.state = std::move(state);
  worker.pid = pid;
  return worker;
}

struct Connect : testing::Test {
  FakeModel model;
  ResponderRules rules;
  Connect() {
    model.status_view.state = ServiceState::running;
    model.status_view.version = "1.2.3";
    model.status_view.pid = 100;
    model.worker_views = {a_worker(0, "RUNNING", 101), a_worker(1, "FAILED")};
    model.worker_views[1].last_exit = "signal 11 (SIGSEGV)";
    model.topic_names = {"topic1", "topic2"};
    rules.connector = {"ca-source", "beamline", {{"command.topic", "epics-channels"}}};
  }
  Answer ask(std::string_view method, std::string_view target, Surface surface = Surface::control_socket) {
    Request request;
    request.method = method;
    request.target = target;
    request.host = "localhost";
    return whole(respond(surface, request, rules, model));
  }
  Json get(std::string_view target, Surface surface = Surface::control_socket) {
    const Answer answer = ask("GET", target, surface);
    EXPECT_EQ(answer.code, 200) << target << answer.body;
    return Json::parse(answer.body);
  }
};

const Json kStatus = Json::parse(R"json({"name":"ca-source",
  "connector":{"state":"RUNNING","worker_id":"beamline:100"},
  "tasks":[{"id":0,"state":"RUNNING","worker_id":"beamline:101"},
           {"id":1,"state":"FAILED","worker_id":"beamline:100","trace":"signal 11 (SIGSEGV)"}],
  "type":"source"})json");
const Json kInfo = Json::parse(R"json({"name":"ca-source","config":{"command.topic":"epics-channels"},
  "tasks":[{"connector":"ca-source","task":0},{"connector":"ca-source","task":1}],"type":"source"})json");

TEST_F(Connect, each_question_has_the_shape_that_it_has_in_connect) {
  const std::vector<std::pair<const char*, Json>> shapes = {
      {"/connectors", {"ca-source"}},
      {"/connectors/", {"ca-source"}},
      {"/connectors?expand=status", {{"ca-source", {{"status", kStatus}}}}},
      {"/connectors?expand=info&expand=status", {{"ca-source", {{"status", kStatus}, {"info", kInfo}}}}},
      {"/connectors/ca-source", kInfo},
      {"/connectors/ca%2Dsource/status/", kStatus},
      {"/connectors/ca-source/config", {{"command.topic", "epics-channels"}}},
      {"/connectors/ca-source/tasks/1/status", kStatus["tasks"][1]},
      {"/connectors/ca-source/topics", {{"ca-source", {{"topics", {"topic1", "topic2"}}}}}},
  };
  for (const auto& [target, shape] : shapes) EXPECT_EQ(get(target), shape) << target;
  const Json tasks = get("/connectors/ca-source/tasks");
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[1]["id"], Json({{"connector", "ca-source"}, {"task", 1}}));
  EXPECT_TRUE(tasks[1]["config"].is_object());
  const Json plugins = get("/connector-plugins?connectorsOnly=false");
  ASSERT_EQ(plugins.size(), 1u);
  EXPECT_EQ(plugins[0]["type"], "source");
  EXPECT_EQ(plugins[0]["version"], "1.2.3");
  EXPECT_EQ(ask("HEAD", "/connectors/ca-source/status").code, 200);
}

TEST_F(Connect, states_are_those_of_the_table) {
  struct Case {
    ServiceState service;
    bool paused;
    const char* worker;
    uint64_t restarts;
    const char *connector, *task;
  };
  for (const Case& one :
       std::vector<Case>{{ServiceState::starting, false, "STARTING", 0, "UNASSIGNED", "UNASSIGNED"},
                         {ServiceState::running, false, "STARTING", 0, "RUNNING", "UNASSIGNED"},
                         {ServiceState::running, false, "STARTING", 1, "RUNNING", "RESTARTING"},
                         {ServiceState::degraded, false, "RUNNING", 1, "RUNNING", "RUNNING"},
                         {ServiceState::degraded, false, "UNRESPONSIVE", 0, "RUNNING", "RESTARTING"},
                         {ServiceState::running, false, "STOPPING", 0, "RUNNING", "RESTARTING"},
                         {ServiceState::degraded, false, "BACKOFF", 1, "RUNNING", "RESTARTING"},
                         {ServiceState::degraded, false, "FAILED", 1, "RUNNING", "FAILED"},
                         {ServiceState::running, false, "STOPPED", 0, "RUNNING", "UNASSIGNED"},
                         {ServiceState::paused, true, "RUNNING", 0, "PAUSED", "PAUSED"},
                         {ServiceState::degraded, true, "RUNNING", 0, "PAUSED", "PAUSED"},
                         {ServiceState::degraded, true, "FAILED", 0, "PAUSED", "FAILED"},
                         {ServiceState::stopping, false, "STOPPING", 0, "UNASSIGNED", "UNASSIGNED"}}) {
    StatusView status;
    status.state = one.service;
    status.paused = one.paused;
    WorkerView worker = a_worker(0, one.worker);
    worker.restarts = one.restarts;
    EXPECT_EQ(connector_state(status), one.connector) << one.worker;
    EXPECT_EQ(task_state(status, worker), one.task) << one.worker << " " << to_string(one.service);
  }
}

TEST_F(Connect, changes_have_connects_codes_and_no_body) {
  struct Case {
    const char *method, *target;
    int code;
    const char* change;
  };
  for (const Case& one : std::vector<Case>{
           {"PUT", "/connectors/ca-source/pause", 202, "pause"},
           {"PUT", "/connectors/ca-source/resume/", 202, "resume"},
           {"POST", "/connectors/ca-source/tasks/0/restart", 204, "restart 0"},
           {"POST", "/connectors/ca-source/restart", 204, ""},
           {"POST", "/connectors/ca-source/restart?includeTasks=false&onlyFailed=true", 204, ""}}) {
    model.changes.clear();
    const Answer answer = ask(one.method, one.target);
    EXPECT_EQ(answer.code, one.code) << one.target;
    EXPECT_EQ(answer.body + answer.content_type, "") << one.target;
    const std::vector<std::string> changes(*one.change == '\0' ? 0 : 1, one.change);
    EXPECT_EQ(model.changes, changes) << one.target;
  }
}

TEST_F(Connect, a_restart_with_the_tasks_answers_with_the_status) {
  Answer answer = ask("POST", "/connectors/ca-source/restart?includeTasks=true");
  EXPECT_EQ(answer.code, 202);
  Json status = Json::parse(answer.body);
  EXPECT_EQ(status["tasks"][0]["state"], "RESTARTING");
  EXPECT_EQ(status["tasks"][1]["state"], "RESTARTING");
  answer = ask("POST", "/connectors/ca-source/restart?includeTasks=true&onlyFailed=true");
  EXPECT_EQ(answer.code, 202);
  status = Json::parse(answer.body);
  EXPECT_EQ(status["tasks"][0]["state"], "RUNNING");
  EXPECT_EQ(status["tasks"][1]["state"], "RESTARTING");
  EXPECT_FALSE(status["tasks"][1].contains("trace"));
  EXPECT_EQ(model.changes, (std::vector<std::string>{"restart all rolling", "restart all failed"}));
}

TEST_F(Connect, a_pause_that_can_not_be_remembered_is_an_error) {
  model.pause_outcome = fail("/state/paused: no space");
  const Answer refused = ask("PUT", "/connectors/ca-source/pause");
  EXPECT_EQ(refused.code, 500);
  EXPECT_NE(refused.body.find("no space"), std::string::npos);
}

TEST_F(Connect, what_does_not_exist_is_answered_with_what_does) {
  struct Case {
    const char *method, *target, *names;
  };
  for (const Case& one :
       std::vector<Case>{{"GET", "/connectors/other", "ca-source"},
                         {"GET", "/connectors/other/status", "ca-source"},
                         {"GET", "/connectors//status", "ca-source"},
                         {"PUT", "/connectors/other/pause", "ca-source"},
                         {"POST", "/connectors/other/restart?includeTasks=true", "ca-source"},
                         {"POST", "/connectors/other/tasks/0/restart", "ca-source"},
                         {"GET", "/connectors/ca-source/tasks/9/status", "2 workers"},
                         {"PUT", "/connectors/ca-source/stop", "pause"},
                         {"GET", "/connectors/ca-source/offsets", "/channels/NAME"},
                         {"PUT", "/connector-plugins/CASourceConnector/config/validate", "--check"},
                         {"GET", "/connectors/ca-source/tasks/x/status", "there is no"},
                         {"GET", "/connectors/ca-source/nothing", "there is no"}}) {
    const Answer answer = ask(one.method, one.target);
    EXPECT_EQ(answer.code, 404) << one.target;
    EXPECT_EQ(Json::parse(answer.body)["error_code"], 404) << one.target;
    EXPECT_NE(answer.body.find(one.names), std::string::npos) << one.target << answer.body;
  }
  EXPECT_TRUE(model.changes.empty());
  const Answer task = ask("POST", "/connectors/ca-source/tasks/9/restart");
  EXPECT_EQ(task.code, 404);
  EXPECT_NE(task.body.find("2 workers"), std::string::npos);
}

TEST_F(Connect, what_is_not_done_over_http_is_told_where_it_is_done) {
  struct Case {
    const char *method, *target, *instead;
  };
  for (const Case& one : std::vector<Case>{{"POST", "/connectors", "command topic"},
                                           {"DELETE", "/connectors/ca-source", "systemctl stop"},
                                           {"PUT", "/connectors/ca-source/config", "configuration file"},
                                           {"PATCH", "/connectors/ca-source/config", "configuration file"}}) {
    const Answer answer = ask(one.method, one.target);
    EXPECT_EQ(answer.code, 405) << one.target;
    EXPECT_EQ(answer.allow, "GET, HEAD") << one.target;
    EXPECT_NE(answer.body.find(one.instead), std::string::npos) << one.target << answer.body;
  }
  EXPECT_EQ(ask("POST", "/connectors/ca-source/pause").allow, "PUT");
  EXPECT_EQ(ask("GET", "/connectors/ca-source/restart").allow, "POST");
}

TEST_F(Connect, unknown_parameters_are_refused_by_name) {
  for (const char* target :
       {"/connectors?expand=all", "/connectors?expnd=info", "/connectors/ca-source/status?verbose=1"})
    EXPECT_EQ(ask("GET", target).code, 400) << target;
  EXPECT_EQ(ask("POST", "/connectors/ca-source/restart?includeTask=true").code, 400);
  EXPECT_EQ(ask("POST", "/connectors/ca-source/restart?includeTasks=yes").code, 400);
  EXPECT_TRUE(model.changes.empty());
}

TEST_F(Connect, the_status_socket_shows_no_options_and_changes_nothing) {
  EXPECT_EQ(get("/connectors/ca-source/status", Surface::status_socket), kStatus);
  EXPECT_EQ(get("/connectors/ca-source", Surface::status_socket)["config"], Json::object());
  EXPECT_EQ(get("/connectors?expand=info", Surface::status_socket)["ca-source"]["info"]["config"],
            Json::object());
  EXPECT_EQ(ask("GET", "/connectors/ca-source/config", Surface::status_socket).code, 403);
  for (const char* target : {"/connectors/ca-source/pause", "/connectors/ca-source/resume"})
    EXPECT_EQ(ask("PUT", target, Surface::status_socket).code, 405) << target;
  EXPECT_EQ(ask("POST", "/connectors/ca-source/tasks/0/restart", Surface::status_socket).code, 405);
  EXPECT_TRUE(model.changes.empty());
}

TEST_F(Connect, changes_over_tcp_follow_the_setting) {
  rules.hosts = {"localhost"};
  EXPECT_EQ(get("/connectors", Surface::http), Json({"ca-source"}));
  for (const char* target :
       {"/connectors/ca-source/restart?includeTasks=true", "/connectors/ca-source/tasks/0/restart"})
    EXPECT_EQ(ask("POST", target, Surface::http).code, 403) << target;
  EXPECT_EQ(ask("PUT", "/connectors/ca-source/pause", Surface::http).code, 403);
  EXPECT_EQ(ask("GET", "/connectors", Surface::metrics).code, 404);
  EXPECT_TRUE(model.changes.empty());
  rules.http_changes = HttpChanges::loopback;
  Request near;
  near.method = "PUT";
  near.target = "/connectors/ca-source/pause";
  near.host = "localhost";
  near.from_loopback = true;
  EXPECT_EQ(respond(Surface::http, near, rules, model).code, 202);
}

TEST_F(Connect, topics_are_bounded) {
  model.topic_names.assign(kMaxListedTopics + 5, "t");
  EXPECT_EQ(get("/connectors/ca-source/topics")["ca-source"]["topics"].size(), kMaxListedTopics);
}

}  // namespace
}  // namespace e2k::supervisor
