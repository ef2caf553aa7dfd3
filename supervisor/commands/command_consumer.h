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
#include "supervisor/commands/assigned_consumer.h"

namespace e2k::supervisor {

class CommandConsumer {
public:
  using Message = supervisor::Message;
  using OnError = std::function<void(rd_kafka_resp_err_t code, const std::string& text)>;

  static std::map<std::string, std::string> properties_of(const Config& config);
  static Result<std::unique_ptr<CommandConsumer>> make(std::map<std::string, std::string> properties,
                                                       OnError on_error);
  CommandConsumer(const CommandConsumer&) = delete;
  ~CommandConsumer();

  rd_kafka_t* get() const { return handle_; }
  AssignedConsumer& partitions() { return *partitions_; }
  void wake(int fd) { partitions_->wake(fd); }
  Message poll() { return partitions_->next(0); }
  kafka::LoginFiles& login() { return login_; }
  kafka::BrokerWatch& watch() { return watch_; }

private:
  explicit CommandConsumer(OnError on_error) : on_error_(std::move(on_error)) {}

  OnError on_error_;
  kafka::LoginFiles login_;
  kafka::BrokerWatch watch_;
  rd_kafka_t* handle_ = nullptr;
  std::unique_ptr<AssignedConsumer> partitions_;
};

}  // namespace e2k::supervisor
