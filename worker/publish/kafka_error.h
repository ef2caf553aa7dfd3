// Shell. librdkafka's last error in its own words, and when it is over.
//
// Set and forgotten by the publisher's thread, read by any.
#pragma once

#include <mutex>
#include <string>
#include <utility>

namespace e2k::worker {

struct Topic;

class KafkaError {
public:
  std::string text() const {
    std::lock_guard lock(mutex_);
    return text_;
  }
  // `topic`: whose error it is, nullptr for no one's in particular.
  void set(std::string text, const Topic* topic = nullptr) {
    of_ = topic;
    is_set_ = !text.empty();
    std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }
  // The publisher's thread only.
  bool is_set() const { return is_set_; }
  // What was said of no topic is over with any topic's success, what was said of a topic with its own.
  void forget(const Topic* topic) {
    if (is_set_ && (of_ == nullptr || of_ == topic)) set("");
  }

private:
  const Topic* of_ = nullptr;
  bool is_set_ = false;
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace e2k::worker
