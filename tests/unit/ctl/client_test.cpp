// The client against a server that says what the test tells it to.
#include "supervisor/ctl/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/fd.h"
#include "supervisor/ctl/lists.h"
#include "supervisor/ctl/queries.h"
#include "supervisor/ctl/restart.h"
#include "supervisor/ctl/sockets.h"

namespace e2k::supervisor::ctl {
namespace {

// Answers one connection after the other, one raw text each; keeps what was asked.
class FakeServer {
public:
  FakeServer(const std::string& path, std::vector<std::string> answers) : answers_(std::move(answers)) {
    listening_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_.get(), 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() { (void)asked(); }

  // What was asked for, once every answer was given.
  const std::vector<std::string>& asked() {
    if (thread_.joinable()) {
      ::shutdown(listening_.get(), SHUT_RDWR);
      thread_.join();
    }
    return asked_;
  }

private:
  void serve() {
    for (const std::string& answer : answers_) {
      const UniqueFd fd(::accept(listening_.get(), nullptr, nullptr));
      if (!fd) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<size_t>(got));
      }
      asked_.push_back(request.substr(0, request.find(" HTTP")));
      if (answer.empty())
        (void)!::recv(fd.get(), buffer, sizeof buffer, 0);  // silent until the client gives up
      else
        (void)!::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
  UniqueFd listening_;
  std::vector<std::string> answers_, asked_;
  std::thread thread_;
};

std::string http(int code, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(code) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

constexpr const char* kRunning =
    R"({"items":[{"slot":1,"generation":7,"state":"RUNNING","last_exit":null}]})";

struct CtlTest : testing::Test {
  std::string folder, path;
  std::ostringstream out, err;
  CtlTest() {
    char name[] = "/tmp/e2k-ctl-XXXXXX";
    folder = ::mkdtemp(name);
    path = folder + "/control.sock";
  }
  ~CtlTest() override { std::filesystem::remove_all(folder); }
  Client client(int timeout_ms = 20'000) const { return {{path}, std::chrono::milliseconds(timeout_ms)}; }
  Output output(bool json = false) { return {json, false, out, err}; }
};

TEST_F(CtlTest, not_running_is_3_and_names_the_socket) {
  EXPECT_EQ(show_status(client(), output()), Exit::not_running);
  EXPECT_NE(err.str().find(path), std::string::npos);
  EXPECT_NE(err.str().find("start it"), std::string::npos);
}

TEST_F(CtlTest, not_found_is_4_with_the_supervisors_message) {
  FakeServer server(path, {http(404, R"({"error_code":404,"message":"no \u001b channel"})")});
  EXPECT_EQ(show_channel(client(), "a/b", output()), Exit::not_found);
  EXPECT_EQ(server.asked().at(0), "GET /channels/a%2Fb");
  EXPECT_EQ(err.str(), "epics2kafkactl: no \\x1b channel\n");
}

TEST_F(CtlTest, refused_is_5) {
  FakeServer server(path, {http(200, kRunning), http(403, R"({"error_code":403,"message":"no"})")});
  EXPECT_EQ(restart_workers(client(), {1, false, false, 1}, output()), Exit::permission);
  EXPECT_EQ(server.asked().at(1), "POST /workers/1/restart");
}

TEST_F(CtlTest, a_restart_ends_when_the_worker_runs_again) {
  FakeServer server(path, {http(200, kRunning), http(202, "{}"), http(200, kRunning),
                           http(200, R"({"items":[{"slot":1,"generation":8,"state":"STARTING"}]})"),
                           http(200, R"({"items":[{"slot":1,"generation":8,"state":"RUNNING","pid":9}]})")});
  EXPECT_EQ(restart_workers(client(), {1, false, false, 20}, output()), Exit::ok);
  EXPECT_EQ(out.str(), "worker 1 runs again, generation 8, pid 9\n");
}

TEST_F(CtlTest, a_restart_that_ends_in_another_death_is_a_failure_and_one_that_does_not_come_124) {
  FakeServer server(path, {http(200, kRunning), http(202, "{}"),
                           http(200, R"({"items":[{"slot":1,"generation":8,"state":"BACKOFF",)"
                                     R"("last_exit":"signal SIGSEGV"}]})"),
                           http(200, kRunning), http(202, "{}"), http(200, kRunning)});
  EXPECT_EQ(restart_workers(client(), {1, false, false, 20}, output()), Exit::failed);
  EXPECT_NE(err.str().find("worker 1 was started and ended again: signal SIGSEGV"), std::string::npos);
  EXPECT_EQ(restart_workers(client(), {std::nullopt, false, true, 1e-6}, output()), Exit::timed_out);
  EXPECT_EQ(server.asked().at(4), "POST /workers/restart?rolling=true&only_failed=false");
}

TEST_F(CtlTest, a_restart_of_failed_workers_where_none_is_says_so) {
  FakeServer server(path, {http(200, kRunning), http(202, "{}")});
  EXPECT_EQ(restart_workers(client(), {std::nullopt, true, false, 20}, output()), Exit::ok);
  EXPECT_EQ(out.str(), "no worker has failed\n");
}

TEST_F(CtlTest, a_service_that_begins_or_ends_is_1) {
  FakeServer server(path, {http(200, R"({"state":"STARTING"})"), http(200, R"({"state":"STOPPING"})"),
                           http(200, R"({"state":"PAUSED"})")});
  EXPECT_EQ(show_status(client(), output()), Exit::failed);
  EXPECT_EQ(show_status(client(), output(true)), Exit::failed);
  EXPECT_EQ(show_status(client(), output()), Exit::ok);
}

TEST_F(CtlTest, degraded_is_6) {
  FakeServer server(path, {http(200, R"({"state":"DEGRADED"})"), http(200, R"({"state":"RUNNING"})"),
                           http(503, R"({"state":"STARTING","ready":false})")});
  EXPECT_EQ(show_status(client(), output()), Exit::degraded);
  EXPECT_EQ(show_health(client(), output()), Exit::ok);
  EXPECT_EQ(show_health(client(), output()), Exit::failed);
}

TEST_F(CtlTest, sockets_are_where_the_configuration_says_although_its_secrets_are_the_services) {
  std::ofstream(folder + "/e2k.toml")
      << "[kafka]\n\"sasl.password\" = {credential = \"p\"}\n[control]\nsocket = \"" << path
      << "\"\nstatus_socket = \"" << folder << "/other.sock\"\n";
  const auto nothing = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  const auto sockets = sockets_of(folder + "/e2k.toml", "", nothing);
  ASSERT_EQ(sockets.size(), 2u);
  EXPECT_EQ(sockets[0].control, path);
  EXPECT_EQ(sockets[0].status, folder + "/other.sock");
  EXPECT_EQ(sockets[1].control, "/run/epics2kafka/control.sock");
  EXPECT_EQ(sockets_of(folder + "/none.toml", "", nothing).at(0).status, "/run/epics2kafka/status.sock");
}

TEST_F(CtlTest, silence_is_124) {
  FakeServer server(path, {""});
  EXPECT_EQ(show_status(client(50), output()), Exit::timed_out);
  EXPECT_NE(err.str().find("--timeout"), std::string::npos);
}

TEST_F(CtlTest, what_is_no_supervisor_is_a_failure) {
  FakeServer server(
      path, {"SSH-2.0\r\n\r\n", http(200, "nothing"), "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nab"});
  EXPECT_EQ(show_status(client(), output()), Exit::failed);
  EXPECT_EQ(show_status(client(), output()), Exit::failed);
  EXPECT_EQ(show_status(client(), output()), Exit::failed);
}

TEST_F(CtlTest, json_is_printed_unchanged) {
  const std::string body = R"({"b":1,  "a":2.50})";
  FakeServer server(path, {http(200, body)});
  EXPECT_EQ(show_status(client(), output(true)), Exit::ok);
  EXPECT_EQ(out.str(), body + "\n");
}

TEST_F(CtlTest, pages_are_followed_to_the_end) {
  FakeServer server(path, {http(200, R"({"items":[{"channel":"a"}],"next":"61"})"),
                           http(200, R"({"items":[{"channel":"b"}],"next":null})"),
                           http(200, R"({"channels":{"total":1007}})")});
  ChannelsFilter filter;
  filter.prefix = "x&";
  EXPECT_EQ(show_channels(client(), filter, output()), Exit::ok);
  EXPECT_EQ(server.asked().at(0), "GET /channels?limit=10000&prefix=x%26");
  EXPECT_EQ(server.asked().at(1), "GET /channels?limit=10000&prefix=x%26&after=61");
  EXPECT_NE(out.str().find("\nb "), std::string::npos);
  EXPECT_EQ(out.str().find("CHANNEL"), out.str().rfind("CHANNEL"));
  EXPECT_EQ(err.str(), "2 of 1,007 entries; left out: 1,005 by the filters\n");
}

TEST_F(CtlTest, filters_of_channels_are_the_supervisor_s) {
  FakeServer server(path, {http(200, R"({"items":[],"next":null})")});
  ChannelsFilter filter;
  filter.states = {"DENIED,NO_TOPIC", "PENDING"};
  filter.topic = "t";
  filter.host = "10.0.0.1:5064";
  filter.older_than_s = 1.5;
  filter.lost = true;
  EXPECT_EQ(show_channels(client(), filter, output(true)), Exit::ok);
  EXPECT_EQ(server.asked().at(0),
            "GET /channels?limit=10000&state=DENIED%2CNO_TOPIC&state=PENDING&topic=t&host=10.0.0.1%3A5064"
            "&older_than_s=1.5&lost=true");
}

TEST_F(CtlTest, a_limit_ends_the_reading_and_says_so) {
  FakeServer server(path, {http(200, R"({"items":[{"channel":"a"}],"next":"61"})"),
                           http(200, R"({"channels":{"total":7}})")});
  ChannelsFilter filter;
  filter.limit = 1;
  EXPECT_EQ(show_channels(client(), filter, output()), Exit::ok);
  EXPECT_EQ(server.asked().at(0), "GET /channels?limit=1");
  EXPECT_EQ(err.str(), "1 of 7 entries; more were left out by --limit\n");
}

TEST_F(CtlTest, sorted_channels_are_the_first_of_all_pages) {
  FakeServer server(
      path, {http(200, R"({"items":[{"channel":"a","lost":1},{"channel":"b","lost":9}],"next":"62"})"),
             http(200, R"({"items":[{"channel":"c","lost":5}],"next":null})"),
             http(200, R"({"channels":{"total":3}})")});
  ChannelsFilter filter;
  filter.sort = "LOST";
  filter.limit = 2;
  EXPECT_EQ(show_channels(client(), filter, output()), Exit::ok);
  EXPECT_LT(out.str().find("\nb "), out.str().find("\nc "));
  EXPECT_EQ(out.str().find("\na "), std::string::npos);
  EXPECT_EQ(err.str(), "2 of 3 entries; left out: 1 beyond --limit 2\n");
  filter.sort = "colour";
  EXPECT_EQ(show_channels(client(), filter, output()), Exit::usage);
  EXPECT_NE(err.str().find("accepted: channel, topic"), std::string::npos);
}

TEST_F(CtlTest, rates_of_topics_are_those_between_two_looks) {
  FakeServer server(path,
                    {http(200, R"({"items":[{"topic":"t","received":10}],"next":null})"),
                     http(200, R"({"items":[{"topic":"t","kafka_name":"x.t","received":10010,"entries":3,)"
                               R"("blocked":"no_topic","blocked_entries":1}],"next":null})")});
  TopicsVerb topics;
  EXPECT_EQ(topics.show(client(), output()), Exit::ok);
  EXPECT_NE(out.str().find("x.t    3 "), std::string::npos) << out.str();
  EXPECT_EQ(out.str().find(" 0/s    0/s"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("it does not exist (1 entry)"), std::string::npos) << out.str();
}

TEST_F(CtlTest, hosts_are_shown_with_how_wrong_their_clocks_are) {
  FakeServer server(path,
                    {http(200, R"({"items":[{"host":"10.0.0.1:5064","state":"UP","clock_skew_s":-3600.0,)"
                               R"("workers":[0,3]},{"host":"10.0.0.2:5064","state":"GONE"}]})")});
  EXPECT_EQ(show_hosts(client(), output()), Exit::ok);
  EXPECT_NE(out.str().find("1h00m ahead"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("0,3\n"), std::string::npos) << out.str();
}

TEST_F(CtlTest, pages_are_one_document) {
  FakeServer server(path, {http(200, R"({"items":[{"channel":"a"},{"channel":"b"}],"next":"62"})"),
                           http(200, R"({"items":[],"next":"63"})"),
                           http(200, R"({"items":[{"channel":"c"}],"next":null})")});
  EXPECT_EQ(show_channels(client(), {}, output(true)), Exit::ok);
  EXPECT_EQ(out.str(), R"({"api":1,"items":[{"channel":"a"},{"channel":"b"},{"channel":"c"}],"next":null})"
                       "\n");
}

TEST_F(CtlTest, pages_are_printed_as_they_come) {
  FakeServer server(path, {http(200, R"({"items":[{"channel":"a"}],"next":"61"})"),
                           http(503, R"({"error_code":503,"message":"too many"})")});
  EXPECT_EQ(show_channels(client(), {}, output()), Exit::failed);
  EXPECT_NE(out.str().find("\na "), std::string::npos);
  EXPECT_NE(err.str().find("too many"), std::string::npos);
}

}  // namespace
}  // namespace e2k::supervisor::ctl
