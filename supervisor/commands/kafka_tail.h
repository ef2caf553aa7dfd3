// Shell. The Tail that reads a real command topic. Its reading stands in tail.cpp, its looks at the topic,
// and what they mean, in tail_looks.cpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/config/property_rules.h"
#include "common/fd.h"
#include "supervisor/commands/command_consumer.h"
#include "supervisor/commands/fetch_watch.h"
#include "supervisor/commands/log_question.h"
#include "supervisor/commands/tail.h"
#include "supervisor/commands/tail_problems.h"
#include "supervisor/commands/topic_look.h"

namespace e2k::supervisor {

class KafkaTail final : public Tail {
public:
  KafkaTail(boost::asio::io_context& loop, const Config& config, Callbacks callbacks)
      : loop_(loop),
        topic_(config.commands.topic),
        create_topic_(config.commands.create_topic),
        replication_factor_(config.commands.replication_factor),
        servers_(shown_servers(config.kafka.common, config.kafka.consumer)),
        problems_(topic_, servers_),
        properties_(CommandConsumer::properties_of(config)),
        callbacks_(std::move(callbacks)),
        wake_(loop),
        look_timer_(loop),
        ask_timer_(loop),
        question_(topic_, [this] { return CommandConsumer::make(properties_, [](auto, const auto&) {}); }) {}

  ~KafkaTail() override {
    *alive_ = false;
    ending_ = true;
    asker_.join();
    admin_.join();
    batch_.clear();
    consumer_.reset();
  }

  Result<void> begin();

  std::string last_error() const override { return last_error_; }

private:
  static constexpr std::chrono::milliseconds kAdminTimeout{2000};  // of a question to the brokers
  Result<std::unique_ptr<CommandConsumer>> make_consumer();
  Result<void> watch_queue();
  void make_consumer_anew(const char* why);
  void use_instead(Result<std::unique_ptr<CommandConsumer>> made, const char* why);
  void serve_soon();
  void wait_for_events();
  void serve();
  void poll();
  bool needs_asking() const;
  std::map<int32_t, int64_t> ends_reached() const;
  void ask_which_log();
  void on_id(const KafkaResult<std::string>& id);
  void hand_on();
  void on_message(const rd_kafka_message_t& message);
  void on_end(int32_t partition, int64_t next);
  void on_error(rd_kafka_resp_err_t code, const std::string& text);
  void look_after(std::chrono::milliseconds delay);
  void start_look();
  void on_look(const TopicLook& found);
  void judge_fetching(const TopicLook& found);
  void start_over();
  void assign(const TopicLook& found);
  void go_on_reading(const std::vector<int32_t>& partitions);
  void problem(ReasonCode code, const std::string& message);
  void end_of_problems_with_brokers();
  void problems_with_brokers(const kafka::Trouble& trouble);

  boost::asio::io_context& loop_;
  std::string topic_;
  bool create_topic_;
  int replication_factor_;
  std::string servers_;
  const TailProblems problems_;
  const std::map<std::string, std::string> properties_;  // of the handle
  Callbacks callbacks_;

  std::shared_ptr<CommandConsumer> consumer_;   // and of a question that is on its way
  boost::asio::posix::stream_descriptor wake_;  // the read end of a pipe that librdkafka writes to
  UniqueFd wake_writer_;
  boost::asio::steady_timer look_timer_, ask_timer_;
  boost::asio::thread_pool admin_{1};
  LogQuestion question_;  // on the asker's thread: a look takes longer than commands should wait
  boost::asio::thread_pool asker_{1};
  std::atomic<bool> ending_ = false;
  bool looking_ = false;

  std::set<int32_t> assigned_;
  std::map<int32_t, int64_t> next_;  // by partition: where another handle goes on
  bool seen_ = false;                // the topic was there once: if it goes it is not made again
  bool vanished_ = false;            // it went, and has not come back
  std::string id_;                   // of the log that is read; "" where there is none to know
  std::set<int32_t> ended_;          // partitions that were read to their end
  FetchWatch fetching_;
  std::vector<CommandConsumer::Message> batch_;  // taken, and not handed on yet
  int asks_in_vain_ = 0;
  bool asking_ = false;  // which log the batch is of
  std::string last_error_;
  // Outlives this object in what the admin thread still posts.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace e2k::supervisor
