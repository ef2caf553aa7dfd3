// Shell. The handle through which the command topic is read, with its login and what it complains of.
//
// It is made anew as a whole when its certificates were replaced (common/kafka/login.h). Polled on one
// thread, on which errors are told; making and destroying it takes librdkafka a while and may be done on
// another.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/config/config.h"
#include "common/kafka/broker_watch.h"
#include "common/kafka/conf.h"
#include "common/kafka/login.h"
#include "common/result.h"

namespace e2k::supervisor {

class CommandConsumer {
public:
  using OnError = std::function<void(rd_kafka_resp_err_t code, const std::string& text)>;
  struct MessageDeleter {
    void operator()(rd_kafka_message_t* p) const { rd_kafka_message_destroy(p); }
  };
  using Message = std::unique_ptr<rd_kafka_message_t, MessageDeleter>;

  static std::map<std::string, std::string> properties_of(const Config& config);
  static Result<std::unique_ptr<CommandConsumer>> make(std::map<std::string, std::string> properties,
                                                       OnError on_error);
  CommandConsumer(const CommandConsumer&) = delete;
  ~CommandConsumer();

  rd_kafka_t* get() const { return handle_; }
  // A byte is written to it when something waits to be polled; -1: no more.
  void wake(int fd);
  Message poll() { return Message(rd_kafka_consumer_poll(handle_, 0)); }
  kafka::LoginFiles& login() { return login_; }
  kafka::BrokerWatch& watch() { return watch_; }

private:
  explicit CommandConsumer(OnError on_error) : on_error_(std::move(on_error)) {}

  OnError on_error_;
  kafka::LoginFiles login_;
  kafka::BrokerWatch watch_;
  rd_kafka_t* handle_ = nullptr;
  kafka::Queue queue_;
};

}  // namespace e2k::supervisor
