// A real Kafka broker on loopback as a child process, for one test program, and what tests do to its topics.
//
// Python is $E2K_PYTHON, else the build's. The broker ends with its stdin, that is, with this program.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/fd.h"
#include "supervisor/ctl/topic_link.h"

namespace e2k::test {

class RealBroker {
public:
  RealBroker();  // returns when it answers; throws when it does not
  ~RealBroker();
  RealBroker(const RealBroker&) = delete;
  RealBroker& operator=(const RealBroker&) = delete;

  const std::string& bootstrap() const { return bootstrap_; }
  static supervisor::ctl::TopicSettings settings_of(const std::string& servers, const std::string& topic);
  supervisor::ctl::TopicSettings settings(const std::string& topic) const {
    return settings_of(bootstrap_, topic);
  }
  // An absent topic is made with them, and is not compacted.
  void produce(const std::string& topic, const std::vector<supervisor::ctl::TopicWrite>& records) const;
  void create_compacted(const std::string& topic) const;
  void remove(const std::string& topic) const;
  void set_partitions(const std::string& topic, size_t count) const;

private:
  pid_t pid_ = -1;
  UniqueFd stdin_;
  std::string bootstrap_;
};

}  // namespace e2k::test
