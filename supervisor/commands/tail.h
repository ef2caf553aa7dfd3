// Shell. Reads the command topic: from its beginning to its end, then live, without ever blocking the event
// loop.
//
// Before reading, the topic is described; when absent it is created compacted with one partition
// (create_topic), when not compacted a Problem is reported and reading goes on. All partitions are assigned
// from their beginning; no group is joined, nothing committed. A topic that vanishes, is recreated or shrinks
// is a Problem; it removes nothing. All callbacks come on the loop's thread. Broker outages are waited out;
// `problems` tells.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/result.h"

namespace e2k::supervisor {

struct TailRecord {
  int32_t partition;
  int64_t offset;
  int64_t timestamp_ms;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
};

class Tail {
public:
  struct Callbacks {
    std::function<void(const TailRecord&)> record;
    // The topic had vanished: it is read again from its beginning, and what came since the last caught_up is
    // void.
    std::function<void()> started_over;
    // After a burst of records was delivered (so that changes are planned once a burst).
    std::function<void()> batch_end;
    // Every partition was read to the end that it had when reading began: once a start, and once more
    // whenever the topic had vanished and was read anew (caught_up() is false meanwhile). `ends`: the offset
    // behind the last record of each.
    std::function<void(const std::map<int32_t, int64_t>& ends)> caught_up;
    // A standing problem by code (COMMAND_TOPIC_NOT_COMPACTED, COMMAND_TOPIC_MISSING, COMMAND_TOPIC_SHRANK,
    // NOT_AUTHORISED, those of broker_problems.h, …) with a message that names the remedy; an empty message
    // ends it.
    std::function<void(const std::string& code, const std::string& message)> problem;
  };

  static Result<std::unique_ptr<Tail>> start(boost::asio::io_context& loop, const Config& config,
                                             Callbacks callbacks);
  virtual ~Tail() = default;

  // The offset behind the last record read, summed over partitions; -1 before any.
  virtual int64_t offset() const = 0;
  virtual bool caught_up() const = 0;
  // librdkafka's last error in its own words, "" while brokers answer.
  virtual std::string last_error() const = 0;
};

}  // namespace e2k::supervisor
