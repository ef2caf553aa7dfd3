#include "tests/support/commands/real_broker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "common/kafka/conf.h"
#include "supervisor/commands/topic_admin.h"

extern char** environ;

namespace e2k::test {
namespace {

using std::chrono::milliseconds;

constexpr int kStartTimeoutMs = 90'000;
constexpr int kAdminTimeoutMs = 20'000;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("broker: " + what);
}

// The first line of the child's stdout.
std::string first_line(int fd) {
  std::string text;
  char c = 0;
  pollfd ready{fd, POLLIN, 0};
  while (::poll(&ready, 1, kStartTimeoutMs) == 1 && ::read(fd, &c, 1) == 1) {
    if (c == '\n') return text;
    text += c;
  }
  throw std::runtime_error("the broker did not start: is it installed (packaging/build --with broker)?");
}

kafka::Handle admin_of(const std::string& bootstrap) {
  auto conf = kafka::make_conf({{"bootstrap.servers", bootstrap}});
  char text[256];
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf->get(), text, sizeof text);
  require(handle != nullptr, text);
  std::ignore = conf->release();
  return kafka::Handle(handle);
}

rd_kafka_resp_err_t answer_of(const rd_kafka_event_t* event) {
  size_t count = 0;
  const rd_kafka_topic_result_t** results = nullptr;
  if (const auto* deleted = rd_kafka_event_DeleteTopics_result(const_cast<rd_kafka_event_t*>(event)))
    results = rd_kafka_DeleteTopics_result_topics(deleted, &count);
  else if (const auto* made = rd_kafka_event_CreatePartitions_result(const_cast<rd_kafka_event_t*>(event)))
    results = rd_kafka_CreatePartitions_result_topics(made, &count);
  return count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
}

void wait_for(rd_kafka_queue_t* queue, const std::string& what) {
  const kafka::Event event(rd_kafka_queue_poll(queue, kAdminTimeoutMs));
  require(event != nullptr && rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR_NO_ERROR, what);
  const auto code = answer_of(event.get());
  require(code == RD_KAFKA_RESP_ERR_NO_ERROR, what + ": " + rd_kafka_err2str(code));
}

}  // namespace

RealBroker::RealBroker() {
  const char* python = std::getenv("E2K_PYTHON");
  std::string program = python != nullptr ? python : E2K_DEFAULT_PYTHON;
  std::string folder = "PYTHONPATH=" E2K_SUPPORT_FOLDER;
  int to_child[2], from_child[2];
  require(::pipe2(to_child, O_CLOEXEC) == 0 && ::pipe2(from_child, O_CLOEXEC) == 0, "no pipe");
  stdin_.reset(to_child[1]);
  const UniqueFd child_in(to_child[0]), child_out(from_child[1]), answers(from_child[0]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_in.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
  std::string arguments[] = {program, "-m", "e2k_support", "broker"};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), arguments[3].data(),
                  nullptr};
  std::vector<char*> environment{folder.data()};
  for (char** e = environ; *e != nullptr; ++e) environment.push_back(*e);
  environment.push_back(nullptr);
  const int error = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environment.data());
  posix_spawn_file_actions_destroy(&actions);
  require(error == 0, "can't run " + program);
  const std::string line = first_line(answers.get());  // {"bootstrap": "127.0.0.1:1234"}
  const size_t end = line.rfind('"'), begin = line.rfind('"', end - 1);
  require(end != std::string::npos && begin != std::string::npos, line);
  bootstrap_ = line.substr(begin + 1, end - begin - 1);
}

RealBroker::~RealBroker() {
  stdin_.reset();
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

supervisor::ctl::TopicSettings RealBroker::settings_of(const std::string& servers, const std::string& topic) {
  supervisor::ctl::TopicSettings settings;
  settings.topic = topic;
  settings.servers = servers;
  settings.consumer = settings.producer = {{"bootstrap.servers", servers}};
  return settings;
}

void RealBroker::produce(const std::string& topic,
                         const std::vector<supervisor::ctl::TopicWrite>& records) const {
  const auto done = supervisor::ctl::write_topic(settings(topic), records, milliseconds(20'000), nullptr);
  require(done.has_value(), done ? "" : done.error().message);
}

void RealBroker::create_compacted(const std::string& topic) const {
  const auto read = supervisor::ctl::read_topic(settings(topic), milliseconds(20'000), true);
  require(read.has_value(), read ? "" : read.error().message);
}

void RealBroker::remove(const std::string& topic) const {
  const auto admin = admin_of(bootstrap_);
  const kafka::Queue queue(rd_kafka_queue_new(admin.get()));
  rd_kafka_DeleteTopic_t* request = rd_kafka_DeleteTopic_new(topic.c_str());
  rd_kafka_DeleteTopics(admin.get(), &request, 1, nullptr, queue.get());
  rd_kafka_DeleteTopic_destroy(request);
  wait_for(queue.get(), "delete " + topic);
}

void RealBroker::set_partitions(const std::string& topic, size_t count) const {
  const auto admin = admin_of(bootstrap_);
  const kafka::Queue queue(rd_kafka_queue_new(admin.get()));
  char text[256];
  rd_kafka_NewPartitions_t* request = rd_kafka_NewPartitions_new(topic.c_str(), count, text, sizeof text);
  require(request != nullptr, text);
  rd_kafka_CreatePartitions(admin.get(), &request, 1, nullptr, queue.get());
  rd_kafka_NewPartitions_destroy(request);
  wait_for(queue.get(), "partitions of " + topic);
}

}  // namespace e2k::test
