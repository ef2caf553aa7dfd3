// Real sockets in a folder of the test's own; the server's loop runs on a thread, clients block.
#include "supervisor/control/control_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <climits>
#include <cstring>
#include <filesystem>
#include <future>
#include <thread>

#include "common/fd.h"
#include "supervisor/control/session.h"
#include "tests/unit/control/fake_model.h"

namespace e2k::supervisor {
namespace {

namespace fs = std::filesystem;

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd with_deadline(UniqueFd fd) {
  const timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return fd;
}

UniqueFd connect_unix(const std::string& path) {
  UniqueFd fd = with_deadline(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  const sockaddr_un address = unix_address(path);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

UniqueFd connect_tcp(uint16_t port) {
  UniqueFd fd = with_deadline(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

void send_text(const UniqueFd& fd, std::string_view text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string read_to_end(const UniqueFd& fd) {
  std::string all;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0) all.append(buffer, static_cast<size_t>(got));
  EXPECT_EQ(got, 0) << "not closed in time";
  return all;
}

std::string ask(const UniqueFd& fd, const std::string& line,
                const std::string& headers = "Host: localhost\r\n") {
  send_text(fd, line + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n");
  return read_to_end(fd);
}

struct ControlServerTest : testing::Test {
  FakeModel model;
  boost::asio::io_context loop{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{loop.get_executor()};
  std::string folder;
  Config config;
  std::unique_ptr<ControlServer> server;
  std::thread thread;

  ControlServerTest() {
    char name[] = "/tmp/e2k-control-XXXXXX";
    folder = ::mkdtemp(name);
    config.control.socket = folder + "/run/deep/control.sock";
    config.control.status_socket = folder + "/run/deep/status.sock";
    model.worker_views.resize(1);
    model.status_view.config_path = "/etc/secret-place.toml";
  }
  ~ControlServerTest() override {
    if (thread.joinable()) {
      on_loop([&] { server.reset(); });
      work.reset();
      thread.join();
    }
    fs::remove_all(folder);
  }
  void start(size_t max_pending_bytes = kMaxPendingBytes) {
    auto started = ControlServer::start(loop, config, model, max_pending_bytes);
    ASSERT_TRUE(started) << started.error().message;
    server = std::move(*started);
    thread = std::thread([this] { loop.run(); });
  }
  template <class Work>
  void on_loop(Work work_item) {
    std::promise<void> done;
    boost::asio::post(loop, [&] {
      work_item();
      done.set_value();
    });
    done.get_future().wait();
  }
  size_t connections() {
    size_t count = 0;
    on_loop([&] { count = server->connections(); });
    return count;
  }
};

TEST_F(ControlServerTest, sockets_have_their_modes_and_go_with_the_server) {
  start();
  struct stat at {};
  ASSERT_EQ(::stat(config.control.socket.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 0777, 0660u);
  ASSERT_EQ(::stat(config.control.status_socket.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 0777, 0666u);
  on_loop([&] { server->stop(); });
  EXPECT_FALSE(fs::exists(config.control.socket));
  EXPECT_FALSE(fs::exists(config.control.status_socket));
}

TEST_F(ControlServerTest, status_socket_answers_get_only_and_hides_the_configuration) {
  start();
  EXPECT_NE(ask(connect_unix(config.control.socket), "GET /status").find("secret-place"), std::string::npos);
  const std::string shown = ask(connect_unix(config.control.status_socket), "GET /status");
  EXPECT_TRUE(shown.starts_with("HTTP/1.1 200"));
  EXPECT_EQ(shown.find("secret-place"), std::string::npos);
  EXPECT_TRUE(
      ask(connect_unix(config.control.status_socket), "POST /workers/0/restart").starts_with("HTTP/1.1 405"));
}

TEST_F(ControlServerTest, an_answer_without_a_body_keeps_the_connection_and_has_no_length) {
  config.control.connector_name = "archive";
  start();
  const UniqueFd fd = connect_unix(config.control.socket);
  send_text(fd, "POST /connectors/archive/tasks/0/restart HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answers = ask(fd, "GET /connectors");
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 204"));
  const size_t next = answers.find("HTTP/1.1 200");
  ASSERT_NE(next, std::string::npos) << answers;
  EXPECT_EQ(answers.substr(0, next).find("\nContent-"), std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("[\"archive\"]")) << answers;
}

TEST_F(ControlServerTest, an_answer_that_takes_many_turns_holds_nobody_up) {
  model.slices_of_an_answer = INT_MAX;
  start();
  const UniqueFd slow = connect_unix(config.control.socket);
  send_text(slow, "GET /channels HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (int i = 0; i < 10; ++i)
    EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /status").starts_with("HTTP/1.1 200"));
  on_loop([&] { model.slices_of_an_answer = 0; });
  const std::string answers = ask(slow, "GET /rejected");
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200")) << answers;
  EXPECT_NE(answers.find(R"("items":[])"), std::string::npos) << answers;
}

TEST_F(ControlServerTest, so_many_answers_take_many_turns_at_a_time_and_no_more) {
  constexpr size_t kTooMany = 5;
  model.slices_of_an_answer = INT_MAX;
  start();
  std::vector<UniqueFd> slow;
  std::vector<pollfd> answered;
  for (size_t i = 0; i < kMaxInSlices + kTooMany; ++i) {
    slow.push_back(connect_unix(config.control.socket));
    send_text(slow.back(), "GET /channels HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    answered.push_back({slow.back().get(), POLLIN, 0});
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  int refused = 0;
  while (refused < static_cast<int>(kTooMany) && std::chrono::steady_clock::now() < deadline)
    refused = ::poll(answered.data(), answered.size(), 100);
  EXPECT_EQ(refused, static_cast<int>(kTooMany));
  for (size_t i = 0; i < slow.size(); ++i) {
    if (answered[i].revents == 0) continue;
    EXPECT_TRUE(read_to_end(slow[i]).starts_with("HTTP/1.1 503"));
  }
  EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /status").starts_with("HTTP/1.1 200"));
  // The server goes while they are under way.
}

TEST_F(ControlServerTest, a_few_answers_are_put_together_at_a_time_and_the_others_stand_in_line) {
  model.slices_of_an_answer = INT_MAX;
  start();
  std::vector<UniqueFd> readers;
  for (size_t i = 0; i < 3 * kMaxBuilds; ++i) {
    readers.push_back(connect_unix(config.control.socket));
    send_text(readers.back(), "GET /channels HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  }
  const auto begun = [&] {
    size_t count = 0;
    on_loop([&] { count = model.pages_begun; });
    return count;
  };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (begun() < kMaxBuilds && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) ask(connect_unix(config.control.socket), "GET /status");
  EXPECT_EQ(begun(), kMaxBuilds);
  // Another socket has a line of its own.
  const UniqueFd other = connect_unix(config.control.status_socket);
  send_text(other, "GET /channels HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  while (begun() < kMaxBuilds + 1 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(begun(), kMaxBuilds + 1);
  on_loop([&] { model.slices_of_an_answer = 0; });
  for (const UniqueFd& reader : readers) EXPECT_TRUE(read_to_end(reader).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(read_to_end(other).starts_with("HTTP/1.1 200"));
}

TEST_F(ControlServerTest, nothing_is_put_together_for_who_has_gone) {
  config.control.http = "127.0.0.1:0";
  model.slices_of_an_answer = INT_MAX;
  start();
  const auto connect = [this](bool tcp) {
    return tcp ? connect_tcp(server->http_port()) : connect_unix(config.control.socket);
  };
  for (const bool tcp : {false, true}) {
    std::vector<UniqueFd> readers;
    for (size_t i = 0; i < 2 * kMaxBuilds; ++i) {
      readers.push_back(connect(tcp));
      send_text(readers.back(), "GET /channels HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (connections() < readers.size() && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    EXPECT_EQ(connections(), readers.size());
    readers.clear();
    while (connections() != 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_EQ(connections(), 0u) << (tcp ? "TCP" : "Unix");
  }
}

TEST_F(ControlServerTest, changes_carry_the_peers_credentials) {
  start();
  EXPECT_TRUE(
      ask(connect_unix(config.control.socket), "POST /workers/0/restart").starts_with("HTTP/1.1 202"));
  on_loop([&] {
    ASSERT_EQ(model.callers.size(), 1u);
    EXPECT_EQ(model.callers[0].uid, ::getuid());
    EXPECT_EQ(model.callers[0].pid, ::getpid());
  });
}

TEST_F(ControlServerTest, a_left_over_socket_is_replaced) {
  fs::create_directories(folder + "/run/deep");
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = unix_address(config.control.socket);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  start();
  EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /health/live").starts_with("HTTP/1.1 200"));
}

TEST_F(ControlServerTest, a_socket_that_somebody_removes_is_made_again_and_answers) {
  start();
  fs::remove(config.control.socket);
  fs::remove(config.control.status_socket);
  struct stat at {};
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
       ::stat(config.control.status_socket.c_str(), &at) != 0 && std::chrono::steady_clock::now() < end;)
    std::this_thread::yield();
  on_loop([] {});  // both are made in one turn of it
  ASSERT_EQ(::stat(config.control.status_socket.c_str(), &at), 0);
  EXPECT_EQ(at.st_mode & 0777, 0666u);
  for (const std::string& path : {config.control.socket, config.control.status_socket})
    EXPECT_NE(ask(connect_unix(path), "GET /status").find("200 OK"), std::string::npos);
  on_loop([&] { server->stop(); });
  EXPECT_FALSE(fs::exists(config.control.socket));
}

TEST_F(ControlServerTest, a_living_supervisors_socket_is_never_taken) {
  start();
  boost::asio::io_context other;
  const auto second = ControlServer::start(other, config, model);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find(config.control.socket), std::string::npos);
  EXPECT_NE(second.error().message.find("already answers"), std::string::npos);
  EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /health/live").starts_with("HTTP/1.1 200"));
}

TEST_F(ControlServerTest, a_file_in_the_sockets_place_is_kept) {
  fs::create_directories(folder + "/run/deep/control.sock");
  EXPECT_FALSE(ControlServer::start(loop, config, model));
  EXPECT_TRUE(fs::is_directory(config.control.socket));
}

TEST_F(ControlServerTest, tcp_refuses_origin_and_foreign_host) {
  config.control.http = "127.0.0.1:0";
  config.control.metrics = "127.0.0.1:0";
  start();
  const auto status = [&](const char* headers) {
    return ask(connect_tcp(server->http_port()), "GET /status", headers).substr(9, 3);
  };
  EXPECT_EQ(status("Host: 127.0.0.1:1\r\n"), "200");
  EXPECT_EQ(status("Host: evil.example\r\n"), "403");
  EXPECT_EQ(status("Host: localhost\r\nOrigin: http://localhost\r\n"), "403");
  EXPECT_EQ(status(""), "403");
  EXPECT_EQ(ask(connect_tcp(server->http_port()), "POST /workers/0/restart").substr(9, 3), "403");
  EXPECT_EQ(ask(connect_tcp(server->metrics_port()), "GET /metrics").substr(9, 3), "200");
  EXPECT_EQ(ask(connect_tcp(server->metrics_port()), "GET /status").substr(9, 3), "404");
}

TEST_F(ControlServerTest, garbage_and_excess_are_answered_and_closed) {
  start();
  const auto sent = [&](const std::string& text) {
    const UniqueFd fd = connect_unix(config.control.socket);
    send_text(fd, text);
    return read_to_end(fd).substr(0, 12);
  };
  EXPECT_EQ(sent("no http\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(sent("GET /status HTTP/1.1\r\nX: " + std::string(20'000, 'x')), "HTTP/1.1 431");
  EXPECT_EQ(sent("POST /workers/0/restart HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n"), "HTTP/1.1 413");
}

TEST_F(ControlServerTest, head_and_pipelined_requests_keep_the_connection) {
  start();
  const UniqueFd fd = connect_unix(config.control.socket);
  send_text(fd, "HEAD /status HTTP/1.1\r\nHost: a\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string both = ask(fd, "GET /nothing");
  EXPECT_EQ(both.find("\"api\""), std::string::npos);
  EXPECT_NE(both.find("{\"live\":true}"), std::string::npos);
  EXPECT_NE(both.find("HTTP/1.1 404"), std::string::npos);
}

TEST_F(ControlServerTest, a_slow_reader_of_a_big_page_blocks_nobody) {
  for (int i = 0; i < 10'000; ++i) model.entry_views.push_back(an_entry("channel" + std::to_string(i)));
  start();
  const UniqueFd slow = connect_unix(config.control.socket);
  send_text(slow, "GET /channels?limit=10000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /health/live").starts_with("HTTP/1.1 200"));
  const std::string page = read_to_end(slow);
  EXPECT_NE(page.find("\"channel9999\""), std::string::npos);
  EXPECT_TRUE(page.ends_with("\"next\":null}"));
}

TEST_F(ControlServerTest, slow_readers_of_one_socket_take_neither_the_others_nor_health_and_metrics_away) {
  // Each answer is more than what sockets hold by themselves.
  for (int i = 0; i < 1000; ++i)
    model.entry_views.push_back(an_entry(std::string(1000, 'x') + std::to_string(i)));
  config.control.metrics = "127.0.0.1:0";
  start(4 << 20);
  std::vector<UniqueFd> slow;
  const auto is_full = [&] {
    return ask(connect_unix(config.control.status_socket), "GET /status").starts_with("HTTP/1.1 503");
  };
  while (slow.size() < 40 && !is_full()) {
    slow.push_back(connect_unix(config.control.status_socket));
    send_text(slow.back(), "GET /channels?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    char begin[12] = "";
    ASSERT_EQ(::recv(slow.back().get(), begin, sizeof begin, 0), 12);
    ASSERT_EQ(std::string(begin, 12), "HTTP/1.1 200");
  }
  EXPECT_TRUE(is_full());
  for (const char* watched : {"GET /health/live", "GET /metrics"})
    EXPECT_TRUE(ask(connect_unix(config.control.status_socket), watched).starts_with("HTTP/1.1 200"))
        << watched;
  EXPECT_TRUE(ask(connect_unix(config.control.socket), "GET /status").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(ask(connect_tcp(server->metrics_port()), "GET /metrics").starts_with("HTTP/1.1 200"));
}

TEST_F(ControlServerTest, many_idle_clients_keep_nobody_out) {
  start();
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 300; ++i) idle.push_back(connect_unix(config.control.status_socket));
  EXPECT_TRUE(
      ask(connect_unix(config.control.status_socket), "GET /health/live").starts_with("HTTP/1.1 200"));
  EXPECT_LE(connections(), 300u);
}

TEST_F(ControlServerTest, stopping_closes_what_is_open) {
  start();
  const UniqueFd fd = connect_unix(config.control.socket);
  send_text(fd, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(::recv(fd.get(), &byte, 1, 0), 1);
  on_loop([&] { server.reset(); });
  (void)read_to_end(fd);
}

// What has come by the time that `wanted` has.
std::string read_until(const UniqueFd& fd, std::string_view wanted) {
  std::string all;
  char buffer[65536];
  while (all.find(wanted) == std::string::npos) {
    const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (got <= 0) {
      ADD_FAILURE() << "no " << wanted << " in: " << all;
      break;
    }
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

UniqueFd follow(const std::string& socket, const std::string& headers = "") {
  UniqueFd fd = connect_unix(socket);
  send_text(fd, "GET /events?status=true HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  return fd;
}

TEST_F(ControlServerTest, who_follows_is_sent_what_stands_what_changes_and_the_status) {
  start();
  const UniqueFd reader = follow(config.control.status_socket);
  const std::string begun = read_until(reader, "event: status\n");
  EXPECT_NE(begun.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_LT(begun.find("event: standing\n"), begun.find("event: live\n"));
  on_loop([&] { model.log.add({"worker 0", "RUNNING", "BACKOFF", "signal 11"}, RealNs{0}); });
  for (int i = 0; i < kTurnsOfAStatus + 2; ++i) on_loop([&] { server->feed(); });
  const std::string more = read_until(reader, "event: status\n");
  EXPECT_LT(more.find("id: 0.1\nevent: change\n"), more.find("event: status\n"));
  EXPECT_EQ((begun + more).find("secret-place"), std::string::npos) << "is not shown on this socket";
  const UniqueFd back = follow(config.control.socket, "Last-Event-ID: 0.0\r\n");
  on_loop([&] { server->feed(); });
  EXPECT_NE(read_until(back, "signal 11").find("secret-place"), std::string::npos);
}

TEST_F(ControlServerTest, who_follows_in_silence_hears_that_the_service_lives_and_ends_with_it) {
  start();
  const UniqueFd reader = connect_unix(config.control.socket);
  send_text(reader, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  read_until(reader, "event: live\ndata: {}\n\n");
  // A turn in which the greeting is still being written does not count.
  for (int i = 0; i < kTurnsOfSilence + 2; ++i) on_loop([&] { server->feed(); });
  read_until(reader, ": \n\n");
  on_loop([&] { server->stop(); });
  EXPECT_EQ(read_to_end(reader), "");
}

TEST_F(ControlServerTest, a_reader_that_goes_is_no_connection_any_more_and_more_than_so_many_may_not_follow) {
  start();
  std::vector<UniqueFd> readers;
  for (size_t i = 0; i < kMaxFollowers; ++i) {
    readers.push_back(follow(config.control.socket));
    read_until(readers.back(), "event: status\n");
  }
  EXPECT_TRUE(read_until(follow(config.control.socket), "ask again later").starts_with("HTTP/1.1 503"));
  readers.clear();
  const auto by = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (connections() > 0 && std::chrono::steady_clock::now() < by) std::this_thread::yield();
  EXPECT_EQ(connections(), 0u);
  read_until(follow(config.control.socket), "event: live\n");
}

TEST_F(ControlServerTest, a_reader_that_takes_nothing_is_told_and_let_go_when_it_reads_again) {
  start();
  const UniqueFd reader = follow(config.control.socket);
  read_until(reader, "event: status\n");
  // More than the socket holds, and then more than is kept.
  on_loop([&] {
    for (size_t i = 0; i < EventLog::kKept; ++i)
      model.log.add({std::string(2000, 'x'), "", "UP", ""}, RealNs{0});
    server->feed();
  });
  on_loop([&] {
    for (size_t i = 0; i < EventLog::kKept; ++i)
      model.log.add({std::string(2000, 'y'), "", "UP", ""}, RealNs{0});
    server->feed();
  });
  const std::string all = read_to_end(reader);
  EXPECT_NE(all.find("event: dropped\n"), std::string::npos);
}

}  // namespace
}  // namespace e2k::supervisor
